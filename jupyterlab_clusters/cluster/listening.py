"""What launcher and hub tell of one cluster, written into its engine set and published.

Promise: facts may come in any order and twice; each changes the cluster at
most once. Runs on the actor's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..hub.connection import ConnectionInfo
from ..hub.errors import HubError
from ..hub.monitor import HubMonitor
from ..launchers.base import Exit, Job, Launcher, LaunchFailed, Process, Usage
from .asking import Asking
from .clock import iso
from .cuts import Cuts
from .idling import Idling
from .models import LoadModel
from .silence import Silence
from .states import LIVE, Step
from .strangers import Strangers

if TYPE_CHECKING:
    from .connection import ConnectionFiles
    from .reconcile import Reconciler

#: News within this time are told together (seconds).
PUBLISH_DELAY = 0.01
#: How long the hub may take to hear of a death by itself before we tell it (seconds).
DEATH_GRACE = 0.05
#: How long a stop of engines waits for the hub to hear of it, and then for it to have been told by us (seconds).
HUB_HEARS = 0.3
HUB_LETS_GO = 1.0
#: How long a controller that has written its files may take to answer (seconds).
HUB_TIMEOUT = 30.0

#: States of a job in which its nodes are not there yet, which may take for days.
QUEUED = ("PENDING", "CONFIGURING")


class Listening:
    """Watcher of the launcher and listener of the hub."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self.cluster = reconciler.cluster
        self.loop = reconciler.loop
        self.changed = asyncio.Event()
        self.controller: Process | None = None
        self.controller_exit: Exit | None = None
        self.trouble: LaunchFailed | None = None
        self.cuts = Cuts(reconciler)
        self.silence = Silence(reconciler)
        self.asking = Asking(self)
        self.monitor: HubMonitor | None = None
        self._connecting = asyncio.Lock()
        self._deaths: dict[str, int] = {}
        #: Who is registered, by uuid: the number at the hub.
        self.at_hub: dict[str, int] = {}
        self._departures: list[tuple[set[str], asyncio.Future[None]]] = []
        self._publish_due: asyncio.TimerHandle | None = None
        self._looking = False
        self.strangers = Strangers(self, reconciler)
        self._ticking: asyncio.Task[None] | None = None
        self.idling = Idling(self, reconciler)

    @property
    def launcher(self) -> Launcher | None:
        return self._reconciler.launcher

    @property
    def controller_lives(self) -> bool:
        return self.controller is not None and self.controller_exit is None

    @property
    def controller_since(self) -> str | None:
        return iso(self.controller.create_time) if self.controller is not None else None

    def forget_controller(self) -> None:
        self.controller = None
        self.controller_exit = None
        self.cuts.forget()
        self.silence.forget()
        self._reconciler.disk.end()

    # -- the launcher tells -----------------------------------------------------

    def controller_launched(self, process: Process) -> None:
        self.controller, self.controller_exit = process, None
        with self.cluster.lock:
            self.cluster.host = process.host
        self._reconciler.keeper.soon()
        self._reconciler.disk.begin()
        self._news()

    def controller_exited(self, exit: Exit) -> None:
        self.controller_exit = exit
        self._reconciler.failing.controller_ended(exit)
        self._news()

    def engine_launched(self, slot: int, uuid: str, process: Process) -> None:
        with self.cluster.lock:
            self.cluster.engine_set.launched(slot, uuid, process)
        self._reconciler.keeper.soon()
        self._news()

    def engine_exited(self, slot: int, uuid: str, exit: Exit) -> None:
        with self.cluster.lock:
            ended = self.cluster.engine_set.exited(slot, uuid, exit)
        self.silence.halted(uuid, False)
        if ended is not None and ended.hub_id is not None and self.controller_lives:
            self._died_at_hub(uuid, ended.hub_id)
        self._reconciler.keeper.soon()
        self._news()

    def halted(self, slot: int | None, uuid: str, halted: bool) -> None:
        if slot is not None:
            with self.cluster.lock:
                self.cluster.engine_set.halted(slot, uuid, halted)
        self.silence.halted(uuid if slot is not None else None, halted)

    def _died_at_hub(self, uuid: str, hub_id: int) -> None:
        self._deaths[uuid] = hub_id
        self.loop.call_later(DEATH_GRACE, self._tell_hub, uuid)

    def usage(self, by_slot: Mapping[int, Usage]) -> None:
        with self.cluster.lock:
            self.cluster.engine_set.used(by_slot)
        self._news()

    def job_changed(self, job: Job | None) -> None:
        with self.cluster.lock:
            self.cluster.job = job
            if job is not None and self.cluster.step in ("controller", "submit", "queue", "engines"):
                running: Step = "engines" if self.controller_lives else "controller"
                self.cluster.step = "queue" if job.state in QUEUED else running
        self._reconciler.keeper.soon()
        self._news()

    def failed(self, why: LaunchFailed) -> None:
        self.trouble = why
        self._reconciler.failing.note(why)
        self._news()

    async def keep(self) -> None:
        await self._reconciler.keeper.save()

    def cut_off(self, place: str, slots: Sequence[int] | None, why: LaunchFailed) -> None:
        self.cuts.cut_off(place, slots, why)

    def regained(self, place: str, slots: Sequence[int] | None) -> None:
        self.cuts.regained(place, slots)

    # -- the hub tells ------------------------------------------------------------

    def registered(self, hub_id: int, uuid: str) -> None:
        self.at_hub[uuid] = hub_id
        self.strangers.registered(hub_id, uuid)
        with self.cluster.lock:
            known = self.cluster.engine_set.registered(hub_id, uuid)
            failure = self.cluster.failure
            slot = self.cluster.engine_set.by_uuid(uuid)
            if slot is not None and slot.state in ("lost", "exited"):
                # It died where nobody could tell the hub, which would give it tasks for half a minute.
                self._died_at_hub(uuid, hub_id)
            if failure is not None and failure.step == "engines" and self._enough and not self.cuts:
                self.cluster.failure = None  # late, but here
        if known:
            self.idling.changed()
            self._news()

    @property
    def _enough(self) -> bool:
        return self.cluster.engine_set.counts().registered >= (self.cluster.wanted or 0)

    def unregistered(self, hub_id: int, uuid: str) -> None:
        self._deaths.pop(uuid, None)
        self.at_hub.pop(uuid, None)
        for left, over in self._departures:
            left.discard(uuid)
            if not left and not over.done():
                over.set_result(None)
        with self.cluster.lock:
            self.cluster.engine_set.unregistered(uuid)
        self.strangers.unregistered(uuid)
        self._news()

    def busy(self, hub_id: int, uuid: str, busy: bool) -> None:
        with self.cluster.lock:
            self.cluster.engine_set.busy(uuid, busy)
        self.idling.changed()
        self._news()

    def completed(self, hub_id: int, uuid: str, count: int) -> None:
        with self.cluster.lock:
            self.cluster.engine_set.completed(uuid, count)
        self._news()

    def silent(self, seconds: float) -> None:
        """A hub may be silent because it works hard: its process tells whether it lives."""
        self.silence.silent(seconds)
        self.cluster.parts.log.warning("the hub of %s has been silent for %.0f s", self.cluster.key, seconds)

    def back(self) -> None:
        self.silence.silent(None)
        self.cluster.parts.log.info("the hub of %s answers again", self.cluster.key)

    # -- connecting -----------------------------------------------------------------

    async def connect(self, files: ConnectionFiles | None) -> None:
        """Listen to the hub; nothing to do when we do already. Raises :class:`LaunchFailed`."""
        async with self._connecting:
            if self.monitor is not None or files is None:
                return
            try:
                info = await asyncio.to_thread(ConnectionInfo.read, files.client)
                monitor = HubMonitor(info, self)
                await monitor.start(HUB_TIMEOUT)
            except (OSError, HubError) as error:
                raise LaunchFailed(
                    "controller",
                    f"The controller runs but its hub does not answer: {error}",
                    hint="Its log may tell why; a firewall between addresses of this machine can be the reason.",
                    log="controller",
                ) from error
            self.monitor = monitor
            self.strangers.connected(self.at_hub)
            self.idling.changed()
        await self.look_again()

    async def departed(self, uuids: Iterable[str]) -> None:
        """Wait, though not for long, until the hub has let go of these, which have ended: a client that comes then sees
        what we say."""
        left = self.at_hub.keys() & set(uuids)
        if not left or self.monitor is None:
            return
        waiter = (left, self.loop.create_future())
        self._departures.append(waiter)
        await asyncio.wait([waiter[1]], timeout=HUB_HEARS)
        if self.monitor is not None:
            for uuid in list(left):
                await self.monitor.unregister(self.at_hub[uuid])
        await asyncio.wait([waiter[1]], timeout=HUB_LETS_GO)
        self._departures.remove(waiter)

    async def disconnect(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        self._looking = False
        self.at_hub.clear()
        self.cuts.forget()
        self.idling.forget()
        monitor, self.monitor = self.monitor, None
        if monitor is not None:
            await monitor.close()

    # -- looking ----------------------------------------------------------------------

    async def look_again(self) -> None:
        """Sample CPU, memory and load exactly as long as somebody looks."""
        launcher, wanted = self.launcher, self.cluster.watched
        if launcher is not None and wanted != self._looking and self.controller_lives:
            self._looking = wanted
            await launcher.watch_usage(wanted)
        if wanted and self.monitor is not None and (self._ticking is None or self._ticking.done()):
            self._ticking = self.loop.create_task(self._tick())

    async def _tick(self) -> None:
        while self.cluster.watched and self.monitor is not None:
            await self.asking.sample()
            if self.cluster.watches("load"):
                with contextlib.suppress(HubError):
                    self.cluster.parts.feed.point(f"load/{self.cluster.key}", await self._load())
            await asyncio.sleep(1.0)
        self.loop.call_soon(self._reconciler.look_again)

    async def _load(self) -> LoadModel:
        with self.cluster.lock:
            slots = [slot for slot in self.cluster.engine_set if slot.state in LIVE]
        ids = [slot.hub_id for slot in slots if slot.hub_id is not None]
        queue = 0
        if self.monitor is not None:
            load = await self.monitor.queue_status(ids)
            queue = load.waiting({slot.hub_id for slot in slots if slot.hub_id is not None and slot.state == "busy"})
        usages = [slot.usage for slot in slots if slot.usage is not None]
        return LoadModel(
            time=iso(),
            registered=sum(slot.registered for slot in slots),
            busy=sum(slot.state == "busy" for slot in slots),
            queue=queue,
            done=sum(slot.completed for slot in slots),
            cpu=round(sum(usage.cpu for usage in usages), 3),
            memory=sum(usage.memory for usage in usages),
        )

    # -- telling ------------------------------------------------------------------------

    def _tell_hub(self, uuid: str) -> None:
        """The agent tells the controller of a death; where it could not (a new agent), we do."""
        hub_id = self._deaths.pop(uuid, None)
        if hub_id is not None and self.monitor is not None:
            self._reconciler.order(self.monitor.unregister(hub_id))

    def _news(self) -> None:
        self.changed.set()
        if self._publish_due is None:
            self._publish_due = self.loop.call_later(PUBLISH_DELAY, self._publish)

    def _publish(self) -> None:
        self._publish_due = None
        self.cluster.publish()
