"""The whole route table. Promise: nothing else; every path of ours is here."""

from __future__ import annotations

import re

from .clusters import (
    ClearHandler,
    ClusterHandler,
    ClustersHandler,
    ConnectionHandler,
    InterruptHandler,
    KeepHandler,
    LoadHandler,
    PreviewHandler,
    ScaleHandler,
    StartHandler,
    StopHandler,
)
from .engines import EnginesHandler, InterruptEngineHandler, RestartEngineHandler, StopEngineHandler
from .hosts import HostTestHandler, HostTestsHandler, KnownHostsHandler
from .launchers import LaunchersHandler
from .logs import DownloadHandler, LogHandler, LogsHandler
from .profiles import ProfileHandler, ProfilesHandler
from .resource import Resource, Unknown
from .stream import Stream

ROOT = "jupyterlab-clusters"

ROUTES: dict[str, type[Resource]] = {
    "clusters": ClustersHandler,
    "clusters/{key}": ClusterHandler,
    "clusters/{key}/start": StartHandler,
    "clusters/{key}/scale": ScaleHandler,
    "clusters/{key}/stop": StopHandler,
    "clusters/{key}/interrupt": InterruptHandler,
    "clusters/{key}/clear": ClearHandler,
    "clusters/{key}/keep": KeepHandler,
    "clusters/{key}/preview": PreviewHandler,
    "clusters/{key}/connection": ConnectionHandler,
    "clusters/{key}/load": LoadHandler,
    "clusters/{key}/engines": EnginesHandler,
    "clusters/{key}/engines/{slot}/stop": StopEngineHandler,
    "clusters/{key}/engines/{slot}/restart": RestartEngineHandler,
    "clusters/{key}/engines/{slot}/interrupt": InterruptEngineHandler,
    "clusters/{key}/logs": LogsHandler,
    "clusters/{key}/logs/{log}": LogHandler,
    "clusters/{key}/logs/{log}/download": DownloadHandler,
    "launchers": LaunchersHandler,
    "launchers/ssh/tests": HostTestsHandler,
    "launchers/ssh/tests/{id}": HostTestHandler,
    "launchers/ssh/known-hosts": KnownHostsHandler,
    "profiles": ProfilesHandler,
    "profiles/{name}": ProfileHandler,
}


def handlers() -> list[tuple[str, type]]:
    """Patterns and handlers for tornado, without the base URL."""
    table: list[tuple[str, type]] = [(f"/{ROOT}/{_pattern(path)}", kind) for path, kind in ROUTES.items()]
    return [*table, (f"/{ROOT}/stream", Stream), (f"/{ROOT}(?:/.*)?", Unknown)]


def _pattern(path: str) -> str:
    return re.sub(r"\{\w+\}", "([^/]+)", path)
