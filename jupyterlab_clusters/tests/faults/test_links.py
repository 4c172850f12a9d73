"""Connections to other machines: cut at each step, out for half a minute, gone for good."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ..beds.netns import FarMachine, far_machine
from ..beds.sshd import Sshd, first_in_path
from ..realserver import MARK, RealServer, serving, until
from .conftest import running
from .measuring import client_of
from .plugin import Fault
from .window import Window, watching

KEY = "default:far"
pytestmark = [pytest.mark.timeout(300)]


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="jlcl-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def machine() -> Iterator[FarMachine]:
    with far_machine() as machine:
        yield machine


def define(server: RealServer, sshd: Sshd, **options: object) -> None:
    given = {
        "hosts": [{"host": sshd.host(), "engines": 4}],
        "python": sys.executable,
        "profile_dir": str(server.home / "there"),
        "environment": {MARK: str(server.home)},
        **options,
    }
    server.ask("clusters", "POST", {"profile": "default", "cluster_id": "far", "launcher": "ssh", "options": given})


def engines_of(server: RealServer) -> list[psutil.Process]:
    """The processes on either side that are engines of this server's."""
    return [process for process in server.processes() if process.name().startswith("ipengine-")]


# -- sshd ends its connections --------------------------------------------------


@pytest.fixture
def sshd(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    with first_in_path(folder / "ssh", monkeypatch) as bed:
        yield bed


@pytest.fixture
def server(sshd: Sshd) -> Iterator[RealServer]:
    """Its ssh is that of the bed."""
    with serving() as server:
        define(server, sshd)
        yield server


@pytest.fixture
def window(server: RealServer) -> Iterator[Window]:
    with watching(server, "clusters", f"engines/{KEY}") as window:
        yield window


@pytest.mark.fault("sshd is cut off at each step: start, scale, logs flow, stop", long=True)
def test_cut_at_each_step(server: RealServer, window: Window, sshd: Sshd, fault: Fault) -> None:
    server.order("start", KEY, engines=2)
    window.until_cluster(lambda model: model["step"] == "engines", key=KEY)
    until(sshd.serving, "a connection")
    sshd.cut()
    fault.struck()
    window.until_cluster(lambda model: model["state"] == "running" and not model["degraded"], key=KEY)
    pids = [engine["pid"] for engine in window.engines(KEY)]
    server.order("scale", KEY, engines=4)
    sshd.cut()
    window.until_cluster(lambda model: model["engines"]["registered"] == 4 and not model["degraded"], key=KEY)
    assert [engine["pid"] for engine in window.engines(KEY)][:2] == pids, "what ran goes on"
    assert sorted(process.pid for process in engines_of(server)) == sorted(
        engine["pid"] for engine in window.engines(KEY)
    ), "nothing was started twice"
    with client_of(server, "far") as client, watching(server, f"logs/{KEY}/slot-0") as log:
        client.wait_for_engines(4, timeout=20, interactive=False)
        text = "import os, time\nfor n in range(300): os.write(1, b'line %d of 300\\n' % n); time.sleep(0.01)"
        client[0].execute(text)
        log.until(lambda log: "line 0 of 300" in lines_of(log), "the work has begun")
        for _ in range(2):
            time.sleep(1)
            sshd.cut()
        window.until_cluster(lambda model: not model["degraded"], key=KEY)
        log.until(lambda log: "line 299 of 300" in lines_of(log)[-3:], "the last line")
        lines = [line for line in lines_of(log) if line.endswith(" of 300")]
        assert lines == [f"line {number} of 300" for number in range(300)], "each line once"
    server.order("stop", KEY)
    sshd.cut()
    window.until_cluster(lambda model: model["state"] == "stopped", key=KEY)
    fault.mended()
    assert engines_of(server) == []


def lines_of(window: Window) -> list[str]:
    mine = (message for message in window.messages if message["topic"].startswith("logs/"))
    return [line["text"] for message in mine for line in message.get("lines", ())]


# -- a cable is pulled ----------------------------------------------------------


@pytest.fixture
def far(machine: FarMachine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[RealServer, Sshd]]:
    addresses, inside = [machine.address], machine.inside
    with first_in_path(folder / "ssh", monkeypatch, addresses=addresses, inside=inside) as sshd, serving() as server:
        yield server, sshd


@pytest.mark.fault("the network to a host is down for 30 s while its engines compute", long=True)
def test_out_for_half_a_minute(machine: FarMachine, far: tuple[RealServer, Sshd], fault: Fault) -> None:
    server, sshd = far
    define(server, sshd)
    with watching(server, "clusters", f"engines/{KEY}") as window, Working(server) as work:
        pids = running(server, window, 2, KEY)
        told = work.begin("import time; time.sleep(45); done = 'done'")
        window.until_cluster(lambda model: model["engines"]["busy"] == 2, key=KEY)
        machine.pull(silently=True)
        fault.struck()
        model = window.until_cluster(lambda model: model["degraded"] and model, key=KEY)
        fault.told()
        assert f"{sshd.host()} has not answered for" in model["failure"]["cause"] and model["failure"]["hint"]
        assert model["state"] == "running" and fault.told_after is not None and fault.told_after < 12
        time.sleep(30 - fault.told_after)
        machine.plug_in()
        window.until_cluster(lambda model: not model["degraded"] and model["failure"] is None, 60, KEY)
        fault.mended()
        assert told() == ["done"] * 2, "what they computed is there"
        assert [engine["pid"] for engine in window.engines(KEY)] == pids


@pytest.mark.fault("the network to a host is down while its cluster is scaled down", long=True)
def test_scaled_down_meanwhile(machine: FarMachine, far: tuple[RealServer, Sshd], fault: Fault) -> None:
    server, sshd = far
    define(server, sshd)
    with watching(server, "clusters", f"engines/{KEY}") as window:
        running(server, window, 3, KEY)
        machine.pull(silently=True)
        fault.struck()
        server.order("scale", KEY, engines=1)
        model = window.until_cluster(lambda model: model["failure"] and model, 15, KEY)
        fault.told()
        assert sshd.host() in model["failure"]["cause"] and model["state"] == "running"
        time.sleep(5)
        machine.plug_in()
        window.until_cluster(lambda model: model["engines"]["registered"] == 1 and not model["failure"], 60, KEY)
        fault.mended()
        until(lambda: len(engines_of(server)) == 1, "the others have ended")
        assert len(window.engines(KEY)) == 1 and not window.cluster(KEY)["degraded"]


@pytest.mark.fault("the network to a host is down for good, and its cluster is stopped", long=True)
def test_down_for_good(machine: FarMachine, far: tuple[RealServer, Sshd], fault: Fault) -> None:
    server, sshd = far
    # A tenth of a minute where it is an hour, for the test's sake.
    define(server, sshd, engine_args=["--IPEngine.max_heartbeat_misses=3"])
    with watching(server, "clusters", f"engines/{KEY}") as window:
        running(server, window, 2, KEY)
        machine.pull(silently=True)
        fault.struck()
        server.order("stop", KEY)
        model = window.until_cluster(lambda model: model["state"] == "failed" and model, 15, KEY)
        fault.told()
        assert f"{sshd.host()} could not be reached" in model["failure"]["cause"] and model["failure"]["hint"]
        assert model["failure"]["step"] == "drain"
        ours = [process.pid for process in server.processes() if "host.controller" in " ".join(process.cmdline())]
        assert ours == [], "what can be ended here has ended"
        until(lambda: not engines_of(server), "the engines there end by themselves", 60)
        until(lambda: not there(machine), "so does all else that was begun there", 150)
        machine.plug_in()
        window.until_cluster(lambda model: model["state"] == "stopped", 60, KEY)
        fault.mended()
        assert model["failure"] is not None and window.cluster(KEY)["failure"] is None


def there(machine: FarMachine) -> list[str]:
    """What runs of ours inside that machine's network."""
    place = os.stat(f"/run/netns/{machine.name}").st_ino
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            inside = os.stat(f"/proc/{process.pid}/ns/net").st_ino == place
        except OSError:
            continue
        command = " ".join(process.info["cmdline"] or ())
        if inside and "sshd" not in command:
            found.append(command)
    return found


class Working:
    """A client that waits beside the test, as a notebook does."""

    def __init__(self, server: RealServer) -> None:
        self._server = server

    def __enter__(self) -> Working:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.__exit__(None, None, None)

    def begin(self, text: str) -> Callable[[], Any]:
        self._client = client_of(self._server, "far")
        client = self._client.__enter__()
        client.wait_for_engines(2, timeout=20, interactive=False)
        client[:].execute(text)
        return lambda: client[:].pull("done").get(timeout=60)
