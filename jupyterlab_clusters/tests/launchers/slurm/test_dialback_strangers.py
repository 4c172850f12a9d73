"""Whoever else finds the port to which nodes dial: what he says, repeats, or leaves unsaid, holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from jupyterlab_clusters.host.private import write
from jupyterlab_clusters.launchers.slurm import dialback

from .test_dialback import Server, dialled, folder, hello

pytestmark = [pytest.mark.timeout(60)]
__all__ = ["folder"]

#: How a peer of zmq begins that speaks CURVE.
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE".ljust(23, b"\0") + bytes(32)
#: A frame, and a command, of more bytes than there are.
LONG = [GREETING + bytes([kind]) + (1 << 62).to_bytes(8, "big") + b"x" * 1000 for kind in (0x02, 0x06)]


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Server]:
    server = Server(folder)
    await server.end.open()
    try:
        yield server
    finally:
        await server.end.close(remove=True)


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.end.port or 0), timeout=5)


async def closed(one: socket.socket, within: float) -> bool:
    """Whether the other end hangs up."""
    one.setblocking(False)
    loop = asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError, asyncio.TimeoutError):

        async def to_the_end() -> None:
            while await loop.sock_recv(one, 4096):
                pass

        await asyncio.wait_for(to_the_end(), within)
        return True
    with contextlib.suppress(OSError):
        one.send(b"x")
        return False
    return True


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", bytes(64), b"\xff" * 4096, *LONG])
async def test_nonsense_and_more_than_fits(folder: Path, said: bytes) -> None:
    memory = psutil.Process().memory_info().rss
    async with serving(folder) as server:
        with connected(server) as stranger:
            stranger.sendall(said)
            await asyncio.sleep(0.3)
            with dialled(folder):
                await server.until("came")
                assert (await hello(server))["protocol"] == 1
        assert [what for what, *_ in server.told].count("came") == 1
    assert psutil.Process().memory_info().rss - memory < 100 << 20


async def test_many_who_say_nothing_are_let_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialback, "HANDSHAKE", 1.0)
    async with serving(folder) as server:
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(connected(server)) for _ in range(100)]
            for one in silent[::2]:
                one.sendall(GREETING[:20])
            with dialled(folder):
                await server.until("came")
                await hello(server)
            assert all(await asyncio.gather(*(closed(one, 5) for one in silent)))


async def test_what_was_overheard_is_of_no_use(folder: Path) -> None:
    """All that a node has sent, sent once more: every connection has keys of its own."""
    async with serving(folder) as server:
        overheard: list[bytes] = []

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", server.end.port)

            async def copy(source: asyncio.StreamReader, to: asyncio.StreamWriter, keep: list[bytes] | None) -> None:
                with contextlib.suppress(ConnectionError):
                    while piece := await source.read(65536):
                        if keep is not None:
                            keep.append(piece)
                        to.write(piece)
                to.close()

            await asyncio.gather(copy(reader, back, overheard), copy(there, writer, None))

        between = await asyncio.start_server(pass_on, "127.0.0.1", 0)
        keys = json.loads((folder / "node.key").read_text())
        keys |= {"port": between.sockets[0].getsockname()[1], "addresses": ["127.0.0.1"]}
        elsewhere = folder.with_name("between")
        elsewhere.mkdir(mode=0o700)
        write(elsewhere / "node.key", json.dumps(keys))
        with dialled(elsewhere):
            await server.until("came")
            await hello(server)
        between.close()
        await server.end.end("7")
        server.told.clear()
        said = b"".join(overheard)
        assert len(said) > 1000 and b"node1" not in said and b"SLURM" not in said, "it was said in the clear"
        with connected(server) as stranger:
            stranger.sendall(said)
            assert await closed(stranger, 3)
        assert server.told == [] and server.end.there() == []
