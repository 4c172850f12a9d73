"""Whether the connection of a zmq socket stands, told at once when that changes.

Promise: a controller that was killed is noticed without asking it anything.
"""

from __future__ import annotations

from collections.abc import Callable

import zmq
from zmq.utils.monitor import parse_monitor_message

from .inbox import Inbox


class Pulse:
    """Calls ``changed`` whenever ``connected`` has changed. Made on the running loop, closed before the socket."""

    def __init__(self, socket: zmq.Socket[bytes], changed: Callable[[], None]) -> None:
        self.connected = True
        self._socket = socket
        self._changed = changed
        # ``connected`` starts as true: the first connection is awaited by the first question, not here.
        self._events = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self._inbox = Inbox(self._events, self._happened)

    def close(self) -> None:
        self._inbox.close()
        self._socket.disable_monitor()
        self._events.close(linger=0)

    def _happened(self, frames: list[bytes]) -> None:
        connected = parse_monitor_message(frames)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
        if connected != self.connected:
            self.connected = connected
            self._changed()
