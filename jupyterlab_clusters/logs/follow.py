"""Growing logs -> lines, each once and in order, on the server's loop.

Promise: one thread for all logs that are followed. It looks at their sizes
ten times a second while there is something to follow (inotify does not tell
of writes from another machine on NFS), and sleeps without a timer otherwise.
At most one batch of a follower is on its way to the loop: who takes long is
told that it lagged, and nothing piles up. Must never run anything else on
the loop than the callbacks.

A line is told when it is whole. A last line without an end is told once it
has stood for ``PATIENCE`` seconds (a prompt, a progress bar); what is then
added to it follows as a line with its own offset, by the same rule.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Callable

from .log import AnyLog
from .models import Line

PERIOD = 0.1
PATIENCE = 1.0
BATCH_LINES = 5000
BATCH_BYTES = 1024 * 1024
LAG = 4 * 1024 * 1024
KEEP = 256 * 1024

OnLines = Callable[[list[Line], int], None]
OnLag = Callable[[int], None]


class Following:
    """One reader of one log, until ``close``. ``look`` is for the follower's thread alone."""

    def __init__(
        self, follower: Follower, log: AnyLog, offset: int | None, on_lines: OnLines, on_lag: OnLag | None
    ) -> None:
        self.more = True
        self._follower = follower
        self._log = log
        self._start = offset
        self._on_lines = on_lines
        self._on_lag = on_lag
        self._begun = False
        self._closed = False
        self._on_the_way = False
        self._position = 0
        self._waiting_since = math.inf
        self._within_line = False

    def close(self) -> None:
        """No callback begins after this. May be called from any thread, also twice."""
        self._closed = True
        self._follower.drop(self)

    def look(self) -> None:
        """Send what is new to the loop, a batch at most; ``more`` says that there is more at once."""
        if self._on_the_way or self._closed:
            return
        size = self._log.size()
        self.more = False
        if not self._begun:
            self._begin(size)
        elif size < self._position or size - self._position > LAG:
            self._skip(size)
        elif size > self._position:
            self._read(size)

    def _begin(self, size: int) -> None:
        self._position = size if self._start is None else self._start
        self._within_line = self._log.within(self._position)
        self._begun = self.more = True
        self._send(self._tell, [], self._position)

    def _skip(self, size: int) -> None:
        near = max(0, size - KEEP)
        # Where the line there begins, unless that is a gap, which may begin far away.
        begin = self._log.border(near)
        self._position = begin if size - begin <= LAG else near
        self._within_line, self._waiting_since, self.more = False, math.inf, True
        self._send(self._tell_lag, self._position)

    def _read(self, size: int) -> None:
        now = time.monotonic()
        tail = now - self._waiting_since >= PATIENCE
        before = self._position
        lines, self._position = self._log.news(before, BATCH_LINES, BATCH_BYTES, tail=tail)
        if self._position == before:
            self._waiting_since = min(self._waiting_since, now)
            return
        self.more = len(lines) >= BATCH_LINES or self._position - before >= BATCH_BYTES
        self._waiting_since = now if self._position < size else math.inf
        # The end of a line that was told already in part, with nothing more in it, is no line.
        news = lines[1:] if self._within_line and not lines[0].text else lines
        self._within_line = tail and self._log.within(self._position)
        self._send(self._tell, news, self._position)

    def _send(self, tell: Callable[..., None], *what: object) -> None:
        self._on_the_way = True
        self._follower.loop.call_soon_threadsafe(tell, *what)

    def _tell(self, lines: list[Line], end: int) -> None:
        try:
            if not self._closed:
                self._on_lines(lines, end)
        finally:
            self._arrived()

    def _tell_lag(self, offset: int) -> None:
        try:
            if not self._closed and self._on_lag is not None:
                self._on_lag(offset)
        finally:
            self._arrived()

    def _arrived(self) -> None:
        self._on_the_way = False
        if self.more:
            self._follower.nudge()


class Follower:
    """``loop`` is where callbacks run. ``close`` ends the thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._changed = threading.Condition()
        self._nudged = threading.Event()
        self._followings: list[Following] = []
        self._thread: threading.Thread | None = None
        self._closed = False

    def follow(self, log: AnyLog, offset: int | None, on_lines: OnLines, on_lag: OnLag | None = None) -> Following:
        """Call ``on_lines(lines, end)`` for what is in ``log`` from ``offset`` on (``None``: its present end), at once
        and perhaps with no lines, then as it grows; ``end`` is the offset after them. A reader more than ``LAG`` bytes
        behind is moved on near the end: ``on_lag(offset)`` says to where, lines go on from there."""
        following = Following(self, log, offset, on_lines, on_lag)
        with self._changed:
            self._followings.append(following)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="follow logs", daemon=True)
                self._thread.start()
        self._nudged.set()
        return following

    def drop(self, following: Following) -> None:
        with self._changed, contextlib.suppress(ValueError):
            self._followings.remove(following)

    def nudge(self) -> None:
        """Look again, sooner than the period, at those that have more."""
        self._nudged.set()

    def close(self) -> None:
        """End the thread and wait for it; a look in progress is finished."""
        with self._changed:
            self._closed = True
            self._followings.clear()
            self._changed.notify()
        self._nudged.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        # The loop is closed without a word to us when its process ends: then there is nobody left to tell.
        with contextlib.suppress(RuntimeError):
            while not self._closed:
                self._look(self._present(wait=True))
                until = time.monotonic() + PERIOD
                while self._nudged.wait(max(0.0, until - time.monotonic())):
                    self._nudged.clear()
                    self._look([following for following in self._present() if following.more])

    def _present(self, *, wait: bool = False) -> list[Following]:
        with self._changed:
            while wait and not self._followings and not self._closed:
                self._changed.wait()
            return list(self._followings)

    @staticmethod
    def _look(followings: list[Following]) -> None:
        for following in followings:
            # A file system that is away for a while: the next look tries again.
            with contextlib.suppress(OSError):
                following.look()
