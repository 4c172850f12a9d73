"""A door of this machine that tested hosts ring at, as engines come to the controller by address.

Promise: open only while a test runs; answers nobody but who knows the words, and
does nothing else. What is said back proves that it was this door.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...timed import within

#: How long a caller may take to say its words (seconds).
PATIENCE = 3.0


@dataclass(frozen=True)
class Door:
    """``location`` is the name by which engines look for this machine, as the controller tells it."""

    location: str
    port: int
    say: str
    hear: str

    def question(self) -> Mapping[str, Any]:
        return {"location": self.location, "port": self.port, "say": self.say + "\n"}


@contextlib.asynccontextmanager
async def door(location: str | None = None) -> AsyncIterator[Door]:
    say, hear = secrets.token_urlsafe(16), secrets.token_urlsafe(16)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.TimeoutError, asyncio.CancelledError):
            line = await within(PATIENCE, reader.readline())
            if hmac.compare_digest(line.strip(), say.encode()):
                writer.write(hear.encode() + b"\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, host="0.0.0.0", port=0, limit=1024)
    try:
        yield Door(location or socket.gethostname(), server.sockets[0].getsockname()[1], say, hear)
    finally:
        server.close()
