"""Cutting bytes: by table, and the promise that a cut does not depend on where one began to read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterlab_clusters.logs.pieces import CUT, cut, first_border, torn, window

LINES = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.integers(0, 3 * CUT).map(lambda size: b"x" * size),
        st.integers(CUT // 2, CUT).map(lambda size: "é€".encode() * (size // 3)),
    ),
    max_size=6,
).map(b"\n".join)


@pytest.mark.parametrize(
    ("data", "pieces", "rest"),
    [
        (b"", [], b""),
        (b"a", [], b"a"),
        (b"a\n", [(7, b"a")], b""),
        (b"a\n\nb", [(7, b"a"), (9, b"")], b"b"),
        (b"10%\r20%\nc", [(7, b"10%\r20%")], b"c"),
        (b"a\0b\n", [(7, b"a\0b")], b""),
        (b"\xff\xfe\n", [(7, b"\xff\xfe")], b""),
    ],
)
def test_short_lines(data: bytes, pieces: list[tuple[int, bytes]], rest: bytes) -> None:
    done = cut(data, 7)
    assert (done.pieces, done.rest) == (pieces, rest)
    assert done.end == 7 + len(data) - len(rest)


@pytest.mark.parametrize(
    ("data", "count"),
    [(b"abc", 0), ("é".encode(), 0), (b"ab\xc3", 1), (b"a\xe2\x82", 2), (b"\xf0\x9f\x98", 3), (b"\x80\x80\x80\x80", 0)],
)
def test_torn_character(data: bytes, count: int) -> None:
    assert torn(data) == count


def test_a_long_line_is_cut_at_characters() -> None:
    data = "€".encode() * CUT
    done = cut(data, 0)
    assert [offset for offset, _ in done.pieces] == [0, CUT - 2, 2 * CUT - 1]
    for _, text in done.pieces:
        assert len(text) <= 2 * CUT
        text.decode("utf-8")
    assert b"".join(text for _, text in done.pieces) + done.rest == data


@settings(max_examples=60, deadline=None)
@given(data=LINES, low=st.integers(0, 2 * CUT))
def test_bounded_and_nothing_lost(data: bytes, low: int) -> None:
    done = cut(data, low)
    offsets = [offset for offset, _ in done.pieces] + [done.end]
    for (offset, text), following in zip(done.pieces, offsets[1:], strict=True):
        assert len(text) <= 2 * CUT
        assert data[offset - low : following - low] in (text, text + b"\n")
    assert data[done.end - low :] == done.rest


@settings(max_examples=60, deadline=None)
@given(data=LINES, low=st.integers(0, 2 * CUT), part=st.floats(0, 1))
def test_a_border_found_in_the_middle_is_a_border_from_the_beginning(data: bytes, low: int, part: float) -> None:
    done = cut(data, low)
    borders = {low, done.end, *(offset for offset, _ in done.pieces)}
    at = low + int(part * len(data))
    begin = window(low, at)
    first = first_border(data[begin - low : at - low], begin, low)
    assert first in borders
    assert first <= at
