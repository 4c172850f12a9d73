"""Which launcher a profile asks for, with which options, and whether ours can do just that.

Promise: pure. ``as_written`` is a sentence that tells a person why ipyparallel's
own launchers are used, and what of the profile is the reason.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..base import LauncherName
from ..classes import (
    ANCESTORS,
    ENGINES,
    ITS_OWN,
    LAUNCHERS,
    PROXY,
    first,
    of_classes,
    short,
)
from . import controllers, hosts
from .written import IDLE, OWN, UNSAID, settings_of

#: What is not ours to do the same.
UNDERSTOOD: dict[LauncherName, frozenset[str]] = {
    "local": frozenset({"engine_args", "environment", "engine_cmd"}),
    "mpi": frozenset({"engine_args", "environment", "mpi_cmd", "mpi_args"}),
    "ssh": frozenset({"engine_args", "environment", "engines", "remote_python", "remote_profile_dir"}),
    "slurm": frozenset({"engine_args", "environment", "queue", "account", "qos", "timelimit", "options", "namespace"}),
}

AS_WRITTEN = "Started as the profile says, by ipyparallel's own launcher, since {why}."


@dataclass(frozen=True)
class Asked:
    """``options`` fit the launcher's schema; ``as_written`` = why they do not say all, None when they do."""

    launcher: LauncherName
    options: dict[str, Any] = field(default_factory=dict)
    as_written: str | None = None


def asked(settings: Mapping[str, Any]) -> Asked:
    """``settings`` by trait name, as the profile's reader tells them."""
    name = short(settings.get(ENGINES, "local"))
    launcher = LAUNCHERS.get(name) or LAUNCHERS.get(name.lower(), "stock")
    if launcher == "stock":
        return Asked("stock", as_written=AS_WRITTEN.format(why=f"it names {name!r} for the engines"))
    why = _why_engines(name, launcher, settings) or controllers.beyond(launcher, settings)
    return Asked(launcher, options_of(launcher, settings), AS_WRITTEN.format(why=why) if why else None)


def says_no_more(options: Mapping[str, Any], of_profile: Mapping[str, Any]) -> bool:
    """Whether a person who chose ``options`` left everything as the profile has it."""
    said = {name: value for name, value in options.items() if name != IDLE and value not in (None, "", [], {})}
    return all(of_profile.get(name) == value for name, value in said.items())


def options_of(launcher: LauncherName, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the profile says in the options of that launcher, be it the one that it names or not."""
    minutes = settings.get(f"{OWN}.{IDLE}")
    number = isinstance(minutes, (int, float)) and not isinstance(minutes, bool) and 0 <= minutes <= 525600
    return {**_of_launcher(launcher, settings), **({IDLE: minutes} if number else {})}


def _of_launcher(launcher: LauncherName, settings: Mapping[str, Any]) -> dict[str, Any]:
    if launcher == "stock":
        # Its engines are the profile's own affair; the controller may still be ours.
        words = controllers.arguments(launcher, settings)
        return {"controller_args": words} if words else {}
    if (chosen := _unchanged(launcher, settings)) is not None:
        return chosen
    own = settings.get(f"{OWN}.{launcher}")
    unsaid = {name: own[name] for name in UNSAID[launcher] if name in own} if isinstance(own, dict) else {}
    said = {**_common(launcher, settings), **READ[launcher](settings), **controllers.read(launcher, settings)}
    return {**unsaid, **{name: value for name, value in said.items() if value not in (None, "", [], {})}}


def _unchanged(launcher: LauncherName, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The options that were written from here, if nobody has changed since what they became."""
    own = settings.get(f"{OWN}.{launcher}")
    if not isinstance(own, dict):
        return None
    classes = ANCESTORS[launcher]
    written = settings_of(launcher, own)
    if list(written.get("Cluster.controller_args") or ()) != controllers.arguments(launcher, settings):
        return None
    if controllers.read(launcher, settings) != controllers.read(launcher, written):
        return None
    return dict(own) if _values(settings, classes) == _values(written, classes) else None


def _values(settings: Mapping[str, Any], classes: tuple[str, ...]) -> dict[str, Any]:
    """What these classes get; an empty value is none."""
    traits = {trait for _, trait in of_classes(settings, classes)} - ITS_OWN
    return {trait: value for trait in traits if (value := first(settings, classes, trait))}


def _why_engines(name: str, launcher: LauncherName, settings: Mapping[str, Any]) -> str | None:
    if name in PROXY or name.lower() in PROXY:
        return "ipcluster on the other machine is to start the engines there"
    if _unchanged(launcher, settings) is not None:
        return None
    for whole, trait in of_classes(settings, ANCESTORS[launcher]):
        if trait not in UNDERSTOOD[launcher] | ITS_OWN:
            return f"it sets {whole}"
    if launcher == "ssh" and (why := hosts.beyond(first(settings, ANCESTORS["ssh"], "engines", {}))):
        return why
    return None


# -- each launcher's own ------------------------------------------------------


def _common(launcher: LauncherName, settings: Mapping[str, Any]) -> dict[str, Any]:
    classes = ANCESTORS[launcher]
    environment = first(settings, classes, "environment", {})
    return {
        "engine_args": list(map(str, first(settings, classes, "engine_args", []))),
        "environment": {str(name): str(value) for name, value in environment.items()},
        "controller_args": controllers.arguments(launcher, settings),
    }


def _local(_: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _mpi(settings: Mapping[str, Any]) -> dict[str, Any]:
    command = list(map(str, first(settings, ANCESTORS["mpi"], "mpi_cmd", [])))
    return {
        "mpiexec": shlex.join(command) if command != ["mpiexec"] else "",
        "mpi_args": list(map(str, first(settings, ANCESTORS["mpi"], "mpi_args", []))),
    }


def _ssh(settings: Mapping[str, Any]) -> dict[str, Any]:
    classes = ANCESTORS["ssh"]
    folder = str(first(settings, classes, "remote_profile_dir", ""))
    return {
        "hosts": hosts.read(first(settings, classes, "engines", {})),
        "python": str(first(settings, classes, "remote_python", "")),
        "profile_dir": folder if not folder or folder.startswith(("/", "~")) else f"~/{folder}",
        # Who has the controller listen for other machines means them to come by themselves.
        "reach": "direct" if settings.get("Cluster.controller_ip") else "",
    }


def _slurm(settings: Mapping[str, Any]) -> dict[str, Any]:
    classes = ANCESTORS["slurm"]
    traits = {"partition": "queue", "account": "account", "qos": "qos", "time": "timelimit"}
    found = {option: str(first(settings, classes, trait, "") or "") for option, trait in traits.items()}
    extra = shlex.split(str(first(settings, classes, "options", "")))
    return {**found, "extra": extra}


READ: dict[LauncherName, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "local": _local,
    "mpi": _mpi,
    "ssh": _ssh,
    "slurm": _slurm,
}
