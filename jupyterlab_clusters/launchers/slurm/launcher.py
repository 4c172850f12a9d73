"""Engines in jobs of a Slurm queue, one agent a node; the controller runs here, or in a job of its own.

Promise: engines that there is room for begin at once, others wait for a job that
is submitted for them; nobody waits here for the queue. A stop has proved that no
job is left. An allocation that we only joined is left alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import secrets
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...host.private import read
from ..base import Capabilities, EngineSpec, Exit, Launcher, LaunchFailed, NotAllBegun, Plan, Preview, Watcher
from ..local import begin_here, controller_process, here, regain
from ..loopback import loopback_only
from ..said import size
from . import facts, words
from .expected import expected, within
from .job import SlurmJob
from .jobs import Jobs
from .nodes import Nodes, open_to_nodes
from .queue import queue_of
from .script import shape
from .submit import cancel, joined, until_gone
from .terms import Terms

CAPABILITIES = Capabilities(scale="live", stop_one=True, restart_one=True, interrupt_one=True, log_per_engine=True)

#: The name of srun among the processes here, when an allocation was joined.
STEP = "job"
#: How long a preview waits for Slurm (seconds): it is to be answered within 200 ms.
PATIENCE = 0.12
#: Places on a node of an allocation that was joined: nobody asked for a number of them.
PLENTY = 100_000


class SlurmLauncher(Launcher):
    """The controller here or in a job, engines on the nodes of jobs."""

    name = "slurm"
    capabilities = CAPABILITIES

    def __init__(self, plan: Plan, watcher: Watcher, *, runtime_dir: Path) -> None:
        super().__init__(plan, watcher)
        self._here = here(plan, watcher, runtime_dir, self._step_told)
        self._stopping = False
        self._set_up(secrets.token_hex(4))

    def _set_up(self, run: str) -> None:
        self.terms = Terms(self.plan, run)
        self.nodes = Nodes(self.terms, self.watcher)
        self.jobs = self.nodes.jobs = Jobs(self.terms, self.watcher, self.nodes)

    # -- starting -------------------------------------------------------------

    async def prepare(self) -> None:
        with contextlib.suppress(LaunchFailed, OSError):
            await asyncio.gather(self.nodes.listen(), facts.fresh(self.terms.env))

    @property
    def controller_waits(self) -> bool:
        job = self.jobs.leading
        return job is not None and job.lead is not None and job.lead.waits and not self._stopping

    async def start_controller(self) -> None:
        if self.terms.leads:
            await self.nodes.listen()
            job = self.jobs.leading or await self.jobs.submit_lead()
            assert job.lead is not None
            await job.lead.begun()
            return
        process = controller_process(self.plan)
        process["argv"] = open_to_nodes(process["argv"])
        await self._here.spawn("controller", begin_here(self.plan), [process])

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        """Returns when all have a node, or a job that is to bring one."""
        await self.nodes.listen()
        engines = [engine for engine in engines if not self.jobs.holds(engine)]
        left = self.jobs.fill(sorted(engines, key=lambda engine: engine.slot))
        failure = None
        if left:
            try:
                await self._bring(left)
            except LaunchFailed as error:
                if len(left) == len(engines):
                    raise
                failure = NotAllBegun([engine.slot for engine in left], error)
        await self.nodes.place()
        self.jobs.show()
        if failure is not None:
            raise failure

    async def _bring(self, engines: Sequence[EngineSpec]) -> None:
        """A job for those that have none."""
        if (allocation := self.terms.allocation) is None:
            await self.jobs.submit(engines)
            return
        if allocation not in self.jobs.by_number:
            await self._join(allocation)
        self.jobs.by_number[allocation].waiting.update({engine.slot: engine for engine in engines})

    async def _join(self, allocation: str) -> None:
        nodes, width = await joined(allocation, self.terms.env)
        job = SlurmJob(allocation, nodes, PLENTY, joined=True)
        job.said_from = await asyncio.to_thread(size, self.terms.log)
        argv = self.terms.step(allocation, nodes, width)
        begin = replace(begin_here(self.plan), env=self.terms.env)
        process = {"name": STEP, "uuid": self.terms.run, "argv": argv, "args": [], "env": {}, "role": "engine"}
        self.jobs.add(job)
        try:
            await self._here.spawn("submit", begin, [process])
        except LaunchFailed:
            await self.jobs.drop(job)
            raise

    # -- ending -------------------------------------------------------------------

    def together(self) -> list[set[int]]:
        newest_first = [job for job in reversed(list(self.jobs)) if not job.joined]
        return [slots for job in newest_first for slots in job.together()]

    async def stop_engines(self, slots: Sequence[int], *, grace: float) -> None:
        wanted = set(slots)
        for job in self.jobs:
            for slot in wanted & set(job.waiting):
                self.watcher.engine_exited(slot, job.waiting.pop(slot).uuid, Exit(asked=True))
        stops = [node.side.stop(names, grace) for node in self.nodes if (names := node.running(wanted))]
        await _all(stops)
        await self.jobs.give_back()

    async def interrupt_engines(self, slots: Sequence[int]) -> None:
        await _all([node.side.signal(names, 2) for node in self.nodes if (names := node.running(slots))])

    async def stop_all(self, *, grace: float) -> None:
        self._stopping = True
        await self.jobs.close()
        jobs, env = list(self.jobs), self.terms.env
        ours = [job.id for job in jobs if not job.joined]
        # What waits must not begin while the rest is being ended; where Slurm does not answer, that is said at the end.
        if waiting := [job.id for job in jobs if not job.joined and not job.ran]:
            self.jobs.later(self._cancelled(waiting))
        await self.nodes.stopped(grace)
        for job in jobs:
            await self.nodes.end(job)
        if self._used_here:
            await self._here.stop(None, grace)
        if ours:
            await cancel(ours, env, name=self.terms.job_name, user=getpass.getuser())
            await until_gone(ours, env)
        if self._used_here:
            await self._here.forget()
        await self.nodes.close(remove=True)
        self.jobs.by_number.clear()
        self.watcher.job_changed(None)

    @property
    def _used_here(self) -> bool:
        """Whether anything was begun on this machine."""
        return not self.terms.leads or bool(self._here.running())

    async def _cancelled(self, numbers: Sequence[str]) -> None:
        with contextlib.suppress(LaunchFailed):
            await cancel(numbers, self.terms.env)

    def _step_told(self, record: Mapping[str, Any]) -> None:
        """srun in an allocation that was joined has ended."""
        job = next((job for job in self.jobs if job.joined), None)
        if record["name"] == STEP and record["state"] != "running" and job is not None and not self._stopping:
            queue_of(self.terms.env).forget(job.id)
            self.jobs.later(self._step_over(job, record))

    async def _step_over(self, job: SlurmJob, record: Mapping[str, Any]) -> None:
        output, code = await self.jobs.said(job), record.get("exit_code")
        cause, hint = words.refused(output or "") or (
            f"srun in Slurm's job {job.id} has ended, and all engines with it.",
            "See its log; perhaps the allocation is over.",
        )
        job.state = "ENDED"
        self.jobs.lost(job, LaunchFailed("engines", cause, hint=hint, exit_code=code, output=output, log=STEP))
        await self.jobs.drop(job)

    # -- the rest of the contract ---------------------------------------------------

    async def watch_usage(self, watched: bool) -> None:
        await self.nodes.watch_usage(watched)

    def saved(self) -> dict[str, Any]:
        jobs = [job.saved() for job in self.jobs]
        return {"processes": self._here.saved(), "run": self.terms.run, "jobs": jobs}

    async def reattach(self, saved: Mapping[str, Any]) -> None:
        self._set_up(str(saved.get("run") or self.terms.run))
        self._here.restore(saved.get("processes", ()))
        jobs = saved.get("jobs") or []
        if jobs:
            connection = await asyncio.to_thread(_connection, self.plan)
            for record in jobs:
                job = SlurmJob.restored(record, connection)
                if record.get("leads"):
                    self.jobs.lead(job)
                self.jobs.add(job)
                self.nodes.restore(job, record.get("nodes") or {})
        if self._used_here:
            await regain(self._here)
        self.jobs.show()
        if not jobs:
            return
        try:
            # Only now: a node whose job is not known is sent away.
            await self.nodes.listen()
        except LaunchFailed as error:
            raise NotAllBegun([], error) from error  # engines go on, and the hub knows them
        if lost := [node.name for node in await self.nodes.back() if node.job.lead is not None]:
            cause = f"The node {lost[0]}, on which the controller runs, has not dialled in again yet."
            raise LaunchFailed("controller", cause, hint="It may be cut off; what runs there goes on.")

    def known(self, said: str) -> tuple[str, str] | None:
        return loopback_only(said)

    async def close(self) -> None:
        self._stopping = True
        await self.jobs.close()
        await self.nodes.close()
        await self._here.close()

    async def preview(self, engines: int) -> Preview:
        terms, controller = self.terms, controller_process(self.plan)["argv"]
        logs = f"Logs go to {self.plan.log_dir}, which the nodes must see."
        if (allocation := terms.allocation) is not None:
            note = f"Engines run in job {allocation}, which is left alone when they stop."
            return Preview(commands=[controller, terms.step(allocation, 1, None)], notes=[note, logs])
        deadline = asyncio.get_running_loop().time() + PATIENCE
        known = await within(PATIENCE, facts.fresh(terms.env)) or facts.known(terms.env)
        partition = known.partition(terms.partition or None)
        wanted = shape(max(engines, 1), terms.options, partition.cpus if partition else None)
        text, path = terms.script(wanted), str(terms.folder / "job.sh")
        try:
            facts.check(wanted, terms.options, known)
            rest = deadline - asyncio.get_running_loop().time()
            note = (await expected(text, terms.env, terms.partition, patience=rest)).note()
        except LaunchFailed as error:
            note = f"The partition can never fulfil this: {error.cause}"
        notes = [note, f"{wanted.nodes} nodes with room for {wanted.per_node} engines on each.", logs]
        commands, files = [["sbatch", "--parsable", path]], [Preview.File(path, text)]
        if terms.leads:
            lead = str(terms.folder / "controller.sh")
            commands.insert(0, ["sbatch", "--parsable", lead])
            files.insert(0, Preview.File(lead, terms.lead_script()))
            notes.append("The controller's job comes first; that of the engines is submitted when it runs.")
        else:
            commands.insert(0, controller)
        return Preview(commands=commands, files=files, script=text, notes=notes)


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All at the same time; raises the first failure when all are done."""
    for result in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _connection(plan: Plan) -> str:
    """What engines that still wait are told of the controller; empty when it has gone."""
    name = f"ipcontroller-{plan.cluster_id}" if plan.cluster_id else "ipcontroller"
    try:
        return read(plan.profile_dir / "security" / f"{name}-engine.json", secret=True)
    except OSError:
        return ""
