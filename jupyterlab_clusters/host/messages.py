"""The words that agent, nursery and server say to each other, as lines of JSON.

Promise: pure; standard library only, so that it can run on any machine with a
Python. Must never do anything but build and read messages.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any, Literal

PROTOCOL = 1

#: What begins the only line that counts while a connection to another machine is made: login scripts talk too.
READY = b"jupyterlab-clusters: "

#: Longest line either side sends (bytes).
LINE_LIMIT = 16 * 1024 * 1024

#: Exit code of a controller that nobody needs any more.
ORPHANED = 86
#: Exit code of a controller whose engines had nothing to do for too long.
IDLE = 85

#: By these variables the processes of a group, and what they start, are found.
GROUP_VARIABLE = "JUPYTERLAB_CLUSTERS_GROUP"
#: Whose group it is: another agent (of another server) may have one of the same name.
AGENT_VARIABLE = "JUPYTERLAB_CLUSTERS_AGENT"
#: Which engine started it (by uuid), so that it goes with its engine.
ENGINE_VARIABLE = "JUPYTERLAB_CLUSTERS_ENGINE"
NURSERY_VARIABLE = "JUPYTERLAB_CLUSTERS_NURSERY"
#: Ranks of an MPI program read from it which engine each is.
RANKS_VARIABLE = "JUPYTERLAB_CLUSTERS_RANKS"
#: What the program that uses ipyparallel's own launchers is to do.
STOCK_VARIABLE = "JUPYTERLAB_CLUSTERS_STOCK"
#: The controller reads from this descriptor which engines died.
DEATHS_VARIABLE = "JUPYTERLAB_CLUSTERS_DEATHS_FD"

Role = Literal["controller", "engine"]

#: One record of a time index: time (unix seconds), end (bytes), source (0 controller, n+1 slot n).
INDEX_RECORD = struct.Struct("<dQI")


class Refused(Exception):
    """A request that cannot be done: ``reason`` is a slug, the text a sentence, ``output`` what a tool said."""

    def __init__(self, reason: str, message: str, output: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.output = output


@dataclass
class Record:
    """A process as it is told. Times are unix seconds; ``exit_code`` and ``signal`` are both None when unknown;
    ``halted`` = a signal stopped it, and it can go on; ``ticks`` = when it was begun by the machine's own count, which
    nobody sets."""

    name: str
    uuid: str | None
    pid: int
    create_time: float
    host: str
    started: float
    log: str | None
    forked: bool = False
    why_plain: str | None = None
    state: Literal["running", "exited", "gone"] = "running"
    halted: bool = False
    ticks: int | None = None
    exit_code: int | None = None
    signal: int | None = None
    oom: bool = False
    asked: bool = False
    ended: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def exit_json(self) -> dict[str, Any]:
        """What the journal keeps of an exit."""
        keep = ("name", "uuid", "pid", "create_time", "exit_code", "signal", "oom", "asked")
        return {**{field: getattr(self, field) for field in keep}, "time": self.ended}


@dataclass(frozen=True)
class Spec:
    """One process to start: ``argv`` for a plain start, ``args`` for an engine that is forked."""

    name: str
    uuid: str | None
    argv: list[str]
    args: list[str]
    env: dict[str, str]
    log: str
    role: Role

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Spec:
        """Raises :class:`Refused` when a field is missing."""
        try:
            return cls(
                name=str(given["name"]),
                uuid=given.get("uuid"),
                argv=[str(word) for word in given.get("argv") or ()],
                args=[str(word) for word in given.get("args") or ()],
                env={str(k): str(v) for k, v in (given.get("env") or {}).items()},
                log=str(given["log"]),
                role="controller" if given.get("role") == "controller" else "engine",
            )
        except (KeyError, AttributeError) as error:
            raise Refused("bad-request", f"A process was described without {error}.") from error


def encode(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Raises ValueError when the line is not a JSON object."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def started_line(name: str, now: float) -> bytes:
    """The line that heads each run in a log."""
    when = datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"--- {name} started {when} ---\n".encode()


def source_of(name: str) -> int | None:
    """The number of a process in the log time index: 0 the controller, n+1 slot n; None = not dated."""
    if name == "controller":
        return 0
    # It comes from other machines too, and becomes the name of a file.
    found = re.fullmatch(r"slot-(0|[1-9][0-9]{0,8})", name)
    return int(found[1]) + 1 if found else None
