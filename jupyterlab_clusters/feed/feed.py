"""All topics of this run of the server, fed from any thread, read on the server's loop.

Promise: feeding costs a dictionary look-up per field and never waits for a
reader; ``epoch`` names this run, so that a reader of another starts afresh.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable
from typing import Any

from .reader import Reader
from .topic import Ident, KeyName, Model, SeriesTopic, StateTopic, Topic

#: The first word of topics that are series of points.
SERIES = "load"

Watch = Callable[[str, bool], None]

#: For how long somebody who asked is thought to go on looking (seconds).
LOOK = 10.0


class Feed:
    """``put``, ``remove``, ``drop_topic``, ``point`` and ``watched`` from any thread; the rest on ``loop``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.epoch = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._topics: dict[str, Topic] = {}
        self._readers: dict[str, set[Reader]] = {}
        self._news: set[str] = set()
        self._watches: list[tuple[str, Watch]] = []
        self._closed = False
        self._looks: dict[str, tuple[Reader, asyncio.TimerHandle]] = {}

    def put(self, topic: str, key_name: KeyName, ident: Ident, model: Model) -> None:
        """The newest value of one thing; only fields that differ are told."""
        with self._lock:
            if self._state(topic).put(key_name, ident, model):
                self._tell_readers(topic)

    def remove(self, topic: str, ident: Ident) -> None:
        """It is gone; safe to repeat."""
        with self._lock:
            if self._state(topic).remove(ident):
                self._tell_readers(topic)

    def drop_topic(self, topic: str) -> None:
        """Everything of this topic is gone; its readers get an empty snapshot."""
        with self._lock:
            known = self._topics.get(topic)
            if known is None:
                return
            known.clear()
            self._tell_readers(topic)
            if not self._readers.get(topic):
                del self._topics[topic]

    def point(self, topic: str, model: Model) -> None:
        """One point more of a series (``load/<key>``)."""
        with self._lock:
            series = self._topic(topic)
            if not isinstance(series, SeriesTopic):
                raise TypeError(f"{topic} holds states, not points")
            series.point(model)
            self._tell_readers(topic)

    def watched(self, topic: str) -> bool:
        """Whether anybody reads this topic now."""
        return bool(self._readers.get(topic))

    def on_watch(self, prefix: str, callback: Watch) -> None:
        """Call ``callback(topic, watched)`` on the loop at the first and after the last reader of such a topic."""
        self._watches.append((prefix, callback))

    def subscribe(self, topic: str, epoch: str | None = None, since: int | None = None) -> Reader:
        """A reader from now on; with this run's ``epoch``, from after number ``since``."""
        reader = Reader(self, topic, since if epoch == self.epoch else None)
        with self._lock:
            self._topic(topic)
            readers = self._readers.setdefault(topic, set())
            first = not readers
            readers.add(reader)
        if first:
            self._watch(topic, True)
        return reader

    def leave(self, reader: Reader) -> None:
        """Take this reader off; safe to repeat."""
        with self._lock:
            readers = self._readers.get(reader.topic, set())
            if reader not in readers:
                return
            readers.discard(reader)
            last = not readers
            if last:
                del self._readers[reader.topic]
        if last:
            self._watch(reader.topic, False)

    def look(self, topic: str) -> list[Any]:
        """Everything of a topic as it is now, for who cannot subscribe; for a while it is watched for them."""
        reader, timer = self._looks.pop(topic, (None, None))
        if timer is not None:
            timer.cancel()
        reader = reader or self.subscribe(topic)
        self._looks[topic] = (reader, self.loop.call_later(LOOK, self._look_away, topic))
        with self._lock:
            return self._topic(topic).everything()

    def _look_away(self, topic: str) -> None:
        reader, _ = self._looks.pop(topic)
        reader.close()

    def tell(self, topic: str, since: int | None, *, always: bool) -> tuple[bytes | None, int]:
        """The message for a reader at ``since`` and the number it then stands at; None when it knows all."""
        with self._lock:
            known = self._topic(topic)
            if since is None:
                return known.snapshot(), known.seq
            if since == known.seq and not always:
                return None, since
            return known.changes(since), known.seq

    def close(self) -> None:
        """Tell nobody any more (the server stops)."""
        self._closed = True

    def _topic(self, topic: str) -> Topic:
        known = self._topics.get(topic)
        if known is None:
            kind = SeriesTopic if topic.partition("/")[0] == SERIES else StateTopic
            known = self._topics[topic] = kind(self.epoch, topic)
        return known

    def _state(self, topic: str) -> StateTopic:
        known = self._topic(topic)
        if not isinstance(known, StateTopic):
            raise TypeError(f"{topic} holds points, not states")
        return known

    def _tell_readers(self, topic: str) -> None:
        # One call per topic is on its way at most: a storm of changes costs the loop one wake-up.
        if self._closed or topic in self._news or not self._readers.get(topic):
            return
        self._news.add(topic)
        try:
            self.loop.call_soon_threadsafe(self._wake, topic)
        except RuntimeError:  # the loop was closed under us: the server is gone
            self._closed = True

    def _wake(self, topic: str) -> None:
        with self._lock:
            self._news.discard(topic)
            readers = list(self._readers.get(topic, ()))
        for reader in readers:
            reader.changed()

    def _watch(self, topic: str, watched: bool) -> None:
        for prefix, callback in self._watches:
            if topic.startswith(prefix):
                callback(topic, watched)
