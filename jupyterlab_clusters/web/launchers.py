"""The route of launchers. Promise: only names what to call; see ``resource.py`` for the rules."""

from __future__ import annotations

from ..cluster.models import LauncherModel
from .resource import Resource, operation


class LaunchersHandler(Resource):
    @operation("read", list[LauncherModel])
    def get(self) -> list[LauncherModel]:
        """The places where engines can run, with the options of each."""
        return self.parts.clusters.launchers()
