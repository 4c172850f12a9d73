"""The feed: numbered changes, snapshot and subscription in one step, readers at their own pace."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterlab_clusters.feed import Feed, Reader
from jupyterlab_clusters.feed import feed as feed_module
from jupyterlab_clusters.feed import reader as reader_module
from jupyterlab_clusters.feed import topic as topic_module
from jupyterlab_clusters.feed.topic import StateTopic
from jupyterlab_clusters.tests.fair import clock
from jupyterlab_clusters.tests.wire.samples import BUSY, IDLE, POINT, RUNNING, STOPPED


def read(message: bytes | None) -> dict[str, Any]:
    assert message is not None
    told: dict[str, Any] = json.loads(message)
    return told


def merged(present: dict[Any, Any], message: dict[str, Any]) -> dict[Any, Any]:
    """What a client makes of a message."""
    if "snapshot" in message:
        return {item.get("slot", item.get("key")): item for item in message["snapshot"]}
    present = dict(present)
    for change in message["changes"]:
        ident = change.get("slot", change.get("key"))
        if change.get("gone"):
            present.pop(ident, None)
        else:
            present[ident] = {**present.get(ident, {}), **change}
    return present


def on_a_loop(story: Callable[[Feed], Any]) -> None:
    async def inner() -> None:
        await story(Feed(asyncio.get_running_loop()))

    asyncio.run(inner())


async def news(reader: Reader, within: float = 1.0) -> dict[str, Any]:
    """The next message of a reader whose ``ready`` was not set before."""
    rung = asyncio.Event()
    reader.ready = rung.set
    message = reader.take()
    if message is None:
        await asyncio.wait_for(rung.wait(), within)
        message = reader.take()
    return read(message)


def test_a_snapshot_then_only_what_changed() -> None:
    async def story(feed: Feed) -> None:
        feed.put("clusters", "key", "default:", STOPPED)
        reader = feed.subscribe("clusters")
        first = await news(reader)
        assert (first["epoch"], first["seq"]) == (feed.epoch, 1)
        assert [one["state"] for one in first["snapshot"]] == ["stopped"]
        feed.put("clusters", "key", "default:", STOPPED)
        assert reader.take() is None
        feed.put("clusters", "key", "default:", msgspec.structs.replace(STOPPED, wanted=5))
        assert (await news(reader))["changes"] == [{"key": "default:", "wanted": 5}]
        feed.remove("clusters", "default:")
        feed.remove("clusters", "default:")
        assert (await news(reader))["changes"] == [{"key": "default:", "gone": True}]

    on_a_loop(story)


def test_the_first_answer_comes_even_when_nothing_is_there() -> None:
    async def story(feed: Feed) -> None:
        assert (await news(feed.subscribe("clusters")))["snapshot"] == []
        assert (await news(feed.subscribe("clusters", feed.epoch, 0)))["changes"] == []

    on_a_loop(story)


def test_resume() -> None:
    async def story(feed: Feed) -> None:
        for slot in range(3):
            feed.put("engines/x:", "slot", slot, msgspec.structs.replace(IDLE, slot=slot))
        feed.put("engines/x:", "slot", 1, msgspec.structs.replace(BUSY, slot=1))
        missed = await news(feed.subscribe("engines/x:", feed.epoch, 3))
        assert [one["slot"] for one in missed["changes"]] == [1]
        assert "slot" in missed["changes"][0] and "started_at" not in missed["changes"][0]
        for epoch, since in (("another", 3), (feed.epoch, 99), (feed.epoch, -1), (None, 3)):
            assert "snapshot" in await news(feed.subscribe("engines/x:", epoch, since))

    on_a_loop(story)


def test_a_dropped_topic_is_an_empty_snapshot() -> None:
    async def story(feed: Feed) -> None:
        feed.put("engines/x:", "slot", 0, IDLE)
        reader = feed.subscribe("engines/x:")
        await news(reader)
        feed.drop_topic("engines/x:")
        assert (await news(reader))["snapshot"] == []

    on_a_loop(story)


def test_newest_values_at_most_ten_times_a_second() -> None:
    async def story(feed: Feed) -> None:
        reader = feed.subscribe("engines/x:")
        told: list[dict[str, Any]] = []
        reader.ready = lambda: told.append(read(reader.take()))
        reader.take()
        began, end = time.monotonic(), clock() + 0.65
        completed = 0
        while clock() < end:
            completed += 1
            feed.put("engines/x:", "slot", 0, msgspec.structs.replace(IDLE, completed=completed))
            await asyncio.sleep(0.001)
        assert 4 <= len(told) <= 1 + (time.monotonic() - began) * 10
        assert completed > 50
        await asyncio.sleep(0.11)
        assert told[-1]["changes"] == [{"slot": 0, "completed": completed}]

    on_a_loop(story)


def test_news_after_quiet_comes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "PACE", 1.0)

    async def story(feed: Feed) -> None:
        reader = feed.subscribe("clusters")
        await news(reader)
        await asyncio.sleep(1.1)
        began = time.monotonic()
        threading.Thread(target=feed.put, args=("clusters", "key", "default:", RUNNING)).start()
        await news(reader)
        assert time.monotonic() - began < 0.5

    on_a_loop(story)


def test_load_is_the_last_600_points() -> None:
    async def story(feed: Feed) -> None:
        for busy in range(700):
            feed.point("load/x:", msgspec.structs.replace(POINT, busy=busy))
        reader = feed.subscribe("load/x:")
        assert [one["busy"] for one in (await news(reader))["snapshot"]] == list(range(100, 700))
        feed.point("load/x:", msgspec.structs.replace(POINT, busy=700))
        assert [one["busy"] for one in (await news(reader))["changes"]] == [700]
        assert len((await news(feed.subscribe("load/x:", feed.epoch, 650)))["changes"]) == 51
        assert "snapshot" in await news(feed.subscribe("load/x:", feed.epoch, 50))
        with pytest.raises(TypeError):
            feed.put("load/x:", "slot", 0, IDLE)
        with pytest.raises(TypeError):
            feed.point("clusters", POINT)

    on_a_loop(story)


def test_who_watches_is_told_first_and_last() -> None:
    async def story(feed: Feed) -> None:
        seen: list[tuple[str, bool]] = []
        feed.on_watch("load/", lambda topic, watched: seen.append((topic, watched)))
        one, two = feed.subscribe("load/x:"), feed.subscribe("load/x:")
        feed.subscribe("clusters")
        assert feed.watched("load/x:")
        one.close()
        one.close()
        assert feed.watched("load/x:")
        two.close()
        assert not feed.watched("load/x:")
        assert seen == [("load/x:", True), ("load/x:", False)]

    on_a_loop(story)


def test_who_asks_is_thought_to_look_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "LOOK", 0.6)

    async def story(feed: Feed) -> None:
        seen: list[tuple[str, bool]] = []
        feed.on_watch("load/", lambda topic, watched: seen.append((topic, watched)))
        assert feed.look("load/x:") == []
        feed.point("load/x:", POINT)
        for _ in range(3):
            await asyncio.sleep(0.25)
            assert feed.look("load/x:") == [POINT]
        assert seen == [("load/x:", True)]
        await asyncio.sleep(1)
        assert seen == [("load/x:", True), ("load/x:", False)]

    on_a_loop(story)


def test_removals_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_module, "TOMBS", 10)
    topic = StateTopic("e", "engines/x:")
    for slot in range(40):
        topic.put("slot", slot, {"slot": slot})
        topic.remove(slot)
    assert "snapshot" in read(topic.changes(1))
    assert "changes" in read(topic.changes(topic.seq - 4))
    assert len(topic._recent) <= 11


def test_ten_thousand_engines() -> None:
    async def story(feed: Feed) -> None:
        engines = [
            msgspec.structs.replace(
                IDLE,
                slot=slot,
                id=slot,
                uuid=f"s{slot}-9d1f4c2be7a0b3c4",
                host=f"node{slot // 64:04}",
                pid=100_000 + slot,
                completed=1_000 + slot,
                cpu=0.983,
                started_at="2026-11-21T11:10:01.123Z",
                memory=24_117_248 + 4096 * slot,
            )
            for slot in range(10_000)
        ]
        for engine in engines:
            feed.put("engines/x:", "slot", engine.slot, engine)
        began = clock()
        message, seq = feed.tell("engines/x:", None, always=True)
        took = clock() - began
        assert message is not None
        assert len(message) <= 2 << 20
        assert took < 0.05
        feed.put("engines/x:", "slot", 77, msgspec.structs.replace(engines[77], state="busy"))
        began = clock()
        change, _ = feed.tell("engines/x:", seq, always=True)
        assert clock() - began < 0.005
        assert read(change)["changes"] == [{"slot": 77, "state": "busy"}]

    on_a_loop(story)


def test_many_threads_feed_one_reader() -> None:
    async def story(feed: Feed) -> None:
        reader = feed.subscribe("engines/x:")
        present: dict[Any, Any] = merged({}, await news(reader))

        def work(first: int) -> None:
            for turn in range(200):
                for slot in range(first, first + 5):
                    feed.put("engines/x:", "slot", slot, {"slot": slot, "completed": turn})

        threads = [threading.Thread(target=work, args=(first,)) for first in (0, 5, 10, 15)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            await asyncio.sleep(0.01)
            message = reader.take()
            present = merged(present, read(message)) if message else present
        message = reader.take()
        present = merged(present, read(message)) if message else present
        assert present == {slot: {"slot": slot, "completed": 199} for slot in range(20)}

    on_a_loop(story)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 4), st.dictionaries(st.sampled_from("abc"), st.integers(0, 2))),
        st.tuples(st.just("remove"), st.integers(0, 4), st.none()),
        st.tuples(st.just("clear"), st.just(0), st.none()),
        st.tuples(st.just("look"), st.integers(0, 2), st.none()),
    ),
    max_size=40,
)


@given(steps)
def test_every_reader_ends_with_the_truth(done: list[Any]) -> None:
    """However rarely a reader looks, merging what it is told gives what is there."""
    topic = StateTopic("e", "engines/x:")
    readers: dict[int, tuple[int, dict[Any, Any]]] = {}
    truth: dict[int, dict[str, Any]] = {}
    for what, number, fields in [*done, *(("look", one, None) for one in range(3))]:
        if what == "put":
            truth[number] = {"slot": number, "a": 0, "b": 0, "c": 0, **fields}
            topic.put("slot", number, truth[number])
        elif what == "remove":
            truth.pop(number, None)
            topic.remove(number)
        elif what == "clear":
            truth.clear()
            topic.clear()
        else:
            since, present = readers.get(number, (-1, {}))
            present = merged(present, read(topic.changes(since)))
            readers[number] = (topic.seq, present)
            assert present == truth
