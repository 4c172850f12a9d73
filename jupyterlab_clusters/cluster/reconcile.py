"""The one routine that compares wanted with present and closes the difference.

Promise: runs on its cluster's actor, never twice at once; stop supersedes
everything; every failure ends in the cluster's state with its cause. Must
never block its loop for long and never run on the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import NotAllowed
from ..launchers.base import EngineSpec, Exit, Launcher, LaunchFailed, NotAllBegun, NotFromHere, Plan
from . import compatible
from .actor import Actor
from .connection import ConnectionFiles
from .diagnosis import Tail, controller_failed, none_registered, profile_broken, some_missing
from .engineset import Slot
from .keeping import Keeper
from .listening import QUEUED, Listening
from .models import Failure

if TYPE_CHECKING:
    from .cluster import Cluster

#: How often a start looks for the controller's connection files (seconds); a local stat costs microseconds.
LOOK_FOR_FILES = 0.01
#: How long a controller may take to write them (seconds).
CONTROLLER_TIMEOUT = 60.0


class Reconciler:
    """Lives as long as its cluster's actor."""

    def __init__(self, cluster: Cluster, actor: Actor) -> None:
        self.cluster = cluster
        self.loop = actor.loop
        self.launcher: Launcher | None = None
        self.listening = Listening(self)
        self.files: ConnectionFiles | None = None
        self._activity: asyncio.Task[None] | None = None
        self._orders: set[asyncio.Task[None]] = set()
        self._again = False
        self._replace = False
        self.keeper = Keeper(self)
        self._ours_to_end = False
        self._tail = Tail(cluster)

    # -- orders, called on the actor's loop -----------------------------------

    def want_up(self, replace: bool = False) -> None:
        """Somebody asked for a start or another number; ``replace`` = with engines that are all new."""
        self._replace = self._replace or replace
        self._again = True
        self.listening.changed.set()
        if self._activity is None or self._activity.done():
            self._begin(self._nothing_first())

    def want_down(self) -> None:
        """Somebody asked for the end: whatever goes on is given up."""
        self._again = self._replace = False
        previous, orders = self._activity, list(self._orders)
        self._activity = self.loop.create_task(self._down_after(previous, orders))

    def resume(self, record: Mapping[str, Any]) -> None:
        self._begin(self._resume(record))

    def stop_engine(self, slot: int) -> None:
        self.order(self._stop_slots([slot], keep=True))

    def restart_engine(self, slot: int) -> None:
        self.order(self._restart_slot(slot))

    def interrupt(self, slots: list[int]) -> None:
        self.order(self._interrupt(slots))

    def look_again(self) -> None:
        """The number of those who look at CPU and memory may have changed."""
        self.order(self.listening.look_again())

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._activity = self.loop.create_task(self._guarded(work))

    def order(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(self._order_guarded(work))
        self._orders.add(task)
        task.add_done_callback(self._orders.discard)
        task.add_done_callback(lambda _: work.close())  # cancelled before it began

    async def _order_guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except LaunchFailed as error:
            self.note(error)
        except Exception:
            self.cluster.parts.log.exception("an order to cluster %s failed", self.cluster.key)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        await self._tried(work)
        # Also what was wanted while a failure was being cleared away.
        while self._again and self.cluster.state in ("starting", "running"):
            await self._tried(self._up())

    async def _tried(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except LaunchFailed as error:
            await self._failed(error)
        except Exception as error:  # a fault of ours must not leave the cluster starting for ever
            self.cluster.parts.log.exception("cluster %s failed", self.cluster.key)
            cause = f"Something unexpected went wrong here: {type(error).__name__}: {error}."
            await self._failed(LaunchFailed(self.cluster.step or "controller", cause, log="controller"))

    # -- up -------------------------------------------------------------------

    async def _nothing_first(self) -> None:
        """What is wanted is looked up in :meth:`_guarded`, as after any other work."""

    async def _up(self) -> None:
        self._again = False
        if self.cluster.state == "starting" and not self.listening.controller_lives:
            await self._controller()
        if self._replace:
            self._replace = False
            await self._stop_slots([slot.number for slot in self.cluster.engine_set])
        await self._level()
        if self._again:
            return
        with self.cluster.lock:
            if self.cluster.state == "starting":
                self.cluster.move("running")
            self._ours_to_end = False
            self.cluster.step = None
            self.listening.cuts.tell()
            self.cluster.publish()
        await self.keeper.save()
        await self.keeper.write_compatible()

    async def _controller(self) -> None:
        cluster = self.cluster
        if self.launcher is None or not self.launcher.controller_waits:
            await self._fresh()
        assert self.launcher is not None
        await self.launcher.start_controller()
        await self._connection_files()
        with cluster.lock:
            cluster.started_at = cluster.started_at or self.listening.controller_since
            cluster.step = "engines"
            cluster.publish()

    async def _fresh(self) -> None:
        """A launcher for which nothing runs yet."""
        cluster = self.cluster
        await self._clean_before()
        await self._profile()
        plan = await asyncio.to_thread(cluster.plan, cluster.definition.options)
        await self.keeper.save(strictly=True)
        self.files = ConnectionFiles(plan.profile_dir, plan.cluster_id)
        if await self.files.answered():
            raise LaunchFailed(
                "controller",
                "A cluster that was started elsewhere runs under this profile and name.",
                hint="Stop it where it was started, or make a new cluster with another name.",
            )
        await asyncio.to_thread(self.files.remove)
        # Only from here on is there anything that a failure may clear away.
        self.launcher = self._made(plan)
        self._ours_to_end = True
        self.cluster.publish()
        self.order(self.launcher.prepare())

    def _made(self, plan: Plan) -> Launcher:
        self.cluster.in_use = plan
        return self.cluster.parts.make_launcher(self.cluster.definition.launcher, plan, self.listening)

    async def _clean_before(self) -> None:
        """A new try begins from nothing: what a failed one left goes first."""
        if self.launcher is not None:
            await self._let_go_of_hub()
            await self.launcher.stop_all(grace=self.cluster.parts.policy.stop_grace)
            await self.launcher.close()
            self.launcher = self.cluster.in_use = None
        with self.cluster.lock:
            self.cluster.engine_set.clear()
            self.cluster.publish()
        self.listening.forget_controller()

    async def _profile(self) -> None:
        profiles, name = self.cluster.parts.profiles, self.cluster.definition.profile
        await asyncio.to_thread(profiles.create, name)
        await profiles.refresh(name)
        if problem := profile_broken(profiles.model(name)):
            raise problem
        try:
            self.cluster.follow()
        except NotAllowed as error:
            raise LaunchFailed("controller", str(error)) from error

    async def _connection_files(self) -> None:
        assert self.files is not None
        deadline = self.loop.time() + CONTROLLER_TIMEOUT
        while not self.files.whole():
            if (exit := self.listening.controller_exit) is not None:
                raise await controller_failed(exit, self._tail)
            if self.cluster.step == "queue":
                deadline = self.loop.time() + CONTROLLER_TIMEOUT  # a controller whose job waits is not late
            if self.loop.time() > deadline:
                raise await controller_failed(None, self._tail)
            await asyncio.sleep(LOOK_FOR_FILES)

    async def _level(self) -> None:
        """Start what lacks, stop what is too much, wait until all have registered or ended."""
        cluster = self.cluster
        with cluster.lock:
            cluster.engine_set.clear_ended()
            surplus = len(cluster.engine_set.live()) - (cluster.wanted or 0)
            fresh = cluster.engine_set.open(-surplus) if surplus < 0 else []
            together = self.launcher.together() if self.launcher is not None else ()
            victims = [slot.number for slot in cluster.engine_set.victims(surplus, together)] if surplus > 0 else []
            cluster.step = "drain" if victims else "engines" if fresh else cluster.step
            cluster.publish()
        hub = self.loop.create_task(self.listening.connect(self.files))
        try:
            if fresh:
                await self._launch(fresh)
            if victims:
                await self._stop_slots(victims)
        finally:
            await hub
        await self._registered()

    async def _launch(self, fresh: list[Slot]) -> None:
        assert self.launcher is not None and self.files is not None
        self.listening.trouble = None
        connection = await asyncio.to_thread(self.files.engine_text)
        specs = [
            EngineSpec(slot=slot.number, uuid=slot.uuid, connection=connection, asks_id=slot.asks_id) for slot in fresh
        ]
        try:
            await self.launcher.start_engines(specs)
        except NotAllBegun as error:
            with self.cluster.lock:
                self.cluster.engine_set.drop(error.slots)
            self.note(error)
        self.keeper.soon()

    def _patience(self) -> float:
        return max(self.cluster.parts.policy.register_timeout, 0.1 * (self.cluster.wanted or 0))

    async def _settled(self) -> bool:
        """Wait until every engine has registered or ended; False when something else is wanted now."""
        cluster = self.cluster
        deadline = self.loop.time() + self._patience()
        while not self._again:
            with cluster.lock:
                waiting = any(not slot.registered for slot in cluster.engine_set.live())
                if cluster.step == "queue":
                    deadline = self.loop.time() + self._patience()  # engines whose job waits are not late
            if not waiting or self.loop.time() > deadline:
                return True
            if (exit := self.listening.controller_exit) is not None:
                raise await controller_failed(exit, self._tail)
            self.listening.changed.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.listening.changed.wait(), max(0.01, deadline - self.loop.time()))
        return False

    async def _registered(self) -> None:
        """As :meth:`_settled`, and say what is missing."""
        if not await self._settled():
            return
        cluster = self.cluster
        with cluster.lock:
            registered, wanted = cluster.engine_set.counts().registered, cluster.wanted or 0
        if wanted and registered == 0:
            if self.listening.trouble is not None and not self._begun_once():
                raise self.listening.trouble  # there is no engine whose log could tell more
            raise await none_registered(wanted, self._patience(), self._tail, self._known)
        if registered < wanted and cluster.failure is None:
            failure = await some_missing(registered, wanted, self._patience(), self._tail, self._known)
            with cluster.lock:
                cluster.failure = failure

    def _known(self, said: str) -> tuple[str, str] | None:
        return self.launcher.known(said) if self.launcher is not None else None

    def _begun_once(self) -> bool:
        with self.cluster.lock:
            return any(slot.process is not None for slot in self.cluster.engine_set)

    # -- down -----------------------------------------------------------------

    async def _down_after(self, previous: asyncio.Task[None] | None, orders: list[asyncio.Task[None]]) -> None:
        tasks = [task for task in (previous, *orders) if task is not None and not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self.cluster.state == "stopping":
            await self._guarded(self._down())

    async def _down(self) -> None:
        cluster = self.cluster
        await self._let_go_of_hub()
        await self._clean_up(cluster.parts.policy.stop_grace)
        with cluster.lock:
            cluster.engine_set.clear()
            cluster.started_at = None
            cluster.job = None
            if cluster.state != "stopped":
                cluster.move("stopped")
            cluster.publish()
        await self.keeper.save()

    async def _clean_up(self, grace: float) -> None:
        """End every process, then remove the files by which others find the cluster."""
        cluster = self.cluster
        if self.launcher is not None:
            await self.launcher.stop_all(grace=grace)
            await self.launcher.close()
            self.launcher = cluster.in_use = None
            files = ConnectionFiles(cluster.profile_dir, cluster.definition.cluster_id)
            await asyncio.to_thread(files.remove)
            file = compatible.path(cluster.profile_dir, cluster.definition.cluster_id)
            await asyncio.to_thread(compatible.remove, file)
        self.listening.forget_controller()

    async def _let_go_of_hub(self) -> None:
        await self.listening.disconnect()

    # -- single engines ---------------------------------------------------------

    async def _stop_slots(self, slots: list[int], *, keep: bool = False) -> None:
        """``keep`` their records: a person who stopped one engine sees that it ended; what was scaled away is gone."""
        if self.launcher is None or not slots:
            return
        with self.cluster.lock:
            uuids = [slot.at_hub for slot in self.cluster.engine_set if slot.number in slots]
            self.cluster.engine_set.stopping(slots)
            self.cluster.publish()
        await self.launcher.stop_engines(slots, grace=self.cluster.parts.policy.stop_grace)
        await self.listening.departed(uuids)
        with self.cluster.lock:
            if not keep:
                self.cluster.engine_set.drop(slots)
            self.cluster.publish()
        self.keeper.soon()

    async def _restart_slot(self, number: int) -> None:
        await self._stop_slots([number], keep=True)
        with self.cluster.lock:
            slot = self.cluster.engine_set.renew(number)
            self.cluster.failure = None
            self.cluster.publish()
        await self._launch([slot])

    async def _interrupt(self, slots: list[int]) -> None:
        if self.launcher is not None and slots:
            if not self.launcher.names_engines and self.listening.monitor is not None:
                await self.listening.asking.interrupt(slots)
                return
            try:
                await self.launcher.interrupt_engines(slots)
            except NotFromHere as others:
                await self.listening.asking.interrupt(others.slots)

    # -- failure ----------------------------------------------------------------

    async def _failed(self, error: LaunchFailed) -> None:
        cluster = self.cluster
        if cluster.state == "running":
            # What runs is worth more than what could not be added.
            self.note(error)
            with cluster.lock:
                cluster.step = None
                cluster.engine_set.drop([slot.number for slot in cluster.engine_set if slot.state == "queued"])
                cluster.publish()
            await self.keeper.save()
            return
        stopping = cluster.state == "stopping"
        with cluster.lock:
            # Those that were never begun have no story to tell.
            cluster.engine_set.drop([slot.number for slot in cluster.engine_set if slot.state == "queued"])
        self.note(error, state=True)
        # A controller that was there before this server, and cannot be reached now, may well go on.
        if not stopping and (self._ours_to_end or error.step != "controller"):
            await self._let_go_of_hub()
            try:
                await self._clean_up(1.0)
            except LaunchFailed as left:
                cluster.parts.log.warning("after the failed start of %s: %s", cluster.key, left)
            with cluster.lock:
                cluster.started_at = None
                cluster.publish()
        await self.keeper.save()

    def note(self, error: LaunchFailed, *, state: bool = False) -> None:
        cluster = self.cluster
        with cluster.lock:
            cluster.failure = Failure(
                step=error.step,
                cause=error.cause,
                hint=error.hint,
                command=error.command,
                exit_code=error.exit_code,
                output=error.output,
                log=error.log,
            )
            if state and cluster.state in ("starting", "running", "stopping"):
                cluster.move("failed")
            cluster.publish()

    def controller_ended(self, exit: Exit) -> None:
        """The controller of a running cluster ended; during a start the start itself finds out."""
        cluster = self.cluster
        if cluster.state != "running":
            return
        if exit.asked or exit.exit_code == ORPHANED:
            with cluster.lock:
                cluster.move("stopping", "drain")
                cluster.publish()
            self.want_down()
            return
        with cluster.lock:
            cluster.engine_set.hub_gone()
        self.order(self._say_controller_ended(exit))

    async def _say_controller_ended(self, exit: Exit) -> None:
        # Engines are left alone: one that is busy may still finish and write its results.
        self.note(await controller_failed(exit, self._tail, was_running=True), state=True)
        await self._let_go_of_hub()
        await self.keeper.save()

    # -- what survives ------------------------------------------------------------

    def saved(self) -> dict[str, Any] | None:
        return self.launcher.saved() if self.launcher is not None else None

    async def _resume(self, record: Mapping[str, Any]) -> None:
        cluster = self.cluster
        await cluster.parts.profiles.refresh(cluster.definition.profile)
        plan = await asyncio.to_thread(cluster.plan, cluster.definition.options)
        # What runs was begun by what the profile said then.
        plan = replace(plan, as_written=record.get("as_written"), options=record.get("in_use") or plan.options)
        self.launcher = self._made(plan)
        self.files = ConnectionFiles(plan.profile_dir, plan.cluster_id)
        try:
            await self.launcher.reattach(record.get("processes") or {})
        except NotAllBegun as error:
            self.note(error)  # some host is out of reach: what runs there is left alone
        if cluster.state == "stopping":
            await self._down()
        elif self.listening.controller_lives:
            await self._resume_running(record["state"] == "starting")
        elif record["state"] == "starting" and self.listening.controller_exit is None:
            await self._up()  # the server went before anything had begun
        else:
            await self._resume_without_controller(record["state"])

    async def _resume_running(self, was_starting: bool) -> None:
        await self._connection_files()
        with self.cluster.lock:
            self.cluster.started_at = self.cluster.started_at or self.listening.controller_since
            job = self.cluster.job
            self.cluster.step = "queue" if job is not None and job.state in QUEUED else "engines"
        if was_starting:
            await self._up()
            return
        await self._changes_while(lambda: self.listening.cuts.hub_is_away)
        await self.listening.connect(self.files)
        # Engines that died meanwhile are a loss, not a start that failed.
        await self._settled()
        await self._answered()
        with self.cluster.lock:
            if self.cluster.state == "starting":
                self.cluster.move("running")
            self.cluster.publish()
        await self.keeper.save()

    async def _answered(self) -> None:
        """Work that is sent as soon as we say *running* must arrive, and go to nobody who is dead."""
        with self.cluster.lock:
            dead = [slot.uuid for slot in self.cluster.engine_set if slot.state in ("lost", "exited")]
        await self.listening.departed(dead)
        await self._changes_while(lambda: self.listening.cuts.answering and not self._again)

    async def _changes_while(self, condition: Callable[[], bool]) -> None:
        while condition():
            self.listening.changed.clear()
            await self.listening.changed.wait()

    async def _resume_without_controller(self, before: str) -> None:
        exit = self.listening.controller_exit
        if before == "failed":
            with self.cluster.lock:
                self.cluster.move("failed")
        if exit is None or exit.asked or exit.exit_code == ORPHANED or before == "failed":
            with self.cluster.lock:
                self.cluster.move("stopping", "drain")
            await self._down()
            return
        raise await controller_failed(exit, self._tail, was_running=True)

    async def close(self, *, stop: bool) -> None:
        """The server ends. ``stop`` ends the cluster too; else everything goes on without us."""
        if stop and self.cluster.state in ("starting", "running", "failed"):
            self.cluster.stop()
            await asyncio.sleep(0)
        if self._activity is not None and not self._activity.done():
            if stop:
                await asyncio.wait([self._activity], timeout=20)
            else:
                self._activity.cancel()
                await asyncio.wait([self._activity], timeout=2)
        self.keeper.close()
        for task in list(self._orders):
            if task is not asyncio.current_task():
                task.cancel()
        await self.listening.disconnect()
        if self.launcher is not None:
            await self.keeper.save()
            await self.launcher.close()


#: Exit code of a controller that nobody used any more (see the host's controller).
ORPHANED = 86
