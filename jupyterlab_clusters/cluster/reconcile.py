"""The one routine that compares wanted with present and closes the difference.

Promise: runs on its cluster's actor, never twice at once; stop supersedes
everything; every failure ends in the cluster's state with its cause. Must
never block its loop for long and never run on the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import NotAllowed
from ..launchers.base import EngineSpec, Launcher, LaunchFailed, NotAllBegun, Plan
from ..timed import within
from .actor import Actor
from .connection import ConnectionFiles
from .diagnosis import Tail, controller_failed, none_registered, profile_broken, some_missing
from .disk import Disk
from .engineset import Slot
from .failing import Failing
from .few import Few
from .keeping import Keeper
from .listening import Listening
from .resuming import Resuming

if TYPE_CHECKING:
    from .cluster import Cluster

#: How often a start looks for the controller's connection files (seconds); a local stat costs microseconds.
LOOK_FOR_FILES = 0.01
#: How long a controller may take to write them (seconds).
CONTROLLER_TIMEOUT = 60.0
#: After this time files that others can read are no longer about to be closed (seconds).
CLOSED = 3.0


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
        #: What was given up, and launchers that are let go of: not over yet.
        self._ending: set[asyncio.Task[None]] = set()
        self.again = False
        self._replace = False
        self.keeper = Keeper(self)
        self.disk = Disk(self)
        self.ours_to_end = False
        self.tail = Tail(cluster)
        self.few = Few(self)
        self.failing = Failing(self)
        self._resuming = Resuming(self)

    # -- orders, called on the actor's loop -----------------------------------

    def want_up(self, replace: bool = False) -> None:
        """Somebody asked for a start or another number; ``replace`` = with engines that are all new."""
        self._replace = self._replace or replace
        self.again = True
        self.listening.changed.set()
        self.order(self.keeper.save())  # a server that goes now leaves to the next one what was asked for
        if self._activity is None or self._activity.done():
            self._begin(self._nothing_first())

    def want_down(self) -> None:
        """Somebody asked for the end: whatever goes on is given up."""
        self.again = self._replace = False
        # Now, not when the new task has its turn: what goes on must not find that nothing of what it began is wanted.
        for task in (self._activity, *self._orders):
            if task is not None and not task.done():
                task.cancel()
                self._ends(task)
        self._activity = self.loop.create_task(self._down_after_all())
        self.order(self.keeper.save())

    def resume(self, record: Mapping[str, Any]) -> None:
        self._begin(self._resuming.resume(record))

    def stop_engine(self, slot: int) -> None:
        self.order(self.few.stop([slot], keep=True))

    def restart_engine(self, slot: int) -> None:
        self.order(self.few.restart(slot))

    def interrupt(self, slots: list[int]) -> None:
        self.order(self.few.interrupt(slots))

    def keep(self) -> None:
        """Somebody wants the cluster to stay, though it is idle."""
        self.order(self.listening.idling.keep())

    def look_again(self) -> None:
        """The number of those who look at CPU and memory may have changed."""
        self.order(self.listening.look_again())

    def _ends(self, task: asyncio.Task[None]) -> None:
        """A stop waits until it is over."""
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._activity = self.loop.create_task(self._guarded(work))
        self._activity.add_done_callback(lambda _: work.close())  # cancelled before it began

    def order(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(self._order_guarded(work))
        self._orders.add(task)
        task.add_done_callback(self._orders.discard)
        task.add_done_callback(lambda _: work.close())  # cancelled before it began

    async def _order_guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except LaunchFailed as error:
            self.failing.note(error)
        except Exception:
            self.cluster.parts.log.exception("an order to cluster %s failed", self.cluster.key)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        await self._tried(work)
        # Also what was wanted while a failure was being cleared away.
        while self.again and self.cluster.state in ("starting", "running"):
            await self._tried(self.up())

    async def _tried(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except LaunchFailed as error:
            await self.failing.failed(error)
        except Exception as error:  # a fault of ours must not leave the cluster starting for ever
            self.cluster.parts.log.exception("cluster %s failed", self.cluster.key)
            cause = f"Something unexpected went wrong here: {type(error).__name__}: {error}."
            await self.failing.failed(LaunchFailed(self.cluster.step or "controller", cause, log="controller"))

    # -- up -------------------------------------------------------------------

    async def _nothing_first(self) -> None:
        """What is wanted is looked up in :meth:`_guarded`, as after any other work."""

    async def up(self) -> None:
        self.again = False
        if self.cluster.state == "starting" and not self.listening.controller_lives:
            await self._controller()
        if self._replace:
            self._replace = False
            # The hub is told of their end, else it would keep them for half a minute.
            await self.listening.connect(self.files)
            await self.few.stop([slot.number for slot in self.cluster.engine_set])
        await self._level()
        if self.again:
            return
        await self.controller_has_not_ended()
        with self.cluster.lock:
            if self.cluster.state == "starting":
                self.cluster.move("running")
            self.ours_to_end = self.cluster.under_way = False
            self.cluster.step = None
            self.listening.cuts.tell()
            self.listening.silence.tell()
            self.cluster.publish()
        await self.keeper.save()
        await self.keeper.write_compatible()

    async def _controller(self) -> None:
        cluster = self.cluster
        if self.launcher is None or not self.launcher.controller_waits:
            await self._fresh()
        assert self.launcher is not None
        await self.launcher.start_controller()
        await self.connection_files()
        with cluster.lock:
            cluster.started_at = cluster.started_at or self.listening.controller_since
            cluster.step = "engines"
            cluster.publish()

    async def _fresh(self) -> None:
        """A launcher for which nothing runs yet."""
        cluster = self.cluster
        await self._clean_before()
        await self._profile()
        try:
            plan = await asyncio.to_thread(cluster.plan, cluster.definition.options)
        except PermissionError as error:
            raise LaunchFailed(
                "controller", f"{error}.", hint="Look who did that; then chmod 700, or take it away."
            ) from error
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
        self.launcher = self.made(plan)
        self.ours_to_end = True
        self.cluster.publish()
        self.order(self.launcher.prepare())

    def made(self, plan: Plan) -> Launcher:
        self.cluster.in_use = plan
        return self.cluster.parts.make_launcher(self.cluster.definition.launcher, plan, self.listening)

    async def _clean_before(self) -> None:
        """A new try begins from nothing: what a failed one left goes first."""
        if self.launcher is not None:
            await self.listening.disconnect()
            try:
                await self.launcher.stop_all(grace=self.cluster.parts.policy.stop_grace)
            except LaunchFailed as error:
                # A machine that is gone for good must not keep a cluster from ever being started again.
                if not error.out_of_reach:
                    raise
                self.cluster.parts.log.warning("before a new start of %s: %s", self.cluster.key, error)
            await self._let_go_of_launcher()
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
            self.cluster.check_site(self.cluster.definition.options)
        except NotAllowed as error:
            raise LaunchFailed("controller", str(error)) from error

    async def controller_has_not_ended(self) -> None:
        """To be asked before *running* is said: until then nobody else tells of its end. Raises
        :class:`LaunchFailed`."""
        if self.cluster.state == "starting" and (exit := self.listening.controller_exit) is not None:
            raise await controller_failed(exit, self.tail)

    async def connection_files(self) -> None:
        assert self.files is not None
        begun = self.loop.time()
        deadline = begun + CONTROLLER_TIMEOUT
        while not self.files.whole():
            if (exit := self.listening.controller_exit) is not None:
                raise await controller_failed(exit, self.tail)
            # ipyparallel's own controller closes its files a moment after it wrote them.
            if self.loop.time() > begun + CLOSED and (why := self.files.refused()):
                raise LaunchFailed("controller", why, hint="Whoever reads it can run code as you: look who changed it.")
            if self.cluster.step == "queue":
                deadline = self.loop.time() + CONTROLLER_TIMEOUT  # a controller whose job waits is not late
            if self.loop.time() > deadline:
                raise await controller_failed(None, self.tail)
            await asyncio.sleep(LOOK_FOR_FILES)

    async def _level(self) -> None:
        """Start what lacks, stop what is too much, wait until all have registered or ended."""
        cluster = self.cluster
        if self.launcher is not None and not self.launcher.names_engines:
            # Before there are places: who is there already must take none that is made for others.
            await self.listening.connect(self.files)
            await self.listening.strangers.let_go_of_ended()
        with cluster.lock:
            cluster.engine_set.clear_ended()
            wanted = cluster.wanted or 0  # another number may be asked for at any moment
            surplus = len(cluster.engine_set.live()) - wanted
            fresh = cluster.engine_set.open(-surplus) if surplus < 0 else []
            together = self.launcher.together() if self.launcher is not None else ()
            victims = [slot.number for slot in cluster.engine_set.victims(surplus, together)] if surplus > 0 else []
            cluster.step = "drain" if victims else "engines" if fresh else cluster.step
            cluster.publish()
        hub = self.loop.create_task(self.listening.connect(self.files))
        try:
            if fresh:
                await self.launch(fresh)
            if victims:
                await self.few.stop(victims)
        finally:
            await hub
        await self._registered(wanted)

    async def go_on(self) -> bool:
        """What a server that went may not have begun is begun now, if it was not; whether to wait for it."""
        with self.cluster.lock:
            unsure = self.cluster.engine_set.unsure()
        if unsure and self.cluster.capabilities.scale == "live":
            await self.launch(unsure)
        elif unsure:
            self._replace = self.again = True
        return not self._replace

    async def launch(self, fresh: list[Slot]) -> None:
        assert self.launcher is not None and self.files is not None
        self.listening.trouble = None
        # Under these names whoever takes over finds what is begun now.
        await self.keeper.save()
        connection = await asyncio.to_thread(self.files.engine_text)
        specs = [
            EngineSpec(slot=slot.number, uuid=slot.uuid, connection=connection, asks_id=slot.asks_id) for slot in fresh
        ]
        try:
            await self.launcher.start_engines(specs)
        except NotAllBegun as error:
            with self.cluster.lock:
                self.cluster.engine_set.drop(error.slots)
            self.failing.note(error)
        self.keeper.soon()

    def _patience(self) -> float:
        return max(self.cluster.parts.policy.register_timeout, 0.1 * (self.cluster.wanted or 0))

    async def settled(self) -> bool:
        """Wait until every engine has registered or ended; False when something else is wanted now."""
        cluster = self.cluster
        deadline = self.loop.time() + self._patience()
        while not self.again:
            with cluster.lock:
                waiting = any(not slot.registered for slot in cluster.engine_set.live())
                if cluster.step == "queue":
                    deadline = self.loop.time() + self._patience()  # engines whose job waits are not late
            if not waiting or self.loop.time() > deadline:
                return True
            if (exit := self.listening.controller_exit) is not None:
                raise await controller_failed(exit, self.tail)
            self.listening.changed.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await within(max(0.01, deadline - self.loop.time()), self.listening.changed.wait())
        return False

    async def _registered(self, wanted: int) -> None:
        """As :meth:`settled`, and say what is missing."""
        if not await self.settled():
            return
        cluster = self.cluster
        with cluster.lock:
            registered = cluster.engine_set.counts().registered
        if wanted and registered == 0:
            if self.listening.trouble is not None and not self._begun_once():
                raise self.listening.trouble  # there is no engine whose log could tell more
            raise await none_registered(wanted, self._patience(), self.tail, self._known)
        if registered < wanted and cluster.failure is None:
            failure = await some_missing(registered, wanted, self._patience(), self.tail, self._known)
            with cluster.lock:
                cluster.failure = failure

    def _known(self, said: str) -> tuple[str, str] | None:
        return self.launcher.known(said) if self.launcher is not None else None

    def _begun_once(self) -> bool:
        with self.cluster.lock:
            return any(slot.process is not None for slot in self.cluster.engine_set)

    # -- down -----------------------------------------------------------------

    async def _down_after_all(self) -> None:
        if self._ending:
            await asyncio.wait(set(self._ending))
        with self.cluster.lock:
            if self.cluster.state == "failed" and not self.again:
                # What is given up failed just then; that it is to stop was asked all the same.
                self.cluster.failure = None
                self.cluster.move("stopping", "drain")
        await self._guarded(self._down_if_wanted())

    async def _down_if_wanted(self) -> None:
        if self.cluster.state == "stopping":
            await self.down()

    async def down(self) -> None:
        cluster = self.cluster
        await self.listening.disconnect()
        await self.clean_up(cluster.parts.policy.stop_grace)
        with cluster.lock:
            cluster.engine_set.clear()
            cluster.started_at = None
            cluster.job = None
            cluster.under_way = False
            if cluster.state != "stopped":
                cluster.move("stopped")
            cluster.publish()
        await self.keeper.save()
        cluster.let_go()

    async def clean_up(self, grace: float) -> None:
        """End every process, then remove the files by which others find the cluster."""
        cluster = self.cluster
        if self.launcher is not None:
            await self.launcher.stop_all(grace=grace)
            files = ConnectionFiles(cluster.profile_dir, cluster.definition.cluster_id)
            await asyncio.to_thread(files.remove)
            await self.keeper.remove_compatible()
            await self._let_go_of_launcher()
        self.listening.forget_controller()

    async def _let_go_of_launcher(self) -> None:
        """To the end, and for good, also when the task is given up meanwhile: one that is closed can end nothing."""
        launcher, self.launcher, self.cluster.in_use = self.launcher, None, None
        if launcher is not None:
            closing = self.loop.create_task(launcher.close())
            self._ends(closing)
            await asyncio.shield(closing)

    # -- what survives ------------------------------------------------------------

    def saved(self) -> dict[str, Any] | None:
        return self.launcher.saved() if self.launcher is not None else None

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
        self.disk.end()
        for task in list(self._orders):
            if task is not asyncio.current_task():
                task.cancel()
        await self.listening.disconnect()
        await self.keeper.save()
        if self.launcher is not None:
            await self.launcher.close()
        if self._ending:
            await asyncio.wait(set(self._ending), timeout=2)
