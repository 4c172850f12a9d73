"""A host that says what no agent of ours would: it is given up, and nothing else is any the worse for it."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.host.messages import source_of
from jupyterlab_clusters.launchers.agent import LINE_LIMIT, AgentCut, AgentPeer
from jupyterlab_clusters.launchers.mirror import LogCopies

NAMES = [
    "../escape", "/tmp/x", "..", "", ".", "slot-", "slot--1", "slot-1/../../x", "slot-0\n", "slot-00", "slot-1.5",
    "slot-" + "9" * 40, "slot-\u0663", "slot-\u00b2", "controller/", "Controller", "\x00", "exits.jsonl", "index",
]  # fmt: skip


def test_names_of_logs() -> None:
    assert [source_of(name) for name in ("controller", "slot-0", "slot-41")] == [0, 1, 42]
    assert {source_of(name) for name in NAMES} == {None}


async def test_pieces_of_logs_that_cannot_be_meant(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir(mode=0o700)
    (tmp_path / "victim").write_text("mine")
    (folder / "slot-3.log").symlink_to(tmp_path / "victim")
    copies = LogCopies(folder)
    text = base64.b64encode(b"a line\n").decode()
    whole = {"name": "slot-0", "offset": 0, "data": text, "time": 1.0}
    for odd in (
        *({**whole, "name": name} for name in NAMES),
        *({**whole, "offset": offset} for offset in (-1, 10**30, "x", None, [], 1e400)),
        *({**whole, "time": time} for time in ("x", None, 1e400, {})),
        *({**whole, "data": data} for data in ("%", 7, None, "a")),
        {**whole, "name": "slot-3"},
        {},
    ):
        copies.take(odd)
    copies.take({**whole, "name": "slot-1"})
    await copies.close()
    assert (folder / "slot-1.log").read_bytes() == b"a line\n", "what came after all that"
    assert (tmp_path / "victim").read_text() == "mine"
    there = {path.name for path in folder.iterdir()}
    assert there <= {"slot-0.log", "slot-1.log", "slot-3.log", "index"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "victim"]


SAID: dict[str, bytes] = {
    "no JSON": b"hello\n",
    "bytes": b"\xff\xfe\x00\n",
    "a number": b"7\n",
    "nothing": b"null\n",
    "a list": b'["event"]\n',
    "an event of nothing": b'{"event": "exited"}\n',
    "an answer that is none": b'{"re": {}, "ok": 1}\n',
    "an error that is none": b'{"re": 1, "error": 7}\n',
    "depth": b"[" * 200_000 + b"\n",
    "a line without an end": b'{"event": "' + b"x" * (LINE_LIMIT + 1),
}


@pytest.mark.parametrize("what", SAID)
async def test_lines_that_no_agent_says(what: str) -> None:
    ours, theirs = socket.socketpair()
    lost = asyncio.Event()

    def event(told: Any) -> None:
        _ = told["record"]["name"]  # as whoever listens does

    streams = await asyncio.open_unix_connection(sock=ours, limit=LINE_LIMIT)
    peer = AgentPeer(streams, event, lost.set)
    _, there = await asyncio.open_unix_connection(sock=theirs)
    asked = asyncio.ensure_future(peer.request("hello", timeout=20))
    await asyncio.sleep(0)
    there.write(SAID[what])
    try:
        with pytest.raises(AgentCut):
            await asked
        assert lost.is_set() and peer.closed
    finally:
        there.close()


async def test_an_answer_to_a_question_that_was_not_asked() -> None:
    ours, theirs = socket.socketpair()
    peer = AgentPeer(await asyncio.open_unix_connection(sock=ours), lambda event: None, lambda: None)
    _, there = await asyncio.open_unix_connection(sock=theirs)
    asked = asyncio.ensure_future(peer.request("hello", timeout=5))
    await asyncio.sleep(0)
    for number in (99, 1):
        there.write(json.dumps({"re": number, "ok": {"number": number}}).encode() + b"\n")
    assert (await asked)["number"] == 1
    await peer.close()
    there.close()
