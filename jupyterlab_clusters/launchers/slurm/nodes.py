"""The nodes of a cluster's jobs: they dial in, and engines begin there.

Promise: engines that wait begin as soon as a node of their job is there, evenly
over its nodes. A node that falls silent is said, and found again when it speaks.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...host import start
from ...timed import within
from ..agent import AgentError, AgentLost, Streams
from ..base import EngineSpec, Exit, LaunchFailed, Plan, Watcher
from ..commandline import controller_args, engine_args, engine_environment, environment, fork_wanted
from ..hostside import CONTROLLER, Begin, slot_name
from ..local import begin_here
from .dialback import DialBack
from .gpus import seen
from .job import Node, SlurmJob, restored
from .terms import Terms

if TYPE_CHECKING:
    from .jobs import Jobs

#: How long nodes may take to dial in again after a restart of the server (seconds).
DIAL_AGAIN = 8.0
UNREACHED = (AgentError, AgentLost, OSError, RuntimeError, LaunchFailed)


class Nodes:
    """``jobs`` is set by who makes both."""

    jobs: Jobs

    def __init__(self, terms: Terms, watcher: Watcher) -> None:
        self.terms = terms
        self._watcher = watcher
        self._dial: DialBack | None = None
        self._opening = asyncio.Lock()
        self._usage = False
        self._closed = False

    def __iter__(self) -> Iterator[Node]:
        return iter([node for job in self.jobs for node in job.nodes.values()])

    @property
    def port(self) -> int | None:
        return self._dial.port if self._dial is not None else None

    async def listen(self) -> None:
        """Raises :class:`LaunchFailed`."""
        async with self._opening:
            if self._dial is not None or self._closed:
                return
            terms = self.terms
            dial = DialBack(terms.folder, terms.run, came=self._came, fell_silent=self._silent, ending=self._ending)
            try:
                # That of the controller is not ours when it has a job of its own.
                location = None if terms.leads else terms.plan.settings.get("Cluster.controller_location")
                await dial.open(location=location)
            except OSError as error:
                cause = f"The port to which the nodes dial cannot be opened: {error}."
                raise LaunchFailed("submit", cause, hint="Another program may use it; try again.") from error
            self._dial = dial

    # -- what is told ---------------------------------------------------------------

    def _came(self, number: str, name: str) -> None:
        job = self.jobs.by_number.get(number)
        if job is None and self.jobs.submitting:
            return  # a node may be quicker than the answer that tells the number of its job
        if job is None or job.asked_to_end:
            # One that we do not know, or need: it gives itself back.
            if self._dial is not None:
                self.jobs.later(self._dial.end(number))
            return
        self.jobs.began(job)
        node = job.nodes.get(name) or self.new(job, name)
        node.silent = False
        self.jobs.show()
        self.jobs.later(self._ready(node))

    def look(self) -> None:
        """The number of another job is known from now on, or there is none: nodes may be there already."""
        for number, name in self._dial.there() if self._dial is not None else ():
            if self._node(number, name) is None:
                self._came(number, name)

    def new(self, job: SlurmJob, name: str) -> Node:
        node = Node(job, name, self.terms.group, self._watcher, self._connect, self.terms.plan.log_dir, self._back)
        job.nodes[name] = node
        return node

    async def _connect(self, number: str, name: str) -> Streams:
        if self._dial is None:
            raise AgentLost("nobody listens for nodes")
        return await self._dial.connect(number, name)

    async def _ready(self, node: Node) -> None:
        try:
            await node.side.reach()
            if self._usage:
                await node.side.watch_usage(True)
        except UNREACHED:
            return  # it dials in again, or its job ends
        if node.job.lead is not None:
            await node.job.lead.ready(node)
        await self.place()

    def _silent(self, number: str, name: str) -> None:
        node = self._node(number, name)
        if node is None or node.ending or node.job.asked_to_end:
            return
        node.silent = True
        self._away(node, f"The node {name} of Slurm's job {number} does not answer.")
        self.jobs.hurry()

    def _away(self, node: Node, cause: str) -> None:
        if node.engines or node.job.lead is not None:
            node.cut = True
            hint = "It may be down or cut off; if Slurm thinks so too, it will end the job."
            self._watcher.cut_off(node.place_name, node.slots(), LaunchFailed("engines", cause, hint=hint))

    def _back(self, node: Node, *, gone: bool = False) -> None:
        """It answers again, or there is nothing left there that could."""
        if node.cut:
            node.cut = False
            self._watcher.regained(node.place_name, () if gone else node.slots())

    def _ending(self, number: str, name: str) -> None:
        """The batch system has told the processes there to end: why, the queue will say."""
        node = self._node(number, name)
        if node is not None:
            node.ending = True
            self.jobs.hurry()

    def _node(self, number: str, name: str) -> Node | None:
        job = self.jobs.by_number.get(number)
        return job.nodes.get(name) if job is not None else None

    # -- engines ----------------------------------------------------------------------

    async def place(self) -> None:
        """Begin what waits on the nodes that are there."""
        begun = []
        for job in self.jobs:
            there = [node for node in job.nodes.values() if not (node.silent or node.ending)]
            for node in sorted(there, key=lambda node: len(node.engines)):
                if engines := job.share(node):
                    node.engines.update({engine.slot: engine.uuid for engine in engines})
                    begun.append(self._begin(node, engines))
        await asyncio.gather(*begun)

    def _there(self, node: Node, step: str, module: str) -> tuple[Plan, Begin, list[str]]:
        """What is begun there is as the job found it: with its modules, and what the batch system says there."""
        found = self._dial.found(node.job.id, node.name) if self._dial is not None else None
        if found is None:
            raise LaunchFailed(step, f"The node {node.name} does not answer any more.")
        plan = replace(self.terms.plan, environment=found["environment"])
        begin = Begin(
            env=environment(plan),
            cwd=begin_here(plan).cwd,
            python=found["executable"],
            fork=fork_wanted(plan),
            preload=list(plan.options.get("preload", ())),
        )
        return plan, begin, start.program(found["executable"], f"jupyterlab_clusters.host.{module}", found["root"])

    async def lead(self, node: Node) -> None:
        """Begin the controller there. Raises :class:`LaunchFailed`."""
        plan, begin, program = self._there(node, "controller", "controller")
        argv = [*program, *open_to_nodes(controller_args(plan))]
        process: dict[str, Any] = {
            "name": CONTROLLER,
            "uuid": None,
            "argv": argv,
            "args": [],
            "env": {},
            "role": "controller",
        }
        await node.side.spawn("controller", replace(begin, fork=False), [process])

    async def _begin(self, node: Node, engines: Sequence[EngineSpec]) -> None:
        try:
            plan, begin, program = self._there(node, "engines", "engine")
            processes = [_process(plan, program, engine) for engine in engines]
            if not node.job.joined:
                for engine, process in zip(engines, processes, strict=True):
                    process["env"].update(seen(plan.environment, node.place(engine.slot), node.job.per_node))
            await node.side.spawn("engines", begin, processes)
        except LaunchFailed as error:
            for engine in engines:
                if node.engines.get(engine.slot) == engine.uuid and not node.running([engine.slot]):
                    node.watcher.engine_exited(engine.slot, engine.uuid, Exit(because="could not be begun"))
            self._watcher.failed(error)

    async def watch_usage(self, watched: bool) -> None:
        self._usage = watched
        await asyncio.gather(*(node.side.watch_usage(watched) for node in self if not node.silent))

    # -- ending -----------------------------------------------------------------------

    async def stopped(self, grace: float) -> None:
        """All engines; those of a node that does not answer end with its job."""
        await asyncio.gather(*(_stopped(node, grace) for node in self if node.side.running() and not node.silent))

    async def end(self, job: SlurmJob) -> None:
        """Its nodes end what they have and give themselves back."""
        if self._dial is not None:
            await self._dial.end(job.id)

    async def spare(self, job: SlurmJob) -> bool:
        """Nodes of it on which nothing runs are done without; whether there were any. Its first node, where its
        script runs, is not one of them."""
        kept = job.seen.nodes[:1] if job.seen is not None else ()
        idle = [node for node in job.nodes.values() if not node.engines and node.name not in kept]
        if job.waiting or not kept or not idle or len(idle) == len(job.nodes) or len(job.nodes) != job.nodes_asked:
            return False
        for node in idle:
            del job.nodes[node.name]
        job.nodes_asked = len(job.nodes)
        if self._dial is not None:
            await self._dial.end(job.id, [node.name for node in idle])
        await asyncio.gather(*(node.side.close() for node in idle))
        return True

    async def let_go(self, job: SlurmJob) -> None:
        for node in job.nodes.values():
            self._back(node, gone=True)
        await asyncio.gather(*(node.side.close() for node in job.nodes.values()))

    async def close(self, *, remove: bool = False) -> None:
        """``remove`` = for good."""
        self._closed = True
        await asyncio.gather(*(node.side.close() for node in self))
        if self._dial is not None:
            await self._dial.close(remove=remove)
            self._dial = None

    # -- after a restart of the server ----------------------------------------------------

    def restore(self, job: SlurmJob, saved: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        for name, records in saved.items():
            restored(self.new(job, name), records)

    async def back(self) -> list[Node]:
        """Wait for those that were there; those that are not back when it has been long enough go on being tried."""
        loop = asyncio.get_running_loop()
        end = loop.time() + DIAL_AGAIN
        while self._missing() and loop.time() < end:  # noqa: ASYNC110 - a look at a few entries
            await asyncio.sleep(0.05)
        absent = self._missing()
        there = [node for node in self if node not in absent]
        results = await asyncio.gather(*(node.side.reach() for node in there), return_exceptions=True)
        absent += [node for node, result in zip(there, results, strict=True) if isinstance(result, BaseException)]
        for node in absent:
            node.side.keep_trying()
            self._away(node, f"The node {node.name} of Slurm's job {node.job.id} has not dialled in again yet.")
        return absent

    def _missing(self) -> list[Node]:
        """A job that has ended meanwhile takes its nodes out of the list."""
        return [node for node in self if self._dial is None or self._dial.found(node.job.id, node.name) is None]


async def _stopped(node: Node, grace: float) -> None:
    with contextlib.suppress(*UNREACHED, asyncio.TimeoutError):
        await within(grace + 10.0, node.side.stop(None, grace))


def open_to_nodes(argv: Sequence[str]) -> list[str]:
    """A controller that engines on other machines can reach."""
    return [*argv] if any(word.startswith("--ip=") for word in argv) else [*argv, "--ip=*"]


def _process(plan: Plan, program: Sequence[str], engine: EngineSpec) -> dict[str, Any]:
    args = engine_args(plan, engine.uuid, engine.asks_id)
    return {
        "name": slot_name(engine.slot),
        "uuid": engine.uuid,
        "argv": [*program, *args],
        "args": args,
        "env": engine_environment(plan, engine),
        "role": "engine",
    }
