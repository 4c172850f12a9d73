"""``SSHEngineSetLauncher.engines``: hosts by name with a number, or with more of their own.

Promise: pure; what our options cannot say is told by :func:`beyond`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..ssh.hosts import DESTINATION

#: What of one host our options can say.
KNOWN = ("n", "engine_args", "engine_cmd", "remote_python", "python")
MODULE = ["-m", "ipyparallel.engine"]


def read(engines: Any) -> list[dict[str, Any]]:
    """As the options of the SSH launcher have them."""
    if not isinstance(engines, Mapping):
        return []
    return [_host(str(name), of) for name, of in engines.items()]


def beyond(engines: Any) -> str | None:
    """The part of a sentence that tells what of these hosts cannot be said in our options."""
    if not isinstance(engines, Mapping):
        return "SSHEngineSetLauncher.engines is no dictionary of hosts"
    for name, of in engines.items():
        if DESTINATION.fullmatch(str(name)) is None:
            return f"{name!r} is no name of a host that ssh takes"
        if isinstance(of, Mapping):
            if strange := [key for key in of if key not in KNOWN]:
                return f"the host {name!r} sets {strange[0]}"
            if _python(of.get("engine_cmd")) is None:
                return f"the host {name!r} sets an engine_cmd of its own"
        elif isinstance(of, bool) or not isinstance(of, int):
            return f"the host {name!r} has no number of engines"
    return None


def written(hosts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Our hosts as ipyparallel has them."""
    return {str(host["host"]): _written(host) for host in hosts}


def _written(host: Mapping[str, Any]) -> int | dict[str, Any]:
    count = int(host.get("engines") or 1)
    more: dict[str, Any] = {}
    if host.get("python"):
        more["engine_cmd"] = [str(host["python"]), *MODULE]
    if host.get("engine_args"):
        more["engine_args"] = list(host["engine_args"])
    return {"n": count, **more} if more else count


def _host(name: str, of: Any) -> dict[str, Any]:
    if not isinstance(of, Mapping):
        return {"host": name, "engines": of if isinstance(of, int) and of > 0 else 1}
    python = of.get("python") or of.get("remote_python") or _python(of.get("engine_cmd"))
    host: dict[str, Any] = {"host": name, "engines": int(of.get("n") or 1)}
    if python:
        host["python"] = str(python)
    if of.get("engine_args"):
        host["engine_args"] = list(map(str, of["engine_args"]))
    return host


def _python(command: Any) -> str | None:
    """Of ``[python, "-m", "ipyparallel.engine"]``; empty when no command is given, None for another kind of it."""
    if not command:
        return ""
    words = list(map(str, command)) if isinstance(command, Sequence) and not isinstance(command, str) else []
    return words[0] if words[1:] == MODULE else None
