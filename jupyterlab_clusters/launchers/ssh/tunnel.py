"""The controller's ports as engines on a host see them: its own 127.0.0.1, through the connection.

Promise: each port is forwarded once; after a cut the same ports lead here again,
so that engines which hold on to them find their controller.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ..base import LaunchFailed
from .connection import Connection

#: How long to wait between tries to get a port again (seconds).
WAITS = (0.1, 0.2, 0.5, 1.0, 2.0)

#: Fields of the engines' connection file that hold a port, or a list of ports.
PORTS = ("registration", "control", "mux", "task", "iopub", "hb_ping", "hb_pong", "broadcast")


class Tunnel:
    """Of one host."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        #: Port here -> port there; what must be kept to find the same engines again.
        self.ports: dict[int, int] = {}
        self._making = asyncio.Lock()

    async def through(self, info: dict[str, Any]) -> dict[str, Any]:
        """An engines' connection file for engines of that host. Raises :class:`LaunchFailed`."""
        async with self._making:
            changed = dict(info, interface="tcp://127.0.0.1", location="127.0.0.1", ssh="")
            for name in PORTS:
                if isinstance(info.get(name), int):
                    changed[name] = await self._there(info[name])
                elif isinstance(info.get(name), list):
                    changed[name] = [await self._there(port) for port in info[name]]
            return changed

    async def renew(self) -> None:
        """Over a new connection, the ports that there were over the last one."""
        async with self._making:
            for here, there in self.ports.items():
                await self._again(here, there)

    async def _again(self, here: int, there: int) -> None:
        """The far end may need a moment to notice that the last connection is gone."""
        for wait in WAITS:
            try:
                await self._connection.forward(here, there)
                return
            except LaunchFailed:
                await asyncio.sleep(wait)
        await self._connection.forward(here, there)

    async def _there(self, port: int) -> int:
        if port not in self.ports:
            self.ports[port] = await self._connection.forward(port)
        return self.ports[port]
