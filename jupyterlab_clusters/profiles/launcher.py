"""Which of our launchers a profile asks for. Promise: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .models import LauncherName

ENGINES = "Cluster.engine_launcher_class"
MODULE = "ipyparallel.cluster.launcher."
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


def launcher_of(settings: Mapping[str, Any]) -> LauncherName:
    """Where the *engines* run: a controller in another place does not change that."""
    asked = settings.get(ENGINES, "local")
    if not isinstance(asked, str):
        return "stock"
    name = asked.removeprefix(MODULE)
    return LAUNCHERS.get(name) or LAUNCHERS.get(name.lower(), "stock")
