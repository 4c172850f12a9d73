"""The processes of one cluster on this machine: starting, telling, ending.

Promise: every start and exit is told once to everybody attached, each exit is
also in the journal; a stop supersedes a start that is under way. Must never
know how peers are connected.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import proc
from .logindex import LogIndex
from .messages import DEATHS_VARIABLE, IDLE, ORPHANED, Record, Refused, Spec
from .nurseries import Nurseries, Nursery, Unable, ready
from .oom import OutOfMemory
from .private import opened
from .processes import Process, Reaper, end, kill, marked, marks, open_log, start_plain, strays, title, wait_told

#: How long engines may take to end by themselves when their controller ended of itself (seconds).
ORPHAN_GRACE = 2.0

Event = Mapping[str, Any]


class Group:
    """One cluster's processes."""

    def __init__(
        self, agent: str, name: str, reaper: Reaper, nurseries: Nurseries, oom: OutOfMemory, index: LogIndex
    ) -> None:
        self._agent = agent
        self.name = name
        self.listeners: set[Callable[[Event], None]] = set()
        self.processes: dict[str, Process] = {}
        self._journal: str | None = None
        self._leader: str | None = None
        self._index_path: str | None = None
        self._reaper, self._nurseries, self._oom, self._index = reaper, nurseries, oom, index
        self._starting = asyncio.Lock()
        self._superseded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.ended: Callable[[], None] = lambda: None

    def set_up(self, journal: str | None, index: str | None, leader: str | None) -> None:
        """None keeps what was set."""
        self._journal = journal or self._journal
        self._leader = leader or self._leader
        if index:
            self._index_path = index
            for process in self._running():
                self._index.follow(index, process.record.name, process.record.log)

    def records(self) -> list[dict[str, Any]]:
        return [process.record.as_json() for process in self.processes.values()]

    def pids(self) -> dict[str, int]:
        return {process.record.name: process.record.pid for process in self._running()}

    @property
    def alive(self) -> bool:
        return any(True for _ in self._running()) or self._starting.locked()

    # -- starting -------------------------------------------------------------

    async def spawn(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Raises :class:`Refused`; what was begun before the refusal goes on and was told."""
        specs = [Spec.from_json(given) for given in asked.get("processes") or ()]
        env = {str(k): str(v) for k, v in (asked.get("env") or {}).items()}
        cwd = str(asked.get("cwd") or "/")
        if not Path(cwd).is_dir():  # noqa: ASYNC240 - a spawn in it would wait as well
            raise Refused("cwd", f"The working folder {cwd} does not exist on this machine.")
        superseded = self._superseded
        async with self._starting:
            new = [spec for spec in specs if not self._has(spec)]
            new = self._without_strays(new)
            await self._make_room([self.processes[spec.name] for spec in new if self._is_running(spec.name)])
            nursery, why = None, None
            if new and asked.get("fork"):
                nursery, why = await self._nursery(asked, env, superseded)
            if superseded.done():
                raise Refused("superseded", "The start was superseded by a stop.")
            await self._start_each(new, nursery, why, env, cwd)
            if superseded.done():
                await self._end([self.processes[spec.name] for spec in new if spec.name in self.processes], 0.5)
                raise Refused("superseded", "The start was superseded by a stop.")
        return [self.processes[spec.name].record.as_json() for spec in specs]

    def _without_strays(self, specs: Sequence[Spec]) -> list[Spec]:
        """Those that were not begun by an agent, or a nursery, that could not tell of it any more."""
        found = strays(self._agent, self.name, [spec.uuid for spec in specs if spec.uuid]) if specs else {}
        known = {process.record.pid for process in self._running()}
        begun = [(spec, found[spec.uuid]) for spec in specs if spec.uuid in found and found[spec.uuid] not in known]
        for spec, pid in begun:
            if self._is_running(spec.name):
                continue
            told = {"name": spec.name, "uuid": spec.uuid, "pid": pid, "log": spec.log, "ticks": proc.ticks(pid)}
            self.adopt([{**told, "create_time": proc.created_now(pid)}])
            self._tell("launched", self.processes[spec.name].record)
        return [spec for spec in specs if not self._has(spec)]

    async def _make_room(self, former: Sequence[Process]) -> None:
        """Who had a name before must have ended. Raises :class:`Refused`."""
        await wait_told([process for process in former if not proc.lives(process.record.pid, process.record.ticks)])
        if left := [process.record.name for process in former if process.running]:
            raise Refused("still-running", f"The process that was {', '.join(left)} has not ended yet.")

    async def _nursery(
        self, asked: Mapping[str, Any], env: Mapping[str, str], superseded: asyncio.Future[None]
    ) -> tuple[Nursery | None, str | None]:
        try:
            preload = [str(module) for module in asked.get("preload") or ()]
            nursery = self._nurseries.get(asked.get("python"), env, preload)
            await ready(nursery, superseded)
        except Unable as error:
            return None, str(error)
        return nursery, None

    async def _start_each(
        self, specs: Sequence[Spec], nursery: Nursery | None, why: str | None, env: Mapping[str, str], cwd: str
    ) -> None:
        starts = [self._start(spec, nursery, why, env, cwd) for spec in specs]
        results = await asyncio.gather(*starts, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _start(
        self, spec: Spec, nursery: Nursery | None, why: str | None, env: Mapping[str, str], cwd: str
    ) -> None:
        full = {**env, **spec.env, **marks(self._agent, self.name, spec.uuid)}
        log = open_log(spec.log, spec.name)
        try:
            if nursery is not None:
                try:
                    pid = await self._fork(nursery, spec, full, cwd)
                    self._begun(spec, pid, forked=True, why=None)
                    return
                except Unable as error:
                    why = str(error)
                    if not self._without_strays([spec]):
                        return
            self._plain(spec, full, cwd, log, why)
        finally:
            os.close(log)

    async def _fork(self, nursery: Nursery, spec: Spec, env: Mapping[str, str], cwd: str) -> int:
        name = title(spec.name, self.name, spec.uuid)
        fields = {"name": spec.name, "title": name, "args": spec.args, "env": env, "cwd": cwd, "log": spec.log}
        return await nursery.fork(fields)

    def _plain(self, spec: Spec, env: dict[str, str], cwd: str, log: int, why: str | None) -> None:
        inherit: list[int] = []
        deaths = None
        if spec.role == "controller":
            read, deaths = os.pipe()
            os.set_blocking(deaths, False)
            inherit.append(read)
            env[DEATHS_VARIABLE] = str(read)
        try:
            popen = start_plain(spec.argv, env=env, cwd=cwd, log=log, inherit=inherit)
        except Refused:
            if deaths is not None:
                os.close(deaths)
            raise
        finally:
            for fd in inherit:
                os.close(fd)
        process = self._begun(spec, popen.pid, forked=False, why=why)
        process.popen, process.deaths = popen, deaths

    def _begun(self, spec: Spec, pid: int, *, forked: bool, why: str | None) -> Process:
        now = time.time()
        created = proc.created_now(pid)
        record = Record(
            spec.name, spec.uuid, pid, created, platform.node(), now, spec.log, forked=forked, why_plain=why
        )
        record.ticks = proc.ticks(pid)
        process = Process(record, spec.role)
        self.processes[spec.name] = process
        leads = spec.role == "controller"
        self._reaper.expect(pid, lambda status: self._exited(process, status), with_group=leads)
        self._reaper.on_halt(pid, lambda halted: self._halted(process, halted))
        self._follow(record)
        self._tell("launched", record)
        return process

    # -- ending ---------------------------------------------------------------

    async def stop(self, names: Iterable[str] | None, grace: float) -> list[int]:
        """End these (None: everything) and say what is left."""
        if names is not None:
            wanted = set(names)
            return await self._end([p for p in self.processes.values() if p.record.name in wanted], grace)
        self._superseded.set_result(None)
        self._superseded = asyncio.get_running_loop().create_future()
        async with self._starting:
            everybody = list(self.processes.values())
            left = await self._end([p for p in everybody if p.record.name != self._leader], grace)
            left += await self._end([p for p in everybody if p.record.name == self._leader], grace)
            left += await kill(marked(self._agent, self.name))
        return sorted(set(left))

    async def _end(self, processes: Sequence[Process], grace: float) -> list[int]:
        own = {process.record.name for process in processes}
        others = {process.record.pid for process in self._running() if process.record.name not in own}
        return await end(processes, grace, self._agent, self.name, others)

    def signal(self, names: Iterable[str] | None, number: int) -> list[str]:
        """To the processes alone, not to their children; the names of those reached. Raises :class:`Refused`."""
        wanted = None if names is None else set(names)
        reached = []
        for process in self._running():
            record = process.record
            if (wanted is None or record.name in wanted) and proc.lives(record.pid, record.ticks):
                record.asked = record.asked or number in (signal.SIGTERM, signal.SIGKILL)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(record.pid, number)
                    reached.append(record.name)
        return reached

    def adopt(self, given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Watch processes that another agent began."""
        for told in given:
            name, pid, created = str(told["name"]), int(told["pid"]), float(told["create_time"])
            if self._is_running(name):
                continue
            ticks = told.get("ticks") or proc.ticks_of(pid, created)
            lives = proc.lives(pid, ticks)
            record = Record(name, told.get("uuid"), pid, created, platform.node(), created, told.get("log"))
            record.ticks = ticks
            process = Process(record, "controller" if name == self._leader else "engine")
            self.processes[name] = process
            if lives:
                self._reaper.watch(pid, lambda status, process=process: self._exited(process, status))  # type: ignore[misc]
                self._follow(record)
            else:
                record.state = "gone"
                process.gone.set()
        return [self.processes[str(told["name"])].record.as_json() for told in given]

    def forget(self) -> bool:
        """Drop the records of what ended; whether nothing is left."""
        for name in [name for name, process in self.processes.items() if not process.running]:
            del self.processes[name]
        return not self.alive

    # -- exits ----------------------------------------------------------------

    def _halted(self, process: Process, halted: bool) -> None:
        if process.record.halted != halted:
            process.record.halted = halted
            self._tell("halted", process.record)

    def _exited(self, process: Process, status: int | None) -> None:
        record = process.record
        record.state, record.ended = "exited", time.time()
        if status is not None:
            code = os.waitstatus_to_exitcode(status)
            record.exit_code, record.signal = (code, None) if code >= 0 else (None, -code)
        struck = self._oom.struck()
        record.oom = struck and record.signal == signal.SIGKILL and not record.asked
        if process.popen is not None:
            process.popen.returncode = 0 if status is None else os.waitstatus_to_exitcode(status)
        if process.deaths is not None:
            os.close(process.deaths)
            process.deaths = None
        process.gone.set()
        self._tell_controller(record)
        self._write_journal(record)
        self._index.ended(record.log)
        self._tell("exited", record)
        if record.name == self._leader and record.exit_code in (ORPHANED, IDLE):
            self._keep(asyncio.ensure_future(self.stop(None, ORPHAN_GRACE)))
        self.ended()

    def _tell_controller(self, record: Record) -> None:
        """So that the hub knows within milliseconds; a controller that does not read is not waited for."""
        for process in self.processes.values():
            if process.deaths is not None and record.uuid:
                with contextlib.suppress(BlockingIOError, BrokenPipeError):
                    os.write(process.deaths, record.uuid.encode() + b"\n")

    def _write_journal(self, record: Record) -> None:
        if self._journal is None:
            return
        line = json.dumps(record.exit_json()).encode() + b"\n"
        # The folder may be gone already when a cluster is forgotten.
        with contextlib.suppress(OSError):
            fd = opened(self._journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                os.write(fd, line)
            finally:
                os.close(fd)

    # -- small things ---------------------------------------------------------

    def _follow(self, record: Record) -> None:
        if self._index_path:
            self._index.follow(self._index_path, record.name, record.log)

    def _running(self) -> Iterable[Process]:
        return (process for process in self.processes.values() if process.running)

    def _has(self, spec: Spec) -> bool:
        """Whether this very process was begun before: a request may come twice."""
        return self._is_running(spec.name) and self.processes[spec.name].record.uuid == spec.uuid

    def _is_running(self, name: str) -> bool:
        return name in self.processes and self.processes[name].running

    def _tell(self, event: str, record: Record) -> None:
        message = {"event": event, "group": self.name, "record": record.as_json()}
        for listener in tuple(self.listeners):
            listener(message)

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Exits that an agent wrote down; a torn last line is passed over."""
    exits = []
    with contextlib.suppress(FileNotFoundError), open(opened(path, os.O_RDONLY), errors="replace") as journal:
        for line in journal:
            with contextlib.suppress(ValueError):
                exit = json.loads(line)
                if isinstance(exit, dict) and {"name", "pid", "create_time"} <= exit.keys():
                    exits.append(exit)
    return exits
