"""The log ``all``: order, labels, offsets that stay, and what no record covers."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterlab_clusters.logs.index import TimeIndex
from jupyterlab_clusters.logs.merged import MergedLog
from jupyterlab_clusters.logs.models import Line

WRITES = st.lists(st.tuples(st.integers(0, 3), st.lists(st.binary(max_size=30), min_size=1, max_size=3)), max_size=25)


class Cluster:
    """Writes logs and the index as processes and the agent of a machine do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = folder / "index"
        self.clock = 1000.0

    def path(self, source: int) -> Path:
        return self.folder / ("controller.log" if source == 0 else f"slot-{source - 1}.log")

    def write(self, source: int, text: bytes, *, indexed: bool = True) -> None:
        with self.path(source).open("ab") as file:
            file.write(text)
        if indexed:
            self.record(source, self.path(source).stat().st_size)

    def record(self, source: int, end: int) -> None:
        self.clock += 1
        with self.index.open("ab") as file:
            file.write(struct.pack("<dQI", self.clock, end, source))

    def quiet(self, source: int) -> None:
        """As if nothing had been written for a minute."""
        before = time.time() - 60
        os.utime(self.path(source), (before, before))

    def log(self, index: TimeIndex | None = None) -> MergedLog:
        sources = {source: self.path(source) for source in range(4)}
        return MergedLog(
            index or TimeIndex(self.folder),
            lambda: {source: path for source, path in sources.items() if path.exists()},
        )


def told(log: MergedLog) -> list[tuple[int | None, str]]:
    return [(line.slot, line.text) for line in log.page(0, 0, 5000).lines]


def test_order_and_labels(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.write(0, b"begin\n")
    cluster.write(2, b"a\nb\n")
    cluster.write(1, b"c\n")
    cluster.write(2, b"d\n")
    assert cluster.log().page(None, 9, 0).lines == [
        Line(offset=0, text="begin", time="1970-01-01T00:16:41.000Z"),
        Line(offset=6, text="a", slot=1, time="1970-01-01T00:16:42.000Z"),
        Line(offset=8, text="b", slot=1, time="1970-01-01T00:16:42.000Z"),
        Line(offset=10, text="c", slot=0, time="1970-01-01T00:16:43.000Z"),
        Line(offset=12, text="d", slot=1, time="1970-01-01T00:16:44.000Z"),
    ]
    assert cluster.log().search("D", 0, 5).matches[0].offset == 12
    assert b"".join(cluster.log().chunks()) == b"controller: begin\nslot-1: a\nslot-1: b\nslot-0: c\nslot-1: d\n"


def test_a_log_that_ended_within_a_line_does_not_run_into_the_next(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.write(1, b"Segmentation fault")
    cluster.write(2, b"next\n")
    assert told(cluster.log()) == [(0, "Segmentation fault"), (1, "next")]
    assert b"".join(cluster.log().chunks()) == b"slot-0: Segmentation fault\nslot-1: next\n"


def test_more_logs_than_one_may_open(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    sources = {source: tmp_path / f"slot-{source}.log" for source in range(1, 1500)}
    for source, path in sources.items():
        path.write_bytes(b"hello\n")
        cluster.record(source, 6)
    before = len(os.listdir("/proc/self/fd"))
    page = MergedLog(TimeIndex(tmp_path), lambda: sources).page(None, 5000, 0)
    assert [line.slot for line in page.lines] == [source - 1 for source in sources]
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_the_index_does_not_cover_yet_is_not_shown(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.write(1, b"a\n")
    cluster.write(1, b"b\n", indexed=False)
    log = cluster.log()
    assert told(log) == [(0, "a")]
    cluster.record(1, 4)
    assert told(log) == [(0, "a"), (0, "b")]


def test_what_no_agent_saw_stands_at_the_end_and_stays(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.write(1, b"a\n")
    cluster.write(1, b"b\nhalf", indexed=False)
    cluster.quiet(1)
    log = cluster.log()
    expected = [(0, "a"), (0, "b"), (0, "half")]
    assert told(log) == expected
    cluster.record(1, 4)
    assert told(log) == expected, "a late record of the same bytes adds nothing"
    cluster.write(1, b" line\n")
    assert told(log) == [*expected, (0, " line")]


def test_without_an_index_whole_lines_in_the_order_seen(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    log = cluster.log()
    cluster.write(2, b"a\nhalf", indexed=False)
    assert told(log) == [(1, "a")]
    cluster.write(0, b"b\n", indexed=False)
    cluster.write(2, b" line\n", indexed=False)
    assert told(log) == [(1, "a"), (None, "b"), (1, "half line")]


def test_a_log_begun_anew_leaves_a_gap_where_it_was(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.write(1, b"old old\n")
    cluster.write(2, b"x\n")
    log = cluster.log()
    size = log.size()
    cluster.path(1).unlink()
    cluster.write(1, b"new\n")
    assert told(log) == told(cluster.log()) == [(0, "… 8 bytes no longer kept …"), (1, "x"), (0, "new")]
    assert log.page(size, 0, 9).lines[0].text == "new"


@settings(max_examples=80, deadline=None)
@given(writes=WRITES, step=st.integers(1, 3))
def test_offsets_stay_while_the_logs_grow(writes: list[tuple[int, list[bytes]]], step: int) -> None:
    with TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder))
        log, expected, known = cluster.log(), b"", []
        for source, lines in writes:
            text = b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines)
            cluster.write(source, text)
            expected += text
            page = log.page(None, 5000, 0)
            assert page.lines[: len(known)] == known
            known = page.lines
        assert [line.text for line in known] == expected.decode("utf-8", "replace").split("\n")[:-1]
        assert cluster.log().page(0, 0, 5000).lines == known, "the same for who reads the index afresh"
        at, forward = 0, []
        while at < len(expected):
            page = log.page(at, 0, step)
            forward += page.lines
            at = page.end
        assert forward == known
