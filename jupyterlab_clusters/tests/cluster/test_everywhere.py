"""One story for every launcher: what a person does with a cluster works wherever its engines are."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.tests.faults.plugin import Fault

from .backends import back_end, name_own
from .conftest import Site, lines, processes_marked, until
from .test_real import with_client

pytestmark = [pytest.mark.timeout(180)]


@pytest.fixture(params=["local", "ssh", "mpi", "slurm", "stock"])
def launcher(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def options(launcher: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What a person would choose for that launcher, with its real back end up."""
    if launcher == "stock":
        name_own(home / "ipython")
    with back_end(launcher, home, monkeypatch) as options:
        marked = {"environment": {"JLC_TEST_HOME": str(home)}} if launcher == "ssh" else {}
        yield {**options, **marked}


def say(client: Any) -> list[int]:
    client[:].apply_sync(print, "a word for the log", flush=True)
    pids: list[int] = client[:].apply_sync(os.getpid)
    return pids


#: They wait a while for the next start, or are the test's.
STAY = ("host.agent", "host.nursery", "sshd", "slurm", "munged")


def left(site: Site) -> list[str]:
    return [name for name in processes_marked(site.home).values() if not any(one in name for one in STAY)]


async def begun(site: Site, launcher: str, options: dict[str, Any], **policy: float) -> Cluster:
    site.policy = replace(site.policy, **policy)
    await site.close()
    await site.open()
    await site.clusters.get("default:").parts.profiles.refresh("default")
    cluster = site.clusters.define("default", "any", launcher, options)
    cluster.start(2, None)
    await until(cluster, lambda model: model.state == "running", within=60)
    return cluster


@pytest.mark.fault("a {launcher} cluster that is to be stopped when it is idle has nothing to do for 6 s", long=True)
async def test_an_idle_cluster_is_stopped(launcher: str, options: dict[str, Any], site: Site, fault: Fault) -> None:
    cluster = await begun(site, launcher, options, idle_timeout=6.0)
    fault.struck()
    await until(cluster, lambda model: model.state != "running", within=30)
    fault.told()
    model = await until(cluster, lambda model: model.state in ("stopped", "failed"), within=20)
    assert (model.failure, model.notice) == (None, "Stopped after 6 seconds with no busy engine.")
    assert left(site) == []
    fault.mended()


@pytest.mark.fault("a {launcher} cluster is forgotten for 3 s: no server, no client, no work", long=True)
async def test_a_forgotten_cluster_ends(launcher: str, options: dict[str, Any], site: Site, fault: Fault) -> None:
    await begun(site, launcher, options, orphan_timeout=3.0)
    await site.close()
    fault.struck()
    end = time.monotonic() + 110  # a node gives itself back a minute after its last engine
    # Engines on other hosts are out of reach with the connections of the server; they wait for it by a clock of theirs.
    near = "host.controller" if launcher == "ssh" else ""
    while [name for name in left(site) if near in name]:
        assert time.monotonic() < end, left(site)
        await asyncio.sleep(0.2)
    fault.mended()
    await site.open()
    model = await until(site.clusters.get("default:any"), lambda model: model.state == "stopped")
    assert model.notice == "Stopped after 3 seconds with no server, no client and no busy engine."
    assert left(site) == []


async def test_the_story(launcher: str, options: dict[str, Any], site: Site) -> None:
    if launcher == "stock":
        await site.clusters.get("default:").parts.profiles.refresh("default")
    cluster = site.clusters.define("default", "any", launcher, options)
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state != "starting", within=60)
    assert (model.state, model.failure, model.engines.registered) == ("running", None, 2)
    connection = json.loads(Path(model.connection_file or "").read_text())
    assert bool(connection["curve_serverkey"]) == (launcher in ("ssh", "slurm")), (
        "encrypted where it leaves the machine"
    )
    pids = await with_client(cluster, say, 2)
    await until(cluster, lambda _: pids == [engine.pid for engine in cluster.engines()])
    log = "slot-{}".format if model.capabilities.log_per_engine else lambda _: "job"
    await until(cluster, lambda _: all("a word for the log" in lines(cluster, log(slot)) for slot in range(2)))

    live = model.capabilities.scale == "live"
    cluster.scale(3, not live)
    await until(cluster, lambda model: model.engines.registered == 3, within=60)
    victim = cluster.engines()[0]
    os.kill(victim.pid or 0, signal.SIGKILL)
    lost = 3 if launcher == "mpi" else 1
    await until(cluster, lambda model: model.engines.lost == lost, within=15)
    cause = cluster.engines()[0].cause
    # How a process ended that is nobody's child here, nobody knows.
    assert cause is not None and (cause.signal == 9 or launcher == "stock")

    await site.close()
    await site.open()
    cluster = site.clusters.get("default:any")
    await until(cluster, lambda model: model.state == "running" and model.engines.registered == 3 - lost)
    cause = cluster.engines()[0].cause
    assert cause is not None and (cause.signal == 9 or launcher == "stock"), "known also when the server was away"
    cluster.scale(3, not live)
    await until(cluster, lambda model: model.engines.registered == 3, within=60)
    assert len(await with_client(cluster, say, 3)) == 3

    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped", within=20)
    assert left(site) == []
    assert "a word for the log" in (cluster.log_folder().folder / f"{log(1)}.log").read_text()
