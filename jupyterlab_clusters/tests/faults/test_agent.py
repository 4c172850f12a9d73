"""The agent or the nursery is killed: engines and their logs go on, are found again, and can be stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from ..realserver import RealServer, until
from .conftest import Alive, alive, lean, running
from .plugin import Fault
from .test_engines import client
from .window import Window


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    with lean() as server:
        yield server


def parts(server: RealServer, name: str) -> list[psutil.Process]:
    """The agent, or what it forks from."""
    found = [process for process in server.processes() if f"host.{name}" in " ".join(process.cmdline())]
    # An engine that has just been forked looks like its nursery.
    return [process for process in found if process.parent() not in found]


def log_of(server: RealServer) -> str:
    return "".join(line["text"] + "\n" for line in server.ask("clusters/default%3A/logs/slot-0?before=100")["lines"])


@pytest.mark.parametrize("victim", ["agent", "nursery"])
@pytest.mark.fault("the {victim} is killed while engines run")
def test_at_rest(server: RealServer, window: Window, fault: Fault, victim: str) -> None:
    before = running(server, window, 2)
    with client(server, window) as user:
        user[:].apply_sync(exec, "import builtins; builtins.held = 17")
        (one,) = parts(server, victim)
        one.kill()
        fault.struck()
        assert user[:].apply_sync(eval, "__import__('builtins').held") == [17, 17]
        user[0].apply_sync(print, "the log goes on", flush=True)
        until(lambda: "the log goes on" in log_of(server), "the log goes on", 5)
        server.order("scale", engines=3)
        window.until_cluster(lambda model: model["engines"]["registered"] == 3 and not model["degraded"])
        fault.mended()
        assert user[[0, 1]].apply_sync(os.getpid) == before
    os.kill(before[0], signal.SIGKILL)
    window.until_cluster(lambda model: model["engines"]["lost"] == 1, within=5)
    server.order("stop")
    server.await_state("stopped", timeout=15)
    assert alive(server) == Alive([], [])


def up_and_down(server: RealServer, window: Window, victim: str, delays: list[float]) -> float:
    """Engines are asked for, and meanwhile the victim is killed; the longest time until all were there."""
    running(server, window, 1)
    longest = 0.0
    for delay in delays:
        server.order("scale", engines=7)
        time.sleep(delay)
        for process in parts(server, victim):
            process.kill()
        began = time.monotonic()
        window.until_cluster(lambda model: model["engines"]["registered"] == 7 and not model["degraded"])
        longest = max(longest, time.monotonic() - began)
        until(lambda: len(alive(server).engines) == 7, f"seven engines: {alive(server)}", 5)
        window.until(lambda window: {e["pid"] for e in window.engines()} == set(alive(server).engines), "known", 5)
        server.order("scale", engines=1)
        window.until_cluster(lambda model: model["engines"]["registered"] == model["engines"]["launched"] == 1)
        until(lambda: len(alive(server).engines) == 1, f"one engine: {alive(server)}", 5)
    server.order("stop")
    server.await_state("stopped", timeout=15)
    assert alive(server) == Alive([], [])
    return longest


@pytest.mark.parametrize("victim", ["agent", "nursery"])
@pytest.mark.fault("the {victim} is killed while engines are begun", long=True)
def test_beginning(server: RealServer, window: Window, fault: Fault, victim: str) -> None:
    fault.mended_after = up_and_down(server, window, victim, [0.0, 0.03])


@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", ["agent", "nursery"])
@pytest.mark.fault("the {victim} is killed at 40 moments while engines are begun", long=True)
def test_beginning_often(server: RealServer, window: Window, fault: Fault, victim: str) -> None:
    fault.mended_after = up_and_down(server, window, victim, [at * 0.005 for at in range(40)])
