"""Finds clusters that others started, by the files that they write into their profile.

Promise: reads only; whether one runs, its hub is asked. Files of a cluster of ours are
passed over, and one that nothing answers for is looked at again only when it has
changed, or after a while (``left.py``).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from . import leftfiles
from .actor import Actor
from .external import External
from .left import Left
from .leftfiles import Found
from .registry import here
from .seen import Parts
from .stale import Verdict
from .wish import Definition

#: Least time between two looks at the folders (seconds).
LOOK = 1.0

Answer = TypeVar("Answer")


class Finding:
    """``ours`` tells of a key whether a cluster of ours runs, or may, under it, ``elsewhere`` whether one belongs to a
    server on another machine; ``changed`` is called with the key of one that came or went, ``left_changed`` when other
    files are left over, both from any thread."""

    def __init__(
        self,
        parts: Parts,
        ours: Callable[[str], bool],
        elsewhere: Callable[[str], bool],
        changed: Callable[[str], None],
        left_changed: Callable[[], None],
    ) -> None:
        self._parts, self._ours, self._elsewhere, self._changed = parts, ours, elsewhere, changed
        self.found: dict[str, External] = {}
        self.left = Left(left_changed)
        self._meeting: set[str] = set()
        self._lock = threading.Lock()
        self._actor: Actor | None = None
        self._looked = 0.0

    def look(self) -> None:
        """See what is there now, unless that was just done (blocking: folders are listed)."""
        with self._lock:
            if time.monotonic() - self._looked < LOOK:
                return
            self._looked = time.monotonic()
        files = [
            file
            for profile in self._parts.profiles.names()
            for file in leftfiles.found(profile, self._parts.profiles.path(profile) / "security")
        ]
        self.left.keep(file for file in files if not self._ours(file.key) and file.key not in self.found)
        for file in files:
            due = file.key not in self.found and str(file.path) not in self._meeting and not self._ours(file.key)
            if due and self.left.due(file):
                self._begin(file)
        for file in files:
            if file.kind == "cluster" and self._runs_here(file.key):
                self.left.is_of_here(file)
        present = {file.key for file in files if file.kind == "client"}
        for key, external in list(self.found.items()):
            if key not in present or self._ours(key):
                self._gone(external)

    async def met(self, timeout: float) -> None:
        """Wait until every hub that is being asked has answered, or has had its time (seconds)."""
        end = time.monotonic() + timeout
        while self._meeting and time.monotonic() < end:  # noqa: ASYNC110 - told on another loop
            await asyncio.sleep(0.02)

    def run(self, work: Coroutine[Any, Any, Answer]) -> asyncio.Future[Answer]:
        """Have it done where hubs are asked; awaited on the loop from which this is called."""
        return asyncio.wrap_future(self._on().run(work))

    async def close(self) -> None:
        """Listen to none any more; all go on."""
        actor, self._actor = self._actor, None
        if actor is not None:
            leaving = [asyncio.wrap_future(actor.run(external.leave())) for external in self.found.values()]
            if leaving:
                await asyncio.wait(leaving, timeout=5)
            actor.close()

    def _on(self) -> Actor:
        with self._lock:
            if self._actor is None:
                self._actor = Actor("external")
            return self._actor

    def _begin(self, file: Found) -> None:
        self._meeting.add(str(file.path))
        profile, _, cluster_id = file.key.partition(":")
        external = None
        if file.kind == "client":
            external = External(Definition(profile, cluster_id), self._parts, file.path, self._on(), self._gone)
        met = self._on().run(self._meet(file, external))
        met.add_done_callback(lambda _: self._meeting.discard(str(file.path)))

    async def _meet(self, file: Found, external: External | None) -> None:
        if external is None or not await external.meet():
            await self.left.judge(file, lambda verdict: self._is_left(file, verdict), asked=external is not None)
        elif self._ours(file.key):
            await external.leave()  # it was ours that had just begun
        else:
            self.found[file.key] = external
            self.left.forget(file.key)
            self._changed(file.key)

    def _runs_here(self, key: str) -> bool:
        external = self.found.get(key)
        return external is not None and external.host == here()["host"]

    def _is_left(self, file: Found, verdict: Verdict) -> bool:
        """Whether that may be told: it is no cluster's that lives, and not for a server on another machine to tell."""
        known = verdict.what != "stale" or not self._elsewhere(file.key)
        return known and not self._ours(file.key) and file.key not in self.found

    def _gone(self, external: External) -> None:
        if self.found.pop(external.key, None) is None:
            return
        if self._actor is not None:
            self._actor.run(external.leave())
        self._changed(external.key)
