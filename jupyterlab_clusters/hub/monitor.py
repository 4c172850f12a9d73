"""Listens to a controller's hub: who registered, who is busy, how much is done.

Promise: news is pushed to the listener, what was lost on the way is healed by
asking again, and the loop never waits. It subscribes to the engines' state
only, never to what they print, and lets go even of that rather than fall behind.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Coroutine, Iterable, Mapping
from typing import Any, NamedTuple

import zmq

from ..timed import within
from .connection import ConnectionInfo
from .errors import HubError, HubRefused, HubSilent
from .inbox import Inbox
from .pulse import Pulse
from .requests import Requests
from .roster import HubListener, Queue, Roster
from .session import BadMessage, Session
from .sockets import Sockets

FIRST_HEAL = 1.0  # seconds; a subscription takes a moment to reach the publisher
HEAL = 30.0
#: With few engines asking costs nothing, and tells sooner that the hub hangs.
HEAL_FEW, FEW = 10.0, 200
ANSWER_LIMIT = 10.0
RECONNECT_LIMIT = 0.5
SILENT_EVERY = 5.0
GATHER = 0.05  # engines come in floods: they are asked about together
DEAF_ROUNDS = 10  # seconds without the engines' own word after falling behind
TASKS = frozenset({"apply_request", "execute_request"})
MOST_DOUBTS = 50

log = logging.getLogger(__name__)


class HubLoad(NamedTuple):
    """``unassigned`` = tasks that no engine has been given yet."""

    queues: dict[int, Queue]
    unassigned: int

    def waiting(self, busy: Collection[int]) -> int:
        """Tasks that nobody does yet; the hub counts with them what engines, these of them ``busy``, do now."""
        on_engines = (queue.queue + queue.tasks - (hub_id in busy) for hub_id, queue in self.queues.items())
        return self.unassigned + sum(max(0, count) for count in on_engines)


class HubMonitor:
    """All methods belong to the one loop on which :meth:`start` was called."""

    def __init__(self, connection: ConnectionInfo, listener: HubListener) -> None:
        self._connection = connection
        self._listener = listener
        self._roster = Roster(listener)
        self._session = Session(connection.key, connection.signature_scheme)
        self._closers: list[Any] = []
        self._jobs: set[asyncio.Task[None]] = set()
        self._fresh: set[int] = set()
        self._overtaken: set[int] = set()
        self._deaf = False
        self._silent = False
        self._heard_at = time.monotonic()

    async def start(self, timeout: float) -> None:
        """Connect, and tell the listener every engine that is there. ``timeout`` in seconds.

        Raises :class:`HubSilent`, :class:`BadConnection`; nothing is left open then."""
        try:
            address = await within(timeout, self._connection.reachable_address())
            self._open(Sockets.connect(self._connection, address))
            await self._meet(timeout)
        except asyncio.TimeoutError:
            await self.close()
            raise HubSilent(f"The controller's host {self._connection.location!r} was not found in time.") from None
        except BaseException:
            await self.close()
            raise
        self._begin(self._keep())

    async def queue_status(self, hub_ids: Iterable[int], *, timeout: float = ANSWER_LIMIT) -> HubLoad:
        """What waits for these engines. Raises :class:`HubError`."""
        wanted = set(hub_ids)
        # Of all the hub would tell the dead as well; only where nobody is asked for, that is the way to ask.
        try:
            answer = await self._hub.ask("queue_request", {"targets": sorted(wanted) or None}, timeout=timeout)
        except HubRefused:  # one of them has gone, of which the news is still on its way
            answer = await self._hub.ask("queue_request", {"targets": None}, timeout=timeout)
        self._heard()
        unassigned = int(answer.get("unassigned", 0))
        queues = {int(i): Queue(**of) for i, of in answer.items() if i.isdigit() and int(i) in wanted}
        return HubLoad(queues, unassigned)

    async def idle(self, *, keep: bool = False, timeout: float = ANSWER_LIMIT) -> float | None:
        """Seconds for which there has been no work; None when there is some. ``keep`` has them counted anew. Only our
        own controller knows. Raises :class:`HubError`."""
        answer = await self._hub.ask("keep_request" if keep else "idle_request", {}, timeout=timeout)
        self._heard()
        lasting = answer.get("lasting")
        return None if lasting is None else float(lasting)

    async def unregister(self, hub_id: int) -> None:
        """Tell the hub that this engine has died; it then tells everybody. Raises :class:`HubSilent`."""
        self._hub.tell("unregistration_request", {"id": hub_id})

    async def interrupt(self, uuid: str, *, timeout: float = ANSWER_LIMIT) -> None:
        """Interrupt what an engine computes, through its nanny (or our engine itself). Raises :class:`HubError`."""
        await self.signal(uuid, "SIGINT", timeout=timeout)

    async def signal(self, uuid: str, name: str, *, timeout: float = ANSWER_LIMIT) -> None:
        """As :meth:`interrupt`, with any signal by name. An engine without nanny never answers: :class:`HubSilent`."""
        await self._control.ask("signal_request", {"sig": name}, to=uuid.encode(), timeout=timeout)

    async def usage(self, uuid: str, *, timeout: float = ANSWER_LIMIT) -> dict[str, Any]:
        """Its own ``{hostname, pid, kernel_cpu, kernel_memory, …}``, in percent and bytes. Raises :class:`HubError`."""
        return await self._control.ask("usage_request", {}, to=uuid.encode(), timeout=timeout)

    async def shutdown_engines(self, hub_ids: Iterable[int], *, timeout: float = ANSWER_LIMIT) -> list[int]:
        """Ask engines to end, for clusters that others started; those that did not answer. A busy engine is
        unregistered at once, but its process ends only with its task: interrupt it first."""
        known = {i: uuid for i in hub_ids if (uuid := self._roster.uuid(i)) is not None}
        asked = [
            self._control.ask("shutdown_request", {"restart": False}, to=uuid.encode(), timeout=timeout)
            for uuid in known.values()
        ]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return [i for i, answer in zip(known, answers, strict=True) if isinstance(answer, HubError)]

    async def shutdown_hub(self, *, timeout: float = ANSWER_LIMIT) -> None:
        """Ask the controller to end, for clusters that others started. Raises :class:`HubError`."""
        await self._hub.ask("shutdown_request", {}, timeout=timeout)

    async def close(self) -> None:
        """Let go; nothing is told any more. Safe to repeat."""
        jobs, self._jobs = self._jobs, set()
        jobs.discard(asyncio.current_task())
        closers, self._closers = self._closers, []
        for closer in closers:
            closer.close()
        while jobs:
            # Before Python 3.12 a wait with a time limit that is over at this very moment swallows
            # the cancellation, so it is said until it is heard.
            for job in jobs:
                job.cancel()
            _, jobs = await asyncio.wait(jobs, timeout=0.2)

    def _open(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._wake = asyncio.Event()
        self._meeting = asyncio.Lock()
        pulse = self._pulse = Pulse(sockets.registration, self._wake.set)
        self._hub = Requests(sockets.registration, self._session, "The controller's hub")
        self._control = Requests(sockets.control, self._session, "The engine")
        notification = Inbox(sockets.notification, self._notified)
        iopub = Inbox(sockets.iopub, self._published, self._fall_behind)
        # In this order: the pulse and the inboxes need their sockets to go.
        self._closers = [pulse, notification, iopub, self._hub, self._control, sockets.notification, sockets.iopub]

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        job = asyncio.get_running_loop().create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._ended)

    def _ended(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        if not job.cancelled() and (error := job.exception()) is not None:
            log.error("The hub monitor stumbled", exc_info=error)

    # -- healing, and whether the hub is there ---------------------------------------------------------------

    async def _keep(self) -> None:
        pause = FIRST_HEAL
        while True:
            await _set_within(self._wake, pause)
            self._wake.clear()
            try:
                await self._check_connection()
                await self._settle_doubts(await self._meet(ANSWER_LIMIT))
            except HubSilent:
                pause = SILENT_EVERY
                self._silent = True
                self._listener.silent(time.monotonic() - self._heard_at)
            except HubRefused as error:
                log.warning("The hub refused a question: %s", error)
                pause = HEAL
            except Exception:  # a listener that stumbles must not end the watch over the hub
                log.exception("News of the hub could not be told")
                pause = HEAL
            else:
                pause = HEAL if len(self._roster.ids()) > FEW else HEAL_FEW

    async def _check_connection(self) -> None:
        """Ask only where a question can arrive: what waits for a dead hub would flood the next one."""
        if not self._pulse.connected:
            await _set_within(self._wake, RECONNECT_LIMIT)
        if not self._pulse.connected:
            raise HubSilent("The connection to the controller's hub is broken.")

    def _heard(self) -> None:
        self._heard_at = time.monotonic()
        if self._silent:
            self._silent = False
            self._listener.back()

    async def _meet(self, timeout: float) -> Mapping[int, Queue]:
        """Learn who is registered, and what waits for each."""
        async with self._meeting:
            self._overtaken.clear()
            answer = await self._hub.ask("connection_request", {}, timeout=timeout)
            engines = {int(i): str(uuid) for i, uuid in answer.get("engines", {}).items()}
            self._heard()
            came, gone = self._roster.present(engines, self._overtaken)
            self._follow(came)
            self._unfollow(gone)
        return await self._ask_about(self._roster.ids(), timeout)

    async def _ask_about(self, hub_ids: list[int], timeout: float = ANSWER_LIMIT) -> Mapping[int, Queue]:
        known = [i for i in hub_ids if i in self._roster]
        if not known:
            return {}
        queues = (await self.queue_status(known, timeout=timeout)).queues
        for hub_id, queue in queues.items():
            self._roster.seed(hub_id, queue)
        return queues

    async def _settle_doubts(self, queues: Mapping[int, Queue]) -> None:
        doubtful = list(self._roster.doubtful(queues).items())[:MOST_DOUBTS]
        for hub_id, task in doubtful:
            try:
                content = {"msg_ids": [task], "status_only": True}
                answer = await self._hub.ask("result_request", content, timeout=ANSWER_LIMIT)
            except HubRefused:
                continue
            if task in answer.get("completed", ()):
                self._roster.ended(hub_id, task)

    # -- what is pushed --------------------------------------------------------------------------------------

    def _notified(self, frames: list[bytes]) -> None:
        try:
            message = self._session.parse(frames)
            content = message.content()
        except BadMessage:
            return
        self._heard_at = time.monotonic()
        if message.header.msg_type == "registration_notification":
            self._came(int(content["id"]), str(content["uuid"]))
        elif message.header.msg_type == "unregistration_notification":
            self._went(int(content["id"]))

    def _came(self, hub_id: int, uuid: str) -> None:
        self._overtaken.add(hub_id)
        if self._roster.registered(hub_id, uuid):
            self._follow([hub_id])

    def _went(self, hub_id: int) -> None:
        self._overtaken.add(hub_id)
        if self._roster.unregistered(hub_id):
            self._unfollow([hub_id])

    def _published(self, frames: list[bytes]) -> None:
        try:
            message = self._session.parse(frames)
            if message.parent.msg_type not in TASKS:
                return
            state = message.content().get("execution_state")
        except BadMessage:
            return
        hub_id = _engine_in(message.topic)
        if hub_id is not None and state in ("busy", "idle"):
            self._roster.worked(hub_id, state, message.parent.msg_id)

    # -- subscriptions ---------------------------------------------------------------------------------------

    def _follow(self, hub_ids: list[int]) -> None:
        if not hub_ids or self._deaf:
            return
        for hub_id in hub_ids:
            self._sockets.iopub.setsockopt(zmq.SUBSCRIBE, _topic(hub_id))
        if not self._fresh:
            self._begin(self._ask_about_fresh())
        self._fresh.update(hub_ids)

    def _unfollow(self, hub_ids: Iterable[int]) -> None:
        if not self._deaf:
            for hub_id in hub_ids:
                self._sockets.iopub.setsockopt(zmq.UNSUBSCRIBE, _topic(hub_id))

    async def _ask_about_fresh(self) -> None:
        """What an engine began before the subscription arrived is not heard: the hub is asked, and asked again."""
        await asyncio.sleep(GATHER)
        fresh = list(self._fresh)
        self._fresh.clear()
        try:
            await self._ask_about(fresh)
            await asyncio.sleep(FIRST_HEAL)
            await self._ask_about(self._roster.unheard(fresh))
        except HubError as error:
            log.debug("New engines could not be asked about: %s", error)

    def _fall_behind(self) -> None:
        """The engines say more than can be read: ask the hub for a while, and then listen again."""
        if self._deaf:
            return
        log.warning("The engines' states come faster than they can be read: listening stops for %s s", DEAF_ROUNDS)
        self._unfollow(self._roster.ids())
        self._deaf = True
        self._begin(self._be_deaf())

    async def _be_deaf(self) -> None:
        for _ in range(DEAF_ROUNDS):
            self._roster.deaf()
            try:
                await self._ask_about(self._roster.ids())
            except HubError as error:
                log.debug("The hub could not be asked: %s", error)
            await asyncio.sleep(1.0)
        self._deaf = False
        self._follow(self._roster.ids())


def _topic(hub_id: int) -> bytes:
    return f"engine.{hub_id}.status".encode()


def _engine_in(topic: bytes) -> int | None:
    parts = topic.split(b".")
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else None


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        await within(seconds, event.wait())
    except asyncio.TimeoutError:
        return
