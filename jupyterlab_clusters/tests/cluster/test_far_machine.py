"""Clusters on a machine with a network of its own: its cable is pulled, and plugged in again."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.launchers.ssh import connection
from jupyterlab_clusters.tests.beds.netns import FarMachine, far_machine
from jupyterlab_clusters.tests.beds.sshd import Sshd, first_in_path

from ..faults.plugin import Fault
from .conftest import Site, processes_marked, until
from .napping import interrupted
from .test_real import with_client

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(os.getuid() != 0, reason="only root can make network namespaces"),
]


@pytest.fixture
def machine() -> Iterator[FarMachine]:
    with far_machine() as far:
        yield far


@pytest.fixture
def sshd(home: Path, machine: FarMachine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    with first_in_path(home / "ssh", monkeypatch, addresses=[machine.address], inside=machine.inside) as bed:
        yield bed


def defined(site: Site, sshd: Sshd, engines: int = 2, **options: object) -> Cluster:
    folders = {"profile_dir": str(site.home / "there"), "environment": {"JLC_TEST_HOME": str(site.home)}}
    hosts = [{"host": sshd.host(), "engines": engines}]
    given = {"hosts": hosts, "python": sys.executable, **folders, **options}
    return site.clusters.define("default", "cable", "ssh", given)


async def running(cluster: Cluster, engines: int = 2) -> None:
    cluster.start(engines, None)
    model = await until(cluster, lambda model: model.state != "starting")
    assert model.state == "running" and model.failure is None, model.failure


WORK = "__import__('time').sleep({seconds}) or __import__('platform').node()"


def work(client: Any, seconds: float = 0) -> list[str]:
    """What runs there knows nothing of these tests."""
    told: list[str] = client[:].apply_async(eval, WORK.format(seconds=seconds)).get(timeout=seconds + 20)
    return told


def sent_off(client: Any) -> list[str]:
    sent = client[:].apply_async(eval, WORK.format(seconds=20))
    sent.wait(1)
    ids: list[str] = sent.msg_ids
    return ids


@pytest.mark.parametrize("reach", ["ssh", "direct"])
async def test_engines_on_another_machine(machine: FarMachine, sshd: Sshd, site: Site, reach: str) -> None:
    cluster = defined(site, sshd, reach=reach)
    await running(cluster)
    assert await with_client(cluster, work, 2) == [machine.name] * 2
    assert {engine.host for engine in cluster.engines()} == {machine.name}


@pytest.mark.parametrize("reach", ["ssh", "direct"])
async def test_a_controller_on_another_machine(machine: FarMachine, sshd: Sshd, site: Site, reach: str) -> None:
    cluster = defined(site, sshd, reach=reach, controller=sshd.host())
    await running(cluster)
    assert cluster.model().host == machine.name
    assert await with_client(cluster, work, 2) == [machine.name] * 2
    assert not list((cluster.profile_dir / "security").glob("cluster-*.json")), "its numbers are no processes of ours"
    await site.close()
    await site.open()
    cluster = site.clusters.get("default:cable")
    await until(cluster, lambda model: model.state == "running" and not model.degraded)
    assert await with_client(cluster, work, 2) == [machine.name] * 2


@pytest.mark.fault("a host is out of reach when its engines are to start (silently: {silently})")
@pytest.mark.parametrize(
    ("silently", "cause"), [(True, "does not answer"), (False, "There is no way through the network to")]
)
async def test_a_dead_route_is_told_in_time(
    machine: FarMachine, sshd: Sshd, site: Site, silently: bool, cause: str, fault: Fault
) -> None:
    machine.pull(silently=silently)
    cluster = defined(site, sshd)
    begun = time.monotonic()
    cluster.start(2, None)
    fault.struck()
    model = await until(cluster, lambda model: model.state == "failed", within=20)
    fault.told()
    assert time.monotonic() - begun < 15
    assert model.failure is not None and cause in model.failure.cause and sshd.host() in model.failure.cause
    assert model.failure.output and model.failure.hint


async def test_a_cable_that_is_out_for_a_moment_is_not_noticed(machine: FarMachine, sshd: Sshd, site: Site) -> None:
    cluster = defined(site, sshd)
    await running(cluster)

    async def pulled() -> None:
        await until(cluster, lambda model: model.engines.busy == 2)
        machine.pull()
        await asyncio.sleep(3)
        machine.plug_in()

    outage = asyncio.ensure_future(pulled())
    told = await with_client(cluster, lambda client: work(client, 1), 2)
    assert told == [machine.name] * 2
    await outage
    model = cluster.model()
    assert (model.engines.registered, model.failure) == (2, None)


@pytest.mark.fault("a cable is out until ssh gives up, the controller {controller}")
@pytest.mark.parametrize("controller", ["here", "there"])
async def test_a_cable_that_is_out_until_ssh_gives_up_costs_nothing(
    machine: FarMachine, sshd: Sshd, site: Site, controller: str, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    # As ever, but sooner.
    monkeypatch.setitem(connection.OPTIONS, "ServerAliveInterval", "1")
    monkeypatch.setitem(connection.OPTIONS, "ServerAliveCountMax", "2")
    cluster = defined(site, sshd, **({"controller": sshd.host()} if controller == "there" else {}))
    await running(cluster)
    pids = [engine.pid for engine in cluster.engines()]

    async def pulled() -> None:
        await until(cluster, lambda model: model.engines.busy == 2)
        machine.pull(silently=True)
        fault.struck()
        model = await until(cluster, lambda model: model.degraded, within=15)
        fault.told()
        assert (
            model.failure is not None
            and sshd.host() in model.failure.cause
            and "no connection to" in model.failure.cause
        )
        await asyncio.sleep(2)
        machine.plug_in()
        back = time.monotonic()
        await until(cluster, lambda model: not model.degraded)
        fault.mended()
        assert time.monotonic() - back < 15

    outage = asyncio.ensure_future(pulled())

    if controller == "here":
        told = await with_client(cluster, lambda client: work(client, 20), 2)
    else:
        # An answer goes to a connection, which a client then has another of; the hub keeps it for whoever asks.
        sent = await with_client(cluster, sent_off, 2)
        await outage
        told = await with_client(cluster, lambda client: client.get_result(sent, owner=False).get(timeout=30))
    assert told == [machine.name] * 2, "what they were doing is done"
    await outage
    assert [engine.pid for engine in cluster.engines()] == pids
    assert await with_client(cluster, lambda client: client[:].apply_async(os.getpid).get(timeout=5), 2) == pids


async def test_a_controller_that_listens_to_its_own_machine_only(machine: FarMachine, sshd: Sshd, site: Site) -> None:
    cluster = defined(site, sshd, reach="direct", controller_args=["--ip=127.0.0.1"])
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state == "failed", within=40)
    assert model.failure is not None
    assert "listens on the loopback address of its own machine only" in model.failure.cause, model.failure
    assert "--ip" in (model.failure.hint or "") and "through the ssh connection" in (model.failure.hint or "")
    assert "Registration timed out" in (model.failure.output or "")


async def test_some_of_the_machines_hear_of_a_controller_on_the_loopback(
    machine: FarMachine, sshd: Sshd, site: Site
) -> None:
    """With the controller on that machine, those that are there find it."""
    cluster = defined(site, sshd, 1, reach="direct", controller_args=["--ip=127.0.0.1"])
    near = Sshd(_made(site.home / "near"))
    near.start()
    try:
        key = " ".join((near.folder / "host_key.pub").read_text().split()[:2])
        with sshd.known_hosts.open("a") as known:
            known.write(f"[{near.addresses[0]}]:{near.port} {key}\n")
        shutil.copy(sshd.folder / "user_key.pub", near.folder / "authorized_keys")
        cluster.definition.options["hosts"].append({"host": near.host(), "engines": 1})
        cluster.start(2, None)
        model = await until(cluster, lambda model: model.state != "starting", within=40)
        assert (model.state, model.degraded, model.engines.registered) == ("running", True, 1)
        assert model.failure is not None
        assert model.failure.cause.startswith("1 of 2 engines did not register. The controller listens on")
        cluster.stop()
        await until(cluster, lambda model: model.state == "stopped")
    finally:
        near.stop()


async def test_ranks_on_another_machine(
    machine: FarMachine, sshd: Sshd, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of ours is there that could signal or measure them; they listen to the hub."""
    for name in ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"):
        monkeypatch.setenv(name, "1")
    sshd.config.write_text(f"Host {machine.address}\n  Port {sshd.port}\n{sshd.config.read_text()}")
    hosts = site.home / "hosts"
    hosts.write_text(f"{machine.address} slots=2\n")
    network = ["--mca", "oob_tcp_if_include", "198.18.0.0/15", "--mca", "btl_tcp_if_include", "198.18.0.0/15"]
    cluster = site.clusters.define("default", "cable", "mpi", {"hostfile": str(hosts), "mpi_args": network})
    await running(cluster)
    assert {engine.host for engine in cluster.engines()} == {machine.name}

    await until(cluster, lambda model: (cluster.engines()[0].memory or 0) > 1 << 20, within=10)
    await interrupted(site, cluster, 1, 2, lambda: cluster.interrupt_engine(1))
    assert (cluster.model().engines.registered, cluster.model().failure) == (2, None)
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped", within=15)
    assert not [name for name in processes_marked(site.home).values() if "host.rank" in name]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
