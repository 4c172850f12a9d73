"""Whatever a launcher does, its cluster says the truth, ends, and holds up nobody else."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.cluster import reconcile
from jupyterlab_clusters.cluster.actor import Actor
from jupyterlab_clusters.cluster.connection import ConnectionFiles
from jupyterlab_clusters.cluster.listening import Listening
from jupyterlab_clusters.launchers import catalog
from jupyterlab_clusters.launchers.base import Launcher, LauncherName, LaunchFailed, Plan, Watcher
from jupyterlab_clusters.launchers.local import LocalLauncher

from . import launchers
from .conftest import Site, processes_marked, until

pytestmark = [pytest.mark.timeout(120)]


@pytest.fixture
def launcher(monkeypatch: pytest.MonkeyPatch):
    """Has clusters named ``bad`` started by the class that is given."""

    def use(kind: type[LocalLauncher]) -> None:
        def make(name: LauncherName, plan: Plan, watcher: Watcher, *, runtime_dir: Path) -> Launcher:
            chosen = kind if plan.cluster_id == "bad" else LocalLauncher
            return chosen(plan, watcher, runtime_dir=runtime_dir)

        monkeypatch.setattr(catalog, "make", make)

    return use


async def nothing_left_of(site: Site) -> None:
    """What failed is said first and cleared away then."""
    end = time.monotonic() + 5
    while left := [what for what in processes_marked(site.home).values() if "host.controller" in what]:
        assert time.monotonic() < end, left
        await asyncio.sleep(0.05)


async def test_a_slow_one_delays_nobody_and_can_be_stopped_at_any_moment(site: Site, launcher) -> None:
    launcher(launchers.Slow)
    slow, quick = site.clusters.define("default", "bad"), site.clusters.define("default", "good")
    began = time.monotonic()
    slow.start(2, None)
    quick.start(2, None)
    await until(quick, lambda model: model.state == "running", within=10)
    assert slow.model().state == "starting"
    await until(slow, lambda model: model.step == "engines")
    slow.stop()
    await until(slow, lambda model: model.state == "stopped", within=5)
    assert time.monotonic() - began < 10
    assert quick.model().engines.registered == 2
    slow.start(1, None)
    await until(slow, lambda model: model.state == "running")


@pytest.fixture
def slow_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked changes what is wanted at once; the actor hears of it a moment later, here a long one."""
    call = Actor.call

    def late(self: Actor, function: Callable[..., object], *args: object) -> None:
        delay = 0.3 if getattr(function, "__name__", "") in ("want_up", "want_down") else 0.0
        call(self, self.loop.call_later, delay, function, *args)

    monkeypatch.setattr(Actor, "call", late)


async def test_what_is_asked_while_a_start_ends_is_no_failure_of_the_start(
    site: Site, slow_orders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = site.clusters.get("default:")
    connect = Listening.connect

    async def connected_and_scaled(self: Listening, files: ConnectionFiles | None) -> None:
        before = self.monitor
        await connect(self, files)
        if before is None:
            cluster.scale(2, False)

    monkeypatch.setattr(Listening, "connect", connected_and_scaled)
    cluster.start(0, None)
    await until(cluster, lambda model: model.state in ("running", "failed"), within=10)
    model = await until(cluster, lambda model: model.engines.registered == 2, within=10)
    assert (model.state, model.failure) == ("running", None)


@pytest.mark.parametrize("again", [False, True], ids=["start", "restart of the server"])
async def test_a_controller_that_ends_while_a_start_ends(
    site: Site, again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = site.clusters.get("default:")
    if again:
        cluster.start(0, None)
        await until(cluster, lambda model: model.state == "running", within=10)
        await site.close()
    connect = Listening.connect

    async def connected_and_killed(self: Listening, files: ConnectionFiles | None) -> None:
        before = self.monitor
        await connect(self, files)
        if before is None and self.controller is not None:
            os.killpg(self.controller.pid, signal.SIGKILL)
            while self.controller_lives:
                await asyncio.sleep(0.01)

    monkeypatch.setattr(Listening, "connect", connected_and_killed)
    if again:
        await site.open()
        cluster = site.clusters.get("default:")
    else:
        cluster.start(0, None)
    model = await until(cluster, lambda model: model.state == "failed", within=10)
    assert model.failure is not None and "SIGKILL" in model.failure.cause


async def test_a_stop_that_is_asked_while_a_start_fails_is_done(
    site: Site, slow_orders: None, launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher(launchers.NoEngines)
    monkeypatch.setattr(reconcile.Reconciler, "_patience", lambda self: 0.5)
    cluster = site.clusters.define("default", "bad")
    told = reconcile.none_registered

    async def told_and_stopped(*args: Any) -> LaunchFailed:
        cluster.stop()
        return await told(*args)

    monkeypatch.setattr(reconcile, "none_registered", told_and_stopped)
    cluster.start(1, None)
    await until(cluster, lambda model: model.state in ("stopped", "failed"), within=10)
    await until(cluster, lambda model: model.state == "stopped" and model.failure is None, within=5)
    await nothing_left_of(site)


async def test_a_stop_that_is_asked_while_a_failure_is_cleared_away_is_done(site: Site, launcher) -> None:
    launcher(launchers.SlowToLetGo)
    cluster = site.clusters.define("default", "bad")
    cluster.start(1, None)
    assert await asyncio.to_thread(launchers.SlowToLetGo.closing.wait, 20)
    assert cluster.state == "failed"
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped" and model.failure is None, within=10)
    await nothing_left_of(site)
    assert not list((cluster.profile_dir / "security").glob("*bad*"))


async def test_a_controller_that_never_gets_ready(site: Site, launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher(launchers.NoController)
    monkeypatch.setattr(reconcile, "CONTROLLER_TIMEOUT", 0.5)
    cluster = site.clusters.define("default", "bad")
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state == "failed", within=5)
    assert model.failure is not None
    assert model.failure.cause == "The controller did not get ready in time."
    await nothing_left_of(site)


async def test_engines_that_never_register(site: Site, launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher(launchers.NoEngines)
    monkeypatch.setattr(reconcile.Reconciler, "_patience", lambda self: 1.0)
    cluster = site.clusters.define("default", "bad")
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state == "failed", within=10)
    assert model.failure is not None
    assert model.failure.cause == "None of the 2 engines registered within 1 s."
    await nothing_left_of(site)


async def test_an_engine_that_dies_before_it_registers(site: Site, launcher) -> None:
    launcher(launchers.DiesLater)
    cluster = site.clusters.define("default", "bad")
    cluster.start(3, None)
    model = await until(cluster, lambda model: model.state == "running")
    assert (model.engines.registered, model.engines.lost, model.degraded) == (2, 1, True)
    assert model.failure is not None and model.failure.cause.startswith("1 of 3 engines did not start")
    lost = cluster.engines()[1]
    assert lost.cause is not None and lost.cause.sentence == "ended while nobody was watching, so how is not known"


async def test_one_that_lies_changes_nothing(site: Site, launcher) -> None:
    launcher(launchers.Liar)
    cluster = site.clusters.define("default", "bad")
    cluster.start(3, None)
    model = await until(cluster, lambda model: model.state == "running")
    assert [engine.slot for engine in cluster.engines()] == [0, 1, 2]
    assert (model.engines.registered, model.engines.lost) == (3, 0)
    cluster.stop_engine(2)
    await until(cluster, lambda model: cluster.engines()[2].state == "exited")
    await asyncio.sleep(0.2)
    assert [engine.state for engine in cluster.engines()] == ["idle", "idle", "exited"]


async def test_one_that_is_broken_ends_in_a_sentence(site: Site, launcher) -> None:
    launcher(launchers.Broken)
    cluster = site.clusters.define("default", "bad")
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and "no such luck" in model.failure.cause
    assert cluster.engines() == [], "none was begun"
    await nothing_left_of(site)


async def test_a_stop_that_does_not_succeed_is_said_and_can_be_repeated(site: Site, launcher) -> None:
    launcher(launchers.CannotStop)
    cluster = site.clusters.define("default", "bad")
    cluster.start(1, None)
    await until(cluster, lambda model: model.state == "running")
    cluster.stop()
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and model.failure.step == "drain" and "17" in model.failure.cause
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped")
    await nothing_left_of(site)
