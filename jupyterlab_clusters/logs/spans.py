"""A log as a chain of spans: stretches of one file, or gaps where bytes are no longer kept.

Promise: reads only the blocks asked for, by ``pread``; never follows a
symbolic link, never writes. Offsets here are the log's (virtual) offsets.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .pieces import Cuts, cut, first_border, window

BLOCK = 64 * 1024


def open_log(path: Path) -> int:
    """A descriptor to read from. OSError when it is missing, a link or another user's, FileNotFoundError when no plain
    file."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileNotFoundError(f"{path} is not a plain file")
    if os.fstat(fd).st_uid != os.geteuid():
        os.close(fd)
        raise PermissionError(errno.EACCES, "it belongs to another user", str(path))
    return fd


def kept_from(fd: int) -> int:
    """The first byte still kept: the system's own record of the hole at the head of the file."""
    size = os.fstat(fd).st_size
    try:
        return os.lseek(fd, 0, os.SEEK_DATA) if size else 0
    except OSError as error:
        # ENXIO: nothing but a hole. Anything else: this file system keeps no such record, so there was no release.
        return size if error.errno == errno.ENXIO else 0


class Files:
    """Descriptors open during one call; bounded, as a cluster may have more logs than a process may open files."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._open: dict[Path, int] = {}

    def fd(self, path: Path) -> int | None:
        """``None`` when the file is not there."""
        if path not in self._open:
            if len(self._open) >= self._most:
                os.close(self._open.pop(next(iter(self._open))))
            try:
                self._open[path] = open_log(path)
            except OSError:
                return None
        return self._open[path]

    def __enter__(self) -> Files:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._open.values():
            with contextlib.suppress(OSError):
                os.close(fd)
        self._open.clear()


@dataclass(slots=True, frozen=True)
class Span:
    """Log offsets ``start`` to ``stop``, which are bytes of ``path`` from ``low`` on; a gap when ``path`` is None.

    ``growing``: its last line may go on. ``record``: the record of the index that tells its time."""

    start: int
    stop: int
    path: Path | None
    low: int = 0
    slot: int | None = None
    growing: bool = False
    record: int | None = None


@dataclass(slots=True)
class Run:
    """Pieces in order at log offsets, up to ``end``. ``tail`` is what of them (0 or 1) may still grow."""

    span: Span
    pieces: list[tuple[int, bytes]]
    end: int
    tail: int = 0


def read(files: Files, span: Span, at: int, size: int) -> bytes:
    """Bytes of the span from log offset ``at``; fewer when the file is shorter than it was."""
    fd = files.fd(span.path) if span.path else None
    return os.pread(fd, min(size, span.stop - at), at - span.start + span.low) if fd is not None else b""


def border(files: Files, span: Span, at: int) -> int:
    """The beginning of the piece that contains ``at`` (inside the span)."""
    shift = span.start - span.low
    here = at - shift
    begin = window(span.low, here)
    # Three bytes more: a cut moved back out of a character is only seen with the whole character.
    data = read(files, span, begin + shift, here - begin + 3)
    first = first_border(data, begin, span.low)
    done = cut(data[first - begin :], first)
    borders = [offset for offset, _ in done.pieces if offset <= here]
    return (done.end if done.end <= here else borders[-1] if borders else here) + shift


def forward(files: Files, span: Span, at: int, block: int = BLOCK) -> Iterator[Run]:
    """Runs from ``at`` (taken as a border) to the end of the span."""
    shift = span.start - span.low
    done = Cuts([], b"", at - shift)
    while True:
        position = done.end + len(done.rest)
        data = read(files, span, position + shift, block)
        if not data:
            break
        done = cut(done.rest + data, done.end)
        if done.pieces:
            yield _run(span, done.pieces, done.end, shift)
    if done.rest:
        run = _run(span, [(done.end, done.rest)], done.end + len(done.rest), shift)
        run.tail = int(span.growing)
        yield run


def backward(files: Files, span: Span, end: int) -> Iterator[Run]:
    """Runs before ``end`` (a border, or the end of the span), the last first."""
    shift = span.start - span.low
    stop = end - shift
    while stop > span.low:
        begin = window(span.low, stop)
        data = read(files, span, begin + shift, stop - begin)
        first = first_border(data, begin, span.low)
        done = cut(data[first - begin :], first)
        pieces = [*done.pieces, (done.end, done.rest)] if done.rest else done.pieces
        if pieces:
            yield _run(span, pieces, stop, shift)
        stop = first


def _run(span: Span, pieces: list[tuple[int, bytes]], end: int, shift: int) -> Run:
    return Run(span, [(offset + shift, text) for offset, text in pieces] if shift else pieces, end + shift)
