"""Engines that were begun by a launcher that cannot tell which is which: they are met at the hub.

Promise: does nothing for launchers that name their engines. Each that registers
gets a place; who it is, it is asked itself through the hub.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

from ..hub.errors import HubError
from ..launchers.base import Exit
from .asking import AT_ONCE, introduced
from .engineset import Slot

if TYPE_CHECKING:
    from .listening import Listening
    from .reconcile import Reconciler

#: When one that did not say who it is is asked again (seconds).
AGAIN = (1.0, 5.0, 30.0, 120.0, 600.0)

#: How soon one that lives answers, though it computes (seconds).
ALIVE = 2.0

LEFT = "let go of by the controller: it ended, or was not heard of any more"


class Strangers:
    """Belongs to one cluster's listening, and to its loop."""

    def __init__(self, listening: Listening, reconciler: Reconciler) -> None:
        self._listening, self._reconciler = listening, reconciler
        self._set = listening.cluster.engine_set
        self._lock = listening.cluster.lock
        self._few = asyncio.Semaphore(AT_ONCE)

    @property
    def _concerned(self) -> bool:
        launcher = self._reconciler.launcher
        return launcher is not None and not launcher.names_engines

    def registered(self, hub_id: int, uuid: str) -> None:
        if not self._concerned:
            return
        with self._lock:
            slot = self._set.by_uuid(uuid) or self._set.meet(hub_id, uuid)
        if slot is not None and slot.process is None:
            self._reconciler.order(self._introduce(slot))

    def unregistered(self, uuid: str) -> None:
        """Nobody else will tell of its end."""
        if not self._concerned:
            return
        with self._lock:
            slot = self._set.by_uuid(uuid)
        if slot is not None:
            self._gone(slot)

    def connected(self, present: Collection[str]) -> None:
        """The hub has told who is there: others that were met before have gone meanwhile."""
        if not self._concerned:
            return
        with self._lock:
            missing = [slot for slot in self._set if slot.met is not None and slot.met not in present]
        for slot in missing:
            self._gone(slot)

    async def let_go_of_ended(self) -> None:
        """Before others are begun: who is registered, is none of ours and does not answer has ended with those before
        them, and the hub has not missed it yet. It is to be given no work, and no place among the new ones."""
        monitor = self._listening.monitor
        if not self._concerned or monitor is None:
            return
        with self._lock:
            others = [uuid for uuid in self._listening.at_hub if self._set.by_uuid(uuid) is None]
        asked = (monitor.usage(uuid, timeout=ALIVE) for uuid in others)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        told = zip(others, answers, strict=True)
        await self._listening.departed(uuid for uuid, answer in told if isinstance(answer, HubError))

    async def _introduce(self, slot: Slot) -> None:
        monitor = self._listening.monitor
        while monitor is None and self._listening.controller_lives:
            await asyncio.sleep(0.05)  # told by the hub before we had finished to meet it
            monitor = self._listening.monitor
        # Many that come at once, or one that has begun to compute, may not answer in time.
        for wait in (0.0, *AGAIN):
            await asyncio.sleep(wait)
            monitor = self._listening.monitor
            if monitor is None or slot.hub_id is None:
                return
            async with self._few:
                process = await introduced(monitor, slot)
            if process is not None:
                self._listening.engine_launched(slot.number, slot.uuid, process)
                return

    def _gone(self, slot: Slot) -> None:
        self._listening.engine_exited(slot.number, slot.uuid, let_go(asked=slot.state == "stopping"))


def let_go(*, asked: bool) -> Exit:
    """How an engine ended of which only the hub tells."""
    return Exit(asked=asked, because=None if asked else LEFT)
