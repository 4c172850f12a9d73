"""Places that the cluster was cut off from: said as long as work sent there could be lost.

Promise: a place is whole again only when its engines have answered through the hub,
by all the ways that work takes. Runs on the actor's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..hub.errors import HubRefused, HubSilent
from ..launchers.base import LaunchFailed
from ..launchers.together import joined
from .standing import Standing

if TYPE_CHECKING:
    from .engineset import Slot
    from .reconcile import Reconciler

#: How long one question to an engine may take; what was sent before its way was there again is lost (seconds).
ANSWER = 1.0
#: An engine has a socket for each kind of message, and each connects again by itself within this time (seconds).
SETTLE = 0.5
#: An engine that computes may have no time to answer; longer than this it is not waited for (seconds).
BUSY = 5.0
#: How often is looked whether the hub is listened to again (seconds).
LOOK = 0.05


@dataclass
class Cut:
    """``slots`` of None = all engines; ``answering`` = the way is there again."""

    why: LaunchFailed
    slots: frozenset[int] | None
    answering: bool = False


class Cuts:
    """Of one cluster."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self._cluster = reconciler.cluster
        self._places: dict[str, Cut] = {}
        self._standing = Standing(reconciler, self._why)

    def __bool__(self) -> bool:
        return bool(self._places)

    @property
    def answering(self) -> bool:
        """Whether some place will soon be whole."""
        return any(cut.answering for cut in self._places.values())

    @property
    def hub_is_away(self) -> bool:
        """Whether the controller is in a place that cannot be reached now."""
        return any(cut.slots is None and not cut.answering for cut in self._places.values())

    def cut_off(self, place: str, slots: Sequence[int] | None, why: LaunchFailed) -> None:
        self._places[place] = Cut(why, _set(slots))
        self.tell()

    def regained(self, place: str, slots: Sequence[int] | None) -> None:
        if (cut := self._places.get(place)) is not None:
            new = Cut(cut.why, _set(slots), answering=True)
            self._places[place] = new
            self._reconciler.listening.changed.set()
            self._reconciler.order(self._whole_again(place, new))

    def forget(self) -> None:
        """The cluster ends."""
        self._places.clear()
        self._standing.forget()

    def tell(self) -> None:
        """As the cluster's failure, where no other stands there."""
        self._standing.tell()

    def _why(self) -> LaunchFailed | None:
        return joined([cut.why for cut in self._places.values()]) if self._places else None

    async def _whole_again(self, place: str, cut: Cut) -> None:
        await self._answered(place, cut)
        await asyncio.sleep(SETTLE)
        await self._answered(place, cut)
        if self._places.get(place) is cut:
            del self._places[place]
            self._reconciler.listening.changed.set()
            self.tell()

    async def _answered(self, place: str, cut: Cut) -> None:
        """Returns when each engine of that place has answered, or another cut came."""
        asked = self._reconciler.loop.time()
        done: set[str] = set()
        while self._places.get(place) is cut:
            waiting = [slot for slot in self._waited_for(cut) if slot.uuid not in done]
            if self._reconciler.loop.time() - asked > BUSY:
                waiting = [slot for slot in waiting if slot.state != "busy"]
            if self._reconciler.listening.monitor is None or self.hub_is_away:
                await asyncio.sleep(LOOK)
                continue
            if not waiting:
                return
            answers = await asyncio.gather(*(self._answers(slot.at_hub) for slot in waiting))
            done.update(slot.uuid for slot, answered in zip(waiting, answers, strict=True) if answered)

    async def _answers(self, at_hub: str) -> bool:
        monitor = self._reconciler.listening.monitor
        if monitor is None:
            return False
        try:
            await monitor.usage(at_hub, timeout=ANSWER)
        except HubSilent:
            await asyncio.sleep(LOOK)
            return False
        except HubRefused:
            pass  # that is an answer too
        return True

    def _waited_for(self, cut: Cut) -> list[Slot]:
        away: set[int] = set()
        for other in self._places.values():
            if other.slots and not other.answering:
                away |= other.slots
        with self._cluster.lock:
            slots = [slot for slot in self._cluster.engine_set if slot.registered]
        return [s for s in slots if (cut.slots is None or s.number in cut.slots) and s.number not in away]


def _set(slots: Sequence[int] | None) -> frozenset[int] | None:
    return None if slots is None else frozenset(slots)
