"""How long a cluster's engines have had nothing to do, as its controller counts it.

Promise: told to whoever looks when it begins and ends; the hub is asked then and when the time is up, never in between.
For a controller that cannot count (ipyparallel's own) it is counted here, as long as the server runs.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ..hub.errors import HubError, HubRefused
from ..hub.monitor import HubMonitor
from .clock import iso
from .failing import stopped_idle
from .models import Idle

if TYPE_CHECKING:
    from .listening import Listening
    from .reconcile import Reconciler

#: How long the hub may take to know what the engines said (seconds).
SETTLE = 0.2
#: When a hub is asked again that still has work though no engine is busy, and one whose time was up (seconds).
AGAIN, LATE = 2.0, 3.0


class Idling:
    """Of one cluster; runs on the actor's loop."""

    def __init__(self, listening: Listening, reconciler: Reconciler) -> None:
        self._listening, self._reconciler = listening, reconciler
        self._cluster, self._loop = listening.cluster, listening.loop
        self._due: asyncio.TimerHandle | None = None
        self._since: float | None = None
        self._counted_here = False

    def changed(self) -> None:
        """An engine came, or became busy or idle, or the hub can be asked from now on."""
        if not self._timeout:
            return
        if not self._busy():
            self._ask_in(SETTLE)
        elif self._cluster.idle is not None or self._due is not None:
            self._without_timer()
            self._tell(None)

    async def keep(self) -> None:
        """Count anew."""
        self._since = time.time()
        await self._ask(keep=True)

    def forget(self) -> None:
        """Nothing is known any more."""
        self._without_timer()
        self._since, self._counted_here = None, False
        with self._cluster.lock:
            self._cluster.idle = None

    @property
    def _timeout(self) -> float:
        plan = self._cluster.in_use
        return plan.idle_timeout if plan is not None else 0.0

    def _busy(self) -> bool:
        with self._cluster.lock:
            return self._cluster.engine_set.counts().busy > 0

    def _ask_in(self, seconds: float) -> None:
        self._without_timer()
        self._due = self._loop.call_later(seconds, self._ask_now)

    def _without_timer(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _ask_now(self) -> None:
        self._due = None
        self._reconciler.order(self._ask())

    async def _ask(self, *, keep: bool = False) -> None:
        monitor = self._listening.monitor
        if monitor is None:
            return
        try:
            lasting = await self._asked(monitor, keep=keep)
        except HubError:
            self._ask_in(AGAIN)
            return
        if self._listening.monitor is not monitor:
            return
        if lasting is None or self._busy():
            self._tell(None)
            if not self._busy():
                self._ask_in(AGAIN)
            return
        self._tell(time.time() - lasting)
        left = self._timeout - lasting
        if left <= 0 and self._counted_here:
            self._cluster.stop_idle(stopped_idle(self._timeout))
        else:
            self._ask_in(left if self._counted_here else max(0.0, left) + LATE)

    async def _asked(self, monitor: HubMonitor, *, keep: bool) -> float | None:
        if not self._counted_here:
            try:
                return await monitor.idle(keep=keep)
            except HubRefused:
                self._counted_here = True
        return await self._count(monitor)

    async def _count(self, monitor: HubMonitor) -> float | None:
        """As our own controller does."""
        with self._cluster.lock:
            ids = [slot.hub_id for slot in self._cluster.engine_set if slot.hub_id is not None]
        load = await monitor.queue_status(ids)
        waiting = load.unassigned or any(queue.queue or queue.tasks for queue in load.queues.values())
        if not ids or waiting or self._busy():
            self._since = None
            return None
        self._since = self._since or time.time()
        return time.time() - self._since

    def _tell(self, since: float | None) -> None:
        told = None
        if since is not None:
            told = Idle(since=iso(since, whole=True), ends_at=iso(since + self._timeout, whole=True))
        else:
            self._since = None
        with self._cluster.lock:
            if told != self._cluster.idle:
                self._cluster.idle = told
                self._cluster.publish()
