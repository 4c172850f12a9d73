"""Clusters as the wire tells them; the OpenAPI document and the TypeScript types come from here.

Promise: plain data. Times are ISO 8601 UTC with ``Z``, durations seconds,
``cpu`` cores in use, ``memory`` bytes.
"""

from __future__ import annotations

import msgspec

# Told on by name: those who show clusters need not know launchers.
from ..launchers.base import Capabilities as Capabilities
from ..launchers.base import Job as Job
from ..launchers.base import LauncherModel as LauncherModel
from ..launchers.base import LauncherName as LauncherName
from ..launchers.base import LaunchFailed as LaunchFailed
from ..launchers.base import Preview as Preview
from ..launchers.ssh.models import HostTests as HostTests
from ..profiles.models import ProfileError as ProfileError
from ..profiles.models import ProfileModel as ProfileModel
from ..profiles.models import Setting as Setting
from .states import EngineState, Origin, State, Step


class EngineCounts(msgspec.Struct, frozen=True, kw_only=True):
    """``launched`` = processes alive now."""

    launched: int = 0
    registered: int = 0
    busy: int = 0
    lost: int = 0


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why something failed: ``cause`` is a sentence, ``hint`` what to do, ``output`` what the tool said,
    ``log`` the name of the log to read."""

    step: str | None
    cause: str
    hint: str | None = None
    command: list[str] | None = None
    exit_code: int | None = None
    output: str | None = None
    log: str | None = None


class LeftFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file by which others find clusters, of one that is no more or out of reach. ``mark`` becomes another when the
    file changes."""

    path: str
    sentence: str
    mark: str


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """Since when no engine has been busy, and when the cluster is stopped for it."""

    since: str
    ends_at: str


class ClusterModel(msgspec.Struct, frozen=True, kw_only=True):
    """``stale`` may be cleared: nothing answers for it; of ``unreachable`` nothing can be known from here."""

    key: str
    profile: str
    cluster_id: str
    launcher: LauncherName
    host: str | None
    origin: Origin
    state: State
    step: Step | None
    wanted: int
    engines: EngineCounts
    degraded: bool
    failure: Failure | None
    job: Job | None
    capabilities: Capabilities
    started_at: str | None
    connection_file: str | None
    as_written: str | None
    stale: LeftFile | None
    unreachable: LeftFile | None
    idle: Idle | None
    notice: str | None
    no_start: str | None
    no_stop: str | None
    max_engines: int


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What a client on another machine needs: ``sshserver`` is where the controller can be reached by ssh, ``path`` the
    connection file there and ``content`` what stands in it, where that was asked for. Whoever has it may run code on
    the engines."""

    host: str
    user: str
    sshserver: str
    path: str
    content: str | None

    def __repr__(self) -> str:
        # A model may come into a log or a traceback; the key may not.
        return f"Connection(sshserver={self.sshserver!r}, path={self.path!r})"


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine ended; ``signal`` is a number, ``sentence`` is for a person."""

    signal: int | None
    exit_code: int | None
    sentence: str


class EngineModel(msgspec.Struct, frozen=True, kw_only=True):
    """``id`` is the hub's number (``None`` before it registers); ``slot`` is ours and names the log."""

    slot: int
    id: int | None
    uuid: str | None
    host: str | None
    pid: int | None
    state: EngineState
    cause: Cause | None
    completed: int
    cpu: float | None
    memory: int | None
    started_at: str | None


class LoadModel(msgspec.Struct, frozen=True, kw_only=True):
    """One point of a cluster's load; ``queue`` counts tasks that wait, ``done`` those that are done."""

    time: str
    registered: int
    busy: int
    queue: int
    done: int
    cpu: float
    memory: int
