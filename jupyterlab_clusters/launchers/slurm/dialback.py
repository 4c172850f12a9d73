"""The server's end for agents that dial in: one port, all nodes of one cluster, encrypted.

Promise: only who has the key from the cluster's private file gets in, and only
to the server that wrote it; a node that falls silent is noticed; after a restart
of the server the nodes find the same port and key again. Gives each node's agent
as an ordinary pair of streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import secrets
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio
from zmq.auth.asyncio import AsyncioAuthenticator

from ..agent import LINE_LIMIT, AgentLost, Streams
from . import keys

PIECE = 1 << 16
#: The longest message, also of strangers (bytes); a node's first tells its environment.
MOST = 8 << 20
#: How long a connection may take to say who it is (seconds).
HANDSHAKE = 10.0
#: The authenticator writes keys into a log of all details.
QUIET = logging.getLogger(f"{__name__}.keys")
QUIET.setLevel(logging.WARNING)
#: A node that was not heard for this long does not answer (seconds); it says something every second.
SILENT = 10.0
#: How often that is looked at (seconds).
LOOK = 1.0


@dataclass
class Line:
    """To one node."""

    job: str
    node: str
    identity: bytes
    found: dict[str, Any]
    heard: float
    silent: bool = False
    connection: bytes = b""
    sent: int = 0
    taken: int = 0
    writer: asyncio.StreamWriter | None = None
    passing: asyncio.Task[None] | None = field(default=None, repr=False)


class DialBack:
    """``folder`` is private to the user and seen by the nodes; the callbacks get job and node."""

    def __init__(
        self,
        folder: Path,
        run: str,
        *,
        came: Callable[[str, str], None],
        fell_silent: Callable[[str, str], None],
        ending: Callable[[str, str], None],
    ) -> None:
        self._folder, self._run = folder, run
        self._came, self._fell_silent, self._ending = came, fell_silent, ending
        self._lines: dict[tuple[str, str], Line] = {}
        self._by_identity: dict[bytes, Line] = {}
        self._numbers = itertools.count(1)
        self._epoch = secrets.token_hex(4)
        self._context: zmq.asyncio.Context | None = None
        self._authenticator: AsyncioAuthenticator | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.port: int | None = None

    @property
    def key_file(self) -> Path:
        """What a node needs to dial in."""
        return self._folder / keys.NODE_FILE

    def found(self, job: str, node: str) -> dict[str, Any] | None:
        """What a node that is there told of itself."""
        line = self._lines.get((job, node))
        return None if line is None else line.found

    def there(self) -> list[tuple[str, str]]:
        """Job and node of those that have dialled in."""
        return list(self._lines)

    async def open(self, *, location: str | None = None) -> None:
        """Listen; at the same port and with the same keys as before, if there was a before. Raises OSError."""
        if self._context is not None:
            return
        own = await asyncio.to_thread(keys.of_run, self._folder, self._run)
        context: zmq.asyncio.Context = zmq.asyncio.Context()
        authenticator = AsyncioAuthenticator(context, log=QUIET)
        authenticator.start()
        authenticator.configure_curve_callback("*", keys.Only(own["node_public"].encode()))
        router: zmq.asyncio.Socket = context.socket(zmq.ROUTER)
        router.setsockopt(zmq.LINGER, 200)
        router.setsockopt(zmq.ROUTER_HANDOVER, 1)
        router.setsockopt(zmq.SNDHWM, 0)
        router.setsockopt(zmq.MAXMSGSIZE, MOST)
        router.setsockopt(zmq.HANDSHAKE_IVL, int(1000 * HANDSHAKE))
        router.setsockopt(zmq.HEARTBEAT_IVL, 5000)
        router.setsockopt(zmq.HEARTBEAT_TIMEOUT, 15000)
        router.setsockopt(zmq.CURVE_SERVER, 1)
        router.setsockopt(zmq.CURVE_SECRETKEY, own["server_secret"].encode())
        self._context, self._authenticator, self._router = context, authenticator, router
        try:
            self.port = self._bound(router, own.get("port"))
            await asyncio.to_thread(keys.keep, self._folder, own, self._run, self.port, location)
        except BaseException:
            await self.close()
            raise
        self._tasks = [asyncio.ensure_future(self._listen()), asyncio.ensure_future(self._look())]

    async def connect(self, job: str, node: str) -> Streams:
        """A new connection to that node's agent. Raises :class:`AgentLost` when the node is not there."""
        line = self._lines.get((job, node))
        if line is None or line.silent:
            raise AgentLost(f"the node {node} has not dialled in")
        self._hang_up(line)
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        reader, line.writer = await asyncio.open_unix_connection(sock=theirs, limit=LINE_LIMIT)
        line.connection = f"{self._epoch}-{next(self._numbers)}".encode()
        line.sent = line.taken = 0
        await self._send(line.identity, b"open", line.connection)
        line.passing = asyncio.ensure_future(self._pass_on(line, reader, line.connection))
        return await asyncio.open_unix_connection(sock=ours, limit=LINE_LIMIT)

    async def end(self, job: str, nodes: Collection[str] | None = None) -> None:
        """The nodes of that job, or these of them, end what they have and give themselves back."""
        for line in [line for (its, node), line in self._lines.items() if its == job and node in (nodes or (node,))]:
            await self._send(line.identity, b"end")
            self._drop(line)

    async def close(self, *, remove: bool = False) -> None:
        """Listen no more; ``remove`` = for good."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for line in list(self._lines.values()):
            self._drop(line)
        if self._authenticator is not None:
            self._authenticator.stop()
            self._authenticator = None
        if self._context is not None:
            self._router.close()
            context, self._context = self._context, None
            # Waits for the last messages to be sent.
            await asyncio.to_thread(context.term)
        if remove:
            await asyncio.to_thread(keys.remove, self._folder)

    # -- messages -----------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            frames = await self._router.recv_multipart()
            try:
                identity, kind, *rest = frames
                await self._take(identity, kind, rest)
            except (ValueError, KeyError, IndexError, TypeError):
                continue  # not one of ours could have sent it; the others are served all the same

    async def _take(self, identity: bytes, kind: bytes, rest: list[bytes]) -> None:
        if kind == b"hello":
            self._hello(identity, json.loads(rest[0]))
            return
        line = self._by_identity.get(identity)
        if line is None:
            await self._send(identity, b"who")
            return
        line.heard, was_silent, line.silent = asyncio.get_running_loop().time(), line.silent, False
        if was_silent:
            self._came(line.job, line.node)
        if kind == b"beat":
            await self._send(identity, b"beat")
        elif kind == b"data" and rest[0] == line.connection and line.writer is not None:
            line.taken += 1
            if int(rest[1]) == line.taken:
                line.writer.write(rest[2])
            else:
                self._hang_up(line)  # something was lost on the way: what follows would make no sense
        elif kind == b"close" and rest[0] == line.connection:
            self._hang_up(line)
        elif kind == b"ending":
            self._ending(line.job, line.node)

    def _hello(self, identity: bytes, found: dict[str, Any]) -> None:
        job, node = str(found["job"]), str(found["node"])
        before = self._lines.get((job, node))
        if before is not None and before.identity == identity:
            before.found = found
            return
        if before is not None:
            self._drop(before)
        line = Line(job, node, identity, found, asyncio.get_running_loop().time())
        self._lines[job, node] = self._by_identity[identity] = line
        self._came(job, node)

    async def _pass_on(self, line: Line, reader: asyncio.StreamReader, connection: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(PIECE):
                line.sent += 1
                await self._send(line.identity, b"data", connection, b"%d" % line.sent, piece)
        if line.connection == connection:
            await self._send(line.identity, b"close", connection)
            self._hang_up(line)

    async def _send(self, *frames: bytes) -> None:
        with contextlib.suppress(zmq.ZMQError):
            await self._router.send_multipart(frames)

    def _hang_up(self, line: Line) -> None:
        line.connection = b""
        if line.writer is not None:
            line.writer.close()
            line.writer = None
        if line.passing is not None and line.passing is not asyncio.current_task():
            line.passing.cancel()
        line.passing = None

    def _drop(self, line: Line) -> None:
        self._hang_up(line)
        self._lines.pop((line.job, line.node), None)
        self._by_identity.pop(line.identity, None)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            now = asyncio.get_running_loop().time()
            for line in list(self._lines.values()):
                if not line.silent and now - line.heard > SILENT:
                    line.silent = True
                    self._hang_up(line)
                    self._fell_silent(line.job, line.node)

    def _bound(self, router: zmq.asyncio.Socket, port: Any) -> int:
        try:
            if isinstance(port, int):
                # Nodes that run already know no other.
                router.bind(f"tcp://*:{port}")
                return port
            return int(router.bind_to_random_port("tcp://*"))
        except zmq.ZMQError as error:
            raise OSError(f"{error} (port {port})" if port else str(error)) from error
