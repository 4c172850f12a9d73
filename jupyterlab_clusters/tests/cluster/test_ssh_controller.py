"""The controller on a host of the cluster, started and reached by the connection there."""

from __future__ import annotations

import pytest

from jupyterlab_clusters.tests.beds.sshd import Sshd

from .conftest import Site, lines, until
from .overssh import cut, defined, logins_of, our_ssh, running, started_with, work_of

pytestmark = [pytest.mark.timeout(120)]


@pytest.mark.parametrize("reach", ["ssh", "direct"])
@pytest.mark.parametrize("place", ["of engines", "of its own"])
async def test_the_controller_runs_on_a_host(sshd: Sshd, site: Site, reach: str, place: str) -> None:
    counts = [1, 2] if place == "of engines" else [3]
    where = sshd.host(1)
    cluster = defined(site, sshd, counts, reach=reach, controller=where)
    await running(cluster, 3)
    assert len(logins_of(sshd)) == 2, "one connection a host"
    pids = await work_of(cluster, 3)
    assert pids == [engine.pid for engine in cluster.engines()]
    assert "Hub listening on" in lines(cluster, "controller"), "its log is copied"
    security = site.home / "there" / "security"
    assert [path.name for path in security.glob("*.json")] != [] and not list(security.glob("*far-client.json"))
    controller = started_with(site, "host.controller")
    assert len(controller) >= 1 and "sshd" not in str(controller)

    await site.close()
    await site.open()
    cluster = site.clusters.get("default:far")
    await until(cluster, lambda model: model.state == "running" and not model.degraded)
    assert await work_of(cluster, 3) == pids, "a new server finds it"

    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped", within=15)
    assert not started_with(site, "host.controller") and not started_with(site, "ipengine")
    assert list(security.glob("*.json")) == [] and list((site.home / "there" / "log").glob("engines*")) == []
    assert "Hub listening on" in lines(cluster, "controller"), "the copy stays"
    assert our_ssh(sshd) == [], "and no forwarded port"


async def test_the_host_of_the_controller_is_out_of_reach(sshd: Sshd, site: Site) -> None:
    cluster = defined(site, sshd, [1], controller="127.0.0.99:1")
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and "127.0.0.99:1 refuses the connection" in model.failure.cause


async def test_a_controller_elsewhere_that_cannot_start(sshd: Sshd, site: Site) -> None:
    cluster = defined(site, sshd, [1], controller=sshd.host(0), controller_args=["--ip=192.0.2.7"])
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and "does not have" in model.failure.cause, model.failure
    assert model.failure.step == "controller" and "192.0.2.7" in (model.failure.output or "")


async def test_a_cut_costs_a_controller_elsewhere_nothing(sshd: Sshd, site: Site) -> None:
    cluster = defined(site, sshd, [1, 1], controller=sshd.host(0))
    await running(cluster, 2)
    pids = await work_of(cluster, 2)
    await cut(cluster, sshd)
    await until(cluster, lambda model: not model.degraded)
    assert await work_of(cluster, 2) == pids


async def test_a_restart_of_the_server_while_the_host_of_the_controller_is_away(sshd: Sshd, site: Site) -> None:
    cluster = defined(site, sshd, [1, 1], controller=sshd.host(0))
    await running(cluster, 2)
    pids = await work_of(cluster, 2)
    await site.close()
    sshd.stop()
    await site.open()
    cluster = site.clusters.get("default:far")
    why = f"There is no connection to {sshd.host(0)} now. {sshd.host(0)} refuses the connection"
    model = await until(cluster, lambda model: model.failure is not None and why in model.failure.cause)
    assert model.state == "starting", "it goes on trying"
    sshd.start()
    await until(cluster, lambda model: model.state == "running" and not model.degraded)
    assert await work_of(cluster, 2) == pids
