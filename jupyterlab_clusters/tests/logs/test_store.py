"""What is kept: names, links, quota, age, and holes on the real file system."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import pytest

from jupyterlab_clusters.logs.file import Log
from jupyterlab_clusters.logs.release import release
from jupyterlab_clusters.logs.store import LogFolder

MB = 1024 * 1024
LINE = b"0123456789abcde\n"


def live(*names: str):
    return lambda name: name in names


def disk(path: Path) -> int:
    return path.stat().st_blocks * 512


def fill(folder: Path, name: str, size: int, age_days: float = 0) -> Path:
    path = folder / f"{name}.log"
    path.write_bytes(LINE * (size // 16))
    when = time.time() - age_days * 86400
    os.utime(path, (when, when))
    return path


def test_listed_in_order(tmp_path: Path) -> None:
    for name in ("slot-10", "slot-2", "controller", "job"):
        fill(tmp_path, name, 32)
    for other in ("slot-01.log", "slot-x.log", "notes.txt", "exits.jsonl", "all.log", "slot-1.log.bak"):
        (tmp_path / other).write_text("no log of ours")
    (tmp_path / "slot-3.log").symlink_to("/etc/passwd")
    (tmp_path / "slot-4.log").mkdir()
    logs = LogFolder(tmp_path).list(live("slot-2"), "here")
    assert [(log.name, log.slot, log.live) for log in logs] == [
        ("controller", None, False),
        ("slot-2", 2, True),
        ("slot-10", 10, False),
        ("job", None, False),
        ("all", None, True),
    ]
    assert logs[1].path == str(tmp_path / "slot-2.log")
    assert {log.host for log in logs} == {"here"}
    assert logs[1].size == 32


def test_no_folder_yet(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path / "none")
    assert folder.list(live(), None) == []
    assert folder.trim(0, 0, live()) == []
    assert folder.log("all").page(None, 5, 0).lines == []
    assert folder.log("controller").size() == 0


@pytest.mark.parametrize(
    "name",
    ["", "slot-5", "slot--1", "slot-01", "slot-0.log", "../secret", "..", "/etc/passwd", "slot-0/..", "slot-0\n"],
)
def test_unknown_names(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "slot-0", 32)
    with pytest.raises(KeyError):
        LogFolder(tmp_path).log(name)


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    for name in ("slot-0", "controller"):
        (tmp_path / f"{name}.log").symlink_to(tmp_path / "secret")
    folder = LogFolder(tmp_path)
    with pytest.raises(KeyError):
        folder.log("slot-0")
    assert folder.log("controller").page(None, 9, 9).lines == []
    assert folder.log("all").page(None, 9, 9).lines == []


def test_remove_takes_logs_and_index_only(tmp_path: Path) -> None:
    fill(tmp_path, "slot-0", 32)
    (tmp_path / "index").write_bytes(b"")
    (tmp_path / "mine.txt").write_text("stays")
    LogFolder(tmp_path).remove()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_released_head_reads_as_one_gap_line(tmp_path: Path) -> None:
    path = fill(tmp_path, "slot-0", 4 * MB)
    gone = release(path, 3 * MB + 100)
    log = Log("slot-0", path)
    assert gone == 3 * MB == log.kept_from()
    assert disk(path) <= MB + 64 * 1024
    page = log.page(0, 5, 2)
    assert [(line.offset, line.text) for line in page.lines] == [
        (0, "… 3.15 MB no longer kept …"),
        (gone, LINE[:-1].decode()),
    ]
    assert page.size == 4 * MB
    assert log.page(gone + 16, 9, 0).lines == page.lines
    assert log.search("0123", 0, 1).matches[0].offset == gone
    assert b"\0" not in b"".join(log.chunks())
    with path.open("ab") as file:
        file.write(b"goes on\n")
    assert log.page(4 * MB, 0, 1).lines[0].text == "goes on"


def test_dead_logs_go_by_age_then_the_oldest_beyond_quota(tmp_path: Path) -> None:
    paths = {
        name: fill(tmp_path, name, MB, age)
        for name, age in {"slot-0": 40, "slot-1": 3, "slot-2": 2, "slot-3": 40, "controller": 1}.items()
    }
    folder = LogFolder(tmp_path)
    assert sorted(folder.trim(3 * MB + 4096, 30, live("slot-3"))) == ["slot-0", "slot-1"]
    assert [log.name for log in folder.list(live(), None)] == ["controller", "slot-2", "slot-3", "all"]
    assert disk(paths["slot-3"]) >= MB, "a live one is not touched for its age"
    assert folder.trim(3 * MB + 4096, 30, live("slot-3")) == []


def test_a_live_log_beyond_its_share_loses_its_head(tmp_path: Path) -> None:
    big, small = fill(tmp_path, "slot-0", 8 * MB), fill(tmp_path, "slot-1", MB)
    folder = LogFolder(tmp_path)
    assert folder.trim(4 * MB, 30, live("slot-0", "slot-1")) == ["slot-0"]
    assert disk(big) <= 2 * MB
    assert disk(small) >= MB
    page = folder.log("slot-0").page(None, 1, 0)
    assert (page.size, page.lines[0].text) == (8 * MB, LINE[:-1].decode())


def test_when_all_are_dead_and_old_nothing_is_left(tmp_path: Path) -> None:
    fill(tmp_path, "slot-0", MB, 40)
    (tmp_path / "index").write_bytes(struct.pack("<dQI", 1000.0, MB, 1))
    LogFolder(tmp_path).trim(MB, 30, live())
    assert list(tmp_path.iterdir()) == []


def test_the_merged_log_keeps_its_offsets_when_heads_are_released(tmp_path: Path) -> None:
    with (tmp_path / "index").open("wb") as index:
        for step in range(1, 65):
            for source in (1, 2):
                index.write(struct.pack("<dQI", 1000.0 + step, step * MB // 16, source))
    fill(tmp_path, "slot-0", 4 * MB)
    fill(tmp_path, "slot-1", 4 * MB)
    folder = LogFolder(tmp_path)
    before = folder.log("all").page(None, 100, 0)
    release(tmp_path / "slot-0.log", 2 * MB + 4096)
    release(tmp_path / "slot-1.log", 2 * MB)
    log = folder.log("all")
    assert log.page(None, 100, 0) == before
    first = log.page(0, 0, 3).lines
    assert first[0].text == "… 4.2 MB no longer kept …"
    assert first[1].offset == 4 * MB + 4096
    assert first[1].slot == 0
    assert log.page(first[2].offset, 9, 0).lines == first[:2]
    for at in (1, 3 * MB, 4 * MB, 4 * MB + 4095):
        assert log.page(at, 0, 1).lines == first[:1], "one gap, wherever one looks"


def test_a_cluster_of_the_same_name_begins_with_an_empty_log(tmp_path: Path) -> None:
    folder = LogFolder(tmp_path)
    for text in (b"first\n", b"second, longer\n"):
        (tmp_path / "slot-0.log").write_bytes(text)
        (tmp_path / "index").write_bytes(struct.pack("<dQI", 1000.0, len(text), 1))
        page = folder.log("all").page(0, 0, 9)
        assert [(line.offset, line.text) for line in page.lines] == [(0, text[:-1].decode())]
        folder.remove()
        assert folder.log("all").size() == 0
