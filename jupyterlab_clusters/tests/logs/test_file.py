"""One log: pages, long lines, odd bytes, and how little is read."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterlab_clusters.logs.file import Log
from jupyterlab_clusters.logs.index import TimeIndex
from jupyterlab_clusters.logs.models import Line, Page
from jupyterlab_clusters.logs.pieces import CUT

MB = 1024 * 1024


@pytest.fixture
def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all reads."""
    sizes: list[int] = []
    real = os.pread

    def counted(fd: int, size: int, offset: int) -> bytes:
        got = real(fd, size, offset)
        sizes.append(len(got))
        return got

    monkeypatch.setattr(os, "pread", counted)
    return sizes


def log_of(folder: Path, content: bytes) -> Log:
    path = folder / "slot-0.log"
    path.write_bytes(content)
    return Log("slot-0", path)


def texts(page: Page) -> list[str]:
    return [line.text for line in page.lines]


FIVE = b"one\ntwo\nthree\nfour\nfive"


@pytest.mark.parametrize(
    ("at", "before", "after", "lines", "start", "end"),
    [
        (None, 2, 0, ["four", "five"], 14, 23),
        (None, 99, 99, ["one", "two", "three", "four", "five"], 0, 23),
        (None, 0, 5, [], 23, 23),
        (0, 5, 2, ["one", "two"], 0, 8),
        (5, 0, 1, ["two"], 4, 8),
        (8, 1, 1, ["two", "three"], 4, 14),
        (13, 1, 1, ["two", "three"], 4, 14),
        (20, 0, 9, ["five"], 19, 23),
        (999, 1, 1, ["five"], 19, 23),
        (-4, 1, 1, ["one"], 0, 4),
        (8, 0, 0, [], 8, 8),
    ],
)
def test_page(tmp_path: Path, at: int | None, before: int, after: int, lines: list[str], start: int, end: int) -> None:
    page = log_of(tmp_path, FIVE).page(at, before, after)
    assert (texts(page), page.start, page.end, page.size) == (lines, start, end, 23)


def test_a_log_not_written_yet_is_empty(tmp_path: Path) -> None:
    log = Log("controller", tmp_path / "controller.log")
    assert log.page(None, 10, 10) == Page(lines=[], start=0, end=0, size=0)
    assert log.search("x", 0, 5).matches == []
    assert list(log.chunks()) == []


def test_odd_bytes_do_no_harm(tmp_path: Path) -> None:
    log = log_of(tmp_path, b"\xff\xfeab\n\0\0\nc\xc3\n10%\r20%\r\nend")
    assert log.page(0, 0, 9).lines == [
        Line(offset=0, text="\ufffd\ufffdab"),
        Line(offset=5, text="\0\0"),
        Line(offset=8, text="c\ufffd"),
        Line(offset=11, text="10%\r20%\r"),
        Line(offset=20, text="end"),
    ]


def test_characters_across_blocks(tmp_path: Path) -> None:
    content = "".join(f"{'é€😀' * (number % 40)} {number}\n" for number in range(4000))
    log = log_of(tmp_path, content.encode())
    assert "\n".join(texts(log.page(0, 0, 5000))) + "\n" == content
    assert "\n".join(texts(log.page(None, 5000, 0))) + "\n" == content


def test_a_gigabyte_opens_at_its_end(tmp_path: Path, count_reads: list[int]) -> None:
    path = tmp_path / "slot-0.log"
    with path.open("wb") as file:
        file.write(b"first\n" * 1000)
        file.seek(1024 * MB)
        file.write(b"\n" + b"last lines\n" * 1000)
    page = Log("slot-0", path).page(None, 500, 0)
    assert texts(page) == ["last lines"] * 500
    assert sum(count_reads) < 256 * 1024


def test_a_line_of_100_mb(tmp_path: Path, count_reads: list[int]) -> None:
    path = tmp_path / "slot-0.log"
    with path.open("wb") as file:
        file.write(b"before\n")
        for _ in range(100):
            file.write(b"0123456789abcdef" * (MB // 16))
        file.write(b"\nafter\n")
    log = Log("slot-0", path)
    page = log.page(None, 3, 0)
    assert page.lines[-1].text == "after"
    assert all(len(line.text) <= 2 * CUT for line in page.lines)
    middle = log.page(50 * MB + 12345, 2, 2)
    assert sum(len(line.text) for line in middle.lines) == middle.end - middle.start
    assert middle.lines[2].offset <= 50 * MB + 12345 < middle.lines[3].offset
    assert sum(count_reads) < 2 * MB
    assert log.page(50 * MB, 5000, 0).start > 45 * MB, "a page is bounded in bytes"


CONTENT = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.text(max_size=40).map(str.encode),
        st.integers(0, 3 * CUT).map(lambda size: b"ab\xe2\x82\xac" * (size // 5)),
    ),
    max_size=8,
).map(b"\n".join)


def whole(log: Log) -> list[Line]:
    return log.page(0, 0, 5000).lines


@settings(max_examples=60, deadline=None)
@given(content=CONTENT, step=st.integers(1, 4))
def test_pages_put_together_are_the_file(content: bytes, step: int) -> None:
    with TemporaryDirectory() as folder:
        log = log_of(Path(folder), content)
        lines, at = [], 0
        while at < len(content):
            page = log.page(at, 0, step)
            assert page.start == at
            lines += page.lines
            at = page.end
        backward, at = [], len(content)
        while at > 0:
            page = log.page(at, step, 0)
            assert page.end == at
            backward[:0] = page.lines
            at = page.start
        assert lines == backward == whole(log)
        assert b"".join(log.chunks()) == content
        ends = [*[line.offset for line in lines], len(content)][1:]
        for line, end in zip(lines, ends, strict=True):
            told = content[line.offset : end].removesuffix(b"\n") if end > line.offset else b""
            assert line.text == told.decode("utf-8", "replace")


@settings(max_examples=40, deadline=None)
@given(content=CONTENT, more=CONTENT, part=st.floats(0, 1))
def test_any_offset_belongs_to_the_same_line_also_when_the_log_has_grown(
    content: bytes, more: bytes, part: float
) -> None:
    with TemporaryDirectory() as folder:
        log = log_of(Path(folder), content)
        at = int(part * max(0, len(content) - 1))
        place = log.border(at)
        before = log.page(0, 0, 5000).lines[:-1]
        log_of(Path(folder), content + more)
        assert log.border(at) == place
        assert log.page(0, 0, 5000).lines[: len(before)] == before
        assert not content or place in [line.offset for line in whole(log)]


def record(when: float, end: int, source: int) -> bytes:
    return struct.pack("<dQI", when, end, source)


def test_time_is_that_of_the_first_record_after_the_offset(tmp_path: Path) -> None:
    path = log_of(tmp_path, FIVE).path
    index = TimeIndex(tmp_path)
    log = Log("slot-0", path, index, 1)
    assert [line.time for line in whole(log)] == [None] * 5
    (tmp_path / "index").write_bytes(record(1000.5, 8, 1) + record(1001, 99, 0) + record(1002.25, 19, 1) + b"half")
    one, two = "1970-01-01T00:16:40.500Z", "1970-01-01T00:16:42.250Z"
    assert [line.time for line in whole(log)] == [one, one, two, two, None]
    assert [line.time for line in log.page(8, 0, 1).lines] == [two]
