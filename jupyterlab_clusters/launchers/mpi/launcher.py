"""Engines as ranks: one mpiexec starts them all, and they end together.

Promise: ``MPI.COMM_WORLD`` of the engines has as many ranks as there are
engines, and the rank is the number of the slot; each has a log of its own.
Single engines can be interrupted only; another number of them is another program.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...host.messages import RANKS_VARIABLE
from ...host.private import read
from ..base import Capabilities, EngineSpec, Exit, Launcher, LaunchFailed, NotFromHere, Plan, Preview, Process, Watcher
from ..command import CommandFailed, run
from ..commandline import controller_argv, environment
from ..hostside import Begin, exit_of, slot_name, slot_of
from ..local import begin_here, controller_process, here, regain
from ..loopback import loopback_only
from ..said import log_end, size
from . import allocation, mpiexec
from .causes import Culprit, culprit, of_code, refused
from .ranks import RankWatcher, told

CAPABILITIES = Capabilities(scale="restart", stop_one=False, restart_one=False, interrupt_one=True, log_per_engine=True)

#: The first words of the command, and which MPI it belongs to.
Starter = tuple[list[str], mpiexec.Flavour]

#: The name of mpiexec among the processes and logs of a cluster.
JOB = "job"
#: How often announcements of ranks are looked for (seconds); one listing of a small folder.
LOOK = 0.02
#: How often the end of a rank is looked for when mpiexec has ended.
SEEN_TRIES = 15
#: How much of a rank's log is read for what it said at its end (bytes).
LAST_WORDS = 4096
#: How long ranks may take to be there, and how much longer for each (seconds).
PATIENCE, PATIENCE_EACH = 60.0, 0.5


class MpiLauncher(Launcher):
    """The controller here, the ranks where mpiexec puts them."""

    name = "mpi"
    capabilities = CAPABILITIES

    def __init__(self, plan: Plan, watcher: Watcher, *, runtime_dir: Path) -> None:
        super().__init__(plan, watcher)
        self._ranks = RankWatcher(watcher)
        self._here = here(plan, self._ranks, runtime_dir, self._process_told)
        self._flavour: asyncio.Task[mpiexec.Flavour] | None = None
        self._srun: asyncio.Task[list[str] | None] | None = None
        self._ended: asyncio.Future[LaunchFailed] | None = None
        self._began = 0
        self._argv: list[str] = []
        self._starting = False
        self._tasks: set[asyncio.Task[None]] = set()

    # -- starting -------------------------------------------------------------

    async def prepare(self) -> None:
        with contextlib.suppress(LaunchFailed):
            await self._starter()

    async def start_controller(self) -> None:
        # What cannot work is said before anything was begun.
        await self._starter()
        process = controller_process(self.plan)
        elsewhere = self.plan.options.get("hostfile") or allocation.inside(self.plan.environment)
        if elsewhere and not any(word.startswith("--ip=") for word in process["argv"]):
            process["argv"].append("--ip=*")
        await self._here.spawn("controller", self._begin(), [process])

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        ordered = sorted(engines, key=lambda engine: engine.slot)
        name = secrets.token_hex(4)
        announcements = self.plan.log_dir / "ranks" / name
        starter, kind = await self._starter()
        self._argv = argv = mpiexec.argv(self.plan, len(ordered), kind, starter)
        await asyncio.to_thread(announcements.mkdir, mode=0o700, parents=True)
        ranks = {
            "logs": str(self.plan.log_dir),
            "announcements": str(announcements),
            "engines": [{"slot": one.slot, "uuid": one.uuid, "id": one.asks_id} for one in ordered],
        }
        env = {"IPP_CONNECTION_INFO": ordered[0].connection, RANKS_VARIABLE: json.dumps(ranks)}
        self._ended = asyncio.get_running_loop().create_future()
        self._ranks.begin()
        self._began = await asyncio.to_thread(size, self._job_log)
        process = {"name": JOB, "uuid": name, "argv": argv, "args": [], "env": env, "role": "engine"}
        self._starting = True
        try:
            await self._here.spawn("engines", self._begin(), [process])
            await self._all_there(announcements, ordered, argv)
        finally:
            self._starting = False
            await asyncio.to_thread(shutil.rmtree, announcements, ignore_errors=True)

    async def _all_there(self, folder: Path, engines: Sequence[EngineSpec], argv: list[str]) -> None:
        """Watch each rank as it announces itself. Raises :class:`LaunchFailed` when mpiexec ends before."""
        assert self._ended is not None
        loop = asyncio.get_running_loop()
        patience = PATIENCE + PATIENCE_EACH * len(engines)
        deadline = loop.time() + patience
        seen: set[int] = set()
        while len(seen) < len(engines):
            if fresh := await asyncio.to_thread(_announced, folder, seen):
                await self._rank_told(fresh, engines)
                seen |= {told["rank"] for told in fresh}
                continue
            if self._ended.done():
                raise self._ended.result()
            if loop.time() > deadline:
                await self._here.stop([JOB], 1.0)
                said = await self._said()
                cause, hint = f"Only {len(seen)} of {len(engines)} ranks were there after {patience:.0f} s.", None
                if known := refused(said, self._slots()):
                    cause, hint = known
                raise LaunchFailed("engines", cause, hint=hint, command=argv, output=said, log=JOB)
            await asyncio.wait([self._ended], timeout=LOOK)

    async def _rank_told(self, fresh: Sequence[Mapping[str, Any]], engines: Sequence[EngineSpec]) -> None:
        local = []
        for rank in fresh:
            engine = engines[rank["rank"]]
            if rank["host"] == platform.node():
                named = {"name": slot_name(engine.slot), "uuid": engine.uuid}
                local.append({**named, **{key: rank.get(key) for key in ("pid", "create_time", "ticks")}})
            else:
                process = Process(rank["host"], rank["pid"], rank["create_time"])
                self._ranks.engine_launched(engine.slot, engine.uuid, process)
        if local:
            await self._here.adopt("engines", local)

    def _begin(self) -> Begin:
        return begin_here(self.plan)

    def _program(self) -> list[str]:
        """Raises :class:`LaunchFailed` when it is not there."""
        try:
            program = mpiexec.words(self.plan)
        except ValueError as error:
            raise LaunchFailed("engines", f"The command for MPI cannot be understood: {error}.") from error
        if mpiexec.found(program, environment(self.plan)) is None:
            name = program[0] if program else "mpiexec"
            raise LaunchFailed(
                "engines",
                f"{name} was not found.",
                hint="Install Open MPI or MPICH, load its module before JupyterLab starts, or name the program in "
                "the options.",
                command=program,
            )
        return program

    async def _starter(self) -> Starter:
        """What starts ranks, and which MPI it belongs to; found out once. Raises :class:`LaunchFailed`."""
        if not self.plan.options.get("mpiexec") and allocation.inside(self.plan.environment):
            if self._srun is None:
                self._srun = asyncio.ensure_future(allocation.srun(self.plan))
            if (srun := await asyncio.shield(self._srun)) is not None:
                return srun, "srun"
        program = self._program()
        if self._flavour is None or (self._flavour.done() and self._flavour.cancelled()):
            self._flavour = asyncio.ensure_future(_ask_flavour(program, environment(self.plan)))
        return program, await asyncio.shield(self._flavour)

    def _slots(self) -> int | None:
        env = self.plan.environment
        return allocation.tasks(env) if allocation.inside(env) else mpiexec.slots(self.plan.options)

    # -- ending ---------------------------------------------------------------

    def _process_told(self, record: Mapping[str, Any]) -> None:
        if record["name"] == JOB and record["state"] != "running":
            task = asyncio.ensure_future(self._program_over(record))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _program_over(self, record: Mapping[str, Any]) -> None:
        """mpiexec has ended: say to all why."""
        said, exit = await self._said(), exit_of(record)
        blamed = await self._blamed(said, exit)
        why = self._why(said, exit.exit_code, blamed)
        sentence = "stopped as asked" if exit.asked else "ended together with mpiexec"
        if exit.exit_code == 0:
            sentence = "ended by itself, without an error, as all ranks did"
        self._ranks.program_ended(blamed, sentence, asked=exit.asked)
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(why)
        if not self._starting and not exit.asked and exit.exit_code != 0:
            self._ranks.failed(why)

    async def _blamed(self, said: str, exit: Exit) -> Culprit | None:
        """Whom mpiexec names; where it does not, or may be wrong, what we saw and what the ranks said tell more."""
        blamed = culprit(said, self._ranks.ranks_by_pid())
        if exit.asked or not exit.exit_code or (blamed is not None and blamed.aborted):
            return blamed
        if aborted := await asyncio.to_thread(self._aborted, self._ranks.slots()):
            return aborted
        if blamed is not None and blamed.sure:
            return blamed
        for _ in range(SEEN_TRIES):  # the end of a rank may be seen a moment after that of mpiexec
            if (first := self._ranks.first_ended()) is not None:
                break
            await asyncio.sleep(LOOK)
        else:
            return blamed
        if blamed is None:
            return of_code(first, exit.exit_code)  # by its own code mpiexec tells how that rank ended
        return blamed if blamed.rank == first else Culprit(first, sure=False)

    def _aborted(self, slots: Sequence[int]) -> Culprit | None:
        """With some it is the rank itself that says so (blocking)."""
        for slot in slots:
            path = self.plan.log_dir / f"{slot_name(slot)}.log"
            text = log_end(path, max(0, size(path) - LAST_WORDS)).rpartition(f"--- {slot_name(slot)} started ")[2]
            if (found := culprit(text, {})) is not None and found.aborted:
                return found
        return None

    def _why(self, said: str, code: int | None, blamed: Any) -> LaunchFailed:
        known = refused(said, self._slots())
        if known is not None:
            cause, hint = known
        elif blamed is not None:
            whom = "all ranks" if blamed.rank is None else "the others"
            cause = f"{_begun(told(blamed))}, and MPI ended {whom} with it."
            hint = "Read the log of that rank. Start the engines again to get a new set."
            if not blamed.sure:
                hint = "mpiexec does not say for certain which it was; the logs of the ranks may. " + hint
        else:
            cause = f"mpiexec ended{f' with code {code}' if code is not None else ''}, and all ranks with it."
            hint = "See what it said under Show output."
        log = slot_name(blamed.rank) if blamed is not None and blamed.rank is not None else JOB
        command = self._argv or None
        return LaunchFailed("engines", cause, hint=hint, command=command, exit_code=code, output=said or None, log=log)

    async def _said(self) -> str:
        text = await asyncio.to_thread(log_end, self._job_log, self._began)
        return "\n".join(line for line in text.splitlines() if not line.startswith(f"--- {JOB} started ")).strip()

    @property
    def _job_log(self) -> Path:
        return self.plan.log_dir / f"{JOB}.log"

    async def stop_engines(self, slots: Sequence[int], *, grace: float) -> None:
        if slots:
            # One by one they cannot end: MPI would call it a failure.
            names = [name for name in self._here.running() if name == JOB or slot_of(name) is not None]
            await self._here.stop(names, grace)

    async def interrupt_engines(self, slots: Sequence[int]) -> None:
        far = set(self._ranks.elsewhere(platform.node())) & set(slots)
        if near := [slot_name(slot) for slot in slots if slot not in far]:
            await self._here.signal(near, 2)
        if far:
            raise NotFromHere(sorted(far))

    def unsampled(self) -> list[int]:
        return self._ranks.elsewhere(platform.node())

    async def stop_all(self, *, grace: float) -> None:
        await self._here.stop(None, grace)
        await self._here.forget()

    # -- the rest of the contract -----------------------------------------------

    async def watch_usage(self, watched: bool) -> None:
        await self._here.watch_usage(watched)

    def saved(self) -> dict[str, Any]:
        return {"processes": self._here.saved(), "ranks": self._ranks.saved(), "began": self._began}

    async def reattach(self, saved: Mapping[str, Any]) -> None:
        self._began = int(saved.get("began") or 0)
        for rank in saved.get("ranks", ()):
            if rank["host"] != platform.node():
                process = Process(rank["host"], rank["pid"], rank["create_time"])
                self._ranks.engine_launched(rank["slot"], rank["uuid"], process)
        self._here.restore(saved.get("processes", ()))
        await regain(self._here)

    def known(self, said: str) -> tuple[str, str] | None:
        return loopback_only(said) if self.plan.options.get("hostfile") else None

    async def close(self) -> None:
        for asking in (self._flavour, self._srun):
            if asking is not None:
                asking.cancel()
        await self._here.close()

    async def preview(self, engines: int) -> Preview:
        return Preview(
            commands=[controller_argv(self.plan), mpiexec.argv(self.plan, engines, "unknown")],
            notes=[
                f"The second command starts all {engines} engines as ranks of one MPI program.",
                "Another number of engines is another program: all of them are replaced then.",
                f"Logs go to {self.plan.log_dir}.",
            ],
        )


async def _ask_flavour(program: Sequence[str], env: Mapping[str, str]) -> mpiexec.Flavour:
    try:
        done = await run([*program, "--version"], timeout=10.0, env=env)
    except CommandFailed:
        return "unknown"
    return mpiexec.flavour(done.output)


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _announced(folder: Path, seen: set[int]) -> list[dict[str, Any]]:
    """Ranks that are new."""
    names = [name for name in os.listdir(folder) if name.endswith(".json") and int(name[:-5]) not in seen]
    return [json.loads(read(folder / name)) for name in names]
