"""Reaching an agent over a real socket whose other end misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jupyterlab_clusters.launchers.agent import Agent, AgentCut, AgentPeer, Streams


class Listener:
    """Hangs up on the first ``cuts`` callers as soon as they ask, as an agent that was killed does; then answers."""

    def __init__(self, path: Path, cuts: int) -> None:
        self.path, self.cuts, self.callers = path, cuts, 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.callers += 1
        doomed = self.callers <= self.cuts
        while line := await reader.readline():
            if doomed:
                break
            writer.write(json.dumps({"re": json.loads(line)["id"], "ok": {"caller": self.callers}}).encode() + b"\n")
        writer.close()


@contextlib.asynccontextmanager
async def listening(tmp_path: Path, cuts: int) -> AsyncIterator[Listener]:
    listener = Listener(tmp_path / "socket", cuts)
    server = await asyncio.start_unix_server(listener.serve, listener.path)
    yield listener
    server.close()


def agent(listener: Listener) -> Agent:
    async def connect() -> Streams:
        return await asyncio.open_unix_connection(listener.path)

    async def attach(peer: AgentPeer) -> None:
        await peer.request("attach")

    return Agent(connect, lambda event: None, attach)


async def test_an_agent_that_ends_while_it_is_reached(tmp_path: Path) -> None:
    async with listening(tmp_path, cuts=2) as listener:
        one = agent(listener)
        await one.reach()
        assert await one.request("hello") == {"caller": 3}
        await one.close()


async def test_it_is_not_tried_for_ever(tmp_path: Path) -> None:
    async with listening(tmp_path, cuts=1000) as listener:
        one = agent(listener)
        with pytest.raises(AgentCut):
            await asyncio.wait_for(one.reach(), 10)
        assert listener.callers == 3
        await one.close()
