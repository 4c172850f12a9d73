"""All launchers by name: what they are called, what they can do, what may be chosen, whether they are here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .base import Capabilities, Launcher, LauncherModel, LauncherName, Plan, Watcher
from .local import CAPABILITIES as LOCAL
from .local import LocalLauncher

WHOLE_SET = Capabilities(scale="restart", stop_one=False, restart_one=False, interrupt_one=False, log_per_engine=False)

TITLES: dict[LauncherName, str] = {
    "local": "This machine",
    "ssh": "Other machines by SSH",
    "mpi": "MPI",
    "slurm": "Slurm queue",
    "stock": "As the profile says",
}

NOT_YET = "Not part of this version yet: start such clusters with `ipcluster start` in a terminal."


def cores() -> int:
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def local_options() -> dict[str, Any]:
    """JSON schema of what may be chosen for local clusters; ``x-cores`` tells the window the machine's size."""
    words = {"type": "array", "items": {"type": "string", "maxLength": 1000}, "maxItems": 100}
    return {
        "type": "object",
        "additionalProperties": False,
        "x-cores": cores(),
        "properties": {
            "working_dir": {
                "type": "string",
                "title": "Working folder",
                "description": "Where engines begin; empty: where the Jupyter server was started.",
                "maxLength": 4096,
            },
            "threads": {
                "type": "integer",
                "title": "Threads per engine",
                "description": "For numerical libraries (OMP_NUM_THREADS and its like); empty: the libraries decide.",
                "minimum": 1,
                "maximum": 1024,
            },
            "preload": {
                **words,
                "items": {"type": "string", "pattern": r"^[A-Za-z_][\w.]*$", "maxLength": 200},
                "title": "Modules to import before engines start",
                "description": "Imported once and shared by all engines, for example pandas.",
            },
            "environment": {
                "type": "object",
                "title": "Environment variables",
                "additionalProperties": {"type": "string", "maxLength": 32768},
                "propertyNames": {"pattern": r"^[A-Za-z_]\w*$", "maxLength": 200},
            },
            "engine_args": {**words, "title": "More arguments for engines"},
            "controller_args": {**words, "title": "More arguments for the controller"},
            "start_method": {
                "type": "string",
                "title": "How engines start",
                "description": "Fast start shares one prepared process; it falls back to plain processes by itself.",
                "oneOf": [
                    {"const": "auto", "title": "Fast (recommended)"},
                    {"const": "plain", "title": "Each on its own"},
                ],
                "default": "auto",
            },
        },
    }


def capabilities_of(name: LauncherName) -> Capabilities:
    return LOCAL if name == "local" else WHOLE_SET


def all_launchers(allowed: tuple[str, ...] | None) -> list[LauncherModel]:
    """Every launcher; those that are not here say why."""
    models = []
    for name, title in TITLES.items():
        reason = None if name == "local" else NOT_YET
        if allowed is not None and name not in allowed:
            reason = "Not allowed on this server."
        options = local_options() if name == "local" else {"type": "object", "properties": {}}
        models.append(
            LauncherModel(
                name=name,
                title=title,
                options=options,
                capabilities=capabilities_of(name),
                available=reason is None,
                reason=reason,
            )
        )
    return models


def make(name: LauncherName, plan: Plan, watcher: Watcher, *, runtime_dir: Path) -> Launcher:
    """The launcher of that name. Raises :class:`LookupError` for one that this version does not have."""
    if name != "local":
        raise LookupError(NOT_YET)
    return LocalLauncher(plan, watcher, runtime_dir=runtime_dir)
