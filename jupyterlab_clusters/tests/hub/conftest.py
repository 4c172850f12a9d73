"""A real controller and real engines, ended by pid; a loop in a thread, as an actor has one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

from jupyterlab_clusters.hub.connection import ConnectionInfo
from jupyterlab_clusters.hub.errors import BadConnection
from jupyterlab_clusters.hub.monitor import HubMonitor

T = TypeVar("T")


def until(true: Callable[[], T], what: str, timeout: float = 20.0) -> T:
    end = time.monotonic() + timeout
    while not (value := true()):
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.01)
    return value


class RealCluster:
    """Stock controller and engines in a private IPython folder."""

    def __init__(self, folder: Path, *, curve: bool = False) -> None:
        self.folder = folder
        self.environment = {**os.environ, "IPYTHONDIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder / "run")}
        self.environment.pop("IPP_CONNECTION_INFO", None)
        if curve:
            self.environment["IPP_ENABLE_CURVE"] = "1"
        self.file = folder / "profile_default" / "security" / "ipcontroller-client.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.uuids: dict[str, subprocess.Popen[bytes]] = {}
        self.controller = self._start("controller", "--HeartMonitor.period=200", "--ip=127.0.0.1")
        self.connection = until(self._read, "the controller's connection file")

    def _read(self) -> ConnectionInfo | None:
        try:
            return ConnectionInfo.read(self.file)
        except BadConnection:
            return None

    def _start(self, part: str, *arguments: str) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / f"{part}-{len(self.processes)}.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"ipyparallel.{part}", *arguments],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def start_engine(self) -> str:
        """Its uuid."""
        uuid = f"s{len(self.uuids)}-g0-test"
        self.uuids[uuid] = self._start("engine", f"--ident={uuid}")
        return uuid

    def client(self) -> Any:
        import ipyparallel

        return ipyparallel.Client(str(self.file), timeout=10)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """With all that is left of its session; ours, since we started it with one."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def kill_engine_and_nanny(self, uuid: str) -> None:
        """So that nobody tells the hub."""
        self.kill(self.uuids[uuid])

    def end(self) -> None:
        families = [psutil.Process(p.pid).children(recursive=True) for p in self.processes if p.poll() is None]
        for process in self.processes:
            self.kill(process)
        left = [child for family in families for child in family]
        for child in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(left, timeout=10)


class Actor:
    """A loop in a thread that is not the main one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="actor")
        self.thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 30.0) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout)

    def end(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


class Recorder:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.news: list[tuple[Any, ...]] = []
        self.engines: dict[int, str] = {}
        self.busy_now: set[int] = set()
        self.done: dict[int, int] = {}
        self.silences: list[float] = []
        self.backs = 0

    def registered(self, hub_id: int, uuid: str) -> None:
        self.news.append(("registered", hub_id, uuid))
        self.engines[hub_id] = uuid

    def unregistered(self, hub_id: int, uuid: str) -> None:
        self.news.append(("unregistered", hub_id, uuid))
        assert self.engines.pop(hub_id) == uuid

    def busy(self, hub_id: int, uuid: str, busy: bool) -> None:
        self.news.append(("busy", hub_id, uuid, busy))
        (self.busy_now.add if busy else self.busy_now.discard)(hub_id)

    def completed(self, hub_id: int, uuid: str, count: int) -> None:
        assert count > self.done.get(hub_id, -1), "a count never goes down and is told once"
        self.news.append(("completed", hub_id, uuid, count))
        self.done[hub_id] = count

    def silent(self, seconds: float) -> None:
        self.silences.append(seconds)

    def back(self) -> None:
        self.backs += 1


@pytest.fixture
def actor() -> Iterator[Actor]:
    actor = Actor()
    yield actor
    actor.end()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RealCluster]:
    cluster = RealCluster(tmp_path / "ipython")
    yield cluster
    cluster.end()


@pytest.fixture
def monitors(actor: Actor) -> Iterator[Callable[..., tuple[HubMonitor, Recorder]]]:
    """Makes started monitors, and closes them."""
    made: list[HubMonitor] = []

    def start(connection: ConnectionInfo) -> tuple[HubMonitor, Recorder]:
        async def begin() -> tuple[HubMonitor, Recorder]:
            recorder = Recorder()
            monitor = HubMonitor(connection, recorder)
            made.append(monitor)
            await monitor.start(15.0)
            return monitor, recorder

        return actor.run(begin())

    yield start
    for monitor in made:
        actor.run(monitor.close())


def connection_file(**changes: Any) -> str:
    """The text of a connection file as ipyparallel 9.2 writes it."""
    content = {
        "ssh": "",
        "interface": "tcp://127.0.0.1",
        "registration": 1,
        "control": 2,
        "mux": 3,
        "task": 4,
        "broadcast": [5],
        "task_scheme": "leastload",
        "iopub": 6,
        "notification": 7,
        "key": "a-secret-key",
        "curve_serverkey": None,
        "location": "here",
        "pack": "json",
        "unpack": "json",
        "signature_scheme": "hmac-sha256",
    }
    return json.dumps({**content, **changes})
