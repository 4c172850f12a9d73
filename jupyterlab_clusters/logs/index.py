"""The log time index, read as it grows: when lines were written, and in which order the logs of a cluster grew.

Promise: only appends to what it knows, so a record number and an offset in
the merged log mean the same as long as this object lives; and the same after
a restart of the server for all that the index file covers. Never writes.

20 bytes a record, ``<dQI``: time (unix seconds), end (offset after the last
complete line of that log at that time), source (0 controller, n + 1 slot n).
Bytes that no record covers (written while no agent was there) are given a
record here, in memory, without a time: at once when there is no index file,
else when their log has been quiet for ``QUIET`` seconds.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

from .spans import open_log

RECORD = struct.Struct("<dQI")
QUIET = 2.0
LOOK = 1.0
STEP = RECORD.size * 3000
TAIL = 64 * 1024


class TimeIndex:
    """Of the folder ``folder``, whose index file is ``index``. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "index"
        self._folder = folder
        self._lock = threading.Lock()
        self._read = 0
        self._file: tuple[int, int] | None = None
        self._looked = float("-inf")
        self._when = array("d")
        self._ends = array("Q")
        self._sources = array("I")
        self._totals = array("Q")
        self._records: dict[int, array[int]] = {}
        self._lost: dict[int, int] = {}
        self._sure: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._totals)

    def refresh(self) -> None:
        """Take in what was added to the index file."""
        with self._lock:
            self._take_in()

    def forget(self) -> None:
        """The folder was cleared: what comes is of other logs."""
        with self._lock:
            self._forget()

    def look(self, logs: Iterable[tuple[int, Path]]) -> None:
        """As ``refresh``, and give records to bytes of ``logs`` (source, path) that no record covers."""
        with self._lock:
            there = self._take_in()
            now = time.monotonic()
            if there and now - self._looked < LOOK:
                return
            self._looked = now
            for source, path in sorted(logs):
                self._observe(source, path, lines=not there)

    def total(self, record: int) -> int:
        """The merged offset where ``record`` ends."""
        return self._totals[record]

    def span(self, record: int) -> tuple[int, int, int, int]:
        """(merged start, merged stop, source, offset in that source's log) of ``record``."""
        start = self._totals[record - 1] if record else 0
        stop = self._totals[record]
        return start, stop, self._sources[record], self._ends[record] - (stop - start)

    def at(self, offset: int) -> int:
        """The record that contains merged ``offset``; ``len(self)`` beyond the end."""
        return bisect_right(self._totals, offset)

    def replaced(self, record: int) -> bool:
        """Whether the log that ``record`` speaks of has begun anew since."""
        return record < self._lost.get(self._sources[record], 0)

    def when(self, record: int) -> str | None:
        """The time of ``record``, ISO 8601."""
        seconds = self._when[record]
        if seconds <= 0:
            return None
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"

    def times(self, source: int, offsets: list[int]) -> list[str | None]:
        """When the lines of ``source`` at these offsets (ascending) were written."""
        records = self._records.get(source)
        if not records or not offsets:
            return [None] * len(offsets)
        rank = bisect_right(records, offsets[0], key=self._ends.__getitem__)
        told: list[str | None] = []
        until, when = -1, None
        for offset in offsets:
            while offset >= until and rank < len(records):
                until, when = self._ends[records[rank]], self.when(records[rank])
                rank += 1
            told.append(when if offset < until else None)
        return told

    def _take_in(self) -> bool:
        """Whether there is an index file."""
        try:
            fd = open_log(self.path)
        except OSError:
            if self._file is not None:
                self._forget()
            return False
        try:
            status = os.fstat(fd)
            if self._file not in (None, (status.st_dev, status.st_ino)) or status.st_size < self._read:
                self._forget()
            self._file = (status.st_dev, status.st_ino)
            while len(data := os.pread(fd, STEP, self._read)) >= RECORD.size:
                whole = len(data) - len(data) % RECORD.size
                for when, end, source in RECORD.iter_unpack(data[:whole]):
                    self._tell(when, end, source)
                self._read += whole
        finally:
            os.close(fd)
        return True

    def _forget(self) -> None:
        self._when, self._ends, self._sources, self._totals = array("d"), array("Q"), array("I"), array("Q")
        self._records, self._lost, self._sure = {}, {}, {}
        self._file, self._read, self._looked = None, 0, float("-inf")

    def _covered(self, source: int) -> int:
        records = self._records.get(source)
        return self._ends[records[-1]] if records else 0

    def _tell(self, when: float, end: int, source: int) -> None:
        """A record of the file. An end before the last one means that the log began anew; not so an end before
        what was given a record here."""
        if end < self._sure.get(source, 0):
            self._lose(source)
        self._sure[source] = end
        self._add(when, end, source)

    def _lose(self, source: int) -> None:
        self._lost[source] = len(self._totals)
        self._records[source] = array("I")

    def _add(self, when: float, end: int, source: int) -> None:
        covered = self._covered(source)
        if end <= covered:
            return
        number = len(self._totals)
        self._when.append(when)
        self._ends.append(end)
        self._sources.append(source)
        self._records.setdefault(source, array("I")).append(number)
        self._totals.append((self._totals[-1] if number else 0) + end - covered)

    def _observe(self, source: int, path: Path, *, lines: bool) -> None:
        try:
            status = path.lstat()
        except OSError:
            return
        if lines and status.st_size < self._covered(source):
            self._lose(source)
        covered = self._covered(source)
        if status.st_size <= covered:
            return
        if time.time() - status.st_mtime >= QUIET:
            self._add(0.0, status.st_size, source)
        elif lines and (end := _last_line_end(path, covered, status.st_size)) > covered:
            self._add(0.0, end, source)


def _last_line_end(path: Path, low: int, size: int) -> int:
    """The offset after the last newline among the last bytes of the file; 0 when there is none."""
    begin = max(low, size - TAIL)
    try:
        fd = open_log(path)
    except OSError:
        return 0
    try:
        newline = os.pread(fd, size - begin, begin).rfind(b"\n")
    finally:
        os.close(fd)
    return begin + newline + 1 if newline >= 0 else 0
