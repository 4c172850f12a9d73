"""Reads a zmq socket on an asyncio loop, in bites.

Promise: whoever floods the socket, the loop gets its turn every few
milliseconds; who cannot keep up is told, so that it can ask for less.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import zmq

BITE = 200  # messages
BITE_SECONDS = 0.005
PATIENCE = 1.0  # seconds that a socket may stay full before ``behind`` is told


class Inbox:
    """Hands every message of ``socket`` to ``receive`` until closed. The socket must be closed by its owner.

    To be made, and used, on the running loop.
    """

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        receive: Callable[[list[bytes]], None],
        behind: Callable[[], None] | None = None,
    ) -> None:
        self._socket = socket
        self._receive = receive
        self._behind = behind
        self._full_since: float | None = None
        self._drain_soon: asyncio.Handle | None = None
        self._closed = False
        self._loop = asyncio.get_running_loop()
        # One number for both calls: a closed zmq socket no longer tells it.
        self._file = int(socket.getsockopt(zmq.FD))
        self._loop.add_reader(self._file, self._drain)
        self.nudge()

    def nudge(self) -> None:
        """Look soon: a zmq descriptor tells only of *changes*, and a send swallows them."""
        if self._drain_soon is None and not self._closed:
            self._drain_soon = self._loop.call_soon(self._drain)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._file)
        if self._drain_soon is not None:
            self._drain_soon.cancel()

    def _drain(self) -> None:
        if self._drain_soon is not None:
            self._drain_soon.cancel()
            self._drain_soon = None
        end = time.monotonic() + BITE_SECONDS
        for _ in range(BITE):
            if self._closed:
                return
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                self._full_since = None
                return
            try:
                self._receive(frames)
            except BaseException:
                # The descriptor will not tell again of what still waits.
                self.nudge()
                raise
            if time.monotonic() > end:
                break
        self.nudge()
        self._judge()

    def _judge(self) -> None:
        now = time.monotonic()
        if self._full_since is None:
            self._full_since = now
        elif now - self._full_since > PATIENCE and self._behind is not None:
            self._full_since = None
            self._behind()
