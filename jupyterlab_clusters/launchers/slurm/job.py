"""One job of a cluster: its nodes, and which engines wait for it or run in it.

Promise: every engine that was given to a job is told of, once: as it begins,
as it ends, and with its job's end as the cause where that took it along.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from ..agent import AgentPeer, Streams
from ..base import EngineSpec, Exit, Job, LaunchFailed, Process, Usage, Watcher
from ..hostside import HostSide, Place, slot_of
from .leading import Lead
from .listing import Seen
from .words import because

#: How long an exit by a batch system's signals waits for word that the whole job ends (seconds).
WAIT_FOR_WORD = 0.4
TERM = 15


class NodeWatcher(Watcher):
    """Passes on what one node tells; an engine that its job took along says so."""

    def __init__(self, watcher: Watcher, node: Node) -> None:
        self._watcher, self._node = watcher, node
        self._ended: set[str] = set()
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        #: Engines that ended with the job before it was known how that ended.
        self._with: dict[str, int] = {}

    def controller_launched(self, process: Process) -> None:
        if self._node.job.lead is not None:
            self._node.job.lead.launched(process)

    def controller_exited(self, exit: Exit) -> None:
        if self._node.job.lead is not None:
            self._node.job.lead.exited(exit, lambda: self._with_job() if self._node.ending else None)

    def engine_launched(self, slot: int, uuid: str, process: Process) -> None:
        self._node.engines[slot] = uuid
        self._watcher.engine_launched(slot, uuid, process)

    def engine_exited(self, slot: int, uuid: str, exit: Exit) -> None:
        if uuid in self._ended:
            return
        if exit.signal == TERM and not exit.asked and not self._node.ending:
            loop = asyncio.get_running_loop()
            self._ended.add(uuid)
            self._waiting[uuid] = loop.call_later(WAIT_FOR_WORD, self._tell, slot, uuid, exit)
            return
        self._ended.add(uuid)
        self._tell(slot, uuid, exit)

    def halted(self, slot: int | None, uuid: str, halted: bool) -> None:
        self._watcher.halted(slot, uuid, halted)

    def usage(self, by_slot: Mapping[int, Usage]) -> None:
        self._watcher.usage(by_slot)

    def job_changed(self, job: Job | None) -> None:
        """A node knows nothing of it."""

    async def keep(self) -> None:
        await self._watcher.keep()

    def failed(self, why: LaunchFailed) -> None:
        self._watcher.failed(why)

    def cut_off(self, place: str, slots: Sequence[int] | None, why: LaunchFailed) -> None:
        self._watcher.cut_off(place, slots, why)

    def regained(self, place: str, slots: Sequence[int] | None) -> None:
        self._watcher.regained(place, slots)

    def gone(self, state: str) -> None:
        """The job is over: so is everything here."""
        why = Exit(because=because(self._node.job.id, state))
        for uuid, slot in self._with.items():
            self._watcher.engine_exited(slot, uuid, why)
        self._with.clear()
        for slot, uuid in list(self._node.engines.items()):
            if uuid not in self._ended:
                self._ended.add(uuid)
                self._watcher.engine_exited(slot, uuid, why)
        self._node.engines.clear()

    def _tell(self, slot: int, uuid: str, exit: Exit) -> None:
        self._waiting.pop(uuid, None)
        if self._node.ending and not exit.asked:
            exit = self._with_job()
            self._with[uuid] = slot
        if self._node.engines.get(slot) == uuid:
            del self._node.engines[slot]
        self._watcher.engine_exited(slot, uuid, exit)

    def _with_job(self) -> Exit:
        """The number of the signal would only say what a batch system does to everybody."""
        return Exit(because=because(self._node.job.id, self._node.job.state))


class Node:
    """One node of a job. ``engines`` = slot -> uuid of what runs or is being begun there."""

    def __init__(
        self,
        job: SlurmJob,
        name: str,
        key: str,
        watcher: Watcher,
        connect: Callable[[str, str], Awaitable[Streams]],
        log_dir: Path,
        reached: Callable[[Node], None],
    ) -> None:
        self.job, self.name = job, name
        self.engines: dict[int, str] = {}
        self._places: dict[int, int] = {}
        self.ending = False
        self.silent = False
        #: Whether it was told that the way to it broke.
        self.cut = False
        self.watcher = NodeWatcher(watcher, self)
        self.side = HostSide(
            key,
            self.watcher,
            lambda: connect(job.id, name),
            lambda: Place(log_dir, journal=f"exits-{name}.jsonl"),
            name=f"node {name}",
            host=name,
            on_reached=self._reached,
        )
        self._told_reached = reached

    async def _reached(self, peer: AgentPeer) -> None:
        self._told_reached(self)

    def place(self, slot: int) -> int:
        """Of the engine of that slot among those of this node: 0 for the first."""
        taken = {self._places[other] for other in self.engines if other != slot and other in self._places}
        self._places[slot] = next(number for number in itertools.count() if number not in taken)
        return self._places[slot]

    @property
    def place_name(self) -> str:
        return f"{self.name} of job {self.job.id}"

    def slots(self) -> list[int] | None:
        """Engines that are away when it is; ``None`` = all, as the controller is there."""
        return None if self.job.lead is not None else sorted(self.engines)

    def running(self, slots: Iterable[int]) -> list[str]:
        """Names of the processes of these slots that run here."""
        wanted = set(slots)
        return [name for name in self.side.running() if slot_of(name) in wanted]


@dataclass
class SlurmJob:
    """``waiting`` = engines that have no node yet. ``joined`` = somebody else's allocation, which we leave alone.
    ``lead`` = the controller, in a job that has no engines."""

    id: str
    nodes_asked: int
    per_node: int
    joined: bool = False
    said_from: int = 0
    lead: Lead | None = None
    state: str = "PENDING"
    ran: bool = False
    asked_to_end: bool = False
    seen: Seen | None = None
    nodes: dict[str, Node] = field(default_factory=dict)
    waiting: dict[int, EngineSpec] = field(default_factory=dict)

    @property
    def engines(self) -> int:
        """How many it has, or will have."""
        return len(self.waiting) + sum(len(node.engines) for node in self.nodes.values())

    @property
    def free(self) -> int:
        """Engines for which it has room still."""
        return 0 if self.asked_to_end else self.nodes_asked * self.per_node - self.engines

    def share(self, node: Node) -> list[EngineSpec]:
        """Engines for a node that is there now: evenly over those that come."""
        coming = max(0, self.nodes_asked - len(self.nodes))
        others = [other for other in self.nodes.values() if other is not node and not other.engines]
        room = self.per_node - len(node.engines)
        fair = ceil(len(self.waiting) / (1 + coming + len(others)))
        slots = sorted(self.waiting)[: max(0, min(room, fair))]
        return [self.waiting.pop(slot) for slot in slots]

    def together(self) -> list[set[int]]:
        """Slots by what is given back without them: the job, else a node, the first one last."""
        # Before the queue has told, Slurm's own order is guessed: by name, numbers as numbers.
        named = self.seen.nodes if self.seen is not None and self.seen.nodes else sorted(self.nodes, key=_in_order)
        kept = named[:1]
        nodes = sorted(self.nodes.values(), key=lambda node: (node.name in kept, -max(node.engines, default=0)))
        each = [set(node.engines) for node in nodes]
        return [set(self.waiting).union(*each), *each]

    def saved(self) -> dict[str, Any]:
        """JSON, without the connections of those that wait."""
        return {
            "id": self.id,
            "nodes_asked": self.nodes_asked,
            "per_node": self.per_node,
            "joined": self.joined,
            "leads": self.lead is not None,
            "said_from": self.said_from,
            "ran": self.ran,
            "nodes": {name: node.side.saved() for name, node in self.nodes.items()},
            "waiting": [{"slot": one.slot, "uuid": one.uuid, "asks_id": one.asks_id} for one in self.waiting.values()],
        }

    @classmethod
    def restored(cls, saved: Mapping[str, Any], connection: str) -> SlurmJob:
        """As it was saved, but for its nodes."""
        job = cls(saved["id"], saved["nodes_asked"], saved["per_node"], joined=bool(saved.get("joined")))
        job.said_from, job.ran = int(saved.get("said_from") or 0), bool(saved.get("ran"))
        job.state = "RUNNING" if job.ran else "PENDING"
        for one in saved.get("waiting", ()):
            job.waiting[one["slot"]] = EngineSpec(one["slot"], one["uuid"], connection, one.get("asks_id"))
        return job


def restored(node: Node, saved: Iterable[Mapping[str, Any]]) -> None:
    """What ran there when the server went."""
    records = list(saved)
    node.side.restore(records)
    for record in records:
        if (slot := slot_of(record["name"])) is not None:
            node.engines[slot] = record.get("uuid") or ""


def _in_order(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
