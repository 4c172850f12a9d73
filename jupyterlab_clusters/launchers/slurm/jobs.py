"""The jobs of one cluster: submitted, watched in the queue, given back.

Promise: nobody waits here for the queue. A job that ends unasked is one cause for
all its engines; one that is not needed any more is given back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

from ..base import EngineSpec, Exit, LaunchFailed, Watcher
from ..said import log_end, size
from . import accounts, facts, words
from .job import SlurmJob
from .leading import Lead
from .listing import Seen
from .nodes import Nodes
from .queue import queue_of
from .script import Shape, shape
from .submit import cancel, shrink, submit
from .tell import ends_with, told
from .terms import Terms

#: A running job without engines is kept this long, as engines that are restarted come back (seconds).
LINGER = 5.0
#: How long a node that is given back takes to end what it has (seconds).
END_THEMSELVES = 2.0
#: How long the nodes of a job that runs may take to dial in (seconds).
DIAL_IN = 90.0
#: How old what is told of the nodes in use may be (seconds).
IN_USE_KEPT = 60.0
#: The same when a job has only begun to wait: what was known before may be of an empty queue (seconds).
JUST_NOW = 2.0


class Jobs:
    """``nodes`` is where their engines run."""

    def __init__(self, terms: Terms, watcher: Watcher, nodes: Nodes) -> None:
        self.terms = terms
        self.by_number: dict[str, SlurmJob] = {}
        self._watcher, self._nodes = watcher, nodes
        self._tasks: set[asyncio.Task[None]] = set()
        self.submitting: set[asyncio.Future[str]] = set()
        self._closed = False

    def __iter__(self) -> Iterator[SlurmJob]:
        return iter(list(self.by_number.values()))

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """In the background, until the end."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- getting one ------------------------------------------------------------

    def holds(self, engine: EngineSpec) -> bool:
        """Whether it was begun, or waits for its job, already."""
        slot, uuid = engine.slot, engine.uuid
        waits = any(slot in job.waiting and job.waiting[slot].uuid == uuid for job in self)
        return waits or any(node.engines.get(slot) == uuid for job in self for node in job.nodes.values())

    def fill(self, engines: Sequence[EngineSpec]) -> list[EngineSpec]:
        """Give engines to jobs that have room; those that are left."""
        left = list(engines)
        for job in self.by_number.values():
            given, left = left[: job.free], left[job.free :]
            job.waiting.update({engine.slot: engine for engine in given})
        return left

    async def submit(self, engines: Sequence[EngineSpec]) -> None:
        """A new job for these. Raises :class:`LaunchFailed`."""
        terms, options = self.terms, self.terms.options
        known = await facts.fresh(terms.env)
        partition = known.partition(terms.partition or None)
        wanted = shape(len(engines), options, partition.cpus if partition else None)
        text = terms.script(wanted)
        facts.check(wanted, options, known)
        await self._submit(text, "job.sh", terms.partition, wanted, engines)

    async def submit_lead(self) -> SlurmJob:
        """The job of the controller. Raises :class:`LaunchFailed`."""
        terms, wanted = self.terms, Shape(1, 1)
        text = terms.lead_script()
        facts.check(wanted, terms.lead_options, await facts.fresh(terms.env))
        job = await self._submit(text, "controller.sh", str(terms.lead_options.get("partition") or ""), wanted, None)
        self.show()
        return job

    async def _submit(
        self, text: str, name: str, partition: str, wanted: Shape, engines: Sequence[EngineSpec] | None
    ) -> SlurmJob:
        said_from = await asyncio.to_thread(size, self.terms.log)
        # A number that was given out must be learned, whatever happens to us meanwhile.
        number = asyncio.ensure_future(submit(text, self.terms.folder / name, self.terms.env, partition))
        self.submitting.add(number)
        number.add_done_callback(lambda done: self._submitted(done, wanted, said_from, engines))
        return self.by_number[await asyncio.shield(number)]

    def _submitted(
        self, done: asyncio.Future[str], wanted: Shape, said_from: int, engines: Sequence[EngineSpec] | None
    ) -> None:
        self.submitting.discard(done)
        if not done.cancelled() and done.exception() is None:
            job = SlurmJob(done.result(), wanted.nodes, wanted.per_node, said_from=said_from)
            if engines is None:
                self.lead(job)
            else:
                job.waiting.update({engine.slot: engine for engine in engines})
            self.add(job)
        self._nodes.look()

    def lead(self, job: SlurmJob) -> None:
        """It is the controller's, and not needed any more when that has ended."""
        job.per_node = 0
        job.lead = Lead(self._watcher, self._nodes.lead, lambda: self._unled(job))

    def _unled(self, job: SlurmJob) -> None:
        if not self._closed:
            self.later(self.release(job))

    @property
    def leading(self) -> SlurmJob | None:
        """The job of the controller, if there is one."""
        return next((job for job in self if job.lead is not None and not job.asked_to_end), None)

    def add(self, job: SlurmJob) -> None:
        """From now on it is watched."""
        self.by_number[job.id] = job
        if not self._closed:
            queue_of(self.terms.env).watch(job.id, lambda seen: self._seen(job, seen), self.terms.plan.poll_interval)

    # -- watching -----------------------------------------------------------------

    def began(self, job: SlurmJob) -> None:
        """Its first node is there, which is known sooner here than in the queue."""
        if not job.ran:
            job.ran, job.state = True, "RUNNING"
            self.hurry()

    def hurry(self) -> None:
        """Something happened of which the queue will know more."""
        queue_of(self.terms.env).soon()

    def show(self, last: SlurmJob | None = None) -> None:
        """Tell of the job that a person waits for, else of one that runs; of the controller's only when it is alone."""
        jobs = [job for job in self.by_number.values() if not job.asked_to_end]
        jobs = [job for job in jobs if job.lead is None] or jobs
        shown = min(jobs, key=lambda job: job.state == "RUNNING") if jobs else last
        env = self.terms.env
        if shown is not None:
            job = told(shown, facts.known(env), accounts.known(env), self.terms.options)
            self._watcher.job_changed(ends_with(job, self.leading))

    def _seen(self, job: SlurmJob, seen: Seen) -> None:
        if self._closed or self.by_number.get(job.id) is not job:
            return
        before, reason, job.seen = job.state, job.seen.reason if job.seen else "", seen
        if not seen.silent:
            # A node that has dialled in knows better than a list that was made before.
            job.state = "RUNNING" if job.ran and seen.waiting else seen.state
        if job.ran and seen.waiting and job.nodes and all(node.ending for node in job.nodes.values()):
            job.state = "REQUEUED"
            self.later(self._put_back(job))
            return
        if seen.over:
            self.later(self._over(job))
            return
        if job.state == "RUNNING" and before != "RUNNING":
            asyncio.get_running_loop().call_later(DIAL_IN, self._dialled_in, job)
        if seen.waiting and seen.reason in ("Resources", "Priority"):
            self.later(self._count_nodes(IN_USE_KEPT if reason == seen.reason else JUST_NOW))
        self.show()

    async def _count_nodes(self, within: float) -> None:
        """How many nodes are in use is part of why a job waits."""
        before = facts.known(self.terms.env)
        if await facts.fresh(self.terms.env, within=within) is not before:
            self.show()

    def _dialled_in(self, job: SlurmJob) -> None:
        if self.by_number.get(job.id) is job and not job.nodes and not job.asked_to_end and not self._closed:
            self.later(self._not_dialled_in(job))

    async def _not_dialled_in(self, job: SlurmJob) -> None:
        why = LaunchFailed(
            "engines",
            f"Slurm's job {job.id} runs, but none of its nodes has reached this server (port {self._nodes.port}).",
            hint="A firewall may stand between; or the Python of the nodes cannot be started.",
            output=await self.said(job),
            log="job",
        )
        self.lost(job, why)
        await self.release(job)

    async def said(self, job: SlurmJob) -> str | None:
        """What stands in its log."""
        return await asyncio.to_thread(log_end, self.terms.log, job.said_from) or None

    async def _put_back(self, job: SlurmJob) -> None:
        """Its next run would be without the engines it had: nobody is served by it."""
        cause, hint = words.ended(job.id, job.state)
        self.lost(job, LaunchFailed("engines", cause, hint=hint, output=await self.said(job), log="job"))
        await self.release(job)

    # -- ending ---------------------------------------------------------------------

    async def _over(self, job: SlurmJob) -> None:
        """Slurm has ended it, or somebody else has."""
        assert job.seen is not None
        if not job.asked_to_end:
            output = await self.said(job)
            if job.state == "FAILED" and output and words.TOO_MUCH_MEMORY.search(output):
                job.state = "OUT_OF_MEMORY"
            cause, hint = words.ended(job.id, job.state, job.seen.exit_code)
            if not job.nodes and output and (known := words.refused(output)) is not None:
                cause, hint = known
            elif job.lead is not None and not job.lead.waits:
                cause = f"{cause.rstrip('.')}; the controller ran in it."
            self.lost(job, LaunchFailed("engines" if job.ran else "queue", cause, hint=hint, output=output, log="job"))
        await self.drop(job)
        self.show(job)

    def lost(self, job: SlurmJob, why: LaunchFailed) -> None:
        """One cause for all its engines, then what has become of each."""
        if job.engines or (job.lead is not None and not job.lead.waits):
            self._watcher.failed(why)
        if job.lead is not None:
            job.lead.over(why, words.because(job.id, job.state))
        for node in job.nodes.values():
            node.ending = True
            node.watcher.gone(job.state)
        for engine in list(job.waiting.values()):
            self._watcher.engine_exited(engine.slot, engine.uuid, Exit(because=words.because(job.id, job.state)))
        job.waiting.clear()

    async def drop(self, job: SlurmJob) -> None:
        """It is over."""
        if self.by_number.get(job.id) is job:
            del self.by_number[job.id]
        await self._nodes.end(job)
        await self._nodes.let_go(job)

    async def give_back(self) -> None:
        """Jobs, and nodes of jobs, that have no engine any more: at once if they wait, else after a while."""
        for job in self:
            if job.joined or job.lead is not None:
                continue
            if job.ran:
                asyncio.get_running_loop().call_later(LINGER, self._give_back, job)
            elif not job.engines:
                await self.release(job)

    def _give_back(self, job: SlurmJob) -> None:
        if self.by_number.get(job.id) is not job or job.asked_to_end or self._closed:
            return
        if job.engines and not (job.seen is not None and job.seen.nodes):
            # The queue has not told yet which node runs the script.
            asyncio.get_running_loop().call_later(LINGER, self._give_back, job)
        else:
            self.later(self._shrink(job) if job.engines else self.release(job))

    async def _shrink(self, job: SlurmJob) -> None:
        if not await self._nodes.spare(job):
            return
        self.show()
        # By Slurm alone they would be killed, and leave their folders there.
        await asyncio.sleep(END_THEMSELVES)
        with contextlib.suppress(LaunchFailed):  # where it is not allowed they go back with the job
            await shrink(job.id, sorted(job.nodes), self.terms.env)
        self.hurry()

    async def release(self, job: SlurmJob) -> None:
        """It is not needed any more; its end is seen in the queue, and tried again at the stop."""
        job.asked_to_end = True
        await self._nodes.end(job)
        if not job.joined:
            with contextlib.suppress(LaunchFailed):
                await cancel([job.id], self.terms.env)
        self.hurry()
        self.show()

    async def close(self) -> None:
        """Watch no more; submissions under way are waited for."""
        self._closed = True
        for task in list(self._tasks):
            task.cancel()
        if self.submitting:
            await asyncio.wait(list(self.submitting))
        for number in self.by_number:
            queue_of(self.terms.env).forget(number)
