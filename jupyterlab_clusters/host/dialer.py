"""On a node of a batch job: finds or starts the agent there and dials the Jupyter server that waits for it.

Promise: the agent and all it begins stay below this process, so that the batch
system ends them with the job; both ends prove who they are before a byte is
passed on, by keys from a file that only its owner can read. When the server is
restarted this dials again, and nothing on the node notices.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zmq

from . import proc, relay
from .private import private_folder, read
from .start import ensure_agent

PIECE = 1 << 16
#: How often the server is told that this node is there (seconds).
BEAT = 1.0
#: A server that is silent for this long has gone (seconds): nobody reads what the agent says.
SILENT = 10.0
#: A node without server and without agent gives itself back after this time (seconds), sooner when it has had its
#: engines and they have ended.
LONELY, SERVED = 600.0, 60.0
#: How long an address may take to answer, and the server to be there at all (seconds).
KNOCK, REACH = 2.0, 300.0
#: How long processes may take to end by themselves (seconds).
GRACE = 1.0

PR_SET_CHILD_SUBREAPER = 36


def read_key(path: Path) -> dict[str, Any]:
    """Raises PermissionError for a file that others could have read or written."""
    key: dict[str, Any] = json.loads(read(path, secret=True))
    return key


def reachable(addresses: Sequence[str], port: int) -> str:
    """The first address that answers. Raises TimeoutError."""
    end = time.monotonic() + REACH
    while True:
        for address in addresses:
            with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=KNOCK):
                return address
        if time.monotonic() > end:
            where = ", ".join(f"{address}:{port}" for address in addresses)
            raise TimeoutError(f"cannot reach the Jupyter server at {where}")
        time.sleep(0.5)


class Dialer:
    """One node's end of the connection."""

    def __init__(self, key: dict[str, Any]) -> None:
        self.node = os.environ.get("SLURMD_NODENAME") or platform.node()
        self.job = str(key.get("job") or os.environ.get("SLURM_JOB_ID") or "0")
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", f"{self.job}-{self.node}-{key['run']}")
        self.folder = relay.folder(f"job-{name}")
        self._key = key
        self._agent: socket.socket | None = None
        self._connection = b""
        self._sent = self._taken = 0
        self._heard = self._needed = time.monotonic()
        self._beaten = 0.0
        self._over = self._served = False
        self._woken, self._wake = os.pipe()

    def run(self) -> None:
        """Until the server or the batch system ends it."""
        self._wake_at_signals()
        self._dial()
        poller = zmq.Poller()
        poller.register(self._server, zmq.POLLIN)
        poller.register(self._woken, zmq.POLLIN)
        while not self._over:
            self._beat()
            agent = self._agent
            if agent is not None:
                poller.register(agent.fileno(), zmq.POLLIN)
            ready = dict(poller.poll(int(1000 * BEAT)))
            if agent is not None:
                poller.unregister(agent.fileno())
            if self._woken in ready:
                self._ending()
            elif self._server in ready:
                self._take()
            if agent is not None and agent is self._agent and agent.fileno() in ready:
                self._pass_on(agent)

    def end(self) -> None:
        """Nothing that was begun here stays."""
        for number, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, GRACE)):
            deadline = time.monotonic() + patience
            while (left := proc.descendants({os.getpid()}, proc.table())) and time.monotonic() < deadline:
                for pid in left:
                    with contextlib.suppress(OSError):
                        os.kill(pid, number)
                time.sleep(0.05)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        shutil.rmtree(self.folder, ignore_errors=True)
        self._server.close(linger=500)

    # -- with the server --------------------------------------------------------

    def _dial(self) -> None:
        key = self._key
        address = reachable(key["addresses"], key["port"])
        server: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        server.setsockopt(zmq.LINGER, 0)
        server.setsockopt(zmq.IDENTITY, os.urandom(12).hex().encode())
        server.setsockopt(zmq.RECONNECT_IVL, 200)
        server.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
        server.setsockopt(zmq.HEARTBEAT_IVL, 5000)
        server.setsockopt(zmq.HEARTBEAT_TIMEOUT, 15000)
        server.setsockopt(zmq.SNDHWM, 0)
        server.setsockopt(zmq.CURVE_SERVERKEY, key["server_public"].encode())
        server.setsockopt(zmq.CURVE_PUBLICKEY, key["node_public"].encode())
        server.setsockopt(zmq.CURVE_SECRETKEY, key["node_secret"].encode())
        server.connect(f"tcp://{address}:{key['port']}")
        self._server = server
        self._hello()

    def _hello(self) -> None:
        hello = {**relay.found(), "node": self.node, "job": self.job, "cpus": os.environ.get("SLURM_CPUS_ON_NODE")}
        self._send(b"hello", json.dumps(hello).encode())

    def _send(self, *frames: bytes) -> None:
        # To a server that is away: what is said then is of no use to the next one.
        with contextlib.suppress(zmq.Again):
            self._server.send_multipart(frames, zmq.DONTWAIT)

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._beaten >= BEAT:
            self._beaten = now
            self._send(b"beat")
        if now - self._heard > SILENT and self._agent is not None:
            self._hang_up()
        # In this order: to look at all processes costs the most.
        if self._agent is not None or now - self._heard < SILENT or proc.descendants({os.getpid()}, proc.table()):
            self._needed = now
        elif now - self._needed > (SERVED if self._served else LONELY):
            self._over = True

    def _take(self) -> None:
        kind, *rest = self._server.recv_multipart()
        self._heard = time.monotonic()
        if kind == b"who":
            self._hello()
        elif kind == b"open":
            self._open(rest[0])
        elif kind == b"data" and rest[0] == self._connection and self._agent is not None:
            self._taken += 1
            if int(rest[1]) != self._taken:
                self._hang_up()  # something was lost on the way: what follows would make no sense
                return
            try:
                self._agent.sendall(rest[2])
            except OSError:
                self._hang_up()
        elif kind == b"close" and rest[0] == self._connection:
            self._hang_up(tell=False)
        elif kind == b"end":
            self._over = True

    # -- with the agent -----------------------------------------------------------

    def _open(self, connection: bytes) -> None:
        self._hang_up(tell=False)
        self._connection, self._sent, self._taken = connection, 0, 0
        try:
            # Who owns the folder above could put another in place of ours.
            private_folder(self.folder.parent)
            self._agent = ensure_agent(self.folder)
            self._served = True
        except (OSError, TimeoutError) as error:
            self._send(b"close", connection, f"The agent could not be started there: {error}.".encode())

    def _pass_on(self, agent: socket.socket) -> None:
        try:
            piece = agent.recv(PIECE)
        except OSError:
            piece = b""
        if not piece:
            self._hang_up()
            return
        self._sent += 1
        self._send(b"data", self._connection, b"%d" % self._sent, piece)

    def _hang_up(self, *, tell: bool = True) -> None:
        agent, self._agent = self._agent, None
        if agent is not None:
            agent.close()
            if tell:
                self._send(b"close", self._connection, b"")

    # -- with the batch system ------------------------------------------------------

    def _wake_at_signals(self) -> None:
        """The batch system's polite signal comes some seconds before the other one."""
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def _ending(self) -> None:
        os.read(self._woken, 64)
        self._send(b"ending")
        # The last words of the agent are worth a moment.
        agent, end = self._agent, time.monotonic() + 0.3
        while agent is not None and agent is self._agent and time.monotonic() < end:
            agent.settimeout(0.1)
            self._pass_on(agent)
        self._over = True


def main() -> None:
    """``dialer KEYFILE``"""
    if sys.platform.startswith("linux"):
        # The agent leaves its starter by a fork: it comes to us and not to the machine's first process.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.umask(0o077)
    try:
        dialer = Dialer(read_key(Path(sys.argv[1])))
        dialer.run()
    except (OSError, ValueError, KeyError, TimeoutError) as error:
        sys.exit(f"{platform.node()}: {error}")
    dialer.end()


if __name__ == "__main__":
    main()
