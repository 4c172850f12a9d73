"""Ports of a controller as they are seen at the other end of a connection: 127.0.0.1 there, or here.

Promise: each port is forwarded once; after a cut the same ports lead to the controller
again, so that engines and clients which hold on to them find it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..base import LaunchFailed
from .connection import Connection

#: How long to wait between tries to get a port again (seconds).
WAITS = (0.1, 0.2, 0.5, 1.0, 2.0)

#: Fields of connection files that hold a port, or a list of ports.
PORTS = ("registration", "control", "mux", "task", "iopub", "hb_ping", "hb_pong", "broadcast", "notification")

LOOPBACK = {"interface": "tcp://127.0.0.1", "location": "127.0.0.1", "ssh": ""}


class Tunnel:
    """Of one host, for its engines: ports of this machine, seen there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        #: Port here -> port there; what must be kept to find the same engines again.
        self.ports: dict[int, int] = {}
        #: Port here -> the number of the connection that leads to it.
        self._over: dict[int, int] = {}
        self._making = asyncio.Lock()

    async def through(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """An engines' connection file for engines of that host. Raises :class:`LaunchFailed`."""
        async with self._making:
            return {**await translated(info, self._there), **LOOPBACK}

    async def renew(self) -> None:
        """Over a new connection, the ports that there were over the last one."""
        async with self._making:
            for here, there in self.ports.items():
                # What was begun before the cut may have been done over this connection already.
                if self._over.get(here) != self._connection.number:
                    await again(lambda here=here, there=there: self._connection.forward(here, there))  # type: ignore[misc]
                    self._over[here] = self._connection.number

    async def _there(self, port: int) -> int:
        if port not in self.ports:
            self.ports[port] = await self._connection.forward(port)
            self._over[port] = self._connection.number
        return self.ports[port]


class Inlet:
    """Of the host of the controller: its ports, seen here."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        #: Port there -> port here.
        self.ports: dict[int, int] = {}
        self._address = "127.0.0.1"
        self._making = asyncio.Lock()
        self._kept: dict[int, socket.socket] = {}

    async def here(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """A connection file of that controller, for this machine. Raises :class:`LaunchFailed`."""
        async with self._making:
            address = str(info["interface"]).partition("://")[2]
            self._address = "127.0.0.1" if address in ("*", "0.0.0.0", "localhost") else address
            return {**await translated(info, self._here), **LOOPBACK}

    async def there(self, info: Mapping[str, Any]) -> dict[str, Any]:
        """What :meth:`here` made, for engines of that host, which need no way through us."""
        back = {here: there for there, here in self.ports.items()}

        async def port(number: int) -> int:
            return back.get(number, number)

        local = {**LOOPBACK, "interface": f"tcp://{self._address}", "location": self._address}
        return {**await translated(info, port), **local}

    async def renew(self) -> None:
        async with self._making:
            for there, here in self.ports.items():
                await again(lambda there=there, here=here: self._lead(here, there))  # type: ignore[misc]

    def saved(self) -> dict[str, Any]:
        return {"ports": list(self.ports.items()), "address": self._address}

    def restore(self, saved: Mapping[str, Any]) -> None:
        self.ports.update(map(tuple, saved.get("ports") or ()))
        self._address = str(saved.get("address") or self._address)
        for port in self.ports.values():
            with contextlib.suppress(OSError):
                self._kept[port] = _kept(port)

    def close(self) -> None:
        for keeper in self._kept.values():
            keeper.close()
        self._kept.clear()

    async def _here(self, port: int) -> int:
        if port not in self.ports:
            keeper = _kept(0)
            number = int(keeper.getsockname()[1])
            self._kept[number] = keeper
            await self._lead(number, port)
            self.ports[port] = number
        return self.ports[port]

    async def _lead(self, here: int, there: int) -> None:
        await self._connection.lead(here, self._address, there)


async def translated(info: Mapping[str, Any], port: Callable[[int], Awaitable[int]]) -> dict[str, Any]:
    """A connection file with every port as ``port`` says."""
    changed = dict(info)
    for name in PORTS:
        if isinstance(info.get(name), int):
            changed[name] = await port(info[name])
        elif isinstance(info.get(name), list):
            changed[name] = [await port(number) for number in info[name]]
    return changed


async def again(make: Callable[[], Awaitable[Any]]) -> None:
    """The far end may need a moment to notice that the last connection is gone."""
    for wait in WAITS:
        try:
            await make()
            return
        except LaunchFailed:
            await asyncio.sleep(wait)
    await make()


def _kept(port: int) -> socket.socket:
    """Bound and not listening: the system gives the port to nobody who asks for any, while ssh, which asks for
    this very one, gets it, also after a cut."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        keeper.bind(("127.0.0.1", port))
    except OSError:
        keeper.close()
        raise
    return keeper
