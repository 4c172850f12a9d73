"""A browser's tab, as far as the stream goes: it holds what the server last told."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import websocket

from ..realserver import ROUTE, RealServer

Rows = dict[Any, dict[str, Any]]


class Window:
    """``held`` keeps the models of each topic by key or slot; ``messages`` all that came. It connects again when the
    server went away, as a browser does."""

    def __init__(self, server: RealServer, *topics: str) -> None:
        self._server, self._topics = server, topics
        self.held: dict[str, Rows] = {}
        self.messages: list[dict[str, Any]] = []
        self.connected = threading.Event()
        self._news = threading.Condition()
        self._closed = False
        self._socket: websocket.WebSocket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cluster(self, key: str = "default:") -> dict[str, Any]:
        return self.held.get("clusters", {}).get(key, {})

    def engines(self, key: str = "default:") -> list[dict[str, Any]]:
        rows = self.held.get(f"engines/{key}", {})
        return [rows[slot] for slot in sorted(rows)]

    def until(self, true: Callable[[Window], Any], what: str, within: float = 30.0) -> Any:
        """Wait until it shows that; what ``true`` gave."""
        end = time.monotonic() + within
        with self._news:
            while not (value := true(self)):
                left = end - time.monotonic()
                assert left > 0, f"the window did not tell within {within} s: {what}\n{str(self.held)[:5000]}"
                self._news.wait(min(left, 0.5))
        return value

    def until_cluster(self, true: Callable[[dict[str, Any]], Any], within: float = 30.0, key: str = "default:") -> Any:
        return self.until(lambda window: window.cluster(key) and true(window.cluster(key)), key, within)

    def close(self) -> None:
        self._closed = True
        if self._socket is not None:
            self._socket.close()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._closed:
            try:
                self._read()
            except (OSError, ValueError, websocket.WebSocketException):
                self.connected.clear()
                time.sleep(0.1)

    def _read(self) -> None:
        url = f"127.0.0.1:{self._server.port}"
        self._socket = websocket.create_connection(
            f"ws://{url}/{ROUTE}/stream",
            header=[f"Authorization: token {self._server.token}"],
            origin=f"http://{url}",
            timeout=120,
            skip_utf8_validation=True,  # done in Python, that alone would make it a slow browser
        )
        self._socket.send(json.dumps({"topics": list(self._topics)}))
        self.connected.set()
        while not self._closed:
            message = json.loads(self._socket.recv())
            with self._news:
                self._take(message)
                self._news.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        topic = message["topic"]
        if "snapshot" in message:
            self.held[topic] = {name(model): model for model in message["snapshot"]}
        for change in message.get("changes", ()):
            rows = self.held.setdefault(topic, {})
            if change.get("gone"):
                rows.pop(name(change), None)
            else:
                rows[name(change)] = {**rows.get(name(change), {}), **change}


def name(model: dict[str, Any]) -> Any:
    return next((model[word] for word in ("key", "slot", "time") if word in model), None)


@contextlib.contextmanager
def watching(server: RealServer, *topics: str) -> Iterator[Window]:
    window = Window(server, *(topics or ("clusters", "engines/default:")))
    try:
        assert window.connected.wait(20), "no socket"
        yield window
    finally:
        window.close()
