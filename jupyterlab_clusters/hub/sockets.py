"""The four zmq sockets between us and a controller.

Promise: a dead or unplugged controller breaks the connection within seconds,
encrypted where the controller asks for it. Must never block, not at closing either.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import zmq

from .connection import ConnectionInfo

MOST_SOCKETS = 16_384
MOST_WAITING = 10_000  # messages, then the sender's side has to hold them
HEARTBEAT = 5_000  # milliseconds
HEARTBEAT_LIMIT = 15_000  # milliseconds


@lru_cache(maxsize=1)
def _context() -> zmq.Context[zmq.Socket[bytes]]:
    """One for all clusters, or each would cost two threads; not ``Context.instance()``, which others may end."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, MOST_SOCKETS)
    return context


@dataclass(frozen=True)
class Sockets:
    """``notification`` and ``iopub`` are subscriptions, ``registration`` and ``control`` take questions."""

    notification: zmq.Socket[bytes]
    iopub: zmq.Socket[bytes]
    registration: zmq.Socket[bytes]
    control: zmq.Socket[bytes]

    @classmethod
    def connect(cls, connection: ConnectionInfo, address: str) -> Sockets:
        """Subscriptions first: what happens after the first question must not be missed."""
        curve = zmq.curve_keypair() if connection.curve_serverkey else None

        def connected(kind: int, port: int) -> zmq.Socket[bytes]:
            socket = _context().socket(kind)
            _prepare(socket, connection.curve_serverkey, curve)
            if kind == zmq.SUB:
                # What goes out here are subscriptions, of which zmq drops those above the mark without a word.
                socket.setsockopt(zmq.SNDHWM, 0)
            socket.connect(connection.url(port, address))
            return socket

        notification = connected(zmq.SUB, connection.notification)
        notification.setsockopt(zmq.SUBSCRIBE, b"")
        iopub = connected(zmq.SUB, connection.iopub)
        return cls(
            notification=notification,
            iopub=iopub,
            registration=connected(zmq.DEALER, connection.registration),
            control=connected(zmq.DEALER, connection.control),
        )


def _prepare(socket: zmq.Socket[bytes], serverkey: bytes | None, curve: tuple[bytes, bytes] | None) -> None:
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVHWM, MOST_WAITING)
    socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_LIMIT)
    if serverkey is not None and curve is not None:
        socket.setsockopt(zmq.CURVE_SERVERKEY, serverkey)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, curve[0])
        socket.setsockopt(zmq.CURVE_SECRETKEY, curve[1])
