"""The disk is full while engines write and while records are saved: said, survived, and over when there is room."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..realserver import RealServer, serving, until
from .conftest import LEAN, Alive, alive, running
from .plugin import Fault
from .test_engines import client
from .window import Window

MOUNT = 'mount -t tmpfs -o size=4m,mode=700 tmpfs "$JUPYTER_DATA_DIR" && exec "$@"'


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    """Its data are on a disk of 4 MB."""
    with serving(settings=LEAN, within=["unshare", "-m", "sh", "-c", MOUNT, "sh"]) as server:
        yield server


def data(server: RealServer) -> Path:
    return Path(f"/proc/{server.process.pid}/root{server.home}/data")


def fill(server: RealServer) -> Path:
    filler = data(server) / "filler"
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def log_of(server: RealServer) -> str:
    return "".join(line["text"] + "\n" for line in server.ask("clusters/default%3A/logs/slot-0?before=50")["lines"])


@pytest.mark.fault("the disk is full while engines write their logs", long=True)
def test_logging(server: RealServer, window: Window, fault: Fault) -> None:
    running(server, window, 1)
    with client(server, window) as user:
        filler = fill(server)
        fault.struck()
        model = window.until_cluster(lambda model: model["failure"] and model, within=10)
        fault.told()
        assert model["failure"]["cause"].startswith("The disk is full") and model["degraded"]
        # More than any buffer holds.
        user[:].apply_sync(lambda: [print("x" * 99) for _ in range(9999)] and None)
        assert user[:].apply_sync(lambda: 6 * 7) == [42]
        fault.lost = "what was printed meanwhile"
        filler.unlink()
        fault.struck()
        window.until_cluster(lambda model: model["failure"] is None and not model["degraded"], within=10)
        fault.mended()
        user[:].apply_sync(print, "there is room", flush=True)
        until(lambda: "there is room" in log_of(server), "the log goes on", 5)
    server.order("stop")
    server.await_state("stopped")


@pytest.mark.fault("the disk is full while a cluster is scaled, stopped, and started")
def test_saving(server: RealServer, window: Window, fault: Fault) -> None:
    running(server, window, 2)
    filler = fill(server)
    server.order("scale", engines=1)
    fault.struck()
    window.until_cluster(lambda model: model["engines"]["registered"] == model["engines"]["launched"] == 1)
    model = window.until_cluster(lambda model: model["failure"] and model, within=5)
    fault.told()
    assert model["failure"]["cause"].startswith("The disk is full")
    server.order("scale", engines=2)
    model = window.until_cluster(lambda model: model["wanted"] == 2 and model["step"] is None and model)
    assert model["state"] == "running" and model["engines"]["registered"] >= 1
    for file in data(server).glob("jupyterlab-clusters/*/cluster.json"):
        json.loads(file.read_text())
    server.order("stop")
    server.await_state("stopped", timeout=15)
    assert alive(server) == Alive([], [])
    server.order("start", engines=1)
    until(lambda: server.cluster()["state"] == "failed", f"fails: {server.cluster()}\n{server.log.read_text()[-3000:]}")
    model = window.until_cluster(lambda model: model["state"] == "failed" and model)
    assert "disk is full" in model["failure"]["cause"], model["failure"]
    asked = time.monotonic()
    assert server.ask("clusters")
    assert time.monotonic() - asked < 2
    filler.unlink()
    fault.struck()
    running(server, window, 2)
    assert window.cluster()["failure"] is None
    fault.mended(by_itself=False)
    server.order("stop")
    server.await_state("stopped", timeout=15)
    assert alive(server) == Alive([], [])
