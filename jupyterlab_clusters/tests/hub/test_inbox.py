"""A flooded socket, read in bites."""

from __future__ import annotations

import asyncio
import time

import pytest
import zmq

from jupyterlab_clusters.hub import inbox as module
from jupyterlab_clusters.hub.inbox import Inbox

from ..fair import clock

FLOOD = 500


@pytest.fixture
def pipe():
    context = zmq.Context()
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.set_hwm(0)
    push.set_hwm(0)
    pull.bind("inproc://flood")
    push.connect("inproc://flood")
    yield pull, push
    context.destroy(linger=0)


def test_the_loop_has_its_turn_and_the_slow_reader_is_told(pipe, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    pull, push = pipe
    for number in range(FLOOD):
        push.send(b"%d" % number)
    got, behind = [], []

    async def drain():
        inbox = Inbox(pull, lambda frames: (time.sleep(0.002), got.append(frames[0])), lambda: behind.append(len(got)))
        longest = 0.0
        while len(got) < FLOOD:
            then = clock()
            await asyncio.sleep(0)
            longest = max(longest, clock() - then)
        inbox.close()
        return longest

    assert asyncio.run(drain()) < 0.2, "all at once would take a second"
    assert got == [b"%d" % number for number in range(FLOOD)]
    assert behind and behind[0] < FLOOD


def test_nothing_waits_for_the_next_message(pipe):
    """The descriptor tells of changes only: what came while we read, or stumbled, must be read all the same."""
    pull, push = pipe

    async def talk():
        got = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)

        def receive(frames):
            got.append(frames[0])
            if len(got) % 7 == 0:
                raise RuntimeError("on purpose")

        inbox = Inbox(pull, receive)
        for number in range(100):
            push.send(b"%d" % number)
            if number % 10 == 0:
                await asyncio.sleep(0.001)
        end = loop.time() + 5
        while len(got) < 100 and loop.time() < end:
            await asyncio.sleep(0.01)
        inbox.close()
        push.send(b"after")
        await asyncio.sleep(0.05)
        return got

    assert asyncio.run(talk()) == [b"%d" % number for number in range(100)]
