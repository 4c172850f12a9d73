"""Engines die, hang, and starve."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import ipyparallel
import psutil
import pytest

from ..realserver import RealServer, until
from .conftest import Alive, alive, lean, running, stopped_to_nothing
from .plugin import Fault
from .window import Window


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    with lean() as server:
        yield server


@contextlib.contextmanager
def client(server: RealServer, window: Window) -> Iterator[Any]:
    """As in a notebook."""
    one = ipyparallel.Client(window.cluster()["connection_file"], timeout=20)
    try:
        one.wait_for_engines(1, timeout=20)
        yield one
    finally:
        one.close()


@pytest.mark.fault("an engine is killed (SIGKILL)")
def test_killed(server: RealServer, window: Window, fault: Fault) -> None:
    victim, other = running(server, window, 2)
    os.kill(victim, signal.SIGKILL)
    fault.struck()
    window.until_cluster(lambda model: model["engines"]["lost"] == 1)
    fault.told()
    lost = window.until(lambda window: window.engines()[0]["cause"], "the cause")
    assert lost["signal"] == signal.SIGKILL
    fault.lost = "what that engine held and did"
    server.order("scale", engines=2)
    window.until_cluster(lambda model: model["engines"]["registered"] == 2 and not model["degraded"])
    fault.mended(by_itself=False)
    assert other in [engine["pid"] for engine in window.engines()]
    stopped_to_nothing(server)


@pytest.mark.fault("an engine is stopped (SIGSTOP), and continued")
def test_suspended(server: RealServer, window: Window, fault: Fault) -> None:
    victim, _ = running(server, window, 2)
    os.kill(victim, signal.SIGSTOP)
    fault.struck()
    model = window.until_cluster(lambda model: model["failure"] and model, within=5)
    fault.told()
    assert model["degraded"] and model["failure"]["cause"].startswith("Engine 0 was stopped by a signal (SIGSTOP)")
    assert "SIGSTOP" in window.until(lambda window: window.engines()[0]["cause"], "the cause")["sentence"]
    os.kill(victim, signal.SIGCONT)
    fault.struck()
    window.until_cluster(lambda model: model["failure"] is None and not model["degraded"], within=5)
    fault.mended(by_itself=False)
    os.kill(victim, signal.SIGSTOP)
    window.until_cluster(lambda model: model["failure"])
    stopped_to_nothing(server)


@pytest.mark.fault("an engine is stopped for so long that its heart counts as dead, and continued", long=True)
def test_suspended_long(server: RealServer, window: Window, fault: Fault) -> None:
    victim, _ = running(server, window, 2)
    with client(server, window) as user:
        user[:].apply_sync(exec, "import builtins; builtins.held = 17")
        os.kill(victim, signal.SIGSTOP)
        fault.struck()
        window.until_cluster(lambda model: model["engines"]["registered"] == 1, within=90)
        fault.told()
        os.kill(victim, signal.SIGCONT)
        fault.struck()
        window.until_cluster(lambda model: model["engines"]["registered"] == 2 and not model["degraded"], within=30)
        until(lambda: len(user.ids) == 2, "the client knows it again")
        assert user[:].apply_sync(eval, "__import__('builtins').held") == [17, 17]
        fault.mended(by_itself=False)
    stopped_to_nothing(server)


@pytest.mark.fault("an engine is stuck in C code that holds the interpreter")
def test_stuck(server: RealServer, window: Window, fault: Fault) -> None:
    running(server, window, 1)
    with client(server, window) as user:
        user[:].apply_async(exec, "import ctypes; ctypes.PyDLL(None).sleep(600)")
        fault.struck()
        window.until_cluster(lambda model: model["engines"]["busy"] == 1)
        fault.told()
        server.order("stop")
        server.await_state("stopped", timeout=15)
        fault.mended(by_itself=False)
    assert alive(server) == Alive([], [])


#: A child, a grandchild that is nobody's child any more, one in a session of its own, and a program of the same kind.
FAMILY = r"""
import os, subprocess, sys, time

def lasts(*, session, orphan):
    read, write = os.pipe()
    if os.fork() == 0:
        if session:
            os.setsid()
        if orphan and os.fork():
            os._exit(0)
        os.write(write, b"%d\n" % os.getpid())
        os.close(write)
        while True:
            time.sleep(600)
    if orphan:
        os.wait()
    return int(os.read(read, 20))

pids = [lasts(session=session, orphan=orphan) for session in (False, True) for orphan in (False, True)]
daemon = "import os, time; os.fork() and os._exit(0); os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
program = subprocess.Popen([sys.executable, "-c", daemon], stdout=subprocess.PIPE)
pids.append(int(program.stdout.readline()))
program.wait()
"""


@pytest.mark.parametrize(("method", "how"), [("fork", "scale"), pytest.param("plain", "stop", marks=pytest.mark.long)])
@pytest.mark.fault("an engine ({method}) has children, orphans, and daemons in sessions of their own: {how}")
def test_family(server: RealServer, window: Window, fault: Fault, how: str, method: str) -> None:
    server.order("start", engines=2, options={"start_method": "plain"} if method == "plain" else {})
    running(server, window, 2)
    with client(server, window) as user:
        one = user[1]
        one.execute(FAMILY, block=True)
        pids = one.pull("pids", block=True)
    family = [psutil.Process(pid) for pid in pids]
    assert len(family) == 5 and all(process.is_running() for process in family)
    # A client has its results before they are counted, and a scale spares the engine that still counts as busy.
    window.until(lambda window: (one := window.engines()[1])["completed"] == 2 and one["state"] == "idle", "both done")
    fault.struck()
    if how == "scale":
        server.order("scale", engines=1)
        window.until_cluster(lambda model: model["wanted"] == 1 and model["engines"]["registered"] == 1)
        gone = lambda: not [process for process in family if process.is_running()]  # noqa: E731
        until(gone, "all have gone", 10)
        fault.mended()
    stopped_to_nothing(server)
    assert not [process for process in family if process.is_running()]
    fault.mended()
