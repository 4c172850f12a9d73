"""Sends what processes write into their logs to a peer on another machine, which keeps a copy.

Promise: from any offset on, in order, with nothing twice; no more is on its way
than the connection takes. Must never hold up the agent: it reads pieces, and
waits for the peer between them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

PIECE = 48 * 1024
#: How often to look where the system does not tell that a file has grown, and for what it may have left out (seconds).
LOOK = 2.0


class Mirror:
    """The logs of one group for one peer; ``folder`` holds them."""

    def __init__(
        self,
        group: str,
        folder: Path,
        offsets: dict[str, int],
        send: Callable[[Mapping[str, Any]], None],
        drained: Callable[[], Awaitable[None]],
    ) -> None:
        self._group, self._folder, self._offsets = group, folder, offsets
        self._send, self._drained = send, drained
        self._sending = asyncio.Lock()
        self._wake = asyncio.Event()
        self._wake.set()
        self._task = asyncio.ensure_future(self._run())

    def grown(self, path: Path) -> None:
        if path.parent == self._folder:
            self._wake.set()

    async def caught_up(self) -> None:
        """Returns when all that is written by now has been sent."""
        for path in await asyncio.to_thread(lambda: sorted(self._folder.glob("*.log"))):
            await self._send_on(path)

    def end(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), LOOK)
                self._wake.clear()
                await self.caught_up()

    async def _send_on(self, path: Path) -> None:
        name = path.stem
        async with self._sending:
            while True:
                offset = self._offsets.get(name, 0)
                piece, changed = await asyncio.to_thread(_read, path, offset)
                if not piece:
                    return
                data = base64.b64encode(piece).decode()
                event = {"event": "log", "group": self._group, "name": name, "offset": offset, "data": data}
                self._send({**event, "time": changed})
                self._offsets[name] = offset + len(piece)
                await self._drained()


def _read(path: Path, offset: int) -> tuple[bytes, float]:
    """A piece from there on, and when the file was last written to."""
    try:
        with path.open("rb") as log:
            log.seek(offset)
            return log.read(PIECE), path.stat().st_mtime
    except OSError:
        return b"", 0.0
