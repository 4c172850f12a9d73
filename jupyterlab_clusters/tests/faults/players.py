"""Many engines that compute nothing: to hub and heart monitor they are what real ones are, for a hundredth of the cost.

Run as ``python -m jupyterlab_clusters.tests.faults.players CONNECTION COUNT``; the connection is the controller's file
for engines. Ends when it is asked to (SIGTERM), each of its engines taking its leave of the hub.

Promise: each registers, beats and answers on connections of its own, in ipyparallel's messages.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import Session

#: How often is looked whether to end (milliseconds).
LOOK = 100


class Players:
    def __init__(self, connection: dict[str, Any], count: int) -> None:
        self._connection = connection
        self._context = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, 20 * count + 100)
        signature = str(connection["signature_scheme"])
        self._session = Session(key=connection["key"].encode(), signature_scheme=signature)
        self._poller = zmq.Poller()
        self._does: dict[Any, Any] = {}
        self._registrations: dict[str, Any] = {}
        self._ids: dict[str, int] = {}
        for number in range(count):
            self._register(f"player-{os.getpid()}-{number}")

    def run(self) -> None:
        ending = False

        def end(number: int, frame: object) -> None:
            nonlocal ending
            ending = True

        signal.signal(signal.SIGTERM, end)
        while not ending:
            for one, _ in self._poller.poll(LOOK):
                self._does[one](one.recv_multipart())
        for uuid, number in self._ids.items():
            self._session.send(self._registrations[uuid], "unregistration_request", {"id": number})
        self._context.destroy(linger=5000)

    def _register(self, uuid: str) -> None:
        registration = self._registrations[uuid] = self._open(
            zmq.DEALER, uuid, "registration", lambda frames: self._registered(uuid, frames)
        )
        self._session.send(registration, "registration_request", {"uuid": uuid, "id": None})

    def _registered(self, uuid: str, frames: list[bytes]) -> None:
        _, parts = self._session.feed_identities(frames)
        content = self._session.deserialize(parts)["content"]
        assert content["status"] == "ok", content
        self._ids[uuid] = content["id"]
        control = self._open(zmq.ROUTER, uuid, "control", lambda frames: self._asked(control, frames))
        pong = self._open(zmq.DEALER, uuid, "hb_pong", lambda frames: None)
        ping = self._open(zmq.SUB, uuid, "hb_ping", pong.send_multipart)
        ping.setsockopt(zmq.SUBSCRIBE, b"")

    def _asked(self, control: Any, frames: list[bytes]) -> None:
        idents, parts = self._session.feed_identities(frames)
        asked = self._session.deserialize(parts)
        who = {"hostname": socket.gethostname(), "pid": os.getpid(), "kernel_cpu": 0.0, "kernel_memory": 1 << 20}
        kind = asked["header"]["msg_type"].replace("_request", "_reply")
        self._session.send(control, kind, {"status": "ok", **who}, asked, ident=idents)

    def _open(self, kind: int, uuid: str, port: str, does: Any) -> Any:
        one = self._context.socket(kind)
        one.setsockopt(zmq.IDENTITY, uuid.encode())
        self._does[one] = does
        one.connect(f"{self._connection['interface']}:{self._connection[port]}")
        self._poller.register(one, zmq.POLLIN)
        return one


def main() -> None:
    connection, count = sys.argv[1:3]  # ipyparallel may add words of its own
    Players(json.loads(Path(connection).read_text("utf-8")), int(count)).run()


if __name__ == "__main__":
    main()
