"""Ten thousand engines, played by a hub of our own: a real one would need a rack."""

from __future__ import annotations

import asyncio
import threading
import time

import jupyter_client.session
import pytest
import zmq

from jupyterlab_clusters.hub import inbox
from jupyterlab_clusters.hub.connection import ConnectionInfo
from jupyterlab_clusters.hub.monitor import HubMonitor

from ..fair import clock
from .conftest import Recorder, until

MANY = 10_000
KEY = b"5ca1ab1e" * 4


class PlayedHub:
    """Answers as ipyparallel's hub does, and publishes what it is told to."""

    def __init__(self):
        self.context = zmq.Context()
        self.session = jupyter_client.session.Session(key=KEY)
        kinds = (zmq.ROUTER, zmq.ROUTER, zmq.PUB, zmq.PUB)
        self.registration, self.control, self.notification, self.iopub = map(self.context.socket, kinds)
        self.iopub.setsockopt(zmq.SNDHWM, 0)
        sockets = (self.registration, self.notification, self.iopub, self.control)
        self.ports = [socket.bind_to_random_port("tcp://127.0.0.1") for socket in sockets]
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.answer)
        self.thread.start()

    def answer(self):
        while not self.ending.is_set():
            if not self.registration.poll(50):
                continue
            idents, frames = self.session.feed_identities(self.registration.recv_multipart())
            asked = self.session.deserialize(frames)
            if asked["msg_type"] == "connection_request":
                content = {"engines": {str(i): f"s{i}-g0" for i in range(MANY)}}
            else:
                content = {str(i): {"queue": 0, "completed": 0, "tasks": 0} for i in asked["content"]["targets"]}
            answer = {"status": "ok", "unassigned": 0, **content}
            self.session.send(self.registration, "reply", answer, parent=asked, ident=idents)

    def publish(self, hub_id, state, task):
        message = self.session.msg("status", {"execution_state": state}, parent=task)
        self.iopub.send_multipart(self.session.serialize(message, ident=b"engine.%d.status" % hub_id))

    def end(self):
        self.ending.set()
        self.thread.join()
        self.context.destroy(linger=0)


@pytest.fixture
def hub():
    hub = PlayedHub()
    yield hub
    hub.end()


def test_all_are_told_and_all_are_heard(hub, monitors, monkeypatch):
    # On a machine that is busy with other things it would rather ask for less than hear all: not the question here.
    monkeypatch.setattr(inbox, "PATIENCE", 60.0)
    registration, notification, iopub, control = hub.ports
    connection = ConnectionInfo("tcp", "127.0.0.1", registration, notification, iopub, control, KEY)
    began = time.monotonic()
    _, recorder = monitors(connection)
    assert len(recorder.engines) == MANY and time.monotonic() - began < 2
    task = hub.session.msg("apply_request")
    until(lambda: hub.publish(MANY - 1, "busy", task) or MANY - 1 in recorder.busy_now, "the subscriptions arrive")
    for hub_id in range(MANY):
        hub.publish(hub_id, "busy", task)
        hub.publish(hub_id, "idle", task)
    until(lambda: len(recorder.done) == MANY and not recorder.busy_now, "each engine was heard")


def test_the_loop_has_its_turn(hub, actor):
    registration, notification, iopub, control = hub.ports
    connection = ConnectionInfo("tcp", "127.0.0.1", registration, notification, iopub, control, KEY)

    async def longest_pause():
        monitor = HubMonitor(connection, Recorder())
        starting = asyncio.ensure_future(monitor.start(10.0))
        longest, end = 0.0, time.monotonic() + 1.5  # the first healing is within
        while time.monotonic() < end:
            then = clock()
            await asyncio.sleep(0.001)
            longest = max(longest, clock() - then)
        await starting
        await monitor.close()
        return longest

    assert actor.run(longest_pause()) < 0.5
