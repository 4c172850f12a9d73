"""Where a profile has its controller run, in our options and back.

Promise: pure. A controller that our launcher of the engines cannot place is told by :func:`beyond`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..base import LauncherName
from ..classes import CONTROLLER, CONTROLLER_ANCESTORS, ITS_OWN, LOCAL_CONTROLLER, first, of_classes, short

#: By the launcher of the engines: the class that puts the controller where that launcher can put it too.
CLASSES: dict[LauncherName, str] = {"slurm": "SlurmControllerLauncher", "ssh": "SSHControllerLauncher"}
UNDERSTOOD: dict[LauncherName, frozenset[str]] = {
    "slurm": frozenset({"queue", "timelimit"}),
    "ssh": frozenset({"hostname", "user", "location", "controller_args"}),
}
LOCAL_UNDERSTOOD = frozenset({"controller_args", "environment"})


def placed(launcher: LauncherName, settings: Mapping[str, Any]) -> bool:
    """Whether it is to run where the launcher of the engines puts processes."""
    name = short(settings.get(CONTROLLER, "local"))
    return launcher in CLASSES and (name == CLASSES[launcher] or name.lower() == launcher)


def beyond(launcher: LauncherName, settings: Mapping[str, Any]) -> str | None:
    """The part of a sentence that tells what cannot be said in our options."""
    name = short(settings.get(CONTROLLER, "local"))
    classes: tuple[str, ...] = CONTROLLER_ANCESTORS[:2]
    known = LOCAL_UNDERSTOOD
    if placed(launcher, settings):
        classes, known = (CLASSES[launcher],), UNDERSTOOD[launcher]
        if launcher == "ssh" and not _host(settings):
            return "it names no host for the controller"
    elif name not in LOCAL_CONTROLLER and name.lower() not in LOCAL_CONTROLLER:
        return f"it names {name!r} for the controller"
    strange = (whole for whole, trait in of_classes(settings, classes) if trait not in known | ITS_OWN)
    return next((f"it sets {whole}" for whole in strange), None)


def arguments(launcher: LauncherName, settings: Mapping[str, Any]) -> list[str]:
    """Of the controller: its launcher's, then the cluster's."""
    classes = CONTROLLER_ANCESTORS
    if placed(launcher, settings):
        classes = (CLASSES[launcher], *CONTROLLER_ANCESTORS[1:])
    of_launcher = first(settings, classes, "controller_args", [])
    return [*map(str, of_launcher), *map(str, settings.get("Cluster.controller_args", []))]


def read(launcher: LauncherName, settings: Mapping[str, Any]) -> dict[str, Any]:
    """As the options of that launcher have it."""
    if not placed(launcher, settings):
        return {}
    if launcher == "ssh":
        return {"controller": _host(settings)}
    kind = CLASSES[launcher]
    limit = str(settings.get(f"{kind}.timelimit", ""))
    return {
        "controller": "job",
        "controller_partition": str(settings.get(f"{kind}.queue", "")),
        "controller_time": limit,
    }


def written(launcher: LauncherName, options: Mapping[str, Any]) -> dict[str, Any]:
    """As settings of a profile; ``None`` = to be removed."""
    chosen = str(options.get("controller") or "")
    if launcher == "slurm":
        return {
            CONTROLLER: "slurm" if chosen == "job" else None,
            "SlurmControllerLauncher.queue": options.get("controller_partition") or None,
            "SlurmControllerLauncher.timelimit": options.get("controller_time") or None,
        }
    if launcher == "ssh" and chosen:
        user, _, host = chosen.rpartition("@")
        return {
            CONTROLLER: "ssh",
            "SSHControllerLauncher.hostname": host,
            "SSHControllerLauncher.user": user or None,
        }
    return {CONTROLLER: None}


def _host(settings: Mapping[str, Any]) -> str:
    kind = CLASSES["ssh"]
    if location := settings.get(f"{kind}.location"):
        return str(location)
    user, host = settings.get(f"{kind}.user"), settings.get(f"{kind}.hostname")
    return f"{user}@{host}" if user and host else str(host or "")
