"""ipyparallel's launcher classes: their short names, their ancestors, and the traits that we know what to do with.

Promise: data and lookups only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .base import LauncherName

MODULE = "ipyparallel.cluster.launcher."
ENGINES, CONTROLLER = "Cluster.engine_launcher_class", "Cluster.controller_launcher_class"

#: By ipyparallel's short names (in any case) and by its classes; all else is ``stock``.
LAUNCHERS: dict[str, LauncherName] = {
    "local": "local",
    "mpi": "mpi",
    "slurm": "slurm",
    "ssh": "ssh",
    "sshproxy": "ssh",
    "LocalEngineSetLauncher": "local",
    "MPIEngineSetLauncher": "mpi",
    "MPIExecEngineSetLauncher": "mpi",
    "SlurmEngineSetLauncher": "slurm",
    "SSHEngineSetLauncher": "ssh",
    "SSHProxyEngineSetLauncher": "ssh",
}
#: The argument by which a controller is told to encrypt, or not to.
CURVE = "--IPController.enable_curve"
PROXY = ("sshproxy", "SSHProxyEngineSetLauncher")
LOCAL_CONTROLLER = ("local", "LocalControllerLauncher")

#: The most special class first, as traitlets' inheritance has it.
ANCESTORS: dict[LauncherName, tuple[str, ...]] = {
    "local": (
        "LocalEngineSetLauncher",
        "LocalEngineLauncher",
        "EngineLauncher",
        "LocalProcessLauncher",
        "BaseLauncher",
    ),
    "mpi": (
        "MPIExecEngineSetLauncher",
        "MPIEngineSetLauncher",
        "MPILauncher",
        "EngineLauncher",
        "LocalProcessLauncher",
        "BaseLauncher",
    ),
    "ssh": (
        "SSHEngineSetLauncher",
        "SSHEngineLauncher",
        "LocalEngineSetLauncher",
        "LocalEngineLauncher",
        "SSHLauncher",
        "EngineLauncher",
        "LocalProcessLauncher",
        "BaseLauncher",
    ),
    "slurm": (
        "SlurmEngineSetLauncher",
        "SlurmLauncher",
        "BatchEngineSetLauncher",
        "BatchSystemLauncher",
        "EngineLauncher",
        "BaseLauncher",
    ),
}
CONTROLLER_ANCESTORS = ("LocalControllerLauncher", "ControllerLauncher", "LocalProcessLauncher", "BaseLauncher")

#: Of how ipyparallel itself waits, copies and prints: nothing of ours depends on it.
ITS_OWN = frozenset(
    {"delay", "stop_timeout", "output_limit", "poll_seconds", "stop_seconds_until_kill", "connection_info_timeout"}
)


def short(name: Any) -> str:
    """``ipyparallel.cluster.launcher.SSHEngineSetLauncher`` without its module; other names as they are."""
    return name.removeprefix(MODULE) if isinstance(name, str) else "?"


def first(settings: Mapping[str, Any], classes: tuple[str, ...], trait: str, default: Any = None) -> Any:
    """The value of ``trait`` of the most special class that sets it."""
    return next((settings[f"{c}.{trait}"] for c in classes if f"{c}.{trait}" in settings), default)


def of_classes(settings: Mapping[str, Any], classes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Whole name and trait of everything that is set on these classes."""
    for name in settings:
        section, _, trait = name.rpartition(".")
        if section in classes:
            yield name, trait
