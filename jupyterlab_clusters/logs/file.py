"""The log of one process: one file that grows.

Promise: see ``log.py``. Offsets are those of the file, also after its head
was released; what was released is the hole that the file system tells of.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .index import TimeIndex
from .log import AnyLog
from .spans import Files, Run, Span, kept_from, open_log


class Log(AnyLog):
    """``index`` and ``source`` give times to lines; without, they have none."""

    def __init__(self, name: str, path: Path, index: TimeIndex | None = None, source: int | None = None) -> None:
        self.name = name
        self.path: Path = path
        self._index = index
        self._source = source

    def size(self) -> int:
        """Opens the file: over NFS only that asks the server for the size as it now is."""
        try:
            fd = open_log(self.path)
        except OSError:
            return 0
        try:
            return os.fstat(fd).st_size
        finally:
            os.close(fd)

    def kept_from(self) -> int:
        """The first byte that is still kept; 0 when there is no file."""
        with Files() as files:
            fd = files.fd(self.path)
            return kept_from(fd) if fd is not None else 0

    def spans(self, files: Files, at: int, size: int) -> Iterator[Span]:
        fd = files.fd(self.path)
        low = min(kept_from(fd), size) if fd is not None else size
        if at < low:
            yield Span(0, low, None)
        if at < size and low < size:
            yield Span(low, size, self.path, low, growing=True)

    def spans_back(self, files: Files, before: int, size: int) -> Iterator[Span]:
        yield from reversed([span for span in self.spans(files, 0, size) if span.start < before])

    def times(self, run: Run) -> list[str | None]:
        if self._index is None or self._source is None:
            return [None] * len(run.pieces)
        self._index.refresh()
        return self._index.times(self._source, [offset for offset, _ in run.pieces])
