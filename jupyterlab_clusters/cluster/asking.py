"""What engines are asked through the hub, where their launcher does not reach them itself.

Promise: bounded in time; an engine that does not answer delays no other. Runs on
the actor's loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..hub.errors import HubError
from ..launchers.base import LaunchFailed, Process, Usage

if TYPE_CHECKING:
    from ..hub.monitor import HubMonitor
    from .engineset import Slot
    from .listening import Listening

#: How long an engine may take to answer (seconds), and how many are asked at once.
ANSWER, AT_ONCE = 5.0, 50


class Asking:
    """Of one cluster."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._turn = 0

    async def interrupt(self, slots: Iterable[int]) -> None:
        """Raises :class:`LaunchFailed` with those that did not answer."""
        asked, monitor = self._registered(set(slots)), self._listening.monitor
        if monitor is None or not asked:
            return
        await interrupt(monitor, asked)

    async def sample(self) -> None:
        """CPU and memory of those that the launcher does not see, as they tell it themselves; of many, in turns."""
        launcher, monitor = self._listening.launcher, self._listening.monitor
        if launcher is None or monitor is None:
            return
        asked = self._in_turn(self._registered(set(launcher.unsampled()) if launcher.names_engines else None))
        if used := await sampled(monitor, asked):
            self._listening.usage(used)

    def _in_turn(self, slots: list[Slot]) -> list[Slot]:
        begin = self._turn if self._turn < len(slots) else 0
        self._turn = begin + AT_ONCE
        return slots[begin : begin + AT_ONCE]

    def _registered(self, numbers: set[int] | None) -> list[Slot]:
        """Of these, or (None) all."""
        cluster = self._listening.cluster
        with cluster.lock:
            slots = [slot for slot in cluster.engine_set if slot.registered]
        return slots if numbers is None else [slot for slot in slots if slot.number in numbers]


async def interrupt(monitor: HubMonitor, slots: Sequence[Slot]) -> None:
    """Raises :class:`LaunchFailed` with those that did not answer."""
    questions = (monitor.interrupt(slot.at_hub, timeout=ANSWER) for slot in slots)
    done = await asyncio.gather(*questions, return_exceptions=True)
    if deaf := [str(slot.number) for slot, came in zip(slots, done, strict=True) if isinstance(came, HubError)]:
        raise LaunchFailed(
            "engines",
            f"Engines {', '.join(deaf)} could not be interrupted: they do not answer.",
            hint="What they compute may not let Python have its turn; or they were started without ipyparallel's "
            "nanny (IPEngine.enable_nanny), which would do it.",
        )


async def sampled(monitor: HubMonitor, slots: Sequence[Slot]) -> dict[int, Usage]:
    """By slot, of those that answered."""
    told = await asyncio.gather(*(monitor.usage(slot.at_hub, timeout=ANSWER) for slot in slots), return_exceptions=True)
    answers = {slot.number: _usage(one) for slot, one in zip(slots, told, strict=True) if isinstance(one, dict)}
    return {number: usage for number, usage in answers.items() if usage is not None}


async def introduced(monitor: HubMonitor, slot: Slot) -> Process | None:
    """Which process it is, by its own word; None when it does not say."""
    try:
        told = await monitor.usage(slot.at_hub, timeout=ANSWER)
    except HubError:
        return None
    if not told.get("hostname") or not told.get("pid"):
        return None
    return Process(str(told["hostname"]), int(told["pid"]), time.time())


def _usage(told: Mapping[str, Any]) -> Usage | None:
    """In percent of a core, and bytes."""
    cpu, memory = told.get("kernel_cpu"), told.get("kernel_memory")
    if not isinstance(cpu, int | float) or not isinstance(memory, int | float):
        return None
    return Usage(cpu=round(cpu / 100, 3), memory=int(memory))
