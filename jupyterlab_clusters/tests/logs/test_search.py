"""Search: what is found, where it goes on, and that a call ends in time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from jupyterlab_clusters.logs import log as module
from jupyterlab_clusters.logs.file import Log
from jupyterlab_clusters.logs.models import Match
from jupyterlab_clusters.logs.pieces import CUT

MB = 1024 * 1024


def log_of(folder: Path, content: bytes) -> Log:
    (folder / "slot-0.log").write_bytes(content)
    return Log("slot-0", folder / "slot-0.log")


def every(log: Log, text: str, limit: int = 100, start: int = 0) -> list[Match]:
    """All matches, call after call."""
    found: list[Match] = []
    at: int | None = start
    while at is not None:
        part = log.search(text, at, limit)
        assert part.next is None or part.next > at, "each call gets on"
        found += part.matches
        at = part.next
    return found


@pytest.mark.parametrize(
    ("text", "offsets"),
    [
        ("error", [0, 19]),
        ("ERROR", [0, 19]),
        ("äh", [12]),
        ("ÄH", [12]),
        ("straße", [31]),
        ("STRASSE", [31]),
        ("nothing", []),
        ("", []),
        ("error\nfine", []),
    ],
)
@pytest.mark.parametrize("limit", [1, 100])
def test_found(tmp_path: Path, text: str, offsets: list[int], limit: int) -> None:
    log = log_of(tmp_path, "Error Error\nÄh?..\nno ERROR at\nStraße".encode())
    assert [match.offset for match in every(log, text, limit)] == offsets


def test_goes_on_from_next(tmp_path: Path) -> None:
    log = log_of(tmp_path, b"x\ny\nx\nx\n")
    first = log.search("x", 0, 2)
    assert ([match.offset for match in first.matches], first.next) == ([0, 4], 6)
    assert [match.offset for match in log.search("x", 5, 9).matches] == [4, 6]


def test_across_blocks_of_a_file(tmp_path: Path) -> None:
    content = b"".join(b"%07d needle %s\n" % (number, b"." * (number % 97)) for number in range(30_000))
    assert len(every(log_of(tmp_path, content), "NEEDLE")) == 30_000


@pytest.mark.parametrize("limit", [1, 100])
def test_across_the_pieces_of_a_long_line(tmp_path: Path, limit: int) -> None:
    content = bytearray(b"-" * 20 * CUT)
    for border in (2 * CUT, 8 * CUT, 9 * CUT):
        content[border - 3 : border + 3] = b"NeEdLe"
    found = every(log_of(tmp_path, bytes(content)), "needle", limit)
    assert [match.offset for match in found] == [2 * CUT, 8 * CUT, 9 * CUT]
    content[8 * CUT] = ord("\n")
    assert len(every(log_of(tmp_path, bytes(content)), "needle", limit)) == 2


def test_a_long_line_is_clipped_around_the_match(tmp_path: Path) -> None:
    log = log_of(tmp_path, b"-" * 20_000 + b"needle" + b"-" * 5_000)
    [match] = log.search("needle", 0, 5).matches
    assert "needle" in match.text
    assert len(match.text) == module.MATCH_CHARACTERS


def test_a_call_ends_in_time_and_the_next_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"some line of a log, not short\n" * (8 * MB // 30) + b"needle\n"
    log = log_of(tmp_path, content)
    monkeypatch.setattr(module, "SEARCH_SECONDS", 0.0)
    first = log.search("needle", 0, 5)
    assert first.matches == []
    assert first.next is not None
    assert 0 < first.next < MB, "looked at one block when there is no time"
    assert [match.offset for match in every(log, "needle")] == [len(content) - 7]


def test_a_large_search_is_cut_in_calls_of_bounded_time(tmp_path: Path) -> None:
    log = log_of(tmp_path, "é some line of a log, not short\n".encode() * (64 * MB // 33))
    began = time.process_time()
    log.search("needle", 0, 5)
    assert time.process_time() - began < 2 * module.SEARCH_SECONDS
