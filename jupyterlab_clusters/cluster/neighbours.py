"""What other servers of the same person write down: clusters that they define, forget, begin, or leave running.

Promise: a cluster for which another server acts is left to it; one that nobody acts for any more,
since its server has gone, is taken up. Blocking, and done at most once a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .cluster import Cluster
from .registry import Registry

#: Least time between two looks at the records (seconds).
LOOK = 1.0

Signature = tuple[int, int]


class Neighbours:
    """``made`` gives the cluster of a record, which is there or is made; ``ours`` tells of a key whether it is this
    server that writes its record; ``gone`` is called with the key of one that was forgotten."""

    def __init__(
        self,
        registry: Registry,
        made: Callable[[Mapping[str, Any]], Cluster],
        ours: Callable[[str], bool],
        gone: Callable[[str], None],
    ) -> None:
        self._registry, self._made, self._ours, self._gone = registry, made, ours, gone
        self._seen: dict[Path, tuple[Signature, str]] = {}
        self._left_to_others: set[Path] = set()
        self._looking = threading.Lock()
        self._looked = time.monotonic()

    def look(self) -> None:
        """See what they have done, unless that was just looked at."""
        if not self._looking.acquire(blocking=False):
            return
        try:
            if time.monotonic() - self._looked >= LOOK:
                self._looked = time.monotonic()
                self._look()
        finally:
            self._looking.release()

    def wrote(self, key: str) -> None:
        """Its record was written here; when it is gone, somebody else has forgotten it."""
        self._seen.setdefault(self._registry.file(key), ((0, 0), key))

    def forget(self, key: str) -> None:
        """Remove its record, as this server's doing: no look takes it for somebody else's."""
        with self._looking:
            self._registry.forget(key)
            path = self._registry.file(key)
            self._seen.pop(path, None)
            self._left_to_others.discard(path)

    def _look(self) -> None:
        files = self._registry.files()
        for path in files:
            try:
                status = path.stat()
            except OSError:
                continue
            signature = (status.st_mtime_ns, status.st_ino)
            known = self._seen.get(path)
            if known is not None and self._ours(known[1]):
                continue
            if known is None or known[0] != signature or path in self._left_to_others:
                self._read(path, signature)
        for path in set(self._seen).difference(files):
            self._left_to_others.discard(path)
            self._gone(self._seen.pop(path)[1])

    def _read(self, path: Path, signature: Signature) -> None:
        record = self._registry.at(path)
        if record is None:
            return
        self._seen[path] = (signature, record["key"])
        cluster = self._made(record)
        cluster.learn(record)
        # What runs, and is not ours, is looked at again: its server may go.
        waits = record["state"] not in ("stopped", "failed") and not cluster.owner.held
        (self._left_to_others.add if waits else self._left_to_others.discard)(path)
