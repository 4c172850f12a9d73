"""Clusters that nobody needs end by themselves, and say why; whoever needs one a while longer can keep it."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

import ipyparallel
import pytest

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.errors import WrongState

from .conftest import Site, processes_marked, until
from .test_real import with_client

pytestmark = [pytest.mark.timeout(120)]

#: An agent and its nursery wait a while for the next start.
STAY = ("host.agent", "host.nursery")


def ends_at(cluster: Cluster) -> float:
    idle = cluster.model().idle
    assert idle is not None
    return datetime.fromisoformat(idle.ends_at.replace("Z", "+00:00")).timestamp()


def left(site: Site) -> list[str]:
    return [name for name in processes_marked(site.home).values() if not any(one in name for one in STAY)]


async def started(site: Site, minutes: float | None, engines: int = 1) -> Cluster:
    options = {} if minutes is None else {"idle_minutes": minutes}
    cluster = site.clusters.define("default", "idle", "local", options)
    cluster.start(engines, None)
    await until(cluster, lambda model: model.state == "running")
    return cluster


def submitted(client: Any) -> Any:
    return client[:].apply_async(time.sleep, 3)


async def test_an_idle_cluster_is_stopped_and_says_why(site: Site) -> None:
    cluster = await started(site, 0.1, engines=2)
    await until(cluster, lambda model: model.idle is not None)
    assert 0 < ends_at(cluster) - time.time() <= 6.5
    task = asyncio.create_task(with_client(cluster, lambda client: client[0].apply_sync(time.sleep, 4), 2))
    model = await until(cluster, lambda model: model.engines.busy == 1)
    assert model.idle is None, "one busy engine is enough"
    await task
    await until(cluster, lambda model: model.idle is not None)
    assert ends_at(cluster) - time.time() > 4, "counted from the end of the task"
    model = await until(cluster, lambda model: model.state == "stopped", within=15)
    assert (model.notice, model.failure, model.idle) == ("Stopped after 6 seconds with no busy engine.", None, None)
    assert left(site) == []
    assert cluster.start(1, None).notice is None


async def test_it_can_be_kept(site: Site) -> None:
    cluster = await started(site, 0.08)
    await until(cluster, lambda model: model.idle is not None)
    begun = ends_at(cluster)
    for _ in range(2):
        await asyncio.sleep(2.5)
        cluster.keep()
    await until(cluster, lambda _: ends_at(cluster) > begun + 3.5, within=2)
    assert cluster.state == "running"
    await until(cluster, lambda model: model.state == "stopped" and model.notice is not None, within=12)


async def test_only_what_is_stopped_when_idle_can_be_kept(site: Site) -> None:
    cluster = await started(site, None)
    with pytest.raises(WrongState) as refused:
        cluster.keep()
    assert refused.value.reason == "no-idle-timeout"
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped")
    with pytest.raises(WrongState):
        cluster.keep()


async def test_it_ends_without_a_server_and_the_next_one_says_why(site: Site) -> None:
    cluster = await started(site, 0.05)
    await site.close()
    end = time.monotonic() + 15
    while left(site):
        assert time.monotonic() < end, left(site)
        await asyncio.sleep(0.1)
    await site.open()
    cluster = site.clusters.get("default:idle")
    model = await until(cluster, lambda model: model.state == "stopped")
    assert model.notice == "Stopped after 3 seconds with no busy engine."
    await site.close()
    await site.open()
    assert site.clusters.get("default:idle").model().notice == model.notice, "also later"


async def test_a_forgotten_cluster_ends_by_itself_and_a_used_one_does_not(site: Site) -> None:
    site.policy = type(site.policy)(orphan_timeout=3.0)
    await site.close()
    await site.open()
    cluster = await started(site, None)
    await asyncio.sleep(4)
    assert cluster.state == "running", "a server is somebody"
    file = cluster.model().connection_file
    await site.close()
    client = await asyncio.to_thread(ipyparallel.Client, file, timeout=10)
    await asyncio.sleep(4)
    assert any("host.controller" in name for name in left(site)), "a client is somebody"
    await asyncio.to_thread(submitted, client)
    client.close()
    gone = time.monotonic()
    while left(site):
        assert time.monotonic() - gone < 20, left(site)
        await asyncio.sleep(0.1)
    assert time.monotonic() - gone > 5, "its task went on for 3 s, and the time began anew after it"
    await site.open()
    cluster = site.clusters.get("default:idle")
    model = await until(cluster, lambda model: model.state == "stopped")
    assert model.notice == "Stopped after 3 seconds with no server, no client and no busy engine."


async def test_the_site_says_when_and_a_profile_otherwise(site: Site) -> None:
    site.policy = type(site.policy)(idle_timeout=1800.0)
    await site.close()
    await site.open()
    profiles = site.clusters.get("default:").parts.profiles
    assert site.clusters.get("default:").plan({}, make=False).idle_timeout == 1800.0
    await asyncio.to_thread(profiles.create, "mine")
    settings = {"JupyterLabClusters.idle_minutes": 0}
    await asyncio.to_thread(profiles.write, "mine", settings)
    await profiles.refresh("mine")
    assert site.clusters.get("mine:").plan({}, make=False).idle_timeout == 0.0
    assert site.clusters.get("mine:").plan({"idle_minutes": 2}, make=False).idle_timeout == 120.0
