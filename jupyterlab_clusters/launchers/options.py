"""What may be chosen for each launcher, as JSON schemas: the form of the window is made from them.

Promise: the same schema checks what comes in. ``x-cores`` tells the window how many cores there are,
``x-test-hosts`` that the hosts can be tested before they are used, ``x-open`` that the options are shown unfolded.
"""

from __future__ import annotations

import os
from typing import Any

from .ssh.hosts import DESTINATION

WORDS = {"type": "array", "items": {"type": "string", "maxLength": 1000}, "maxItems": 100}


def cores() -> int:
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


#: Goes for every launcher, also for those of the profile's own.
IDLE = {
    "idle_minutes": {
        "type": "number",
        "title": "Stop when idle for (minutes)",
        "description": "With no busy engine and no queued task; 0: never; empty: as this server is set up.",
        "minimum": 0,
        "maximum": 525600,
    }
}


def common_options(where: str) -> dict[str, Any]:
    """What goes for engines anywhere."""
    return {
        **IDLE,
        "working_dir": {
            "type": "string",
            "title": "Working folder",
            "description": f"Where engines begin; empty: {where}.",
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
            **WORDS,
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
        "engine_args": {**WORDS, "title": "More arguments for engines"},
        "controller_args": {**WORDS, "title": "More arguments for the controller"},
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
    }


def encryption(*, default: bool | None) -> dict[str, Any]:
    """``default`` of ``None``: it depends on the other options."""
    when = "" if default is not None else " By itself when a hosts file names other machines."
    described = {
        "type": "boolean",
        "title": "Encrypt what clients, controller and engines say",
        "description": f"By zmq's CURVE, with keys in the connection files.{when}",
    }
    return {"enable_curve": described if default is None else {**described, "default": default}}


def local_options() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "x-cores": cores(),
        "properties": {**common_options("where the Jupyter server was started"), **encryption(default=False)},
    }


def ssh_options() -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["hosts"],
        "x-test-hosts": True,
        "properties": {
            "hosts": {
                "type": "array",
                "title": "Hosts",
                "minItems": 1,
                "maxItems": 1000,
                "items": {
                    "type": "object",
                    "title": "Machine",
                    "additionalProperties": False,
                    "required": ["host"],
                    "properties": {
                        "host": {
                            "type": "string",
                            "title": "Host",
                            "description": "host, user@host, user@host:port, or a name of ~/.ssh/config.",
                            "pattern": f"^(?:{_plain(DESTINATION.pattern)})$",
                            "maxLength": 255,
                        },
                        "engines": {
                            "type": "integer",
                            "title": "Engines",
                            "minimum": 1,
                            "maximum": 10000,
                            "default": 1,
                        },
                        "python": {
                            "type": "string",
                            "title": "Python there",
                            "description": "Empty: as for all hosts.",
                            "maxLength": 4096,
                        },
                        "engine_args": {
                            **WORDS,
                            "title": "More arguments for its engines",
                            "description": "Added to those for the engines of all hosts.",
                        },
                    },
                },
            },
            "controller": {
                "type": "string",
                "title": "Machine of the controller",
                "description": "Empty: this machine. Else the name of a host as above; it need not run engines.",
                "pattern": f"^(?:{_plain(DESTINATION.pattern)})?$",
                "maxLength": 255,
                "default": "",
            },
            "python": {
                "type": "string",
                "title": "Python on the hosts",
                "description": "The program to run there; empty: python3.",
                "maxLength": 4096,
            },
            "login_script": {
                "type": "string",
                "title": "Login script",
                "description": "Read by bash there before Python starts, for example to load modules; a path.",
                "maxLength": 4096,
            },
            "profile_dir": {
                "type": "string",
                "title": "Profile folder on the hosts",
                "description": "Empty: ~/.ipython/profile_NAME; it is made where it is missing.",
                "maxLength": 4096,
            },
            "reach": {
                "type": "string",
                "title": "How engines reach the controller",
                "oneOf": [
                    {"const": "ssh", "title": "Through the ssh connection (only sshd must be reachable)"},
                    {"const": "direct", "title": "By address (faster; the controller's machine must be reachable)"},
                ],
                "default": "ssh",
            },
            **common_options("your home there"),
            **encryption(default=True),
        },
    }


def mpi_options() -> dict[str, Any]:
    common = common_options("where the Jupyter server was started")
    for name in ("preload", "start_method"):
        del common[name]  # ranks are never forked
    return {
        "type": "object",
        "additionalProperties": False,
        "x-cores": cores(),
        "properties": {
            "mpiexec": {
                "type": "string",
                "title": "MPI program",
                "description": "What starts the ranks; empty: as the profile says, else mpiexec.",
                "maxLength": 4096,
            },
            "mpi_args": {
                **WORDS,
                "title": "Arguments for it",
                "description": "For example --oversubscribe, or --bind-to and core.",
            },
            "hostfile": {
                "type": "string",
                "title": "Hosts file",
                "description": "A file that names hosts and their slots; empty: this machine. "
                "The hosts must share your home folder.",
                "maxLength": 4096,
            },
            "python": {
                "type": "string",
                "title": "Python of the engines",
                "description": "Empty: that of the Jupyter server. It must have mpi4py and this extension.",
                "maxLength": 4096,
            },
            **common,
            **encryption(default=None),
        },
    }


def _plain(pattern: str) -> str:
    """Without the names of groups, which JSON schema's regular expressions do not have."""
    for name in ("user", "host", "port"):
        pattern = pattern.replace(f"?P<{name}>", "?:")
    return pattern
