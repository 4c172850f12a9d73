"""Notices when nobody needs a cluster any more.

Promise: a cluster is alone when no client or server is connected and no task is
queued or running, without a break for the whole time. Connections are counted as
the system tells them; nothing is polled while somebody is there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import zmq
from zmq.eventloop.zmqstream import ZMQStream
from zmq.utils.monitor import parse_monitor_message

from .hub import Hub


def connections(socket: Any) -> Any:
    """Tells who comes and goes; to be made before ``socket`` is bound, so that nobody is missed."""
    return socket.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)


class Company:
    """Counts who is connected to the hub's registration socket, where every client and engine stays connected."""

    def __init__(
        self, hub: Hub, events: Any, own: int, seconds: float, alone: Callable[[], None], log: logging.Logger
    ) -> None:
        """``events``: of :func:`connections`; ``own``: how many are our schedulers; ``seconds`` until ``alone``."""
        self._hub, self._own, self._seconds, self._alone, self._log = hub, own, seconds, alone, log
        self._connected: set[int] = set()
        self._timer: Any = None
        self._stream = ZMQStream(events, hub.loop)
        self._stream.on_recv(self._changed)
        self._since = hub.loop.time()
        self._look_in(seconds)

    @property
    def visitors(self) -> int:
        """Connections that are neither an engine's nor our own."""
        engines = len(self._hub.engines) + len(self._hub.incoming_registrations)
        return max(0, len(self._connected) - self._own - engines)

    def _changed(self, frames: list[bytes]) -> None:
        event = parse_monitor_message(frames)
        # By descriptor, so that what never spoke our protocol cannot unbalance the count.
        (self._connected.add if event["event"] == zmq.EVENT_ACCEPTED else self._connected.discard)(event["value"])
        self._since = self._hub.loop.time()
        if self._timer is None:
            self._look_in(self._seconds)

    def _look_in(self, seconds: float) -> None:
        self._timer = self._hub.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._hub.loop.time()
        if self.visitors:
            return  # whoever leaves is an event
        if self._hub.busy:
            self._since = now
        left = self._since + self._seconds - now
        if left > 0:
            self._look_in(left)
            return
        self._log.warning("no client and no task for %g seconds: shutting down", self._seconds)
        self._alone()
