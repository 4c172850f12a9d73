"""What a command asks of whoever looks after the clusters: a Jupyter server, or this very process.

Promise: nothing but the contract; calls may wait, and raise :class:`~.problem.Problem` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ..cluster.models import ClusterModel
from ..logs.models import LogModel, Page


class Site(Protocol):
    #: Whether what was begun goes on being looked after when the command has ended.
    stays: bool

    def clusters(self) -> list[ClusterModel]: ...
    def cluster(self, key: str) -> ClusterModel: ...
    def define(self, profile: str, cluster_id: str, launcher: str | None, options: Mapping[str, Any]) -> None: ...
    def start(self, key: str, engines: int | None, options: Mapping[str, Any] | None) -> ClusterModel: ...
    def stop(self, key: str) -> ClusterModel: ...
    def logs(self, key: str) -> list[LogModel]: ...

    def page(self, key: str, log: str, at: int | None, before: int, after: int) -> Page:
        """As :meth:`jupyterlab_clusters.logs.log.AnyLog.page`."""

    def close(self) -> None: ...
