"""Our stream, as a browser's tab reads it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import websocket

from .server import Server


class Stream:
    def __init__(self, server: Server, *topics: str) -> None:
        url = server.url.replace("http", "ws", 1)
        self._socket = websocket.create_connection(
            f"{url}/jupyterlab-clusters/stream",
            header=[f"Authorization: token {server.token}"],
            origin=server.url,
            timeout=60,
        )
        self._socket.send(json.dumps({"topics": list(topics)}))
        waiting = set(topics)
        while waiting:
            waiting.discard(json.loads(self._socket.recv())["topic"])

    def await_(self, fits: Callable[[dict[str, Any]], bool]) -> float:
        """The time (``time.time``) at which a message that fits arrived."""
        while True:
            message = json.loads(self._socket.recv())
            if fits(message):
                return time.time()

    def close(self) -> None:
        self._socket.close()
