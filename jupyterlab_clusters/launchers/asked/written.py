"""Options that a person chose, as settings of a profile: ``ipcluster start`` then starts the same, as far as it can.

Promise: pure. What ipyparallel has no setting for is kept in a section of our
own, which ipyparallel passes over.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from ..base import LauncherName
from ..classes import CURVE, ENGINES
from . import controllers, hosts, template

#: The section of the profile's configuration that is ours.
OWN = "JupyterLabClusters"

#: The one of our options that is a setting of the whole profile, whichever launcher it names.
IDLE = "idle_minutes"

#: The class that gets what every launcher has.
CLASSES: dict[LauncherName, str] = {
    "local": "LocalEngineSetLauncher",
    "mpi": "MPIEngineSetLauncher",
    "ssh": "SSHEngineSetLauncher",
    "slurm": "SlurmEngineSetLauncher",
}

#: Options for which ipyparallel has no setting: they hold also when its settings were changed by hand.
UNSAID: dict[LauncherName, tuple[str, ...]] = {
    "local": ("working_dir", "threads", "preload", "start_method"),
    "mpi": ("working_dir", "threads", "python"),
    "ssh": ("working_dir", "threads", "preload", "start_method", "login_script"),
    "slurm": ("working_dir", "threads", "preload", "start_method", "job_id", "python"),
}


def settings_beside(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are said beside whatever launcher the profile asks for."""
    return {f"{OWN}.{IDLE}": options.get(IDLE)}


def settings_of(launcher: LauncherName, options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by trait name; ``None`` = to be removed. Other launchers' settings are left alone."""
    idle = settings_beside(options)
    if launcher == "stock":
        return idle
    options = {name: value for name, value in options.items() if name != IDLE}
    main = CLASSES[launcher]
    return {
        **idle,
        ENGINES: launcher,
        f"{OWN}.{launcher}": dict(options) or None,
        "Cluster.controller_args": _controller_args(options) or None,
        f"{main}.engine_args": list(options.get("engine_args") or ()) or None,
        f"{main}.environment": dict(options.get("environment") or {}) or None,
        **WRITE[launcher](options),
        **controllers.written(launcher, options),
    }


def _controller_args(options: Mapping[str, Any]) -> list[str]:
    # ipcluster does not pass on what stands in its file about the controller: it has to be an argument.
    curve = options.get("enable_curve")
    return [*([] if curve is None else [f"{CURVE}={bool(curve)}"]), *(options.get("controller_args") or ())]


def _local(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"Cluster.controller_ip": None}


def _mpi(options: Mapping[str, Any]) -> dict[str, Any]:
    hostfile = str(options.get("hostfile") or "")
    arguments = [*(["--hostfile", hostfile] if hostfile else []), *(options.get("mpi_args") or ())]
    return {
        "MPIEngineSetLauncher.mpi_cmd": shlex.split(str(options.get("mpiexec") or "")) or None,
        "MPIEngineSetLauncher.mpi_args": arguments or None,
        "Cluster.controller_ip": "*" if hostfile else None,
    }


def _ssh(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "SSHEngineSetLauncher.engines": hosts.written(options.get("hosts") or ()) or None,
        "SSHEngineSetLauncher.remote_python": options.get("python") or None,
        "SSHEngineSetLauncher.remote_profile_dir": options.get("profile_dir") or None,
        "Cluster.controller_ip": "*" if options.get("reach") == "direct" else None,
    }


def _slurm(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "SlurmEngineSetLauncher.queue": options.get("partition") or None,
        "SlurmEngineSetLauncher.account": options.get("account") or None,
        "SlurmEngineSetLauncher.qos": options.get("qos") or None,
        "SlurmEngineSetLauncher.timelimit": options.get("time") or None,
        "SlurmEngineSetLauncher.batch_template": template.of(options),
        "Cluster.controller_ip": "*",  # or no engine on a node finds it
    }


WRITE: dict[LauncherName, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "local": _local,
    "mpi": _mpi,
    "ssh": _ssh,
    "slurm": _slurm,
}
