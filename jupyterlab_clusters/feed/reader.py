"""One reader of one topic: a place in its numbers, nothing queued.

Promise: the first message answers at once; after that at most ten a second,
each holding only the newest values. However slow its owner, a reader costs one
number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .feed import Feed

#: Seconds between two messages of one topic.
PACE = 0.1


class Reader:
    """Lives on the feed's loop. ``ready`` is called there when :meth:`take` has something to give."""

    def __init__(self, feed: Feed, topic: str, since: int | None) -> None:
        self.topic = topic
        self.ready: Callable[[], None] | None = None
        self._feed = feed
        self._since = since
        self._answered = False
        self._taken = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def take(self) -> bytes | None:
        """The next whole message; None when there is nothing new."""
        message, seq = self._feed.tell(self.topic, self._since, always=not self._answered)
        if message is not None:
            self._answered = True
            self._since = seq
            self._taken = self._feed.loop.time()
        return message

    def changed(self) -> None:
        """There is news (the feed calls this)."""
        if self._timer is None and self.ready is not None:
            wait = self._taken + PACE - self._feed.loop.time()
            self._timer = self._feed.loop.call_later(max(wait, 0.0), self._ring)

    def close(self) -> None:
        """Read no more; safe to repeat."""
        self.ready = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._feed.leave(self)

    def _ring(self) -> None:
        self._timer = None
        if self.ready is not None:
            self.ready()
