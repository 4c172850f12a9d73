"""Clusters whose engines run behind real sshd, each host reached by one connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipyparallel as ipp
import pytest

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.tests.beds.sshd import Sshd, first_in_path

from .conftest import Site, lines, processes_marked, until
from .test_real import with_client

pytestmark = [pytest.mark.timeout(120)]


@pytest.fixture
def sshd(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    with first_in_path(home / "ssh", monkeypatch) as bed:
        yield bed


def defined(site: Site, sshd: Sshd, counts: list[int], **options: object) -> Cluster:
    hosts = [{"host": sshd.host(number), "engines": count} for number, count in enumerate(counts)]
    folders = {"profile_dir": str(site.home / "there"), "environment": {"JLC_TEST_HOME": str(site.home)}}
    return site.clusters.define(
        "default", "far", "ssh", {"hosts": hosts, "python": sys.executable, **folders, **options}
    )


async def running(cluster: Cluster, engines: int) -> None:
    cluster.start(engines, None)
    model = await until(cluster, lambda model: model.state != "starting")
    assert model.state == "running" and model.failure is None, model.failure
    assert model.engines.registered == engines


@pytest.mark.parametrize("reach", ["ssh", "direct"])
async def test_two_hosts_one_connection_each(site: Site, sshd: Sshd, reach: str) -> None:
    cluster = defined(site, sshd, [2, 1], reach=reach)
    await running(cluster, 3)
    logins = [call for call in sshd.calls.read_text().splitlines() if "-O" not in call.split()]
    assert len(logins) == 2
    pids = await with_client(cluster, lambda client: client[:].apply_sync(os.getpid), 3)
    assert pids == [engine.pid for engine in cluster.engines()]

    def say(client):
        client[1].apply_sync(print, "from far away", flush=True)

    await with_client(cluster, say)
    await asyncio.sleep(0.5)
    assert "from far away" in lines(cluster, "slot-1")
    cluster.scale(5, False)
    await until(cluster, lambda model: model.engines.registered == 5)
    os.kill(pids[0], signal.SIGKILL)
    await until(cluster, lambda model: model.engines.lost == 1, within=3)
    cluster.restart_engine(0)
    await until(cluster, lambda model: model.engines.registered == 5)
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped", within=15)
    logins = [call for call in sshd.calls.read_text().splitlines() if "-O" not in call.split()]
    assert len(logins) == 2, "none to scale, restart or stop"
    assert "from far away" in lines(cluster, "slot-1"), "the copy stays"
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


async def test_two_clusters_on_one_host_do_not_know_of_each_other(site: Site, sshd: Sshd) -> None:
    one = defined(site, sshd, [1])
    other = site.clusters.define("default", "too", "ssh", one.definition.options)
    await running(one, 1)
    await running(other, 1)
    other.stop()
    await until(other, lambda model: model.state == "stopped")
    assert one.model().engines.registered == 1
    pids = await with_client(one, lambda client: client[:].apply_sync(os.getpid), 1)
    assert pids == [engine.pid for engine in one.engines()]


async def test_a_connection_that_is_cut_costs_nothing(site: Site, sshd: Sshd) -> None:
    cluster = defined(site, sshd, [2])
    await running(cluster, 2)
    pids = [engine.pid for engine in cluster.engines()]
    sshd.cut()
    await asyncio.sleep(1)
    values = await with_client(cluster, lambda client: client[:].apply_sync(os.getpid), 2)
    assert values == pids
    cluster.scale(3, False)
    await until(cluster, lambda model: model.engines.registered == 3)


async def test_a_restart_of_the_server_finds_engines_on_other_hosts(site: Site, sshd: Sshd) -> None:
    cluster = defined(site, sshd, [1, 1])
    await running(cluster, 2)
    pids = [engine.pid for engine in cluster.engines()]
    await site.close()
    os.kill(pids[0] or 0, signal.SIGSEGV)
    await site.open()
    cluster = site.clusters.get("default:far")
    model = await until(cluster, lambda model: model.state == "running" and model.engines.lost == 1)
    assert model.engines.registered == 1
    assert cluster.engines()[1].pid == pids[1]
    cause = cluster.engines()[0].cause
    assert cause is not None and cause.signal == 11
    # A task that is sent before the engine has found its way back is lost, as with any cut: it is sent again.
    assert await with_client(cluster, lambda client: sent_until_answered(client[1]), 1) == pids[1]


def sent_until_answered(view: Any) -> int:
    for _ in range(10):
        with contextlib.suppress(ipp.error.TimeoutError):
            return int(view.apply_async(os.getpid).get(timeout=2))
    raise AssertionError("the engine was not reached")


async def test_one_host_out_of_reach_of_two(site: Site, sshd: Sshd) -> None:
    cluster = defined(site, sshd, [1])
    assert cluster.definition.options["hosts"].append({"host": "127.0.0.99:1", "engines": 1}) is None
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state != "starting")
    assert (model.state, model.degraded, model.engines.registered) == ("running", True, 1)
    assert model.failure is not None and "127.0.0.99:1 refuses the connection" in model.failure.cause


@pytest.mark.parametrize(
    "damage, cause",
    [
        ("key", "no key that it accepts was offered"),
        ("known_hosts", "is not known yet"),
        ("changed", "is not the one that is known"),
        ("python", "has no program no-such-python"),
        ("refused", "refuses the connection"),
        ("name", "is not known"),
    ],
)
async def test_what_keeps_a_host_from_being_used_is_said(site: Site, sshd: Sshd, damage: str, cause: str) -> None:
    options: dict[str, object] = {}
    cluster = defined(site, sshd, [1])
    if damage == "key":
        (sshd.folder / "authorized_keys").write_text("")
    elif damage == "known_hosts":
        sshd.known_hosts.write_text("")
    elif damage == "changed":
        key = " ".join((sshd.folder / "user_key.pub").read_text().split()[:2])
        sshd.known_hosts.write_text(f"[{sshd.addresses[0]}]:{sshd.port} {key}\n")
    elif damage == "python":
        options["python"] = "no-such-python"
    elif damage == "refused":
        sshd.stop()
    elif damage == "name":
        options["hosts"] = [{"host": "no-such-host.invalid", "engines": 1}]
    cluster.definition.options.update(options)
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and cause in model.failure.cause, model.failure
    assert model.failure.output and model.failure.hint
    assert "host.controller" not in str(processes_marked(site.home)) or await gone(site)


async def gone(site: Site) -> bool:
    for _ in range(100):
        if "host.controller" not in str(processes_marked(site.home)):
            return True
        await asyncio.sleep(0.05)
    return False
