"""A thousand engines: they come at once, a part of them is lost at once, they leave at once."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from ..realserver import RealServer
from .measuring import LONGEST, Probe, measured
from .playing import EACH
from .plugin import Fault
from .window import Window, watching

MANY = 1000
#: Of a machine that has much else to do (seconds).
TIME = 90.0
PROFILE = "c.Cluster.engine_launcher_class = 'jupyterlab_clusters.tests.faults.playing.PlayingEngineSetLauncher'\n"
#: So that hearts which stop are missed after 10 s already.
BEAT = "c.HeartMonitor.period = 1000\n"
HEAD = "c = get_config()  # noqa\n"


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[RealServer, Probe]]:
    with measured() as (server, probe):
        profile = server.home / "ipython" / "profile_default"
        profile.mkdir(parents=True, exist_ok=True)
        (profile / "ipcluster_config.py").write_text(HEAD + PROFILE)
        (profile / "ipcontroller_config.py").write_text(HEAD + BEAT)
        yield server, probe


@pytest.fixture
def server(both: tuple[RealServer, Probe]) -> RealServer:
    return both[0]


@pytest.fixture
def probe(both: tuple[RealServer, Probe]) -> Iterator[Probe]:
    """The loop had its turn all the while, whatever the test does."""
    probe = both[1]
    probe.reset()
    yield probe
    assert probe.pause() < LONGEST


def all_run(server: RealServer, window: Window) -> list[dict[str, Any]]:
    if window.until_cluster(lambda model: model)["state"] == "stopped":
        server.order("start", engines=MANY)
    window.until_cluster(lambda model: model["engines"]["registered"] == MANY, TIME)
    window.until(lambda window: sum(bool(engine["pid"]) for engine in window.engines()) == MANY, "all are known", TIME)
    return window.engines()


def lost_of(window: Window) -> list[dict[str, Any]]:
    return [engine for engine in window.engines() if engine["state"] == "lost"]


@pytest.mark.fault(f"{MANY} engines register at once", long=True)
def test_they_come(server: RealServer, probe: Probe, fault: Fault) -> None:
    with watching(server) as window:
        before = probe.memory()
        fault.struck()
        server.order("start", engines=MANY)
        window.until_cluster(lambda model: model["engines"]["registered"] > 0, TIME)
        fault.told()
        window.until_cluster(lambda model: model["state"] == "running", TIME)
        fault.mended()
        engines = all_run(server, window)
        assert sorted(engine["id"] for engine in engines) == list(range(MANY))
        assert window.cluster()["failure"] is None
    assert probe.memory() - before < 32_000_000
    with watching(server) as window:
        window.until(lambda window: len(window.engines()) == MANY, "all, at once", 5)
        snapshot = next(message for message in window.messages if message["topic"].startswith("engines/"))
        assert len(snapshot["snapshot"]) == MANY and len(json.dumps(snapshot, separators=(",", ":"))) < 200 * MANY


@pytest.mark.fault(f"{EACH} of {MANY} engines are lost at once", long=True)
def test_a_part_is_lost(server: RealServer, probe: Probe, fault: Fault) -> None:
    with watching(server) as window:
        victim = all_run(server, window)[0]["pid"]
        os.kill(victim, signal.SIGKILL)
        fault.struck()
        window.until_cluster(lambda model: model["engines"]["lost"] > 0, TIME)
        fault.told()
        window.until_cluster(lambda model: model["engines"]["lost"] == EACH and model["degraded"], TIME)
        # Rows of engines come in messages of their own.
        window.until(lambda window: len(lost_of(window)) == EACH, "each is told", 5)
        lost = lost_of(window)
        assert {engine["pid"] for engine in lost} == {victim}
        assert all("let go of by the controller" in engine["cause"]["sentence"] for engine in lost)
        assert window.cluster()["engines"]["registered"] == MANY - EACH
        fault.lost = "what these engines held and did"
        server.order("scale", engines=MANY, restart=True)
        window.until_cluster(lambda model: model["engines"]["lost"] == 0, TIME)
        all_run(server, window)
        fault.mended(by_itself=False)
        assert not window.cluster()["degraded"]


@pytest.mark.fault(f"{MANY} engines leave at once", long=True)
def test_they_leave(server: RealServer, probe: Probe, fault: Fault) -> None:
    with watching(server) as window:
        pids = {engine["pid"] for engine in all_run(server, window)}
        fault.struck()
        server.order("stop")
        window.until_cluster(lambda model: model["state"] == "stopping")
        fault.told()
        window.until_cluster(lambda model: model["state"] == "stopped", TIME)
        fault.mended(by_itself=False)
        assert not [pid for pid in pids if psutil.pid_exists(pid)]
        window.until(lambda window: not window.engines(), "none is left", 5)
