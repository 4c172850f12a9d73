"""Engines in jobs of a Slurm queue, one agent a node; the controller runs here.

Promise: engines that there is room for begin at once, others wait for a job that
is submitted for them; nobody waits here for the queue. A job of which nothing is
left is given back, and a stop has proved that none is. An allocation that we only
joined is left alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import re
import secrets
import sys
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...host import start
from ..agent import AgentError, AgentLost
from ..base import Capabilities, EngineSpec, Exit, Launcher, LaunchFailed, NotAllBegun, Plan, Preview, Watcher
from ..commandline import engine_args, engine_environment, environment, fork_wanted
from ..hostside import Begin, slot_name
from ..local import begin_here, controller_process, here
from . import facts, words
from .dialback import DialBack
from .job import Node, SlurmJob, restored
from .queue import Seen, queue_of
from .script import Shape, script, shape, srun
from .submit import cancel, joined, log_end, submit, until_gone
from .tell import told

CAPABILITIES = Capabilities(scale="live", stop_one=True, restart_one=True, interrupt_one=True, log_per_engine=True)

#: A running job without engines is kept this long, as engines that are restarted come back (seconds).
LINGER = 5.0
#: How long the nodes of a job that runs may take to dial in (seconds).
DIAL_IN = 90.0
#: How long nodes may take to dial in again after a restart of the server (seconds).
DIAL_AGAIN = 8.0
#: The name of srun among the processes here, when an allocation was joined.
STEP = "job"


class SlurmLauncher(Launcher):
    """The controller here, engines on the nodes of jobs."""

    name = "slurm"
    capabilities = CAPABILITIES

    def __init__(self, plan: Plan, watcher: Watcher, *, runtime_dir: Path) -> None:
        super().__init__(plan, watcher)
        self.run = secrets.token_hex(4)
        self.jobs: dict[str, SlurmJob] = {}
        self._here = here(plan, watcher, runtime_dir, self._step_told)
        self._dial: DialBack | None = None
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._submitting: set[asyncio.Future[str]] = set()
        self._shown: str | None = None
        self._usage = False
        self._over = False

    # -- what is known --------------------------------------------------------

    @property
    def _folder(self) -> Path:
        return self.plan.log_dir / "slurm"

    @property
    def _log(self) -> Path:
        return self.plan.log_dir / "job.log"

    @property
    def _group(self) -> str:
        """The name of this run at agents."""
        return f"{self.plan.key}@{self.run}"

    @property
    def _job_name(self) -> str:
        """By it all jobs of this run are found, also one whose number we never heard."""
        return f"ipp-{re.sub('[^A-Za-z0-9_.-]', '-', self.plan.key).strip('-')}-{self.run}"

    @property
    def _env(self) -> dict[str, str]:
        """For Slurm's commands: without what belongs to an allocation that the server itself runs in."""
        env = environment(self.plan)
        keep = ("SLURM_CONF", "SLURM_CLUSTERS", "SLURM_TIME_FORMAT")
        return {name: value for name, value in env.items() if not name.startswith("SLURM_") or name in keep}

    @property
    def _joins(self) -> str | None:
        """The allocation to join, if any."""
        given = self.plan.options.get("job_id") or self.plan.environment.get("SLURM_JOB_ID")
        return str(given) if given else None

    # -- starting -------------------------------------------------------------

    async def prepare(self) -> None:
        with contextlib.suppress(LaunchFailed, OSError):
            await self._listen()
            await facts.fresh(self._env)

    async def start_controller(self) -> None:
        process = controller_process(self.plan)
        if not any(word.startswith("--ip=") for word in process["argv"]):
            process["argv"].append("--ip=*")
        await self._here.spawn("controller", begin_here(self.plan), [process])

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        """Returns when all have a node or a job that is to bring one."""
        await self._listen()
        left = sorted(engines, key=lambda engine: engine.slot)
        for job in self.jobs.values():
            given, left = left[: job.free], left[job.free :]
            job.waiting.update({engine.slot: engine for engine in given})
        failure = None
        if left:
            try:
                await self._bring(left)
            except LaunchFailed as error:
                if len(left) == len(engines):
                    raise
                failure = NotAllBegun([engine.slot for engine in left], error)
        await self._place()
        self._show()
        if failure is not None:
            raise failure

    async def _bring(self, engines: Sequence[EngineSpec]) -> None:
        """A job for those that have none."""
        if (allocation := self._joins) is not None:
            await self._join(allocation, engines)
            return
        known = await facts.fresh(self._env)
        partition = known.partition(self.plan.options.get("partition"))
        wanted = shape(len(engines), self.plan.options, partition.cpus if partition else None)
        facts.check(wanted, self.plan.options, known)
        said_from = await asyncio.to_thread(_size, self._log)
        # A number that was given out must be learned, whatever happens to us meanwhile.
        number = asyncio.ensure_future(
            submit(self._script(wanted), self._folder, self._env, str(self.plan.options.get("partition") or ""))
        )
        self._submitting.add(number)
        number.add_done_callback(self._submitting.discard)
        number.add_done_callback(lambda done: self._submitted(done, wanted, said_from, engines))
        await asyncio.shield(number)

    def _submitted(
        self, done: asyncio.Future[str], wanted: Shape, said_from: int, engines: Sequence[EngineSpec]
    ) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        job = SlurmJob(done.result(), wanted.nodes, wanted.per_node, said_from=said_from)
        job.waiting.update({engine.slot: engine for engine in engines})
        self.jobs[job.id] = job
        self._watch(job)

    async def _join(self, allocation: str, engines: Sequence[EngineSpec]) -> None:
        if allocation not in self.jobs:
            nodes, width = await joined(allocation, self._env)
            # Nobody asked for a number of places: the allocation is shared out.
            job = SlurmJob(allocation, nodes, 100_000, joined=True)
            job.said_from = await asyncio.to_thread(_size, self._log)
            argv = self._srun(nodes, width, allocation)
            begin = replace(begin_here(self.plan), env=self._env)
            process = {"name": STEP, "uuid": self.run, "argv": argv, "args": [], "env": {}, "role": "engine"}
            await self._here.spawn("submit", begin, [process])
            self.jobs[allocation] = job
            self._watch(job)
        self.jobs[allocation].waiting.update({engine.slot: engine for engine in engines})

    def _dialer(self) -> list[str]:
        python = str(self.plan.options.get("python") or sys.executable)
        return [*start.program(python, "jupyterlab_clusters.host.dialer"), str(self._folder / "node.key")]

    def _srun(self, nodes: int, width: int | None, allocation: str) -> list[str]:
        return srun(nodes, width, self._dialer(), f"--jobid={allocation}", "--overlap")

    def _script(self, wanted: Shape) -> str:
        try:
            return script(self._job_name, str(self._log), wanted, self.plan.options, self._dialer())
        except ValueError as error:
            raise LaunchFailed("submit", str(error), hint="Correct it in the options of this cluster.") from error

    async def _listen(self) -> None:
        async with self._opening:
            if self._dial is not None or self._over:
                return
            dial = DialBack(
                self._folder, self.run, came=self._node_came, fell_silent=self._node_silent, ending=self._node_ending
            )
            try:
                await dial.open(location=self.plan.settings.get("Cluster.controller_location"))
            except OSError as error:
                cause = f"The port to which the nodes dial cannot be opened: {error}."
                raise LaunchFailed("submit", cause, hint="Another program may use it; try again.") from error
            self._dial = dial

    # -- nodes ------------------------------------------------------------------

    def _node_came(self, number: str, name: str) -> None:
        job = self.jobs.get(number)
        if job is None or job.asked_to_end:
            if self._dial is not None:
                self._later(self._dial.end(number))
            return
        if not job.ran:
            job.ran, job.state = True, "RUNNING"
            queue_of(self._env).soon()
        node = job.nodes.get(name) or self._new_node(job, name)
        node.silent = False
        self._show()
        self._later(self._node_ready(node))

    def _new_node(self, job: SlurmJob, name: str) -> Node:
        assert self._dial is not None
        node = Node(job, name, self._group, self.watcher, self._dial.connect, self.plan.log_dir)
        job.nodes[name] = node
        return node

    async def _node_ready(self, node: Node) -> None:
        try:
            await node.side.reach()
            if self._usage:
                await node.side.watch_usage(True)
        except (AgentError, AgentLost, OSError, RuntimeError, LaunchFailed):
            return  # it dials in again, or its job ends
        await self._place()

    def _node_silent(self, number: str, name: str) -> None:
        node = self._node(number, name)
        if node is None or node.ending or node.job.asked_to_end:
            return
        node.silent = True
        queue_of(self._env).soon()
        if node.engines:
            self.watcher.failed(
                LaunchFailed(
                    "engines",
                    f"The node {name} of Slurm's job {number} does not answer.",
                    hint="It may be down or cut off; if Slurm thinks so too, it will end the job.",
                )
            )

    def _node_ending(self, number: str, name: str) -> None:
        """The batch system has told the processes there to end: why, Slurm knows."""
        node = self._node(number, name)
        if node is not None:
            node.ending = True
            queue_of(self._env).soon()

    def _node(self, number: str, name: str) -> Node | None:
        job = self.jobs.get(number)
        return job.nodes.get(name) if job is not None else None

    async def _place(self) -> None:
        """Begin what waits on the nodes that are there."""
        begun = []
        for job in self.jobs.values():
            there = [node for node in job.nodes.values() if not (node.silent or node.ending)]
            for node in sorted(there, key=lambda node: len(node.engines)):
                if engines := job.share(node):
                    node.engines.update({engine.slot: engine.uuid for engine in engines})
                    begun.append(self._begin(node, engines))
        await asyncio.gather(*begun)

    async def _begin(self, node: Node, engines: Sequence[EngineSpec]) -> None:
        assert self._dial is not None
        found = self._dial.found(node.job.id, node.name)
        try:
            if found is None:
                raise LaunchFailed("engines", f"The node {node.name} does not answer any more.")
            plan = replace(self.plan, environment=found["environment"])
            program = start.program(found["executable"], "jupyterlab_clusters.host.engine", found["root"])
            begin = Begin(
                env=environment(plan),
                cwd=begin_here(plan).cwd,
                python=found["executable"],
                fork=fork_wanted(plan),
                preload=list(plan.options.get("preload", ())),
            )
            await node.side.spawn("engines", begin, [_process(plan, program, engine) for engine in engines])
        except LaunchFailed as error:
            for engine in engines:
                if node.engines.get(engine.slot) == engine.uuid and not node.running([engine.slot]):
                    node.watcher.engine_exited(engine.slot, engine.uuid, Exit(because="could not be begun"))
            self.watcher.failed(error)

    # -- the queue ----------------------------------------------------------------

    def _watch(self, job: SlurmJob) -> None:
        queue_of(self._env).watch(job.id, lambda seen: self._seen(job, seen))

    def _seen(self, job: SlurmJob, seen: Seen) -> None:
        """Slurm has told of it."""
        if self._over or self.jobs.get(job.id) is not job:
            return
        before, job.seen = job.state, seen
        if not seen.silent:
            # A node that has dialled in knows better than a list that was made before.
            job.state = "RUNNING" if job.ran and seen.waiting and seen.state != "REQUEUED" else seen.state
        if seen.over:
            self._later(self._job_over(job))
            return
        if job.state == "RUNNING" and before != "RUNNING":
            asyncio.get_running_loop().call_later(DIAL_IN, self._dialled_in, job)
        self._show()

    def _dialled_in(self, job: SlurmJob) -> None:
        if self.jobs.get(job.id) is job and not job.nodes and not job.asked_to_end and not self._over:
            self._later(self._not_dialled_in(job))

    async def _not_dialled_in(self, job: SlurmJob) -> None:
        port = self._dial.port if self._dial is not None else None
        self._tell_end(
            job,
            LaunchFailed(
                "engines",
                f"Slurm's job {job.id} runs, but none of its nodes has reached this server (port {port}).",
                hint="A firewall may stand between; or the Python of the nodes cannot be started.",
                output=await asyncio.to_thread(log_end, self._log, job.said_from),
                log="job",
            ),
        )
        await self._release(job)

    async def _job_over(self, job: SlurmJob) -> None:
        """Slurm has ended it, or somebody else has."""
        assert job.seen is not None
        if not job.asked_to_end:
            output = await asyncio.to_thread(log_end, self._log, job.said_from)
            cause, hint = words.ended(job.id, job.seen.state, job.seen.exit_code)
            if not job.nodes and (said := words.refused(output)) is not None:
                cause, hint = said
            step = "engines" if job.ran else "queue"
            self._tell_end(job, LaunchFailed(step, cause, hint=hint, output=output or None, log="job"))
        if self.jobs.get(job.id) is job:
            del self.jobs[job.id]
        if self._dial is not None:
            await self._dial.end(job.id)
        await asyncio.gather(*(node.side.close() for node in job.nodes.values()))
        self._show(job)

    def _tell_end(self, job: SlurmJob, why: LaunchFailed) -> None:
        """One cause for all its engines, then what has become of each."""
        lost = job.engines
        if lost:
            self.watcher.failed(why)
        for node in job.nodes.values():
            node.ending = True
            node.watcher.gone(job.state)
        for engine in list(job.waiting.values()):
            self.watcher.engine_exited(engine.slot, engine.uuid, Exit(because=words.because(job.id, job.state)))
        job.waiting.clear()

    def _show(self, last: SlurmJob | None = None) -> None:
        """The job that a person waits for, else one that runs."""
        jobs = [job for job in self.jobs.values() if not job.asked_to_end]
        ordered = sorted(jobs, key=lambda job: job.state == "RUNNING")
        shown = ordered[0] if ordered else last
        if shown is not None:
            self.watcher.job_changed(told(shown, facts.known(self._env), self.plan.options))

    # -- ending -------------------------------------------------------------------

    async def stop_engines(self, slots: Sequence[int], *, grace: float) -> None:
        wanted = set(slots)
        stops: list[Coroutine[Any, Any, None]] = []
        for job in list(self.jobs.values()):
            for slot in wanted & set(job.waiting):
                engine = job.waiting.pop(slot)
                self.watcher.engine_exited(slot, engine.uuid, Exit(asked=True))
            for node in job.nodes.values():
                if names := node.running(wanted):
                    stops.append(node.side.stop(names, grace))
        await _all(stops)
        for job in list(self.jobs.values()):
            if not job.engines:
                if job.ran:
                    asyncio.get_running_loop().call_later(LINGER, self._give_back, job)
                else:
                    await self._release(job)

    def _give_back(self, job: SlurmJob) -> None:
        if self.jobs.get(job.id) is job and not job.engines and not job.joined and not self._over:
            self._later(self._release(job))

    async def _release(self, job: SlurmJob) -> None:
        """It is not needed any more."""
        job.asked_to_end = True
        if self._dial is not None:
            await self._dial.end(job.id)
        if not job.joined:
            with contextlib.suppress(LaunchFailed):
                await cancel([job.id], self._env)  # its end is seen in the queue, or tried again at the stop
        queue_of(self._env).soon()
        self._show()

    async def interrupt_engines(self, slots: Sequence[int]) -> None:
        nodes = [node for job in self.jobs.values() for node in job.nodes.values()]
        await _all([node.side.signal(names, 2) for node in nodes if (names := node.running(slots))])

    async def stop_all(self, *, grace: float) -> None:
        self._over = True
        for task in list(self._tasks):
            task.cancel()
        if self._submitting:
            await asyncio.wait(list(self._submitting))
        ours = [job.id for job in self.jobs.values() if not job.joined]
        waiting = [job.id for job in self.jobs.values() if not job.joined and not job.ran]
        for number in self.jobs:
            queue_of(self._env).forget(number)
        works: list[Coroutine[Any, Any, None]] = [self._nodes_stopped(grace)]
        if waiting:
            works.append(cancel(waiting, self._env))
        await _all(works)
        if self._dial is not None:
            for number in self.jobs:
                await self._dial.end(number)
        await self._here.stop(None, grace)
        if ours:
            await cancel(ours, self._env, name=self._job_name, user=getpass.getuser())
            await until_gone(ours, self._env)
        await self._here.forget()
        await self._close_nodes()
        self.jobs.clear()
        if self._dial is not None:
            await self._dial.close(remove=True)
            self._dial = None
        self.watcher.job_changed(None)

    async def _nodes_stopped(self, grace: float) -> None:
        nodes = [node for job in self.jobs.values() for node in job.nodes.values() if node.side.running()]
        # One that does not answer ends with its job.
        await asyncio.gather(*(self._node_stopped(node, grace) for node in nodes if not node.silent))

    async def _node_stopped(self, node: Node, grace: float) -> None:
        with contextlib.suppress(LaunchFailed, AgentLost, AgentError, OSError, asyncio.TimeoutError):
            await asyncio.wait_for(node.side.stop(None, grace), grace + 10.0)

    async def _close_nodes(self) -> None:
        nodes = [node for job in self.jobs.values() for node in job.nodes.values()]
        await asyncio.gather(*(node.side.close() for node in nodes))

    def _step_told(self, record: Mapping[str, Any]) -> None:
        """srun in an allocation that was joined has ended."""
        job = next((job for job in self.jobs.values() if job.joined), None)
        if record["name"] != STEP or record["state"] == "running" or job is None or self._over:
            return
        queue_of(self._env).forget(job.id)
        self._later(self._step_over(job, record))

    async def _step_over(self, job: SlurmJob, record: Mapping[str, Any]) -> None:
        output = await asyncio.to_thread(log_end, self._log, job.said_from)
        known = words.refused(output)
        cause, hint = known or (f"srun in Slurm's job {job.id} has ended, and all engines with it.", "See its log.")
        code = record.get("exit_code")
        job.state = "ENDED"
        self._tell_end(job, LaunchFailed("engines", cause, hint=hint, exit_code=code, output=output or None, log=STEP))
        self.jobs.pop(job.id, None)
        await asyncio.gather(*(node.side.close() for node in job.nodes.values()))

    # -- the rest of the contract ---------------------------------------------------

    async def watch_usage(self, watched: bool) -> None:
        self._usage = watched
        nodes = [node for job in self.jobs.values() for node in job.nodes.values() if not node.silent]
        await asyncio.gather(*(node.side.watch_usage(watched) for node in nodes))

    def saved(self) -> dict[str, Any]:
        jobs = [job.saved() for job in self.jobs.values()]
        return {"processes": self._here.saved(), "run": self.run, "jobs": jobs}

    async def reattach(self, saved: Mapping[str, Any]) -> None:
        self.run = str(saved.get("run") or self.run)
        self._here.restore(saved.get("processes", ()))
        if jobs := saved.get("jobs"):
            await self._listen()
            text = await asyncio.to_thread(_connection, self.plan)
            for record in jobs:
                self._restore(record, text)
        try:
            await self._here.reach()
        except (OSError, AgentError, AgentLost, RuntimeError) as error:
            raise LaunchFailed("controller", f"The agent of this machine cannot be reached: {error}.") from error
        self._show()
        missing = await self._all_back()
        if missing:
            for node in missing:
                node.side.keep_trying()
            names = ", ".join(node.name for node in missing)
            raise NotAllBegun([], LaunchFailed("engines", f"These nodes have not dialled in again yet: {names}."))

    def _restore(self, record: Mapping[str, Any], text: str) -> None:
        job = SlurmJob(record["id"], record["nodes_asked"], record["per_node"], joined=bool(record.get("joined")))
        job.said_from, job.ran = int(record.get("said_from") or 0), bool(record.get("ran"))
        job.state = "RUNNING" if job.ran else "PENDING"
        for one in record.get("waiting", ()):
            job.waiting[one["slot"]] = EngineSpec(one["slot"], one["uuid"], text, one.get("asks_id"))
        for name, records in (record.get("nodes") or {}).items():
            restored(self._new_node(job, name), records)
        self.jobs[job.id] = job
        self._watch(job)

    async def _all_back(self) -> list[Node]:
        """Wait for the nodes that were there; those that are not back when it has been long enough."""
        end = asyncio.get_running_loop().time() + DIAL_AGAIN

        def missing() -> list[Node]:
            nodes = [node for job in self.jobs.values() for node in job.nodes.values()]
            return [n for n in nodes if self._dial is None or self._dial.found(n.job.id, n.name) is None]

        while missing() and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110 - looks at a few entries
            await asyncio.sleep(0.05)
        absent = missing()
        back = [n for job in self.jobs.values() for n in job.nodes.values() if n not in absent]
        results = await asyncio.gather(*(node.side.reach() for node in back), return_exceptions=True)
        return absent + [node for node, result in zip(back, results, strict=True) if isinstance(result, BaseException)]

    async def close(self) -> None:
        self._over = True
        for number in self.jobs:
            queue_of(self._env).forget(number)
        for task in list(self._tasks):
            task.cancel()
        await self._close_nodes()
        if self._dial is not None:
            await self._dial.close()
            self._dial = None
        await self._here.close()

    def preview(self, engines: int) -> Preview:
        controller = controller_process(self.plan)["argv"]
        logs = f"Logs go to {self.plan.log_dir}, which the nodes must see."
        if (allocation := self._joins) is not None:
            note = f"Engines run in job {allocation}, which is left alone when they stop."
            return Preview(commands=[controller, self._srun(1, None, allocation)], notes=[note, logs])
        known = facts.known(self._env)
        partition = known.partition(self.plan.options.get("partition"))
        wanted = shape(max(engines, 1), self.plan.options, partition.cpus if partition else None)
        text = self._script(wanted)
        return Preview(
            commands=[controller, ["sbatch", "--parsable", str(self._folder / "job.sh")]],
            files=[Preview.File(str(self._folder / "job.sh"), text)],
            script=text,
            notes=[f"{wanted.nodes} nodes with room for {wanted.per_node} engines on each.", logs],
        )

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


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


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All at the same time; raises the first failure when all are done."""
    results = await asyncio.gather(*works, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _connection(plan: Plan) -> str:
    """What engines that still wait are told of the controller; empty when it has gone."""
    name = f"ipcontroller-{plan.cluster_id}" if plan.cluster_id else "ipcontroller"
    try:
        return (plan.profile_dir / "security" / f"{name}-engine.json").read_text(encoding="utf-8")
    except OSError:
        return ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
