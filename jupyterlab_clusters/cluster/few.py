"""What is done to some engines and not to others: stop, restart, interrupt.

Promise: runs on the actor's loop; a slot keeps its number and its log.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..launchers.base import LaunchFailed, NotFromHere
from .failing import AGAIN

if TYPE_CHECKING:
    from .reconcile import Reconciler


class Few:
    """Of one cluster."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self._cluster, self._listening = reconciler.cluster, reconciler.listening

    async def stop(self, slots: list[int], *, keep: bool = False) -> None:
        """``keep`` their records: a person who stopped one engine sees that it ended; what was scaled away is gone."""
        if self._reconciler.launcher is None or not slots:
            return
        with self._cluster.lock:
            uuids = [slot.at_hub for slot in self._cluster.engine_set if slot.number in slots]
            self._cluster.engine_set.stopping(slots)
            self._cluster.publish()
        self._reconciler.order(self._reconciler.keeper.save())
        try:
            await self._end(slots, uuids, keep=keep)
        except LaunchFailed as error:
            if error.out_of_reach:
                self._reconciler.order(self._end_when_reached(slots, uuids, keep=keep))
            raise

    async def _end(self, slots: list[int], uuids: list[str], *, keep: bool) -> None:
        if self._reconciler.launcher is None:
            return
        await self._reconciler.launcher.stop_engines(slots, grace=self._cluster.parts.policy.stop_grace)
        await self._listening.departed(uuids)
        with self._cluster.lock:
            if not keep:
                self._cluster.engine_set.drop(slots)
            self._cluster.publish()
        self._reconciler.keeper.soon()

    async def _end_when_reached(self, slots: list[int], uuids: list[str], *, keep: bool) -> None:
        """They were asked to end where nobody could hear it: until then they are *stopping*."""
        while True:
            await asyncio.sleep(AGAIN)
            try:
                await self._end(slots, uuids, keep=keep)
                break
            except LaunchFailed as error:
                if not error.out_of_reach:
                    raise
        with self._cluster.lock:
            if self._cluster.failure is not None and self._cluster.failure.step == "drain":
                self._cluster.failure = None
            self._cluster.publish()

    async def restart(self, number: int) -> None:
        await self.stop([number], keep=True)
        with self._cluster.lock:
            slot = self._cluster.engine_set.renew(number)
            self._cluster.failure = None
            self._cluster.publish()
        await self._reconciler.launch([slot])

    async def interrupt(self, slots: list[int]) -> None:
        if self._reconciler.launcher is not None and slots:
            if not self._reconciler.launcher.names_engines and self._listening.monitor is not None:
                await self._listening.asking.interrupt(slots)
                return
            try:
                await self._reconciler.launcher.interrupt_engines(slots)
            except NotFromHere as others:
                await self._listening.asking.interrupt(others.slots)
