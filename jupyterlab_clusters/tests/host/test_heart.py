"""The heart gate on real sockets: many hearts at the same moment."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
import zmq
from ipyparallel.controller.heartmonitor import Heart
from jupyter_client.session import Session
from zmq.eventloop.zmqstream import ZMQStream

from ...host.heart import HeartGate

KEY = b"a key of this test"
Gate = TypeVar("Gate", bound=HeartGate)
HEARTS = [f"heart-{number}".encode() for number in range(12)]


class Sockets:
    """The gate's three sockets on loopback, and the hub's end of the third."""

    def __init__(self) -> None:
        self.context = zmq.Context()
        self.ping, self.ping_url = self._bound(zmq.XPUB)
        self.ping.setsockopt(zmq.XPUB_VERBOSE, 1)
        self.pong, self.pong_url = self._bound(zmq.ROUTER)
        self.hub, hub_url = self._bound(zmq.SUB)
        self.hub.setsockopt(zmq.SUBSCRIBE, b"")
        self.monitor = self.context.socket(zmq.XPUB)
        self.monitor.connect(hub_url)
        # The hub's end subscribes only when it is looked at.
        while not self.monitor.poll(10):
            self.hub.poll(0)

    def _bound(self, kind: int) -> tuple[Any, str]:
        one = self.context.socket(kind)
        one.LINGER = 0
        return one, f"tcp://127.0.0.1:{one.bind_to_random_port('tcp://127.0.0.1')}"

    def gate(self, kind: type[Gate]) -> Gate:
        streams = {f"{name}_stream": ZMQStream(getattr(self, name)) for name in ("ping", "pong", "monitor")}
        return kind(**streams, log=logging.getLogger("heart"), period=60_000, session=Session(key=KEY))

    async def told(self) -> set[str]:
        """The new hearts of the next message to the hub."""
        end = asyncio.get_running_loop().time() + 10
        while not self.hub.poll(0):
            assert asyncio.get_running_loop().time() < end, "the hub was told of no heart"
            await asyncio.sleep(0.01)
        message = self.hub.recv_multipart()
        session = Session(key=KEY)
        _, parts = session.feed_identities(message)
        return set(session.deserialize(parts)["content"]["hearts"])


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    made = Sockets()
    yield made
    made.context.destroy(linger=0)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """A callback that never ends cannot be left by asyncio's own time-outs, nor by an exception that it keeps."""

    def fail(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, fail)
    # And again: closing the loop runs the callback once more.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    except KeyboardInterrupt:
        raise AssertionError(f"not done in {seconds} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Crowd(HeartGate):
    """Each heart that is seen is followed by the next at once, before the gate looks again."""

    def follow(self, sockets: Sockets) -> None:
        self.sockets = sockets
        self.waiting = list(HEARTS)
        self.beating: list[Heart] = []
        self.next()

    def next(self) -> None:
        if self.waiting:
            heart = Heart(self.sockets.ping_url, self.sockets.pong_url, heart_id=self.waiting.pop(0))
            heart.start()
            self.beating.append(heart)
            assert self.sockets.ping.poll(5000)

    def _subscribed(self, frames: list[bytes]) -> None:
        super()._subscribed(frames)
        self.next()


def test_hearts_that_come_while_the_gate_reads(sockets: Sockets) -> None:
    async def run() -> None:
        gate = sockets.gate(Crowd)
        gate.start()
        gate.follow(sockets)
        gate._ask_again()
        seen: set[str] = set()
        while len(seen) < len(HEARTS):
            seen |= await sockets.told()
        assert seen == {ident.decode() for ident in HEARTS}

    with within(20):
        asyncio.run(run())
