"""The socket against a real feed and real log files."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyterlab_clusters.tests.fair import clock
from jupyterlab_clusters.tests.wire.samples import IDLE, POINT, RUNNING, STOPPED
from jupyterlab_clusters.web import messages, stream, topics
from jupyterlab_clusters.web.resource import Parts

from .conftest import FakeClusters

LOG = "logs/default:/controller"


class Window:
    """A client: says what it wants, and reads."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def want(self, *topics: str, **more: Any) -> None:
        await self.say(json.dumps({"topics": list(topics), **more}))

    async def say(self, message: str | bytes) -> None:
        await self.connection.write_message(message)

    async def next(self, topic: str | None = None, within: float = 2.0) -> dict[str, Any]:
        """The next message (of ``topic``)."""
        while True:
            raw = await asyncio.wait_for(self.connection.read_message(), within)
            assert raw is not None, "the socket was closed"
            told: dict[str, Any] = json.loads(raw)
            if topic in (None, told["topic"]):
                return told

    async def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        reading = self.connection.read_message()
        done, _ = await asyncio.wait({asyncio.ensure_future(reading)}, timeout=seconds)
        return not done


@pytest.fixture
def window(jp_ws_fetch: Any, fake: FakeClusters) -> Any:
    @asynccontextmanager
    async def inner() -> AsyncIterator[Window]:
        connection = await jp_ws_fetch("jupyterlab-clusters", "stream")
        try:
            yield Window(connection)
        finally:
            connection.close()

    return inner


async def test_snapshot_changes_and_resume(window: Any, parts: Parts) -> None:
    parts.feed.put("clusters", "key", "default:", STOPPED)
    async with window() as one:
        await one.want("clusters")
        first = await one.next()
        msgspec.convert(first, messages.Snapshot)
        assert first["snapshot"][0]["state"] == "stopped"
        parts.feed.put("clusters", "key", "default:", RUNNING)
        change = await one.next()
        assert change["changes"][0]["state"] == "running"
    parts.feed.put("clusters", "key", "default:", STOPPED)
    async with window() as again:
        await again.want("clusters", epoch=first["epoch"], since={"clusters": change["seq"]})
        missed = await again.next()
        assert missed["changes"][0]["state"] == "stopped"
    async with window() as other:
        await other.want("clusters", epoch="an-older-server", since={"clusters": change["seq"]})
        assert "snapshot" in await other.next()


async def test_every_topic_is_answered_at_once(window: Any, parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "controller.log").write_text("")
    async with window() as one:
        began = clock()
        await one.want("clusters", "engines/default:", "load/default:", LOG)
        answers = {told["topic"]: told for told in [await one.next() for _ in range(4)]}
        assert clock() - began < 0.5
        assert answers["engines/default:"]["snapshot"] == []
        assert answers["load/default:"]["snapshot"] == []
        assert (answers[LOG]["lines"], answers[LOG]["seq"]) == ([], 0)
        parts.feed.put("engines/default:", "slot", 0, IDLE)
        assert (await one.next())["changes"][0]["slot"] == 0
        parts.feed.point("load/default:", POINT)
        assert (await one.next())["changes"] == [msgspec.to_builtins(POINT)]


async def test_held_topics_go_on_undisturbed_and_others_end(window: Any, parts: Parts) -> None:
    async with window() as one:
        await one.want("clusters", "load/default:")
        await one.next(), await one.next()
        assert parts.feed.watched("load/default:")
        await one.want("clusters", "engines/default:")
        assert (await one.next())["topic"] == "engines/default:"
        assert not parts.feed.watched("load/default:")
        assert await one.silent(0.2)


async def test_closing_ends_all_watching(window: Any, parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "controller.log").write_text("")
    async with window() as one:
        await one.want("clusters", "load/default:", LOG)
        for _ in range(3):
            await one.next()
        assert parts.follower._followings
    while parts.feed.watched("clusters") or parts.feed.watched("load/default:") or parts.follower._followings:
        await asyncio.sleep(0.01)


async def test_a_log_from_an_offset_and_as_it_grows(window: Any, tmp_path: Path) -> None:
    path = tmp_path / "controller.log"
    path.write_bytes(b"one\ntwo\nthr\xffee\n")
    async with window() as one:
        await one.want(f"{LOG}@4")
        lines: list[dict[str, Any]] = []
        while len(lines) < 2:
            told = await one.next()
            msgspec.convert(told, messages.Lines)
            assert told["topic"] == LOG
            lines += told["lines"]
        assert [line["offset"] for line in lines] == [4, 8]
        assert lines[1]["text"] == "thr�ee"
        assert told["seq"] == path.stat().st_size
        with path.open("ab") as file:
            file.write(b"four\n")
        began = clock()
        assert (await one.next())["lines"][0]["text"] == "four"
        assert clock() - began < 0.25


async def test_a_log_from_its_present_end(window: Any, tmp_path: Path) -> None:
    path = tmp_path / "controller.log"
    path.write_text("old\n")
    async with window() as one:
        await one.want(LOG)
        assert await one.next() == {"epoch": (await one_epoch(one)), "topic": LOG, "seq": 4, "lines": []}


async def one_epoch(one: Window) -> str:
    await one.want(LOG, "clusters")
    epoch: str = (await one.next("clusters"))["epoch"]
    return epoch


async def test_nothing_of_a_long_log_is_lost(window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More lines than may wait: the log is read on as the client reads."""
    monkeypatch.setattr(topics, "WAITING", 1)
    count = 30_000
    (tmp_path / "controller.log").write_text("".join(f"line {number}\n" for number in range(count)))
    async with window() as one:
        await one.want(f"{LOG}@0")
        texts: list[str] = []
        while len(texts) < count:
            told = await one.next()
            texts += [line["text"] for line in told["lines"]]
        assert texts == [f"line {number}" for number in range(count)]


@pytest.mark.parametrize(
    ("topic", "name", "reason"),
    [
        ("nonsense", "nonsense", "no-such-topic"),
        ("", "", "no-such-topic"),
        ("engines/", "engines/", "no-such-topic"),
        ("engines/nobody:", "engines/nobody:", "not-found"),
        ("load/nobody:", "load/nobody:", "not-found"),
        ("logs/default:", "logs/default:", "no-such-topic"),
        ("logs/nobody:/controller@7", "logs/nobody:/controller", "not-found"),
        ("logs/default:/nolog", "logs/default:/nolog", "not-found"),
        ("logs/default:/../secret", "logs/default:/../secret", "not-found"),
        (f"{LOG}@-1", f"{LOG}@-1", "no-such-topic"),
        (f"{LOG}@x", f"{LOG}@x", "no-such-topic"),
        (f"{LOG}@", f"{LOG}@", "no-such-topic"),
        (f"{LOG}@{10**20}", f"{LOG}@{10**20}", "no-such-topic"),
    ],
)
async def test_an_error_is_of_its_topic_alone(window: Any, topic: str, name: str, reason: str) -> None:
    async with window() as one:
        await one.want(topic, "clusters")
        told = {message["topic"]: message for message in [await one.next(), await one.next()]}
        msgspec.convert(told[name], messages.TopicError)
        assert told[name]["error"]["reason"] == reason
        assert told["clusters"]["snapshot"] == []


@pytest.mark.parametrize(
    "message",
    ['{"topics": "clusters"}', "[]", "{}", '{"topics": [1]}', '{"topics": [], "x": 1}', '{"topics": [], "since": []}'],
)
async def test_a_message_that_cannot_be_meant(window: Any, message: str) -> None:
    async with window() as one:
        await one.say(message)
        told = await one.next()
        assert (told["topic"], bool(told["error"]["message"])) == ("", True)
        await one.want("clusters")
        assert "snapshot" in await one.next()


async def test_too_many_topics(window: Any) -> None:
    async with window() as one:
        await one.want(*(f"engines/{number}:" for number in range(300)))
        assert (await one.next())["error"]["reason"] == "too-many"


@pytest.mark.parametrize("message", ["hello", "", '{"topics": [', "{'topics': []}"])
async def test_what_is_not_json_closes(window: Any, message: str) -> None:
    async with window() as one:
        await one.say(message)
        assert await asyncio.wait_for(one.connection.read_message(), 2) is None
        assert one.connection.close_code == 1003


async def test_a_client_that_does_not_read_is_dropped(
    http_server_client: Any,
    jp_serverapp: Any,
    jp_auth_header: dict[str, str],
    fake: FakeClusters,
    parts: Parts,
    monkeypatch: Any,
) -> None:
    """Its socket is left full; the feed goes on, and nothing piles up."""
    monkeypatch.setattr(stream, "Pump", lambda write, give_up: topics.Pump(write, give_up, patience=0.3))
    for slot in range(10_000):
        parts.feed.put("engines/default:", "slot", slot, msgspec.structs.replace(IDLE, slot=slot))
    deaf = await asyncio.to_thread(handshake, jp_serverapp, jp_auth_header["Authorization"])
    try:
        deaf.sendall(masked(json.dumps({"topics": ["engines/default:"]}).encode()))
        deadline = time.monotonic() + 10
        while not parts.feed.watched("engines/default:"):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        turn = 0
        while parts.feed.watched("engines/default:"):
            assert time.monotonic() < deadline, "it was not dropped"
            turn += 1
            for slot in range(0, 10_000, 10):
                parts.feed.put(
                    "engines/default:", "slot", slot, msgspec.structs.replace(IDLE, slot=slot, completed=turn)
                )
            await asyncio.sleep(0.05)
    finally:
        deaf.close()


async def test_the_loop_is_never_held_up_by_ten_thousand_engines(window: Any, parts: Parts) -> None:
    for slot in range(10_000):
        parts.feed.put("engines/default:", "slot", slot, msgspec.structs.replace(IDLE, slot=slot))
    pauses: list[float] = []

    async def tick() -> None:
        last = clock()
        while True:
            await asyncio.sleep(0.001)
            now = clock()
            pauses.append(now - last)
            last = now

    # The feed's own part alone: the client of this test lives on the same loop and would be measured too.
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.02)
    reader = parts.feed.subscribe("engines/default:")
    assert reader.take() is not None
    await asyncio.sleep(0.02)
    ticking.cancel()
    assert max(pauses) < 0.05


def handshake(jp_serverapp: Any, authorization: str) -> socket.socket:
    """A raw WebSocket with a small window, of which nobody will read."""
    deaf = socket.socket()
    deaf.settimeout(5)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", jp_serverapp.port))
    deaf.sendall(
        f"GET {jp_serverapp.base_url}jupyterlab-clusters/stream HTTP/1.1\r\nHost: 127.0.0.1:{jp_serverapp.port}\r\n"
        f"Authorization: {authorization}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b"101" in deaf.recv(1024)
    return deaf


def masked(payload: bytes) -> bytes:
    """One text frame as a client sends it (with a mask of zeros)."""
    assert len(payload) < 126
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload


async def test_a_topic_that_takes_long_is_told_to_be_slow(window: Any, parts: Parts, monkeypatch: Any) -> None:
    monkeypatch.setattr(stream, "PATIENCE", 0.1)
    monkeypatch.setattr(stream, "resolve", lambda parts, one: time.sleep(0.5))
    async with window() as one:
        await one.want("clusters", "engines/default:")
        told = {message["topic"]: message for message in [await one.next(), await one.next()]}
        assert told["clusters"]["snapshot"] == [], "that looks up nothing"
        assert told["engines/default:"]["error"]["reason"] == "slow"
