"""The time index of logs: when which part of which log was written.

Promise: a record never names bytes of a line that is not complete; at most one
record a file in 50 ms; no work at all while nothing is written. Must never
write to a log. Only on Linux (inotify); elsewhere logs have no times.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .messages import INDEX_RECORD, source_of
from .private import opened

INTERVAL = 0.05
TAIL = 64 * 1024

IN_MODIFY, IN_Q_OVERFLOW = 0x2, 0x4000
IN_CLOEXEC, IN_NONBLOCK = os.O_CLOEXEC, os.O_NONBLOCK
EVENT = struct.Struct("iIII")


@dataclass
class Followed:
    """A log that a living process writes; ``end`` is what the index has of it already."""

    index: int
    source: int
    end: int


class LogIndex:
    """Watches the folders of logs and dates what is appended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._files: dict[Path, Followed] = {}
        self._folders: dict[Path, int] = {}
        self._names: dict[int, Path] = {}
        self._indexes: dict[str, int] = {}
        self._inotify = -1
        #: Told of each log that has grown, at most 20 times a second.
        self.grown: Callable[[Path], None] = lambda path: None

    def follow(self, index: str, name: str, log: str | None) -> None:
        """Date ``log`` from now on; a process whose name is no source, or a system without inotify, is passed over."""
        source = source_of(name)
        if source is None or log is None or not self._begin():
            return
        path = Path(log)
        with contextlib.suppress(OSError):
            self._files[path] = Followed(self._open(index), source, 0)
            if path.parent not in self._folders:
                self._watch(path.parent)
            self._date(path)

    def ended(self, log: str | None) -> None:
        """The last record of a log: its size, whether the last line is complete or not."""
        followed = self._files.pop(Path(log), None) if log else None
        if followed is None:
            return
        with contextlib.suppress(OSError):
            self._write(followed, Path(str(log)).stat().st_size)
        self._close_unused()

    # -- inotify --------------------------------------------------------------

    def _begin(self) -> bool:
        if self._inotify >= 0:
            return True
        if not sys.platform.startswith("linux"):
            return False
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._inotify = self._libc.inotify_init1(IN_CLOEXEC | IN_NONBLOCK)
        if self._inotify >= 0:
            self._loop.add_reader(self._inotify, self._read)
        return self._inotify >= 0

    def _watch(self, folder: Path) -> None:
        number = self._libc.inotify_add_watch(self._inotify, os.fsencode(folder), IN_MODIFY)
        if number < 0:
            raise OSError(ctypes.get_errno(), "cannot watch", str(folder))
        self._folders[folder] = number
        self._names[number] = folder

    def _read(self) -> None:
        # Whoever prints without end wakes us at most 20 times a second; the kernel merges what comes meanwhile.
        self._loop.remove_reader(self._inotify)
        self._loop.call_later(INTERVAL, self._loop.add_reader, self._inotify, self._read)
        for path in self._changed():
            self.grown(path)
            if path in self._files:
                with contextlib.suppress(OSError):
                    self._date(path)

    def _changed(self) -> set[Path]:
        changed: set[Path] = set()
        with contextlib.suppress(BlockingIOError):
            while events := os.read(self._inotify, 1 << 16):
                at = 0
                while at < len(events):
                    number, mask, _, length = EVENT.unpack_from(events, at)
                    at += EVENT.size
                    name = events[at : at + length].rstrip(b"\0")
                    at += length
                    if mask & IN_Q_OVERFLOW:
                        changed.update(self._files)
                    elif number in self._names:
                        changed.add(self._names[number] / os.fsdecode(name))
        return changed

    # -- the index ------------------------------------------------------------

    def _date(self, path: Path) -> None:
        followed = self._files[path]
        self._write(followed, complete_end(path, followed.end))

    def _write(self, followed: Followed, end: int) -> None:
        if end > followed.end:
            os.write(followed.index, INDEX_RECORD.pack(time.time(), end, followed.source))
            followed.end = end

    def _open(self, index: str) -> int:
        if index not in self._indexes:
            self._indexes[index] = opened(index, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        return self._indexes[index]

    def _close_unused(self) -> None:
        used = {followed.index for followed in self._files.values()}
        for index in [index for index, fd in self._indexes.items() if fd not in used]:
            os.close(self._indexes.pop(index))
        folders = {path.parent for path in self._files}
        for folder in [folder for folder in self._folders if folder not in folders]:
            number = self._folders.pop(folder)
            self._names.pop(number, None)
            self._libc.inotify_rm_watch(self._inotify, number)


def complete_end(path: Path, known: int) -> int:
    """Offset just after the last complete line, ``known`` when none was completed since. Raises OSError."""
    with path.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        at = size
        while at > known:
            start = max(known, at - TAIL)
            log.seek(start)
            newline = log.read(at - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            at = start
    return known
