"""The launcher contract: how a cluster's processes come to life, are watched and ended.

Promise: a launcher is handed a :class:`Plan`, tells a :class:`Watcher` what
happens, and can say in :meth:`Launcher.saved` all it needs to find its
processes again after the Jupyter server was restarted. It runs on the loop of
its cluster's actor; it never blocks that loop and never knows HTTP, states or
the hub.
"""

from __future__ import annotations

import abc
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

LauncherName = Literal["local", "ssh", "mpi", "slurm", "stock"]


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What can be done with a running engine set.

    ``scale``: ``live`` = single engines come and go, ``restart`` = only the
    whole set can be replaced, ``none`` = not at all.
    """

    scale: Literal["live", "restart", "none"]
    stop_one: bool
    restart_one: bool
    interrupt_one: bool
    log_per_engine: bool


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """Options that the site offers by a name; ``engines`` of ``None`` leaves the number to the person."""

    name: str
    options: dict[str, Any] = {}
    engines: int | None = None


class LauncherModel(msgspec.Struct, frozen=True, kw_only=True):
    """A launcher as ``GET launchers`` tells it; ``reason`` says why it is not available."""

    name: LauncherName
    title: str
    options: dict[str, Any]
    capabilities: Capabilities
    available: bool
    reason: str | None = None
    presets: list[Preset] = []


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A batch job as the scheduler last told it. Times are ISO 8601 with ``Z``; ``time_left`` and ``time_limit``
    seconds."""

    id: str
    state: str
    reason: str | None = None
    explanation: str | None = None
    expected_start: str | None = None
    time_left: float | None = None
    partition: str | None = None
    nodes: list[str] = []
    asked_at: str | None = None
    time_limit: float | None = None


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a start would do: argument vectors, files with their text, the batch script if any."""

    class File(msgspec.Struct, frozen=True):
        path: str
        text: str

    commands: list[list[str]]
    files: list[File] = []
    script: str | None = None
    notes: list[str] = []


class LaunchFailed(Exception):
    """A step of a launch failed, with its cause for a person and all that the tool said.

    ``cause`` is one sentence a student understands, ``hint`` what to do about
    it; ``command`` the argument vector, ``exit_code`` and ``output`` (both
    outputs, whole) what came of it, ``log`` the name of the log to read
    (``controller``, ``slot-3``, …), each ``None`` where there is none.
    ``out_of_reach``: something was not ended because the way to it is gone,
    and for no other reason; it ends by itself.
    """

    out_of_reach = False

    def __init__(
        self,
        step: str,
        cause: str,
        *,
        hint: str | None = None,
        command: Sequence[str] | None = None,
        exit_code: int | None = None,
        output: str | None = None,
        log: str | None = None,
    ) -> None:
        super().__init__(cause)
        self.step = step
        self.cause = cause
        self.hint = hint
        self.command = list(command) if command is not None else None
        self.exit_code = exit_code
        self.output = output
        self.log = log


class NotAllBegun(LaunchFailed):
    """Some engines were begun and go on; those in ``slots`` were not, for the reason given."""

    def __init__(self, slots: Sequence[int], why: LaunchFailed) -> None:
        super().__init__(
            why.step,
            why.cause,
            hint=why.hint,
            command=why.command,
            exit_code=why.exit_code,
            output=why.output,
            log=why.log,
        )
        self.slots = list(slots)


class NotFromHere(Exception):
    """These engines cannot be signalled by the launcher; they listen to the hub."""

    def __init__(self, slots: Sequence[int]) -> None:
        super().__init__(f"engines in slots {', '.join(map(str, slots))}")
        self.slots = list(slots)


@dataclass(frozen=True)
class Plan:
    """Everything a launcher is told about its cluster.

    ``settings`` are the profile's values by trait name
    (``{"Cluster.controller_args": [...]}``); ``options`` what the person chose, by
    the launcher's own JSON schema, else what the profile says in them; ``as_written`` = why the profile cannot be said
    in them, so that ipyparallel's own launchers are used. ``log_dir`` is private to the cluster and
    exists. ``environment`` is the Jupyter server's. ``encrypt`` = clients, controller and engines talk by CURVE unless
    the person or the profile says otherwise. ``poll_interval`` = the site's least time between two questions to a
    queue (seconds).
    """

    key: str
    profile: str
    profile_dir: Path
    cluster_id: str
    log_dir: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    orphan_timeout: float = 3600.0
    idle_timeout: float = 0.0
    as_written: str | None = None
    encrypt: bool = False
    poll_interval: float = 0.0


@dataclass(frozen=True)
class Process:
    """A process that lives on ``host``; ``create_time`` (seconds since the epoch) makes its pid unmistakable."""

    host: str
    pid: int
    create_time: float


@dataclass(frozen=True)
class Exit:
    """How a process ended: at most one of ``exit_code`` and ``signal`` is set; both ``None`` = not known.

    ``oom`` = the machine's or the cgroup's out-of-memory killer was seen at work.
    ``asked`` = it ended because this launcher was asked to end it. ``because`` = a sentence's end (``ended with …``)
    where the launcher knows better than the numbers tell.
    """

    exit_code: int | None = None
    signal: int | None = None
    oom: bool = False
    asked: bool = False
    because: str | None = None


@dataclass(frozen=True)
class Usage:
    """``cpu`` in cores in use, ``memory`` in bytes (PSS where the system tells it)."""

    cpu: float
    memory: int


@dataclass(frozen=True)
class EngineSpec:
    """One engine to start: ``uuid`` becomes its identity at the hub, ``connection`` is the content
    of the controller's engine connection file (it holds the key: never log it), ``asks_id`` the number
    it asks the hub for (``None``: any)."""

    slot: int
    uuid: str
    connection: str
    asks_id: int | None = None


class Watcher(Protocol):
    """Whom a launcher tells. All calls come on the actor's loop, as soon as the fact is known."""

    def controller_launched(self, process: Process) -> None: ...
    def controller_exited(self, exit: Exit) -> None: ...
    def engine_launched(self, slot: int, uuid: str, process: Process) -> None: ...
    def engine_exited(self, slot: int, uuid: str, exit: Exit) -> None:
        """May be told again with a ``because``, when more is known."""

    def halted(self, slot: int | None, uuid: str, halted: bool) -> None:
        """A signal (SIGSTOP) stopped that engine, or (None) the controller; or it goes on."""
        return

    def usage(self, by_slot: Mapping[int, Usage]) -> None: ...
    def job_changed(self, job: Job | None) -> None: ...
    async def keep(self) -> None:
        """What the launcher has :meth:`Launcher.saved` is to be found by the next server from here on."""
        return

    def failed(self, why: LaunchFailed) -> None:
        """Something happened to many engines at once: one cause for all."""

    def cut_off(self, place: str, slots: Sequence[int] | None, why: LaunchFailed) -> None:
        """The way to ``place`` broke, and so that to these engines (``None``: to all, as the controller is there).
        They go on, and it is tried again. May be told again with more."""
        return

    def regained(self, place: str, slots: Sequence[int] | None) -> None:
        """The way is there again."""
        return


class Launcher(abc.ABC):
    """One engine set and its controller, from before the start until nothing is left.

    Every method is idempotent: starting what runs and stopping what is gone
    are no error. Methods raise :class:`LaunchFailed` and nothing else on purpose.
    """

    name: LauncherName
    capabilities: Capabilities
    #: Whether engines register under the ``uuid`` they were given; those of others are met at the hub.
    names_engines = True

    @property
    def controller_waits(self) -> bool:
        """Whether a controller that was asked for is still on its way, as in a queue; also after :meth:`reattach`:
        :meth:`start_controller` then goes on waiting for it."""
        return False

    def __init__(self, plan: Plan, watcher: Watcher) -> None:
        self.plan = plan
        self.watcher = watcher

    def together(self) -> Sequence[Collection[int]]:
        """Slots that hold something together, such as a node of a batch job, which is given back when all of them have
        gone; in the order in which it is best to do without."""
        return ()

    @abc.abstractmethod
    async def prepare(self) -> None:
        """Get ready in the background of the controller's start (agents, imports); may be skipped."""

    @abc.abstractmethod
    async def start_controller(self) -> None:
        """Begin the controller's process, which may have to wait in a queue first.
        It is *ready* when its connection files exist."""

    @abc.abstractmethod
    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        """Begin these engines; returns when all were begun. Raises :class:`NotAllBegun` when some could not be,
        :class:`LaunchFailed` when none could."""

    @abc.abstractmethod
    async def stop_engines(self, slots: Sequence[int], *, grace: float) -> None:
        """End these engines and what they forked: politely, after ``grace`` seconds by SIGKILL. Returns when gone."""

    @abc.abstractmethod
    async def interrupt_engines(self, slots: Sequence[int]) -> None:
        """Interrupt (SIGINT) what these engines compute. Raises :class:`NotFromHere` for those to be asked by the hub,
        when all others were signalled."""

    @abc.abstractmethod
    async def stop_all(self, *, grace: float) -> None:
        """End engines and controller in parallel and prove that nothing is left."""

    @abc.abstractmethod
    async def watch_usage(self, watched: bool) -> None:
        """Begin or end telling the watcher CPU and memory once a second."""

    @abc.abstractmethod
    def saved(self) -> dict[str, Any]:
        """JSON that :meth:`reattach` needs, without secrets."""

    @abc.abstractmethod
    async def reattach(self, saved: Mapping[str, Any]) -> None:
        """Find again what runs (as it was ``saved``; of the slots ``unsure`` nobody knows whether their engine was
        begun) and tell the watcher of it: every ``*_launched``, then every
        ``*_exited`` missed meanwhile. Signals nothing whose create time does not match. A place that is
        out of reach is told as ``cut_off``, or raised as :class:`NotAllBegun`, and tried until it is reached."""

    @abc.abstractmethod
    async def preview(self, engines: int) -> Preview:
        """What a start would run and write, without running or writing; answers within 150 ms."""

    def unsampled(self) -> list[int]:
        """Slots whose CPU and memory :meth:`watch_usage` does not tell; they are asked through the hub."""
        return []

    def known(self, said: str) -> tuple[str, str] | None:
        """Cause and hint, when an engine that did not register said this and the launcher knows better than others."""
        return None

    @abc.abstractmethod
    async def close(self) -> None:
        """Let go of everything and leave all processes running (the server stops)."""
