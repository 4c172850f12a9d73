"""Bytes cut into pieces: a line, or a bounded part of a very long one.

Promise: where a piece begins depends only on bytes that stand before it and
within 64 KiB of it, so the same file is cut alike whether read forward,
backward, from the middle, or after it has grown. A line shorter than ``CUT``
is one piece, no piece is longer than two ``CUT``. Must never look at a clock
or a file.

The rule: a piece begins after each newline, and at each multiple of ``CUT``
that has no newline among the ``CUT`` bytes before it (moved back by up to
three bytes where it would fall into a UTF-8 character).
"""

from __future__ import annotations

from dataclasses import dataclass

CUT = 32 * 1024


@dataclass(slots=True)
class Cuts:
    """``pieces`` are (offset, bytes without newline); ``rest`` begins at ``end`` and is not a whole piece yet."""

    pieces: list[tuple[int, bytes]]
    rest: bytes
    end: int


def torn(data: bytes) -> int:
    """How many bytes at the end of ``data`` are the beginning of an unfinished UTF-8 character (0 to 3)."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            need = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if need > back else 0
        if byte < 0x80:
            return 0
    return 0


def cut(data: bytes, base: int) -> Cuts:
    """Cut ``data``, whose first byte is a border at offset ``base``."""
    parts = data.split(b"\n")
    rest = parts.pop()
    pieces: list[tuple[int, bytes]] = []
    offset = base
    for part in parts:
        if len(part) < CUT:
            pieces.append((offset, part))
            offset += len(part) + 1
        else:
            end = offset + len(part) + 1
            offset, part = _cut_long(part, offset, pieces)
            pieces.append((offset, part))
            offset = end
    offset, rest = _cut_long(rest, offset, pieces)
    return Cuts(pieces, rest, offset)


def _cut_long(part: bytes, offset: int, pieces: list[tuple[int, bytes]]) -> tuple[int, bytes]:
    """Move the whole pieces of a line without its newline to ``pieces``; give what is left and its offset."""
    begin, at = offset, 0
    while True:
        border = -(-(begin + at) // CUT) * CUT + CUT - begin
        if border > len(part):
            return begin + at, part[at:]
        border -= torn(part[border - 3 : border])
        pieces.append((begin + at, part[at:border]))
        at = border


def window(low: int, at: int) -> int:
    """From where to read so that ``first_border`` finds a border at or before ``at``; ``low`` is a border itself."""
    start = (at // CUT - 2) * CUT
    return max(low, start)


def first_border(data: bytes, base: int, low: int) -> int:
    """The first sure border in ``data`` (read from ``window``): at most ``CUT`` after its beginning."""
    if base <= low:
        return base
    newline = data.find(b"\n", 0, CUT)
    if newline >= 0:
        return base + newline + 1
    return base + CUT - torn(data[CUT - 3 : CUT])
