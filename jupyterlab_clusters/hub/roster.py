"""Who is registered and who is busy, as pieced together from three sources that may each lose or overtake.

Promise: the listener is told each fact once, and never a count that goes
down. Pure: must never do input or output.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Queue(NamedTuple):
    """What the hub knows of one engine: messages sent to it directly and not done, ``completed`` of all kinds
    (the hub does not count broadcasts), ``tasks`` of the load-balanced scheduler and not done."""

    queue: int
    completed: int
    tasks: int


class HubListener(Protocol):
    """Whom a monitor tells. All calls come on the loop on which the monitor was started."""

    def registered(self, hub_id: int, uuid: str) -> None: ...
    def unregistered(self, hub_id: int, uuid: str) -> None: ...
    def busy(self, hub_id: int, uuid: str, busy: bool) -> None: ...
    def completed(self, hub_id: int, uuid: str, count: int) -> None:
        """``count`` tasks were finished by this engine in all."""

    def silent(self, seconds: float) -> None:
        """The hub has said nothing for so long though asked; told again every few seconds."""

    def back(self) -> None:
        """The hub answers again."""


@dataclass
class _Engine:
    """``task`` is the id of the message it was heard to work on; ``heard`` = its own word on being busy was heard,
    which is newer than the hub's."""

    uuid: str
    busy: bool = False
    task: str | None = None
    heard: bool = False
    seeded: bool = False
    completed: int = 0
    doubted: str | None = None


class Roster:
    def __init__(self, listener: HubListener) -> None:
        self._listener = listener
        self._engines: dict[int, _Engine] = {}

    def __contains__(self, hub_id: int) -> bool:
        return hub_id in self._engines

    def ids(self) -> list[int]:
        return list(self._engines)

    def uuid(self, hub_id: int) -> str | None:
        engine = self._engines.get(hub_id)
        return engine.uuid if engine else None

    def unheard(self, hub_ids: list[int]) -> list[int]:
        """Those whose own word was not heard yet."""
        return [i for i in hub_ids if i in self._engines and not self._engines[i].heard]

    def registered(self, hub_id: int, uuid: str) -> bool:
        """Whether that is news."""
        before = self._engines.get(hub_id)
        if before is not None:
            if before.uuid == uuid:
                return False
            self.unregistered(hub_id)
        self._engines[hub_id] = _Engine(uuid)
        self._listener.registered(hub_id, uuid)
        return True

    def unregistered(self, hub_id: int) -> bool:
        """Whether that is news."""
        engine = self._engines.pop(hub_id, None)
        if engine is None:
            return False
        self._listener.unregistered(hub_id, engine.uuid)
        return True

    def present(self, engines: Mapping[int, str], overtaken: Container[int]) -> tuple[list[int], list[int]]:
        """Exactly these are registered, but for ``overtaken`` ones, of which there was newer news.
        Who came, and who went."""
        gone = [i for i in self._engines if i not in engines and i not in overtaken]
        for hub_id in gone:
            self.unregistered(hub_id)
        came = [i for i, uuid in engines.items() if i not in overtaken and self.registered(i, uuid)]
        return came, gone

    def worked(self, hub_id: int, state: str, task: str) -> None:
        """An engine said that it is ``busy`` with, or ``idle`` after, the task of that message id."""
        engine = self._engines.get(hub_id)
        if engine is None:
            return
        engine.heard = True
        if state == "busy":
            engine.task = task
            self._set_busy(hub_id, engine, True)
            return
        # An end without a beginning, of an engine the hub said was idle: the hub had counted it already.
        counted_before = engine.task != task and engine.seeded and not engine.busy
        engine.task = None
        if not counted_before:
            self._set_completed(hub_id, engine, engine.completed + 1)
        self._set_busy(hub_id, engine, False)

    def seed(self, hub_id: int, queue: Queue) -> None:
        """What the hub says of an engine; the engine's own word on being busy is the better one."""
        engine = self._engines.get(hub_id)
        if engine is None:
            return
        pending = queue.queue + queue.tasks
        engine.seeded = True
        # A result the hub has seen, while the end is still on its way to us, will be counted at that end.
        underway = 1 if engine.task is not None and pending == 0 else 0
        if queue.completed - underway > engine.completed:
            self._set_completed(hub_id, engine, queue.completed - underway)
        if not engine.heard:
            self._set_busy(hub_id, engine, pending > 0)

    def doubtful(self, queues: Mapping[int, Queue]) -> dict[int, str]:
        """Engines whose task has been the same since last asked, though the hub has nothing waiting for them:
        a broadcast, which the hub does not list, or an end that was lost on the way. With their task."""
        doubtful: dict[int, str] = {}
        for hub_id, queue in queues.items():
            engine = self._engines.get(hub_id)
            if engine is None or engine.task is None or queue.queue or queue.tasks:
                continue
            if engine.doubted == engine.task:
                doubtful[hub_id] = engine.task
            engine.doubted = engine.task
        return doubtful

    def ended(self, hub_id: int, task: str) -> None:
        """That task is over, as the hub knows, though its end was not heard."""
        engine = self._engines.get(hub_id)
        if engine is not None and engine.task == task:
            engine.task = None
            self._set_busy(hub_id, engine, False)

    def deaf(self) -> None:
        """The engines' own word is not heard from now on: the hub's is the best there is."""
        for engine in self._engines.values():
            engine.heard = False
            engine.task = None

    def _set_busy(self, hub_id: int, engine: _Engine, busy: bool) -> None:
        if engine.busy != busy:
            engine.busy = busy
            self._listener.busy(hub_id, engine.uuid, busy)

    def _set_completed(self, hub_id: int, engine: _Engine, count: int) -> None:
        engine.completed = count
        self._listener.completed(hub_id, engine.uuid, count)
