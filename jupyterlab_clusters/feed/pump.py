"""Carries messages from many sources to one client, one at a time.

Promise: at most one message is on its way, so a slow client finds newer values
the next time, not a queue; one that takes longer than ``patience`` over a
message is given up. Sources take turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from ..timed import within


class Source(Protocol):
    """Anything with messages to give."""

    def take(self) -> bytes | None:
        """The next message; None when there is none left for now."""
        ...


class Pump:
    """``write`` resolves when the client's socket has taken the message; ``give_up`` is called once at most."""

    def __init__(
        self, write: Callable[[bytes], Awaitable[object]], give_up: Callable[[], None], patience: float = 20.0
    ) -> None:
        self._write = write
        self._give_up = give_up
        self._patience = patience
        self._ready: dict[Source, None] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to carry, on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def offer(self, source: Source) -> None:
        """``source`` has something; safe to repeat."""
        self._ready[source] = None
        self._wake.set()

    def withdraw(self, source: Source) -> None:
        """Take nothing more from ``source``."""
        self._ready.pop(source, None)

    def close(self) -> None:
        """Carry nothing more; safe to repeat."""
        self._ready.clear()
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._ready:
                source = next(iter(self._ready))
                del self._ready[source]
                if not await self._carry(source):
                    return

    async def _carry(self, source: Source) -> bool:
        message = source.take()
        if message is None:
            return True
        try:
            await within(self._patience, self._write_all(message))
        except (asyncio.TimeoutError, OSError):
            self._give_up()
            return False
        return True

    async def _write_all(self, message: bytes) -> None:
        await self._write(message)
