"""The controller is killed, stopped, or hangs: said soon, and neither a stop nor a new start is in its way."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from ..realserver import RealServer, until
from .conftest import alive, lean, running, stopped_to_nothing
from .plugin import Fault
from .window import Window


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    with lean() as server:
        yield server


def controller(server: RealServer) -> int:
    (pid,) = alive(server).controllers
    return pid


@pytest.mark.fault("the controller is killed (SIGKILL)")
def test_killed(server: RealServer, window: Window, fault: Fault) -> None:
    before = running(server, window, 2)
    os.kill(controller(server), signal.SIGKILL)
    fault.struck()
    model = window.until_cluster(lambda model: model["state"] == "failed" and model)
    fault.told()
    assert "controller ended: killed by signal 9" in model["failure"]["cause"]
    fault.lost = "tasks that had not been done"
    running(server, window, 2)
    fault.mended(by_itself=False)
    assert len(alive(server).controllers) == 1
    assert not set(alive(server).engines) & set(before), "the engines of the dead one were left"
    os.kill(controller(server), signal.SIGKILL)
    window.until_cluster(lambda model: model["state"] == "failed")
    stopped_to_nothing(server)


@pytest.mark.fault("the controller is stopped (SIGSTOP), and continued")
def test_suspended(server: RealServer, window: Window, fault: Fault) -> None:
    engines = running(server, window, 2)
    os.kill(pid := controller(server), signal.SIGSTOP)
    fault.struck()
    model = window.until_cluster(lambda model: model["failure"] and model, within=5)
    fault.told()
    assert model["degraded"] and "stopped by a signal (SIGSTOP)" in model["failure"]["cause"]
    assert f"kill -CONT {pid}" in model["failure"]["hint"]
    os.kill(pid, signal.SIGCONT)
    fault.struck()
    window.until_cluster(lambda model: model["failure"] is None and model["engines"]["registered"] == 2, within=5)
    fault.mended(by_itself=False)
    assert alive(server).engines == sorted(engines)
    os.kill(pid, signal.SIGSTOP)
    window.until_cluster(lambda model: model["failure"])
    stopped_to_nothing(server)


@pytest.mark.fault("the controller hangs and nobody sees why", long=True)
def test_hung(server: RealServer, window: Window, fault: Fault) -> None:
    running(server, window, 1)
    # A new agent is not the parent of what ran before: it is told of no stop.
    (agent,) = [p for p in server.processes() if "host.agent" in " ".join(p.cmdline())]
    agent.kill()
    until(lambda: [p for p in server.processes() if "host.agent" in " ".join(p.cmdline())], "a new agent")
    os.kill(pid := controller(server), signal.SIGSTOP)
    fault.struck()
    model = window.until_cluster(lambda model: model["failure"] and model, within=60)
    fault.told()
    assert "has not answered for" in model["failure"]["cause"]
    os.kill(pid, signal.SIGCONT)
    window.until_cluster(lambda model: model["failure"] is None, within=30)
    os.kill(pid, signal.SIGSTOP)
    stopped_to_nothing(server)


@pytest.mark.fault("a part of the controller is killed")
def test_part_killed(server: RealServer, window: Window, fault: Fault) -> None:
    running(server, window, 1)
    leader = controller(server)
    parts = [p for p in server.processes() if p.pid != leader and os.getsid(p.pid) == leader]
    parts[0].kill()
    fault.struck()
    model = window.until_cluster(lambda model: model["state"] == "failed" and model)
    fault.told()
    assert "a part of it did" in model["failure"]["cause"]
    stopped_to_nothing(server)
