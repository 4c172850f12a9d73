"""One machine's host agent, as far as one cluster goes: what it was asked to start and what became of it.

Promise: each launch and each exit is passed on once, whatever was cut or said
twice in between; works over any pair of streams. Must never know how the agent
is reached.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from .agent import Agent, AgentError, AgentLost, AgentPeer, Streams
from .base import Exit, LaunchFailed, Process, Usage, Watcher

CONTROLLER = "controller"

#: How often CPU and memory are sampled while somebody looks (seconds).
PERIOD = 1.0


def slot_name(slot: int) -> str:
    return f"slot-{slot}"


def slot_of(name: str) -> int | None:
    return int(name[5:]) if name.startswith("slot-") else None


@dataclass(frozen=True)
class Place:
    """Where things are on that machine: ``log_dir`` and ``folders`` are made when the agent is reached. ``journal`` is
    the name of the file in which exits are kept: only one agent may write it."""

    log_dir: PurePath
    folders: tuple[str, ...] = ()
    journal: str = "exits.jsonl"

    def log(self, name: str) -> str:
        return str(self.log_dir / f"{name}.log")


@dataclass(frozen=True)
class Begin:
    """What all processes of one request share; ``fork`` = from a nursery where that is safe."""

    env: Mapping[str, str]
    cwd: str
    python: str
    fork: bool = False
    preload: Sequence[str] = field(default_factory=list)


class HostSide:
    """``place`` may be asked for only when the agent was reached: it can depend on what is found there.
    ``on_process`` gets the records of processes that are neither the controller nor an engine; ``on_trouble`` is
    told of each cut (``None``) and of why the agent was not reached again yet. ``alone`` = a connection that the
    agent still has from us is over, whatever it looks like from there; ``explain`` says more of how an engine ended."""

    def __init__(
        self,
        key: str,
        watcher: Watcher,
        connect: Callable[[], Awaitable[Streams]],
        place: Callable[[], Place],
        *,
        name: str = "this machine",
        host: str | None = None,
        on_event: Callable[[Mapping[str, Any]], None] = lambda event: None,
        on_process: Callable[[Mapping[str, Any]], None] = lambda record: None,
        on_reached: Callable[[AgentPeer], Awaitable[None]] | None = None,
        on_trouble: Callable[[Exception | None], None] = lambda error: None,
        alone: bool = False,
        explain: Callable[[Exit], Exit] = lambda exit: exit,
    ) -> None:
        self.key = key
        self.name = name
        self._host, self._alone, self._explain = host, alone, explain
        self._watcher = watcher
        self._place = place
        self._on_event, self._on_process, self._on_reached = on_event, on_process, on_reached
        self._agent = Agent(connect, self._event, self._regained, on_trouble)
        self._records: dict[str, dict[str, Any]] = {}
        self._told: set[tuple[str, str]] = set()
        self._watched = False

    def running(self) -> list[str]:
        """The names of what was begun here and has not ended."""
        return [name for name, record in self._records.items() if record.get("state") == "running"]

    # -- what a launcher asks for ---------------------------------------------

    async def reach(self) -> None:
        """Connect if need be. Raises what ``connect`` raises."""
        await self._agent.reach()

    def keep_trying(self) -> None:
        """What runs there is watched again as soon as it can be reached."""
        self._agent.keep_trying()

    async def warm(self, begin: Begin) -> None:
        """Have imports begin that engines will need; a failure shows when they are started."""
        with contextlib.suppress(AgentError, AgentLost, LaunchFailed, OSError):
            await self._agent.request("warm", env=dict(begin.env), python=begin.python, preload=list(begin.preload))

    async def spawn(self, step: str, begin: Begin, processes: Sequence[Mapping[str, Any]]) -> None:
        """Begin these (name, uuid, argv, args, env, role); those that run already are no error."""
        place = self._place
        answer = await self._ask(
            step,
            "spawn",
            timeout=120.0,
            group=self.key,
            fork=begin.fork,
            env=dict(begin.env),
            cwd=begin.cwd,
            preload=list(begin.preload),
            python=begin.python,
            processes=[{**process, "log": place().log(process["name"])} for process in processes],
        )
        for record in answer["processes"]:
            self._learn(record)

    async def adopt(self, step: str, processes: Sequence[Mapping[str, Any]]) -> None:
        """Watch processes there that others began (name, uuid, pid, create_time); how they end is not known."""
        place = self._place()
        named = [{**process, "log": place.log(process["name"])} for process in processes]
        for record in (await self._ask(step, "adopt", group=self.key, processes=named))["processes"]:
            self._learn(record)

    async def stop(self, names: list[str] | None, grace: float) -> None:
        """End these, or (None) everything. Raises :class:`LaunchFailed` with what is left."""
        answer = await self._ask("drain", "stop", timeout=grace + 30.0, group=self.key, names=names, grace=grace)
        if left := answer.get("left"):
            raise LaunchFailed(
                "drain",
                f"These processes on {self.name} could not be ended: {', '.join(map(str, left))}.",
                hint="They may hang in the kernel, for example on a network file system that does not answer.",
            )

    async def forget(self, *, logs: str | None = None, files: Sequence[str] = ()) -> None:
        """Drop the records of what has ended, here and there; ``logs`` = a folder of logs to remove there,
        ``files`` = what else was written there for this run."""
        await self._ask("drain", "forget", group=self.key, logs=logs, files=list(files))
        self._records.clear()
        self._told.clear()

    async def signal(self, names: Sequence[str], number: int) -> None:
        await self._ask("engines", "signal", group=self.key, names=list(names), signal=number)

    async def watch_usage(self, watched: bool) -> None:
        self._watched = watched
        with contextlib.suppress(AgentError, AgentLost, LaunchFailed, OSError):
            await self._agent.request(
                "watch" if watched else "unwatch", group=self.key, **({"period": PERIOD} if watched else {})
            )

    async def ask(self, step: str, op: str, **fields: Any) -> dict[str, Any]:
        """Anything else of this cluster's group. Raises :class:`LaunchFailed`."""
        return await self._ask(step, op, group=self.key, **fields)

    def last_known(self, name: str) -> Process | None:
        """A process that ran when it was last heard of."""
        record = self._records.get(name)
        if record is None or record.get("state") != "running":
            return None
        return Process(self._host or record["host"], record["pid"], record["create_time"])

    def saved(self) -> list[dict[str, Any]]:
        """What :meth:`restore` needs."""
        keep = ("name", "uuid", "pid", "create_time", "ticks", "host", "log")
        running = (self._records[name] for name in self.running())
        return [{key: record.get(key) for key in keep} for record in running]

    def restore(self, saved: Sequence[Mapping[str, Any]]) -> None:
        """What ran when the server went; what became of it is told when the agent is reached."""
        for record in saved:
            self._records[record["name"]] = {**record, "state": "running"}

    async def close(self) -> None:
        await self._agent.close()

    # -- with the agent -------------------------------------------------------

    async def _regained(self, peer: AgentPeer) -> None:
        """A new connection, perhaps to a new agent: tell it what it must watch, learn what was missed."""
        place = self._place()
        expected = [self._records[name] for name in self.running()]
        answer = await peer.request(
            "attach",
            group=self.key,
            journal=str(place.log_dir / place.journal),
            index=str(place.log_dir / "index"),
            leader=CONTROLLER,
            folders=list(place.folders),
            alone=self._alone,
        )
        known = {record["name"]: record for record in answer["processes"]}
        strange = [r for r in expected if not _same(r, known.get(r["name"]))]
        if strange:
            keep = ("name", "uuid", "pid", "create_time", "ticks", "log")
            processes = [{key: record.get(key) for key in keep} for record in strange]
            adopted = await peer.request("adopt", group=self.key, processes=processes)
            known.update({record["name"]: record for record in adopted["processes"]})
        missed = {(exit["name"], exit["pid"], exit["create_time"]): exit for exit in answer["exits"]}
        for record in known.values():
            if record["state"] != "running":
                exit = missed.get((record["name"], record["pid"], record["create_time"]), {})
                record.update({key: exit[key] for key in EXIT if key in exit})
            self._learn(record)
        if self._watched:
            await peer.request("watch", group=self.key, period=PERIOD)
        if self._on_reached is not None:
            await self._on_reached(peer)

    async def _ask(self, step: str, op: str, *, timeout: float = 30.0, **fields: Any) -> dict[str, Any]:
        try:
            return await self._agent.request(op, timeout=timeout, **fields)
        except AgentError as error:
            raise LaunchFailed(step, sentence(str(error)), output=error.output) from error
        except (AgentLost, OSError, RuntimeError) as error:
            raise LaunchFailed(
                step,
                f"The agent that starts processes on {self.name} does not answer: {error}.",
                hint="Try again; a new agent is started by itself.",
            ) from error

    def _event(self, event: Mapping[str, Any]) -> None:
        if event.get("group") != self.key:
            return
        if event["event"] in ("launched", "exited"):
            self._learn(dict(event["record"]))
        elif event["event"] == "halted":
            self._halted(dict(event["record"]))
        elif event["event"] == "usage":
            usage = {
                slot: Usage(cpu=used["cpu"], memory=used["memory"])
                for name, used in event["usage"].items()
                if (slot := slot_of(name)) is not None
            }
            self._watcher.usage(usage)
        else:
            self._on_event(event)

    def _learn(self, record: dict[str, Any]) -> None:
        """Answers and events tell the same facts in any order; each is passed on once."""
        name, uuid, slot = record["name"], record.get("uuid") or "", slot_of(record["name"])
        identity = f"{record['pid']}@{record['create_time']}"
        running = record["state"] == "running"
        if running and (identity, "exited") in self._told:
            return
        self._records[name] = record
        if (identity, "launched") not in self._told:
            self._told.add((identity, "launched"))
            process = Process(self._host or record["host"], record["pid"], record["create_time"])
            if slot is not None:
                self._watcher.engine_launched(slot, uuid, process)
            elif name == CONTROLLER:
                self._watcher.controller_launched(process)
            else:
                self._on_process(record)
            if record.get("halted"):
                self._halted(record)
        if not running and (identity, "exited") not in self._told:
            self._told.add((identity, "exited"))
            if slot is not None:
                self._watcher.engine_exited(slot, uuid, self._explain(exit_of(record)))
            elif name == CONTROLLER:
                self._watcher.controller_exited(exit_of(record))
            else:
                self._on_process(record)

    def _halted(self, record: dict[str, Any]) -> None:
        name, slot = record["name"], slot_of(record["name"])
        if name in self._records and _same(record, self._records[name]) and (slot is not None or name == CONTROLLER):
            self._records[name]["halted"] = record["halted"]
            self._watcher.halted(slot, record.get("uuid") or "", bool(record["halted"]))


EXIT = ("exit_code", "signal", "oom", "asked")


def exit_of(record: Mapping[str, Any]) -> Exit:
    return Exit(
        exit_code=record.get("exit_code"),
        signal=record.get("signal"),
        oom=bool(record.get("oom")),
        asked=bool(record.get("asked")),
    )


def _same(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> bool:
    return theirs is not None and (ours["pid"], ours["create_time"]) == (theirs["pid"], theirs["create_time"])


def sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
