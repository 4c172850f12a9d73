"""A log that grows, as lines.

Promise: every line once and in order; one that stands without its end is told after a moment, and what is added to it
as a line of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import msgspec

from ..logs.models import Line, Page

#: How often it is looked at (seconds), and the most lines that are asked for at once.
LOOK, PAGE = 0.3, 1_000

Read = Callable[[int | None, int, int], Page]


def lines(read: Read, before: int, over: Callable[[], bool]) -> Iterator[Line]:
    """The last ``before`` lines and all that come, until ``over`` says that nobody writes any more."""
    page, ended = read(None, before, 0), False
    last: Line | None = None
    told = -1  # characters of the last line; -1: nobody knows of it yet
    while True:
        same = last is not None and page.lines[:1] != [] and page.lines[0].text == last.text
        for line in page.lines:
            if last is not None and line.offset != last.offset:
                yield from _rest(last, told)
                told = -1
            last = line
        if last is not None and (same or ended or not page.lines):
            yield from _rest(last, told)
            told = len(last.text)
        if page.end >= page.size:
            if ended:
                return
            time.sleep(LOOK)
            ended = over()
        page = read(page.end, 0, PAGE)


def _rest(line: Line, told: int) -> Iterator[Line]:
    if told < 0:
        yield line
    elif told < len(line.text):
        yield msgspec.structs.replace(line, text=line.text[told:])
