"""One squeue for all clusters of this server, told to each cluster on its own loop.

Promise: at most one question every five seconds, fewer when nothing changes,
none when no job of ours is queued or runs. A Slurm that does not answer tells
nothing: jobs stay as they were last seen, and only a job that Slurm itself no
longer lists has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

from .listing import Seen, after_the_end, listing

#: Least time between two questions, and when nothing has changed for a while (seconds).
INTERVAL, CALM_INTERVAL = 5.0, 15.0
#: How long after a change it is calm again (seconds).
CALM = 20.0
Told = Callable[[Seen], None]


class Queue:
    """Jobs are watched from any thread; news come on the loop that asked for them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._watched: dict[str, tuple[asyncio.AbstractEventLoop, Told]] = {}
        self._seen: dict[str, Seen] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._asked = 0.0
        self._changed = 0.0
        self._least = INTERVAL

    def watch(self, job: str, told: Told, least: float = 0.0) -> None:
        """``told`` is called at every answer of Slurm until the job is over, or let go of. ``least`` = the site's own
        least time between two questions (seconds)."""
        with self._lock:
            self._least = max(INTERVAL, least)
            self._watched[job] = (asyncio.get_running_loop(), told)
            self._changed = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="slurm queue", daemon=True)
                self._thread.start()
        self._hurry.set()

    def forget(self, job: str) -> None:
        with self._lock:
            self._watched.pop(job, None)
            self._seen.pop(job, None)
        self._hurry.set()

    def soon(self) -> None:
        """Something happened: ask as soon as may be asked again."""
        self._changed = time.monotonic()
        self._hurry.set()

    # -- the thread -----------------------------------------------------------

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._watched:
                    self._thread = None
                    return
            now = time.monotonic()
            least = max(INTERVAL, self._least)
            interval = least if now - self._changed < CALM else max(least, CALM_INTERVAL)
            rest = self._asked + interval - now
            if rest > 0:
                # Hurry shortens calm, never the least time between two questions.
                self._hurry.wait(rest)
                self._hurry.clear()
                continue
            self._hurry.clear()
            self._asked = time.monotonic()
            asyncio.run(self._ask())

    async def _ask(self) -> None:
        with self._lock:
            watched = dict(self._watched)
        listed = await listing(self._environment)
        for job, (loop, told) in watched.items():
            before = self._seen.get(job)
            if listed is None:
                news = replace(before, silent=True) if before else Seen(job, "UNKNOWN", silent=True)
            elif job in listed:
                news = listed[job]
            else:
                last = await after_the_end(job, self._environment)
                if last is None:
                    continue
                news = last
            if before is None or (before.state, before.reason) != (news.state, news.reason):
                self._changed = time.monotonic()
            with self._lock:
                if self._watched.get(job, (None, None))[1] is not told:
                    continue
                self._seen[job] = news
                if news.over:
                    self._watched.pop(job, None)
                    self._seen.pop(job, None)
            # A cluster that was closed meanwhile has nobody left to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(told, news)


@lru_cache(maxsize=8)
def _queue(conf: str, path: str) -> Queue:
    return Queue({**os.environ, "SLURM_CONF": conf} if conf else os.environ)


def queue_of(environment: Mapping[str, str]) -> Queue:
    """The one of the Slurm that this environment leads to."""
    return _queue(environment.get("SLURM_CONF", ""), environment.get("PATH", ""))
