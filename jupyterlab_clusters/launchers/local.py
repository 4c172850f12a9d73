"""Engines on this machine: the host agent starts, watches and ends them.

Promise: all processes are children of the host agent, which outlives the
Jupyter server; engines are forked where that is safe. Never signals a pid
itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..host.start import ensure_agent
from .agent import LINE_LIMIT, Agent, AgentError, AgentLost, AgentPeer, Streams
from .base import (
    Capabilities,
    EngineSpec,
    Exit,
    Launcher,
    LaunchFailed,
    Plan,
    Preview,
    Process,
    Usage,
    Watcher,
)
from .commandline import controller_argv, engine_args, engine_argv, engine_environment, environment, fork_wanted

CONTROLLER = "controller"

CAPABILITIES = Capabilities(scale="live", stop_one=True, restart_one=True, interrupt_one=True, log_per_engine=True)


def slot_name(slot: int) -> str:
    return f"slot-{slot}"


def slot_of(name: str) -> int | None:
    return int(name[5:]) if name.startswith("slot-") else None


def exit_of(record: Mapping[str, Any]) -> Exit:
    return Exit(
        exit_code=record.get("exit_code"),
        signal=record.get("signal"),
        oom=bool(record.get("oom")),
        asked=bool(record.get("asked")),
    )


def process_of(record: Mapping[str, Any]) -> Process:
    return Process(host=record["host"], pid=record["pid"], create_time=record["create_time"])


class LocalLauncher(Launcher):
    """Controller and engines as processes of this machine."""

    name = "local"
    capabilities = CAPABILITIES

    def __init__(self, plan: Plan, watcher: Watcher, *, runtime_dir: Path) -> None:
        super().__init__(plan, watcher)
        self._runtime_dir = runtime_dir
        self._agent = Agent(self._connect, self._event, self._regained)
        self._records: dict[str, dict[str, Any]] = {}
        self._told: set[tuple[str, str]] = set()
        self._watched = False

    # -- the contract -------------------------------------------------------

    async def prepare(self) -> None:
        with contextlib.suppress(AgentError, AgentLost):
            await self._ask(
                "engines",
                "warm",
                env=environment(self.plan),
                python=sys.executable,
                preload=list(self.plan.options.get("preload", ())),
            )

    async def start_controller(self) -> None:
        await self._spawn(
            "controller",
            fork=False,
            processes=[
                {
                    "name": CONTROLLER,
                    "uuid": None,
                    "argv": controller_argv(self.plan),
                    "args": [],
                    "env": {},
                    "log": self._log(CONTROLLER),
                    "role": "controller",
                }
            ],
        )

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        await self._spawn(
            "engines",
            fork=fork_wanted(self.plan),
            processes=[
                {
                    "name": slot_name(engine.slot),
                    "uuid": engine.uuid,
                    "argv": engine_argv(self.plan, engine.uuid, engine.asks_id),
                    "args": engine_args(self.plan, engine.uuid, engine.asks_id),
                    "env": engine_environment(self.plan, engine),
                    "log": self._log(slot_name(engine.slot)),
                    "role": "engine",
                }
                for engine in engines
            ],
        )

    async def stop_engines(self, slots: Sequence[int], *, grace: float) -> None:
        if slots:
            await self._stop([slot_name(slot) for slot in slots], grace)

    async def interrupt_engines(self, slots: Sequence[int]) -> None:
        if slots:
            names = [slot_name(slot) for slot in slots]
            await self._ask("engines", "signal", group=self.plan.key, names=names, signal=2)

    async def stop_all(self, *, grace: float) -> None:
        await self._stop(None, grace)
        await self._ask("drain", "forget", group=self.plan.key)
        self._records.clear()
        self._told.clear()

    async def watch_usage(self, watched: bool) -> None:
        self._watched = watched
        op = "watch" if watched else "unwatch"
        with contextlib.suppress(AgentError, AgentLost):
            await self._agent.request(op, group=self.plan.key, **({"period": 1.0} if watched else {}))

    def saved(self) -> dict[str, Any]:
        keep = ("name", "uuid", "pid", "create_time", "host", "log")
        return {
            "processes": [
                {key: record.get(key) for key in keep}
                for record in self._records.values()
                if record.get("state") == "running"
            ]
        }

    async def reattach(self, saved: Mapping[str, Any]) -> None:
        for record in saved.get("processes", ()):
            self._records[record["name"]] = {**record, "state": "running"}
        try:
            await self._agent.reach()
        except (OSError, AgentError, AgentLost, RuntimeError) as error:
            raise LaunchFailed("controller", f"The agent of this machine cannot be reached: {error}.") from error

    async def close(self) -> None:
        await self._agent.close()

    def preview(self, engines: int) -> Preview:
        how = "forked from one prepared process" if fork_wanted(self.plan) else "started one by one"
        return Preview(
            commands=[controller_argv(self.plan), engine_argv(self.plan, "UUID")],
            notes=[
                f"The second command is run {engines} times, each with an identity of its own; engines are {how}.",
                f"Logs go to {self.plan.log_dir}.",
            ],
        )

    # -- with the agent -----------------------------------------------------

    async def _connect(self) -> Streams:
        sock = await asyncio.to_thread(ensure_agent, self._runtime_dir)
        sock.setblocking(False)
        return await asyncio.open_unix_connection(sock=sock, limit=LINE_LIMIT)

    async def _regained(self, peer: AgentPeer) -> None:
        """A new connection, perhaps to a new agent: tell it what it must watch, learn what was missed."""
        expected = [r for r in self._records.values() if r.get("state") == "running"]
        answer = await peer.request(
            "attach",
            group=self.plan.key,
            journal=str(self.plan.log_dir / "exits.jsonl"),
            index=str(self.plan.log_dir / "index"),
            leader=CONTROLLER,
        )
        known = {record["name"]: record for record in answer["processes"]}
        strange = [r for r in expected if not self._same(r, known.get(r["name"]))]
        if strange:
            keep = ("name", "uuid", "pid", "create_time", "log")
            processes = [{key: record.get(key) for key in keep} for record in strange]
            adopted = await peer.request("adopt", group=self.plan.key, processes=processes)
            known.update({record["name"]: record for record in adopted["processes"]})
        missed = await asyncio.to_thread(read_journal, self.plan.log_dir / "exits.jsonl")
        for record in known.values():
            if record["state"] != "running":
                record.update(missed.get((record["name"], record["pid"], record["create_time"]), {}))
            self._learn(record)
        if self._watched:
            await peer.request("watch", group=self.plan.key, period=1.0)

    @staticmethod
    def _same(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> bool:
        return theirs is not None and (ours["pid"], ours["create_time"]) == (theirs["pid"], theirs["create_time"])

    async def _spawn(self, step: str, *, fork: bool, processes: list[dict[str, Any]]) -> None:
        answer = await self._ask(
            step,
            "spawn",
            timeout=120.0,
            group=self.plan.key,
            fork=fork,
            env=environment(self.plan),
            cwd=self._cwd(),
            preload=list(self.plan.options.get("preload", ())),
            python=sys.executable,
            processes=processes,
        )
        for record in answer["processes"]:
            self._learn(record)

    async def _stop(self, names: list[str] | None, grace: float) -> None:
        answer = await self._ask("drain", "stop", timeout=grace + 30.0, group=self.plan.key, names=names, grace=grace)
        if left := answer.get("left"):
            raise LaunchFailed(
                "drain",
                f"These processes could not be ended: {', '.join(map(str, left))}.",
                hint="They may hang in the kernel, for example on a network file system that does not answer.",
            )

    async def _ask(self, step: str, op: str, *, timeout: float = 30.0, **fields: Any) -> dict[str, Any]:
        try:
            return await self._agent.request(op, timeout=timeout, **fields)
        except AgentError as error:
            raise LaunchFailed(step, sentence(str(error)), output=error.output) from error
        except (AgentLost, OSError, RuntimeError) as error:
            raise LaunchFailed(
                step,
                f"The agent that starts processes on this machine does not answer: {error}.",
                hint="Try again; a new agent is started by itself.",
            ) from error

    def _event(self, event: Mapping[str, Any]) -> None:
        if event.get("group") != self.plan.key:
            return
        if event["event"] in ("launched", "exited"):
            self._learn(dict(event["record"]))
        elif event["event"] == "usage":
            usage = {
                slot: Usage(cpu=used["cpu"], memory=used["memory"])
                for name, used in event["usage"].items()
                if (slot := slot_of(name)) is not None
            }
            self.watcher.usage(usage)

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
            if slot is None:
                self.watcher.controller_launched(process_of(record))
            else:
                self.watcher.engine_launched(slot, uuid, process_of(record))
        if not running and (identity, "exited") not in self._told:
            self._told.add((identity, "exited"))
            if slot is None:
                self.watcher.controller_exited(exit_of(record))
            else:
                self.watcher.engine_exited(slot, uuid, exit_of(record))

    def _log(self, name: str) -> str:
        return str(self.plan.log_dir / f"{name}.log")

    def _cwd(self) -> str:
        wanted = str(self.plan.options.get("working_dir") or "") or os.getcwd()
        return os.path.expanduser(wanted)


def sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def read_journal(path: Path) -> dict[tuple[str, int, float], dict[str, Any]]:
    """Exits that an agent wrote down, by name, pid and create time; a torn last line is passed over."""
    exits = {}
    with contextlib.suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as journal:
        for line in journal:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                exit = json.loads(line)
                key = (exit["name"], exit["pid"], exit["create_time"])
                exits[key] = {k: exit.get(k) for k in ("exit_code", "signal", "oom", "asked")}
    return exits
