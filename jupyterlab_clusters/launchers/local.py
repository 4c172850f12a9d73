"""Engines on this machine: the host agent starts, watches and ends them.

Promise: all processes are children of the host agent, which outlives the
Jupyter server; engines are forked where that is safe. Never signals a pid
itself.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..host.start import ensure_agent
from .agent import LINE_LIMIT, AgentError, AgentLost, Streams
from .base import Capabilities, EngineSpec, Launcher, LaunchFailed, Plan, Preview, Watcher
from .commandline import controller_argv, engine_args, engine_argv, engine_environment, environment, fork_wanted
from .hostside import CONTROLLER, Begin, HostSide, Place, slot_name

CAPABILITIES = Capabilities(scale="live", stop_one=True, restart_one=True, interrupt_one=True, log_per_engine=True)


def controller_process(plan: Plan) -> dict[str, Any]:
    """The controller as an agent starts it."""
    argv = controller_argv(plan)
    return {"name": CONTROLLER, "uuid": None, "argv": argv, "args": [], "env": {}, "role": "controller"}


def here(
    plan: Plan,
    watcher: Watcher,
    runtime_dir: Path,
    on_process: Callable[[Mapping[str, Any]], None] = lambda record: None,
) -> HostSide:
    """The agent of this machine."""

    async def connect() -> Streams:
        sock = await asyncio.to_thread(ensure_agent, runtime_dir)
        sock.setblocking(False)
        return await asyncio.open_unix_connection(sock=sock, limit=LINE_LIMIT)

    return HostSide(plan.key, watcher, connect, lambda: Place(plan.log_dir), on_process=on_process)


async def regain(side: HostSide) -> None:
    """Reach this machine's agent after a restart of the server. Raises :class:`LaunchFailed`."""
    try:
        await side.reach()
    except (OSError, AgentError, AgentLost, RuntimeError) as error:
        raise LaunchFailed("controller", f"The agent of this machine cannot be reached: {error}.") from error


def begin_here(plan: Plan, *, fork: bool = False) -> Begin:
    wanted = str(plan.options.get("working_dir") or "") or os.getcwd()
    return Begin(
        env=environment(plan),
        cwd=os.path.expanduser(wanted),
        python=sys.executable,
        fork=fork,
        preload=list(plan.options.get("preload", ())),
    )


class LocalLauncher(Launcher):
    """Controller and engines as processes of this machine."""

    name = "local"
    capabilities = CAPABILITIES

    def __init__(self, plan: Plan, watcher: Watcher, *, runtime_dir: Path) -> None:
        super().__init__(plan, watcher)
        self._here = here(plan, watcher, runtime_dir)

    async def prepare(self) -> None:
        await self._here.warm(begin_here(self.plan))

    async def start_controller(self) -> None:
        await self._here.spawn("controller", begin_here(self.plan), [controller_process(self.plan)])

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        await self._here.spawn(
            "engines",
            begin_here(self.plan, fork=fork_wanted(self.plan)),
            [
                {
                    "name": slot_name(engine.slot),
                    "uuid": engine.uuid,
                    "argv": engine_argv(self.plan, engine.uuid, engine.asks_id),
                    "args": engine_args(self.plan, engine.uuid, engine.asks_id),
                    "env": engine_environment(self.plan, engine),
                    "role": "engine",
                }
                for engine in engines
            ],
        )

    async def stop_engines(self, slots: Sequence[int], *, grace: float) -> None:
        if slots:
            await self._here.stop([slot_name(slot) for slot in slots], grace)

    async def interrupt_engines(self, slots: Sequence[int]) -> None:
        if slots:
            await self._here.signal([slot_name(slot) for slot in slots], 2)

    async def stop_all(self, *, grace: float) -> None:
        await self._here.stop(None, grace)
        await self._here.forget()

    async def watch_usage(self, watched: bool) -> None:
        await self._here.watch_usage(watched)

    def saved(self) -> dict[str, Any]:
        return {"processes": self._here.saved()}

    async def reattach(self, saved: Mapping[str, Any]) -> None:
        self._here.restore(saved.get("processes", ()))
        await regain(self._here)

    async def close(self) -> None:
        await self._here.close()

    async def preview(self, engines: int) -> Preview:
        how = "forked from one prepared process" if fork_wanted(self.plan) else "started one by one"
        return Preview(
            commands=[controller_argv(self.plan), engine_argv(self.plan, "UUID")],
            notes=[
                f"The second command is run {engines} times, each with an identity of its own; engines are {how}.",
                f"Logs go to {self.plan.log_dir}.",
            ],
        )
