"""A cluster that somebody else started: by ``ipcluster``, in a notebook, from another server.

Promise: it is looked at, and stopped through its hub when a person asks for that (one of
another server of theirs by the agent that both servers talk to, ``neighbourly.py``); never
signalled, never adopted, and none of its files is written or removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..errors import NotFound, WrongState
from ..hub.connection import ConnectionInfo
from ..hub.errors import HubError
from ..hub.monitor import HubMonitor
from ..launchers.base import Capabilities, LaunchFailed, Preview
from ..logs.log import AnyLog
from ..logs.models import LogModel
from . import asking
from .actor import Actor
from .clock import iso
from .cluster import Cluster
from .engineset import Slot
from .externallogs import ExternalLogs
from .failing import failure_of
from .models import ClusterModel, EngineModel
from .neighbourly import ended
from .seen import Parts
from .stale import deserted
from .strangers import let_go
from .wish import Definition

CAPABILITIES = Capabilities(scale="none", stop_one=False, restart_one=False, interrupt_one=True, log_per_engine=False)

#: How long its hub may take to answer at first (seconds), and an engine.
MEET, ANSWER = 3.0, 3.0
#: A hub that was silent for so long is taken for gone (seconds).
SILENT = 15.0
#: How long it may take to end after it was asked to (seconds).
ENDING = 30.0
#: News within this time are told together (seconds).
DELAY = 0.05

ELSEWHERE = "This cluster was started elsewhere; only its starter can do that."


class External(Cluster):
    """``gone`` is called, on the actor's loop, when it is no more."""

    origin = "external"

    def __init__(
        self, definition: Definition, parts: Parts, file: Path, actor: Actor, gone: Callable[[External], None]
    ) -> None:
        super().__init__(definition, parts, defined=True)
        self.file = file
        self._their_logs = ExternalLogs(self.profile_dir, definition.cluster_id)
        self._on, self._tell_gone = actor, gone
        self._info: ConnectionInfo | None = None
        self._monitor: HubMonitor | None = None
        self._met = asyncio.Event()
        self._due: asyncio.TimerHandle | None = None
        self._sampling: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # -- its beginning and end, on the actor's loop ----------------------------------

    async def meet(self) -> bool:
        """Whether its hub answers; from then on it is listened to."""
        try:
            info = await asyncio.to_thread(ConnectionInfo.read, self.file)
            since = (await asyncio.to_thread(self.file.stat)).st_mtime
            if await deserted(info):
                return False
            monitor = HubMonitor(info, self)
            await monitor.start(MEET)
        except (HubError, OSError, ValueError):
            await self.leave()
            return False
        with self.lock:
            self._info, self._monitor, self.state, self.host = info, monitor, "running", info.location
            self.started_at = iso(since, whole=True)
        self._met.set()
        self.publish()
        return True

    async def leave(self) -> None:
        """Listen no more."""
        for task in list(self._tasks):
            task.cancel()
        if self._due is not None:
            self._due.cancel()
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            await monitor.close()
        with self.lock:
            self._gone = True
            if self.state == "stopping":
                self.move("stopped")

    # -- the hub tells ---------------------------------------------------------------

    def registered(self, hub_id: int, uuid: str) -> None:
        with self.lock:
            slot = self.engine_set.seen(hub_id, uuid)
        self._later(self._introduce(slot))
        self._news()

    def unregistered(self, hub_id: int, uuid: str) -> None:
        with self.lock:
            slot = self.engine_set.by_uuid(uuid)
            if slot is not None:
                self.engine_set.exited(slot.number, uuid, let_go(asked=self.state == "stopping"))
        self._news()

    def busy(self, hub_id: int, uuid: str, busy: bool) -> None:
        with self.lock:
            self.engine_set.busy(uuid, busy)
        self._news()

    def completed(self, hub_id: int, uuid: str, count: int) -> None:
        with self.lock:
            self.engine_set.completed(uuid, count)
        self._news()

    def silent(self, seconds: float) -> None:
        if seconds > SILENT or self.state == "stopping":
            self._tell_gone(self)
        else:
            self._later(self._look_for_hub())

    def back(self) -> None:
        """It was never called gone."""

    # -- what a person sees and may do ----------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def as_written(self) -> str | None:
        return None

    @property
    def at_rest(self) -> bool:
        return False

    def model(self) -> ClusterModel:
        with self.lock:
            self.wanted = self.engine_set.counts().registered
            return super().model()

    def engines(self) -> list[EngineModel]:
        models = super().engines()
        self._on.call(self._sample_while_watched)
        return models

    def watch(self, what: str, watched: bool) -> None:
        super().watch(what, watched)
        self._on.call(self._sample_while_watched)

    def logs(self) -> list[LogModel]:
        return self._their_logs.list(self.host)

    def log(self, name: str) -> AnyLog:
        found = self._their_logs.log(name)
        if found is None:
            raise NotFound(f"This cluster has no log named {name!r}.", field="log")
        return found

    def stop(self) -> ClusterModel:
        """Through its hub: engines first, then the controller. One of another server of ours on this machine by the
        agent, which needs nobody's answer."""
        self.parts.policy.check_writable()
        with self.lock:
            if self.state != "stopping":
                self.move("stopping", "drain")
                self.failure = None
                self._on.call(self._later, self._stop())
        return self.publish()

    def interrupt(self) -> ClusterModel:
        self._check_running()
        with self.lock:
            self.failure = None
            slots = [slot for slot in self.engine_set if slot.registered]
        self._on.call(self._later, self._interrupt(slots))
        return self.publish()

    def interrupt_engine(self, slot: int) -> EngineModel:
        with self.lock:
            place = self._engine(slot, "interrupt_one")
            self._on.call(self._later, self._interrupt([place]))
            return place.model()

    def start(self, engines: int | None, options: Mapping[str, Any] | None) -> NoReturn:
        raise WrongState(ELSEWHERE, reason="external")

    def scale(self, engines: int, restart: bool) -> NoReturn:
        raise WrongState(ELSEWHERE, reason="external")

    async def preview(self, engines: int, options: Mapping[str, Any] | None) -> Preview:
        raise WrongState(ELSEWHERE, reason="external")

    def _check_allowed(self) -> None:
        """Nothing is begun here, so no launcher has to be allowed."""
        self.parts.policy.check_writable()

    def trim_logs(self) -> None:
        """They are not ours."""

    # -- on the actor's loop ------------------------------------------------------------

    async def _stop(self) -> None:
        monitor = self._monitor
        if monitor is None:
            return
        with self.lock:
            ids = [slot.hub_id for slot in self.engine_set if slot.hub_id is not None]
            busy = [slot for slot in self.engine_set if slot.state == "busy"]
        try:
            if await ended(self):
                await self._gone_within(ENDING)
                return
            # A busy engine would end only with its task.
            await self._interrupt(busy)
            await monitor.shutdown_engines(ids, timeout=ANSWER)
            await monitor.shutdown_hub(timeout=ANSWER)
        except LaunchFailed as error:
            self._refused(error.cause.rstrip("."))
            return
        except HubError as error:
            await self._look_for_hub()  # somebody else may have stopped it at the same time
            if not self._gone:
                self._refused(str(error))
            return
        await self._gone_within(ENDING)

    async def _gone_within(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self._monitor is not None:
            self._refused(f"its controller was asked to end, and had not after {seconds:.0f} s")

    def _refused(self, why: str) -> None:
        cause = f"This cluster could not be stopped from here: {why}."
        with self.lock:
            if self.state == "stopping":
                self.move("failed")
        self._failed(LaunchFailed("drain", cause, hint="Stop it where it was started."))

    def _failed(self, why: LaunchFailed) -> None:
        with self.lock:
            self.failure = failure_of(why)
        self.publish()

    async def _interrupt(self, slots: Sequence[Slot]) -> None:
        if self._monitor is None:
            return
        try:
            await asking.interrupt(self._monitor, slots)
        except LaunchFailed as error:
            self._failed(error)

    async def _introduce(self, slot: Slot) -> None:
        await self._met.wait()
        if self._monitor is not None and (process := await asking.introduced(self._monitor, slot)) is not None:
            with self.lock:
                self.engine_set.launched(slot.number, slot.uuid, process)
            self._news()

    async def _look_for_hub(self) -> None:
        """A hub that is silent may work hard; one that was killed is not waited for."""
        if self._info is not None and await deserted(self._info):
            self._tell_gone(self)

    def _sample_while_watched(self) -> None:
        if self._sampling is None or self._sampling.done():
            self._sampling = self._later(self._sample())

    async def _sample(self) -> None:
        while self.watched and self._monitor is not None:
            with self.lock:
                slots = [slot for slot in self.engine_set if slot.registered][: asking.AT_ONCE]
            used = await asking.sampled(self._monitor, slots)
            with self.lock:
                self.engine_set.used(used)
            self._news()
            await asyncio.sleep(1.0)

    def _later(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self._on.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _news(self) -> None:
        if self._due is None and not self._gone:
            self._due = self._on.loop.call_later(DELAY, self._publish)

    def _publish(self) -> None:
        self._due = None
        if self._met.is_set():
            self.publish()
