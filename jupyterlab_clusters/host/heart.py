"""The heart gate: an engine counts as soon as its heart answers, not one or two beats later.

Promise: ipyparallel's own heart monitor, which is asked a question more when an
engine's heart has just connected. Must never change what a beat means.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any

import zmq
from zmq.eventloop.zmqstream import ZMQStream

from .lean import app
from .lean import heartmonitor as stock

#: At most one question more in this time (seconds); every heart answers each.
REPING = 0.02
#: New hearts are told to the hub together (seconds).
GATHER = 0.005

EXPECTED = ("ping_url", "pong_url", "monitor_url", "log_level", "curve_publickey", "curve_secretkey")


def fits() -> bool:
    """Whether ipyparallel's heart monitor still is as this gate needs it."""
    parameters = tuple(inspect.signature(stock.start_heartmonitor).parameters)
    needed = ("handle_pong", "handle_new_hearts", "start", "hearts", "responses", "lifetime", "ping_stream")
    return parameters[:6] == EXPECTED and all(hasattr(stock.HeartMonitor, name) for name in needed)


class HeartGate(stock.HeartMonitor):  # type: ignore[misc]
    """``ping_stream`` is an XPUB, which tells of each heart that subscribes."""

    def start(self) -> None:
        self._new: set[bytes] = set()
        self._armed = False
        super().start()
        self.ping_stream.on_recv(self._subscribed)

    def _subscribed(self, frames: list[bytes]) -> None:
        if frames[0][:1] == b"\x01" and not self._armed:
            self._armed = True
            self.loop.call_later(max(REPING, 0.0005 * len(self.hearts)), self._ask_again)
            # Not from here: what flushes a stream calls this, and a flush inside a flush makes the outer one,
            # which then passes over what it should read, turn for ever.
            self.loop.add_callback(self._ask)

    def _ask_again(self) -> None:
        self._armed = False
        self._ask()

    def _ask(self) -> None:
        self.ping_stream.send(str(self.lifetime).encode("ascii"))
        self.ping_stream.flush()

    def handle_pong(self, msg: list[bytes]) -> None:
        super().handle_pong(msg)
        heart = msg[0]
        if heart in self.responses and heart not in self.hearts:
            if not self._new:
                self.loop.call_later(GATHER, self._tell)
            self._new.add(heart)

    def _tell(self) -> None:
        new, self._new = self._new - self.hearts, set()
        if new:
            self.handle_new_hearts(new)


def start_heartmonitor(
    ping_url: str,
    pong_url: str,
    monitor_url: str,
    log_level: int = logging.INFO,
    curve_publickey: bytes | None = None,
    curve_secretkey: bytes | None = None,
    **kwargs: Any,
) -> None:
    """In place of ipyparallel's: runs in a process of its own until it is ended."""
    ctx = zmq.Context()
    server = {"curve_publickey": curve_publickey, "curve_secretkey": curve_secretkey}

    async def set_up() -> None:
        ping = ctx.socket(zmq.XPUB)
        ping.setsockopt(zmq.XPUB_VERBOSE, 1)
        stock.bind(ping, ping_url, **server)
        pong = ctx.socket(zmq.ROUTER)
        stock.set_hwm(pong, 0)
        stock.bind(pong, pong_url, **server)
        monitor = ctx.socket(zmq.XPUB)
        stock.connect(monitor, monitor_url, curve_serverkey=curve_publickey, **server)
        # Sets up logging again after the fork.
        log = app.IPController(log_level=log_level).log
        streams = {"ping_stream": ZMQStream(ping), "pong_stream": ZMQStream(pong), "monitor_stream": ZMQStream(monitor)}
        HeartGate(**streams, log=log, **kwargs).start()

    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(set_up())
        loop.run_forever()
    finally:
        loop.close()
        ctx.destroy()
