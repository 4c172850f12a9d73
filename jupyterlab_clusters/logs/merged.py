"""The log ``all``: the logs of a cluster put in the order in which they grew.

Promise: a chain of stretches of the logs, one for each record of the time
index, so an offset in it stays what it is while the logs grow; nothing is
copied. Bytes stand here once a record covers them (see ``index.py``). A
stretch whose bytes are gone (released, removed, begun anew) is a gap.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from .index import TimeIndex
from .log import AnyLog
from .spans import Files, Run, Span, kept_from


class MergedLog(AnyLog):
    """``sources`` lists the logs that there are now: number of the source -> path."""

    path: None = None

    def __init__(self, index: TimeIndex, sources: Callable[[], dict[int, Path]]) -> None:
        self.name = "all"
        self._index = index
        self._sources = sources

    def size(self) -> int:
        self._index.look(self._sources().items())
        count = len(self._index)
        return self._index.total(count - 1) if count else 0

    def spans(self, files: Files, at: int, size: int) -> Iterator[Span]:
        walk = self._walk(files, range(self._index.at(at), len(self._index)), size)
        yield from _one_gap(span for span in walk if span.stop > at)

    def spans_back(self, files: Files, before: int, size: int) -> Iterator[Span]:
        last = self._index.at(before - 1) if before > 0 else -1
        walk = self._walk(files, range(min(last, len(self._index) - 1), -1, -1), size)
        yield from _one_gap(span for span in walk if span.start < before)

    def times(self, run: Run) -> list[str | None]:
        record = run.span.record
        return [self._index.when(record) if record is not None else None] * len(run.pieces)

    def label(self, span: Span) -> str:
        return "controller: " if span.slot is None else f"slot-{span.slot}: "

    def _walk(self, files: Files, records: range, size: int) -> Iterator[Span]:
        paths = self._sources()
        kept: dict[int, tuple[int, int]] = {}
        for record in records:
            start, stop, source, low = self._index.span(record)
            if stop > size:
                continue
            slot = source - 1 if source else None
            path = paths.get(source)
            if source not in kept:
                kept[source] = _kept(files, path)
            first, end = (0, 0) if self._index.replaced(record) else kept[source]
            high = low + stop - start
            if path is None or high <= first or high > end:
                yield Span(start, stop, None, slot=slot)
            elif low >= first:
                yield Span(start, stop, path, low, slot, record=record)
            else:
                middle = start + first - low
                parts = [
                    Span(start, middle, None, slot=slot),
                    Span(middle, stop, path, first, slot, record=record),
                ]
                yield from parts if records.step > 0 else reversed(parts)


def _one_gap(spans: Iterator[Span]) -> Iterator[Span]:
    """Gaps side by side as one."""
    held: Span | None = None
    for span in spans:
        if held is not None and span.path is None:
            slot = held.slot if held.slot == span.slot else None
            held = Span(min(held.start, span.start), max(held.stop, span.stop), None, slot=slot)
            continue
        if held is not None:
            yield held
        held = span if span.path is None else None
        if held is None:
            yield span
    if held is not None:
        yield held


def _kept(files: Files, path: Path | None) -> tuple[int, int]:
    fd = files.fd(path) if path else None
    return (kept_from(fd), os.fstat(fd).st_size) if fd is not None else (0, 0)
