"""What can be asked of any log, given its spans: a page, a search, what is new, the whole for download.

Promise: each call reads only the blocks it needs and holds no descriptor
afterwards; memory is bounded by ``PAGE_BYTES``, however large the log or a
line in it. All methods read disk: call them in a thread, never on the
server's loop. Offsets are byte offsets and mean the same for ever.

What is no longer kept is one line of its own that says so, at the offset
where the gap begins.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

from .models import Line, Match, Matches, Page
from .pieces import torn
from .spans import BLOCK, Files, Run, Span, backward, border, forward, read

PAGE_BYTES = 4 * 1024 * 1024
SEARCH_SECONDS = 0.1
#: How long a search lets others have their turn after each stretch of a log (seconds).
BREATH = 0.0002
MATCH_CHARACTERS = 1000


class AnyLog(ABC):
    """``name`` as in the wire."""

    name: str
    path: Path | None

    @abstractmethod
    def size(self) -> int:
        """Bytes, also those no longer kept; 0 when nothing was written yet."""

    @abstractmethod
    def spans(self, files: Files, at: int, size: int) -> Iterator[Span]:
        """Spans in order, from the one that contains ``at``, up to ``size``."""

    @abstractmethod
    def spans_back(self, files: Files, before: int, size: int) -> Iterator[Span]:
        """Spans in backward order, from the one that contains ``before - 1``."""

    @abstractmethod
    def times(self, run: Run) -> list[str | None]:
        """When each piece of the run was written."""

    def label(self, span: Span) -> str:
        """What stands before each line of a download."""
        return ""

    def page(self, at: int | None, before: int, after: int) -> Page:
        """``before`` lines that end at ``at`` and ``after`` lines from there on; an ``at`` inside a line means the
        beginning of that line, ``None`` the end. At most ``PAGE_BYTES`` each way, but at least one line: ``start``
        and ``end`` tell what was given. The last line is given also when it may still grow."""
        with Files() as files:
            size = self.size()
            place = self._border(files, size if at is None else at, size)
            earlier, start = self._before(files, place, before, size)
            later, end = self._lines(files, place, size, after, PAGE_BYTES)
            return Page(lines=earlier + later, start=start, end=end, size=size)

    def news(self, offset: int, lines: int, octets: int, *, tail: bool) -> tuple[list[Line], int]:
        """Whole lines from ``offset`` on, and the offset after them; at most ``lines`` and, but for one line,
        ``octets`` bytes. With ``tail`` also the beginning of a last line that has no end yet: what is added to it
        comes later as a line with its own offset."""
        with Files() as files:
            return self._lines(files, offset, self.size(), lines, octets, keep=_whole_characters if tail else _nothing)

    def border(self, offset: int) -> int:
        """Where the line that contains ``offset`` begins."""
        with Files() as files:
            return self._border(files, offset, self.size())

    def within(self, offset: int) -> bool:
        """Whether ``offset`` stands inside a line: something but a newline is before it."""
        with Files() as files:
            span = next(self.spans_back(files, offset, self.size()), None) if offset > 0 else None
            if span is None or span.path is None or (span.stop <= offset and not span.growing):
                return False
            return read(files, span, offset - 1, 1) not in (b"\n", b"")

    def search(self, text: str, start: int, limit: int) -> Matches:
        """Lines from ``start`` on that contain ``text``, no regard to case, a line at most once and at most ``limit``.
        Ends after about ``SEARCH_SECONDS``: ``next`` is where to go on. A match across two pieces of a very long line
        is told at the second. Long lines are clipped around the match."""
        needle = text.casefold()
        if not needle or "\n" in needle or limit < 1:
            return Matches(matches=[], next=None)
        with Files() as files:
            return self._search(files, needle, start, limit)

    def chunks(self) -> Iterator[bytes]:
        """The log as it is now, for download: chunks of about 64 KiB. Its length may differ from ``size()``."""
        with Files() as files:
            for span in self.spans(files, 0, self.size()):
                label = self.label(span).encode()
                if span.path is None:
                    yield label + gap(span.stop - span.start).encode() + b"\n"
                    continue
                fresh = True
                for run in forward(files, span, span.start):
                    text, fresh = _joined(run, label, fresh=fresh)
                    yield text
                if label and not fresh:
                    yield b"\n"

    def _border(self, files: Files, at: int, size: int) -> int:
        if at >= size:
            return size
        span = next(self.spans(files, max(0, at), size), None)
        if span is None:
            return size
        if span.path is None:
            # Seen from its end, as a gap in the merged log may begin before the stretch that contains ``at``.
            return next(self.spans_back(files, span.stop, size), span).start
        return border(files, span, max(0, at))

    def _before(self, files: Files, place: int, most: int, size: int) -> tuple[list[Line], int]:
        parts: list[list[Line]] = []
        start, budget = place, PAGE_BYTES
        for span in self.spans_back(files, place, size) if most > 0 else ():
            for run in self._runs_back(files, span, min(place, span.stop)):
                run.pieces = _last(run.pieces, most, budget)
                most -= len(run.pieces)
                start = run.pieces[0][0]
                budget -= _weight(run)
                parts.append(self._told(run))
                if most <= 0 or budget <= 0:
                    return [line for part in reversed(parts) for line in part], start
        return [line for part in reversed(parts) for line in part], start

    @staticmethod
    def _runs_back(files: Files, span: Span, end: int) -> Iterator[Run]:
        if span.path is None:
            yield Run(span, [(span.start, b"")], span.stop)
        else:
            yield from backward(files, span, end)

    @staticmethod
    def _runs(files: Files, span: Span, at: int) -> Iterator[Run]:
        if span.path is None:
            yield Run(span, [(span.start, b"")], span.stop)
        else:
            yield from forward(files, span, max(at, span.start))

    def _lines(
        self, files: Files, place: int, size: int, most: int, budget: int, keep: Callable[[Run], bool] = bool
    ) -> tuple[list[Line], int]:
        lines: list[Line] = []
        end = place
        for span in self.spans(files, place, size) if most > 0 else ():
            for run in self._runs(files, span, place):
                if run.tail and not keep(run):
                    return lines, end
                _first(run, most - len(lines), budget)
                lines += self._told(run)
                budget -= _weight(run)
                end = run.end
                if len(lines) >= most or budget <= 0:
                    return lines, end
        return lines, end

    def _told(self, run: Run) -> list[Line]:
        slot = run.span.slot
        if run.span.path is None:
            return [Line(offset=run.span.start, text=gap(run.span.stop - run.span.start), slot=slot)]
        return [
            Line(offset=offset, text=text.decode("utf-8", "replace"), slot=slot, time=when)
            for (offset, text), when in zip(run.pieces, self.times(run), strict=True)
        ]

    def _search(self, files: Files, needle: str, start: int, limit: int) -> Matches:
        size = self.size()
        place = self._border(files, start, size)
        until = time.monotonic() + SEARCH_SECONDS
        found: list[Match] = []
        carry = self._carry(files, place, size, needle)
        for span in self.spans(files, place, size):
            if span.path is None:
                carry = ""
                continue
            for run in forward(files, span, max(place, span.start), 4 * BLOCK):
                matches, carry = _matches(run, needle, carry)
                found += matches
                if len(found) >= limit:
                    return _cut_off(found, limit, run)
                if time.monotonic() > until and run.end < size:
                    return Matches(matches=found, next=run.end)
                # Or the server's loop, which needs Python's lock after each of its own calls, waits 5 ms each time.
                time.sleep(BREATH)
        return Matches(matches=found, next=None)

    def _carry(self, files: Files, place: int, size: int, needle: str) -> str:
        """The end of the piece before, when ``place`` is within a very long line."""
        for span in self.spans_back(files, place, size):
            if span.path is None or place <= span.start:
                break
            for run in backward(files, span, min(place, span.stop)):
                offset, text = run.pieces[-1]
                return _tail_of(text, needle) if offset + len(text) == run.end else ""
        return ""


def gap(octets: int) -> str:
    """The line that stands for ``octets`` bytes no longer kept."""
    amount = float(octets)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"… {amount:.3g} {unit} no longer kept …" if amount < 100 else f"… {amount:.0f} {unit} no longer kept …"


def _weight(run: Run) -> int:
    """What of a page's bytes it takes: a gap is but a line."""
    return run.end - run.pieces[0][0] if run.span.path is not None else 0


def _last(pieces: list[tuple[int, bytes]], most: int, budget: int) -> list[tuple[int, bytes]]:
    first = max(0, len(pieces) - most)
    while first < len(pieces) - 1 and pieces[-1][0] - pieces[first][0] > budget:
        first += 1
    return pieces[first:]


def _first(run: Run, most: int, budget: int) -> None:
    count, begin = min(most, len(run.pieces)), run.pieces[0][0]
    while count > 1 and run.pieces[count - 1][0] - begin > budget:
        count -= 1
    if count < len(run.pieces):
        run.end = run.pieces[count][0]
        del run.pieces[count:]


def _nothing(run: Run) -> bool:
    return False


def _whole_characters(run: Run) -> bool:
    """Of a line that goes on, a character that is not whole yet is left for later."""
    offset, text = run.pieces[-1]
    whole = len(text) - torn(text)
    run.pieces[-1] = (offset, text[:whole])
    run.end = offset + whole
    return whole > 0


def _joined(run: Run, label: bytes, *, fresh: bool) -> tuple[bytes, bool]:
    """The bytes of a run with ``label`` at the head of each line; ``fresh``: at the head of a line before, and now."""
    parts: list[bytes] = []
    ends = [offset for offset, _ in run.pieces[1:]] + [run.end]
    for (offset, text), end in zip(run.pieces, ends, strict=True):
        parts += [label, text] if fresh else [text]
        fresh = offset + len(text) < end
        if fresh:
            parts.append(b"\n")
    return b"".join(parts), fresh


def _tail_of(text: bytes, needle: str) -> str:
    most = len(needle) - 1
    return text.decode("utf-8", "replace").casefold()[-most:] if most else ""


def _matches(run: Run, needle: str, carry: str) -> tuple[list[Match], str]:
    """Matches of a run, and the carry for the next. The whole run is looked at first: most hold no match at all."""
    last, text = run.pieces[-1]
    onward = _tail_of(text, needle) if last + len(text) == run.end else ""
    whole = carry + b"\n".join([text for _, text in run.pieces]).decode("utf-8", "replace").casefold()
    long = run.end - run.pieces[0][0] < sum(len(text) + 1 for _, text in run.pieces)
    if needle not in whole and not long:
        return [], onward
    found: list[Match] = []
    for index, (offset, text) in enumerate(run.pieces):
        plain = text.decode("utf-8", "replace")
        place = (carry + plain.casefold()).find(needle)
        if place >= 0:
            found.append(Match(offset=offset, text=_clip(plain, place - len(carry))))
        following = run.pieces[index + 1][0] if index + 1 < len(run.pieces) else run.end
        carry = _tail_of(text, needle) if offset + len(text) == following else ""
    return found, onward


def _clip(text: str, place: int) -> str:
    if len(text) <= MATCH_CHARACTERS:
        return text
    begin = max(0, min(place - MATCH_CHARACTERS // 4, len(text) - MATCH_CHARACTERS))
    return text[begin : begin + MATCH_CHARACTERS]


def _cut_off(found: list[Match], limit: int, run: Run) -> Matches:
    """``next`` is the piece after the last match told."""
    kept = found[:limit]
    following = [offset for offset, _ in run.pieces if offset > kept[-1].offset]
    return Matches(matches=kept, next=following[0] if following else run.end)
