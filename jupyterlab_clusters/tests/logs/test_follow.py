"""Following: each line once and in order, partial lines, lag, a thread that sleeps."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from jupyterlab_clusters.logs import follow as module
from jupyterlab_clusters.logs.file import Log
from jupyterlab_clusters.logs.follow import Follower, Following
from jupyterlab_clusters.logs.models import Line
from jupyterlab_clusters.logs.release import release

WRITER = Path(__file__).with_name("writer.py")


class Reader:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.batches: list[int] = []
        self.ends: list[int] = []
        self.lags: list[int] = []
        self.news = asyncio.Event()

    def on_lines(self, lines: list[Line], end: int) -> None:
        self.lines += lines
        self.batches.append(len(lines))
        self.ends.append(end)
        self.news.set()

    def on_lag(self, offset: int) -> None:
        self.lags.append(offset)
        self.news.set()

    async def until(self, true: Callable[[], bool]) -> None:
        while not true():
            await asyncio.wait_for(self.news.wait(), 20)
            self.news.clear()

    def texts(self) -> list[str]:
        return [line.text for line in self.lines]


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def run(story: Callable[[Follower], AsyncIterator[None]]) -> None:
    async def whole() -> None:
        follower = Follower(asyncio.get_running_loop())
        try:
            async for _ in story(follower):
                pass
        finally:
            await asyncio.to_thread(follower.close)

    asyncio.run(whole())


def start(follower: Follower, path: Path, offset: int | None) -> tuple[Reader, Following]:
    reader = Reader()
    return reader, follower.follow(Log("slot-0", path), offset, reader.on_lines, reader.on_lag)


def test_from_the_end_and_from_an_offset(tmp_path: Path) -> None:
    path = tmp_path / "slot-0.log"
    append(path, b"one\ntwo\n")

    async def story(follower: Follower) -> AsyncIterator[None]:
        late, _ = start(follower, path, None)
        early, _ = start(follower, path, 4)
        await late.until(lambda: late.ends == [8])
        append(path, b"three\n")
        await late.until(lambda: late.ends[-1:] == [14])
        await early.until(lambda: early.ends[-1:] == [14])
        assert late.lines == [Line(offset=8, text="three")]
        assert early.lines == [Line(offset=4, text="two"), Line(offset=8, text="three")]
        yield

    run(story)


def test_half_a_line_waits_then_comes_and_goes_on_with_its_own_offset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    path = tmp_path / "slot-0.log"
    append(path, b"name? \xc3")

    async def story(follower: Follower) -> AsyncIterator[None]:
        reader, _ = start(follower, path, 0)
        began = time.monotonic()
        await reader.until(lambda: bool(reader.lines))
        assert time.monotonic() - began >= 0.3
        assert reader.lines == [Line(offset=0, text="name? ")]
        append(path, b"\xa9va\n")
        await reader.until(lambda: len(reader.lines) == 2)
        assert reader.lines[1] == Line(offset=6, text="éva")
        append(path, b"sure? ")
        await reader.until(lambda: len(reader.lines) == 3)
        append(path, b"\nyes\n")
        await reader.until(lambda: len(reader.lines) == 4)
        assert reader.texts() == ["name? ", "éva", "sure? ", "yes"], "the bare end of a told line is no line"
        yield

    run(story)


def test_resumed_at_the_end_of_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "slot-0.log"
    append(path, b"half")

    async def story(follower: Follower) -> AsyncIterator[None]:
        reader, _ = start(follower, path, 4)
        append(path, b"\nnext\n")
        await reader.until(lambda: bool(reader.lines))
        assert reader.lines == [Line(offset=5, text="next")]
        yield

    run(story)


def test_each_line_once_while_another_process_writes(tmp_path: Path) -> None:
    paths = [tmp_path / f"slot-{number}.log" for number in range(4)]
    count = 20_000

    async def story(follower: Follower) -> AsyncIterator[None]:
        readers = [start(follower, path, 0)[0] for path in paths]
        writer = await asyncio.create_subprocess_exec(sys.executable, str(WRITER), str(count), *map(str, paths))
        assert await writer.wait() == 0
        for reader in readers:
            await reader.until(lambda reader=reader: len(reader.lines) >= count)
            assert reader.texts() == [f"line {number} é" for number in range(count)]
            assert max(reader.batches) <= module.BATCH_LINES
            assert reader.lags == []
            offsets = [line.offset for line in reader.lines]
            assert offsets == sorted(set(offsets))
        yield

    run(story)


def test_one_far_behind_is_told_and_goes_on_near_the_end(tmp_path: Path) -> None:
    path = tmp_path / "slot-0.log"
    path.write_bytes(b"0123456789abcde\n" * (module.LAG // 16 + 1000))

    async def story(follower: Follower) -> AsyncIterator[None]:
        reader, _ = start(follower, path, 0)
        append(path, b"last\n")
        await reader.until(lambda: reader.texts()[-1:] == ["last"])
        assert len(reader.lags) == 1
        assert reader.lines[0].offset == reader.lags[0]
        assert path.stat().st_size - reader.lags[0] <= module.KEEP + 16
        yield

    run(story)


def test_far_behind_with_nothing_kept_near_the_end(tmp_path: Path) -> None:
    path = tmp_path / "slot-0.log"
    path.write_bytes(b"0123456789abcde\n" * (2 * module.LAG // 16))
    kept = release(path, 2 * module.LAG - 16 * 1024)
    assert kept

    async def story(follower: Follower) -> AsyncIterator[None]:
        reader, _ = start(follower, path, 0)
        append(path, b"last\n")
        await reader.until(lambda: reader.texts()[-1:] == ["last"])
        assert len(reader.lags) == 1
        assert "no longer kept" in reader.lines[0].text
        assert reader.lines[1].offset == kept
        yield

    run(story)


def test_a_slow_loop_gets_one_batch_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "slot-0.log"
    path.write_bytes(b"".join(b"%d\n" % number for number in range(3 * module.BATCH_LINES)))

    async def story(follower: Follower) -> AsyncIterator[None]:
        reader, _ = start(follower, path, 0)
        await reader.until(lambda: len(reader.lines) > 0)
        time.sleep(3 * module.PERIOD)  # the loop is busy on purpose
        queued = len(reader.lines)
        await asyncio.sleep(0)
        assert len(reader.lines) - queued <= module.BATCH_LINES
        await reader.until(lambda: len(reader.lines) == 3 * module.BATCH_LINES)
        yield

    run(story)


def test_nothing_after_close_and_no_look_when_nothing_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "slot-0.log"
    append(path, b"one\n")

    async def story(follower: Follower) -> AsyncIterator[None]:
        reader, following = start(follower, path, 0)
        other, still = start(follower, path, 0)
        await reader.until(lambda: reader.ends[-1:] == [4])
        following.close()
        append(path, b"two\n")
        await other.until(lambda: other.ends[-1:] == [8])
        assert reader.ends[-1] == 4
        still.close()
        looks = 0

        def size(log: Log) -> int:
            nonlocal looks
            looks += 1
            return 0

        await asyncio.sleep(2 * module.PERIOD)
        monkeypatch.setattr(Log, "size", size)
        await asyncio.sleep(3 * module.PERIOD)
        assert looks == 0
        yield

    run(story)


def test_a_log_that_appears_later(tmp_path: Path) -> None:
    path = tmp_path / "slot-0.log"

    async def story(follower: Follower) -> AsyncIterator[None]:
        reader, _ = start(follower, path, None)
        await reader.until(lambda: reader.ends == [0])
        append(path, b"one\n")
        await reader.until(lambda: reader.texts() == ["one"])
        yield

    run(story)
