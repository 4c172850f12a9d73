"""Finds clusters that others started, by the connection files that they write into their profile.

Promise: reads only; whether one runs, its hub is asked. A file of a cluster of
ours is passed over, and one whose hub does not answer is asked again only when it
has changed, or after a while.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .actor import Actor
from .cluster import Parts
from .external import External
from .wish import Definition

FILE = re.compile(r"ipcontroller(?:-(?P<id>[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}))?-client\.json", re.ASCII)

#: Least time between two looks at the folders, and before a hub that did not answer is asked again (seconds).
LOOK, AGAIN = 1.0, 30.0

Signature = tuple[int, int]


class Finding:
    """``ours`` tells of a key whether a cluster of ours runs, or may, under it; ``changed`` is called with the key of
    one that came or went, from any thread."""

    def __init__(self, parts: Parts, ours: Callable[[str], bool], changed: Callable[[str], None]) -> None:
        self._parts, self._ours, self._changed = parts, ours, changed
        self.found: dict[str, External] = {}
        self._deaf: dict[Path, tuple[Signature, float]] = {}
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
        present = self._files()
        for key, (file, signature) in present.items():
            if key not in self.found and key not in self._meeting and not self._ours(key):
                silent = self._deaf.get(file)
                if silent is None or silent[0] != signature or time.monotonic() - silent[1] > AGAIN:
                    self._begin(key, file, signature)
        for key, external in list(self.found.items()):
            if key not in present:
                self._gone(external)

    async def met(self, timeout: float) -> None:
        """Wait until every hub that is being asked has answered, or has had its time (seconds)."""
        end = time.monotonic() + timeout
        while self._meeting and time.monotonic() < end:  # noqa: ASYNC110 - told on another loop
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Listen to none any more; all go on."""
        actor, self._actor = self._actor, None
        if actor is not None:
            leaving = [asyncio.wrap_future(actor.run(external.leave())) for external in self.found.values()]
            if leaving:
                await asyncio.wait(leaving, timeout=5)
            actor.close()

    def _files(self) -> dict[str, tuple[Path, Signature]]:
        found: dict[str, tuple[Path, Signature]] = {}
        for profile in self._parts.profiles.names():
            folder = self._parts.profiles.path(profile) / "security"
            try:
                files = list(folder.iterdir())
            except OSError:
                continue
            for file in files:
                if match := FILE.fullmatch(file.name):
                    try:
                        status = file.stat()
                    except OSError:
                        continue
                    key = f"{profile}:{match['id'] or ''}"
                    found[key] = (file, (status.st_mtime_ns, status.st_ino))
        return found

    def _begin(self, key: str, file: Path, signature: Signature) -> None:
        self._meeting.add(key)
        if self._actor is None:
            self._actor = Actor("external")
        profile, _, cluster_id = key.partition(":")
        external = External(Definition(profile, cluster_id), self._parts, file, self._actor, self._gone)
        met = self._actor.run(external.meet())
        met.add_done_callback(lambda done: self._met(external, signature, not done.cancelled() and done.result()))

    def _met(self, external: External, signature: Signature, answered: bool) -> None:
        self._meeting.discard(external.key)
        if not answered:
            self._deaf[external.file] = (signature, time.monotonic())
            return
        if self._ours(external.key):
            # It was ours that had just begun.
            if self._actor is not None:
                self._actor.run(external.leave())
            return
        self.found[external.key] = external
        self._changed(external.key)

    def _gone(self, external: External) -> None:
        if self.found.pop(external.key, None) is None:
            return
        if self._actor is not None:
            self._actor.run(external.leave())
        self._changed(external.key)
