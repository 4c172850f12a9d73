"""The topics one socket may ask for, and what stands behind each.

Promise: a topic that cannot be had is an error of that topic alone. Only
``resolve`` may wait (it runs in a thread).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ..errors import BadInput
from ..feed import Pump
from ..logs.models import Line
from .body import MOST
from .messages import Lagged, Lines

if TYPE_CHECKING:
    from ..logs.follow import Following
    from ..logs.log import AnyLog
    from .resource import Parts

#: Lines that may wait for a client before its log is read no further.
WAITING = 10_000

#: Topics of one socket.
MOST_TOPICS = 256


@dataclass(frozen=True)
class Asked:
    """A topic as it was asked for: ``name`` without the offset; ``log`` is empty for state topics."""

    name: str
    key: str = ""
    log: str = ""
    offset: int | None = None


def parse(topic: str) -> Asked:
    """Raises :class:`BadInput`."""
    what, _, rest = topic.partition("/")
    if topic == "clusters":
        return Asked(topic)
    if what in ("engines", "load") and rest:
        return Asked(topic, rest)
    if what == "logs":
        return _parse_log(topic)
    raise BadInput(f"There is no topic {topic[:200]!r}.", reason="no-such-topic")


def _parse_log(topic: str) -> Asked:
    name, at, offset = topic.rpartition("@")
    if not at:
        name = topic
    elif not (offset.isascii() and offset.isdecimal()) or len(offset) > 19 or int(offset) > MOST:
        raise BadInput(f"The offset of {topic[:200]!r} must be a whole number.", reason="no-such-topic")
    key, _, log = name.removeprefix("logs/").partition("/")
    if not key or not log:
        raise BadInput(f"There is no topic {topic[:200]!r}.", reason="no-such-topic")
    return Asked(name, key, log, int(offset) if at else None)


def resolve(parts: Parts, asked: Asked) -> AnyLog | None:
    """The log behind a topic of a cluster, None for a state topic. Raises :class:`NotFound`."""
    cluster = parts.clusters.get(asked.key)
    return cluster.log(asked.log) if asked.log else None


class LogSource:
    """Carries one log to one client: reads no further while enough lines wait, so none is lost or piled up."""

    def __init__(self, parts: Parts, pump: Pump, asked: Asked, log: AnyLog) -> None:
        self._parts = parts
        self._pump = pump
        self._topic = asked.name
        self._log = log
        self._end = 0
        self._waiting: deque[tuple[list[Line], int] | int] = deque()
        self._count = 0
        self._following: Following | None = None
        self._follow(asked.offset)

    def take(self) -> bytes | None:
        """The next message."""
        if not self._waiting:
            return None
        message = self._next()
        if self._waiting:
            self._pump.offer(self)
        elif self._following is None:
            self._follow(self._end)
        return msgspec.json.encode(message)

    def close(self) -> None:
        """Read no more; safe to repeat."""
        self._pump.withdraw(self)
        self._pause()
        self._waiting.clear()

    def _next(self) -> Lines | Lagged:
        epoch = self._parts.feed.epoch
        first = self._waiting.popleft()
        if isinstance(first, int):
            return Lagged(epoch=epoch, topic=self._topic, seq=first, lagged=first)
        lines, end = first
        self._count -= len(lines)
        return Lines(epoch=epoch, topic=self._topic, seq=end, lines=lines)

    def _follow(self, offset: int | None) -> None:
        self._following = self._parts.follower.follow(self._log, offset, self._lines, self._lagged)

    def _pause(self) -> None:
        if self._following is not None:
            self._following.close()
            self._following = None

    def _lines(self, lines: list[Line], end: int) -> None:
        self._waiting.append((lines, end))
        self._end = end
        self._count += len(lines)
        if self._count >= WAITING:
            self._pause()
        self._pump.offer(self)

    def _lagged(self, offset: int) -> None:
        self._waiting.append(offset)
        self._end = offset
        self._pump.offer(self)
