"""The slots of one engine set and what has become of each.

Promise: a plain record of facts told by launcher and hub, in any order; counts
are always in step with the slots. No input, no output, no clock of its own.
Not thread-safe: its cluster guards it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..launchers.base import Exit, Process, Usage
from .causes import cause_of
from .clock import iso
from .models import Cause, EngineCounts, EngineModel
from .states import LIVE, EngineState

#: Of an engine that lives.
HALTED = Cause(signal=19, exit_code=None, sentence="stopped by a signal (SIGSTOP); it goes on when it is continued")


@dataclass
class Slot:
    """One place for an engine. ``uuid`` names the present engine, ``order`` its age (higher is newer).

    ``met`` is its identity at the hub where that is not ``uuid``, since it was not begun by us.
    ``asks_id`` is the number the engine asks the hub for: that of its slot, so that ``client[2]`` is the
    engine in slot 2. Only the first engine of a slot asks: the hub still fails tasks of a dead engine
    by its number minutes later, and would hit the one that took the number over.
    """

    number: int
    uuid: str
    order: int
    asks_id: int | None = None
    state: EngineState = "queued"
    hub_id: int | None = None
    process: Process | None = None
    cause: Cause | None = None
    completed: int = 0
    usage: Usage | None = None
    started_at: str | None = None
    met: str | None = None

    @property
    def at_hub(self) -> str:
        """Its identity there."""
        return self.met or self.uuid

    @property
    def registered(self) -> bool:
        return self.hub_id is not None and self.state in LIVE

    def model(self) -> EngineModel:
        return EngineModel(
            slot=self.number,
            id=self.hub_id,
            uuid=self.at_hub,
            host=self.process.host if self.process else None,
            pid=self.process.pid if self.process else None,
            state=self.state,
            cause=self.cause,
            completed=self.completed,
            cpu=self.usage.cpu if self.usage else None,
            memory=self.usage.memory if self.usage else None,
            started_at=self.started_at,
        )


class EngineSet:
    """Slots by number; ``touched`` collects the numbers that changed since they were last taken."""

    def __init__(self) -> None:
        self._slots: dict[int, Slot] = {}
        self._by_uuid: dict[str, Slot] = {}
        self._order = 0
        self._fresh_from = 0
        self.touched: set[int] = set()

    def __iter__(self) -> Iterator[Slot]:
        return iter(sorted(self._slots.values(), key=lambda slot: slot.number))

    def __len__(self) -> int:
        return len(self._slots)

    def get(self, number: int) -> Slot | None:
        return self._slots.get(number)

    def by_uuid(self, uuid: str) -> Slot | None:
        return self._by_uuid.get(uuid)

    def live(self) -> list[Slot]:
        """Slots that have, or are about to have, a process that nobody asked to stop."""
        return [slot for slot in self if slot.state in LIVE | {"queued"} and slot.state != "stopping"]

    def unsure(self) -> list[Slot]:
        """Slots of which nobody has told that their engine began."""
        return [slot for slot in self if slot.state == "queued" and slot.process is None]

    def counts(self) -> EngineCounts:
        launched = registered = busy = lost = 0
        for slot in self._slots.values():
            launched += slot.state in LIVE and (slot.process is not None or slot.registered)
            registered += slot.registered
            busy += slot.state == "busy"
            lost += slot.state == "lost"
        return EngineCounts(launched=launched, registered=registered, busy=busy, lost=lost)

    # -- what is wanted -----------------------------------------------------

    def open(self, count: int) -> list[Slot]:
        """Make ``count`` new slots in the lowest free numbers, replacing ended engines."""
        taken = {slot.number for slot in self._slots.values() if slot.state in LIVE | {"queued"}}
        numbers: list[int] = []
        candidate = 0
        while len(numbers) < count:
            if candidate not in taken:
                numbers.append(candidate)
            candidate += 1
        return [self._place(number) for number in numbers]

    def renew(self, number: int) -> Slot:
        """A new engine in a slot whose engine has ended (restart)."""
        return self._place(number)

    def _place(self, number: int) -> Slot:
        old = self._slots.get(number)
        if old is not None:
            self._forget_names(old)
        self._order += 1
        asks_id = number if number >= self._fresh_from else None
        self._fresh_from = max(self._fresh_from, number + 1)
        slot = Slot(number=number, uuid=new_uuid(number), order=self._order, asks_id=asks_id)
        self._slots[number] = slot
        self._by_uuid[slot.uuid] = slot
        self.touched.add(number)
        return slot

    def victims(self, count: int, together: Sequence[Collection[int]] = ()) -> list[Slot]:
        """Whom to stop first: those that do not work yet, idle ones, busy ones; the newest first in each.
        ``together`` = slots of which the idle ones better go all or not at all, the best first."""
        rank = {"queued": 0, "starting": 0, "unregistered": 0, "idle": 1, "busy": 2}
        ordered = sorted(self.live(), key=lambda slot: (rank[slot.state], -slot.order, -slot.number))
        chosen = {slot.number: slot for slot in [slot for slot in ordered if rank[slot.state] == 0][:count]}
        left = {slot.number: slot for slot in ordered if slot.number not in chosen}
        for group in together:
            theirs = {number: left[number] for number in group if number in left}
            if len(theirs) <= count - len(chosen) and all(slot.state == "idle" for slot in theirs.values()):
                chosen.update(theirs)
        rest = [slot for slot in ordered if slot.number not in chosen]
        return [*chosen.values(), *rest[: count - len(chosen)]]

    def clear_ended(self) -> None:
        """Forget records of engines that have ended."""
        self.drop([slot.number for slot in self._slots.values() if slot.state in ("lost", "exited")])

    def clear(self) -> None:
        """All are gone, and so is the controller that knew their numbers."""
        self.drop(list(self._slots))
        self._fresh_from = 0

    def drop(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            slot = self._slots.pop(number, None)
            if slot is not None:
                self._forget_names(slot)
                self.touched.add(number)

    def _forget_names(self, slot: Slot) -> None:
        for name in (slot.uuid, slot.at_hub):
            self._by_uuid.pop(name, None)

    # -- what is told -------------------------------------------------------

    def launched(self, number: int, uuid: str, process: Process) -> None:
        slot = self._current(number, uuid)
        if slot is None:
            return
        slot.process = process
        slot.started_at = iso(process.create_time, whole=True)
        if slot.state == "queued":
            slot.state = "starting"
        self.touched.add(number)

    def meet(self, hub_id: int, uuid: str) -> Slot | None:
        """An engine that we did not name has registered: it takes a place that was made for one such; None if all
        are taken."""
        free = [slot for slot in self if slot.met is None and slot.state in ("queued", "starting")]
        if not free:
            return None
        slot = min(free, key=lambda slot: (slot.number != hub_id, slot.number))
        slot.met = uuid
        self._by_uuid[uuid] = slot
        return slot

    def seen(self, hub_id: int, uuid: str) -> Slot:
        """An engine of a cluster that others started: its place is its number at the hub."""
        slot = self._by_uuid.get(uuid)
        if slot is None:
            self.drop([hub_id])
            self._order += 1
            slot = Slot(number=hub_id, uuid=uuid, order=self._order, state="starting")
            self._slots[hub_id] = self._by_uuid[uuid] = slot
        self.registered(hub_id, uuid)
        return slot

    def exited(self, number: int, uuid: str, exit: Exit) -> Slot | None:
        slot = self._current(number, uuid)
        if slot is None or slot.state in ("lost", "exited"):
            if slot is not None and slot.state == "lost" and exit.because is not None:
                slot.cause = cause_of(exit)
                self.touched.add(number)
            return None
        fine = exit.asked or (exit.exit_code == 0 and exit.signal is None)
        slot.state = "exited" if fine else "lost"
        slot.cause = cause_of(exit)
        slot.usage = None
        self.touched.add(number)
        return slot

    def halted(self, number: int, uuid: str, halted: bool) -> None:
        """A signal stopped it, or it goes on."""
        slot = self._current(number, uuid)
        if slot is not None and slot.state in LIVE:
            slot.cause = HALTED if halted else None
            self.touched.add(number)

    def registered(self, hub_id: int, uuid: str) -> bool:
        slot = self._by_uuid.get(uuid)
        if slot is None or slot.state in ("lost", "exited") or slot.hub_id == hub_id:
            return False
        slot.hub_id = hub_id
        if slot.state in ("queued", "starting", "unregistered"):
            slot.state = "idle"
        self.touched.add(slot.number)
        return True

    def unregistered(self, uuid: str) -> None:
        """The hub let go of it: either it is about to exit, or it lives on unreachable."""
        slot = self._by_uuid.get(uuid)
        if slot is not None and slot.state in ("idle", "busy"):
            slot.state = "unregistered"
            slot.hub_id = None
            self.touched.add(slot.number)

    def busy(self, uuid: str, busy: bool) -> None:
        slot = self._by_uuid.get(uuid)
        if slot is not None and slot.state in ("idle", "busy"):
            state: EngineState = "busy" if busy else "idle"
            if slot.state != state:
                slot.state = state
                self.touched.add(slot.number)

    def completed(self, uuid: str, count: int) -> None:
        slot = self._by_uuid.get(uuid)
        if slot is not None and slot.completed != count:
            slot.completed = count
            self.touched.add(slot.number)

    def used(self, by_slot: Mapping[int, Usage]) -> None:
        for number, usage in by_slot.items():
            slot = self._slots.get(number)
            if slot is not None and slot.state in LIVE and slot.usage != usage:
                slot.usage = usage
                self.touched.add(number)

    def stopping(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            slot = self._slots.get(number)
            if slot is not None and slot.state in LIVE | {"queued"}:
                slot.state = "stopping"
                self.touched.add(number)

    def hub_gone(self) -> None:
        """The controller ended: nobody is registered any more."""
        for slot in self._slots.values():
            if slot.state in ("idle", "busy"):
                slot.state = "unregistered"
                slot.hub_id = None
                self.touched.add(slot.number)

    def _current(self, number: int, uuid: str) -> Slot | None:
        slot = self._slots.get(number)
        return slot if slot is not None and slot.uuid == uuid else None

    # -- what survives a restart of the server --------------------------------

    def saved(self) -> list[dict[str, Any]]:
        """JSON from which :meth:`restore` makes the slots again."""
        return [
            {
                "slot": slot.number,
                "uuid": slot.uuid,
                "met": slot.met,
                "order": slot.order,
                "asks_id": slot.asks_id,
                "state": slot.state,
                "completed": slot.completed,
                "started_at": slot.started_at,
                "process": vars(slot.process) if slot.process else None,
                "cause": _cause_dict(slot.cause),
            }
            for slot in self
        ]

    def restore(self, saved: Iterable[Mapping[str, Any]]) -> None:
        for record in saved:
            state: EngineState = record["state"]
            if state in ("idle", "busy", "unregistered"):
                state = "starting"  # until the hub has told again
            slot = Slot(
                number=record["slot"],
                uuid=record["uuid"],
                met=record.get("met"),
                order=record["order"],
                asks_id=record.get("asks_id"),
                state=state,
                completed=record.get("completed", 0),
                started_at=record.get("started_at"),
                process=Process(**record["process"]) if record.get("process") else None,
                cause=Cause(**record["cause"]) if record.get("cause") else None,
            )
            self._slots[slot.number] = slot
            self._by_uuid[slot.uuid] = self._by_uuid[slot.at_hub] = slot
            self._order = max(self._order, slot.order)
            self._fresh_from = max(self._fresh_from, slot.number + 1)
            self.touched.add(slot.number)


def _cause_dict(cause: Cause | None) -> dict[str, Any] | None:
    if cause is None:
        return None
    return {"signal": cause.signal, "exit_code": cause.exit_code, "sentence": cause.sentence}


def new_uuid(slot: int) -> str:
    """An engine's identity at the hub: tells the slot to a reader, and is never used twice."""
    return f"s{slot}-{secrets.token_hex(4)}"
