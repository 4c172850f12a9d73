"""Clusters whose engines run behind real sshd, each host reached by one connection."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.launchers.ssh import connection
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
async def test_two_hosts_one_connection_each(sshd: Sshd, site: Site, reach: str) -> None:
    cluster = defined(site, sshd, [2, 1], reach=reach)
    await running(cluster, 3)
    assert len(logins_of(sshd)) == 2
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
    assert len(logins_of(sshd)) == 2, "none to scale, restart or stop"
    assert "from far away" in lines(cluster, "slot-1"), "the copy stays"
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


async def test_two_clusters_on_one_host_do_not_know_of_each_other(sshd: Sshd, site: Site) -> None:
    one = defined(site, sshd, [1])
    other = site.clusters.define("default", "too", "ssh", one.definition.options)
    await running(one, 1)
    await running(other, 1)
    other.stop()
    await until(other, lambda model: model.state == "stopped")
    assert one.model().engines.registered == 1
    pids = await with_client(one, lambda client: client[:].apply_sync(os.getpid), 1)
    assert pids == [engine.pid for engine in one.engines()]


async def test_a_connection_that_is_cut_costs_nothing(sshd: Sshd, site: Site) -> None:
    cluster = defined(site, sshd, [2])
    await running(cluster, 2)
    pids = [engine.pid for engine in cluster.engines()]
    sshd.cut()
    await asyncio.sleep(1)
    values = await with_client(cluster, lambda client: client[:].apply_sync(os.getpid), 2)
    assert values == pids
    cluster.scale(3, False)
    await until(cluster, lambda model: model.engines.registered == 3)


async def test_a_restart_of_the_server_finds_engines_on_other_hosts(sshd: Sshd, site: Site) -> None:
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
    assert await work_of(cluster, 1) == pids[1:], "running is said only when work arrives"


async def work_of(cluster: Cluster, engines: int) -> list[int]:
    """Sent at once, by each way that work takes: directly, to all, and to whoever is free."""

    def all_ways(client: Any) -> list[int]:
        one = client[:].apply_async(os.getpid).get(timeout=5)
        balanced = client.load_balanced_view()
        assert {balanced.apply_async(os.getpid).get(timeout=5) for _ in range(4)} <= set(one)
        assert client.broadcast_view().apply_async(os.getpid).get(timeout=5) == one
        return list(one)

    return await with_client(cluster, all_ways, engines)


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


async def cut(cluster: Cluster, sshd: Sshd) -> None:
    """Returns when it has been noticed."""
    sshd.cut()
    model = await until(cluster, lambda model: model.degraded, within=5)
    assert model.state == "running"
    assert model.failure is not None and "The connection to" in model.failure.cause


@pytest.mark.parametrize("how", ["there", "here"])
async def test_work_that_is_sent_when_all_is_said_to_be_well_is_not_lost(sshd: Sshd, site: Site, how: str) -> None:
    cluster = defined(site, sshd, [2, 1])
    await running(cluster, 3)
    pids = await work_of(cluster, 3)
    for _ in range(3):
        if how == "there":
            await cut(cluster, sshd)
        else:
            for pid in our_ssh(sshd):
                os.kill(pid, signal.SIGKILL)
            await until(cluster, lambda model: model.degraded, within=5)
        model = await until(cluster, lambda model: not model.degraded)
        assert model.failure is None
        assert await work_of(cluster, 3) == pids


async def test_a_connection_that_the_other_end_still_believes_in_is_ended(
    sshd: Sshd, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would keep the ports by which engines reach their controller."""
    monkeypatch.setitem(connection.OPTIONS, "ServerAliveInterval", "1")
    monkeypatch.setitem(connection.OPTIONS, "ServerAliveCountMax", "2")
    # Hearts beat so often that stock limits would be over before the connection is.
    cluster = defined(site, sshd, [2], controller_args=["--HeartMonitor.period=100"])
    await running(cluster, 2)
    pids = await work_of(cluster, 2)
    asleep = sshd.serving()
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    await until(cluster, lambda model: model.degraded, within=10)
    await until(cluster, lambda model: not model.degraded, within=10)
    assert await work_of(cluster, 2) == pids
    assert [pid for pid in asleep if pid in sshd.serving()] == []


async def test_one_host_out_of_reach_of_two(sshd: Sshd, site: Site) -> None:
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
async def test_what_keeps_a_host_from_being_used_is_said(sshd: Sshd, site: Site, damage: str, cause: str) -> None:
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


def jumped(sshd: Sshd, first: str | None = None) -> None:
    """``inner`` is reached through a jump host, which is our first machine where nothing else is given."""
    name = first or sshd.host()
    jump = f"Host inner\n  HostName {sshd.addresses[1]}\n  Port {sshd.port}\n  ProxyJump {name}\n"
    sshd.config.write_text(jump + sshd.config.read_text())


async def test_engines_behind_a_jump_host(sshd: Sshd, site: Site) -> None:
    jumped(sshd)
    cluster = defined(site, sshd, [], hosts=[{"host": "inner", "engines": 2}])
    await running(cluster, 2)
    assert len(await work_of(cluster, 2)) == 2


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        ("unknown jump", r"The key of the jump host on the way to inner is not known yet\."),
        ("unknown inner", r"The key of inner is not known yet\."),
        ("changed jump", r"The key of \S+:\d+, the jump host on the way to inner, is not the one that is known.*"),
        ("refused jump", r"127\.0\.0\.99, the jump host on the way to inner, refuses the connection.*"),
        ("denied", r"127\.0\.0\.11, the jump host on the way to inner, does not let you in.*"),
        ("refused inner", r"inner refuses the connection.*"),
    ],
)
async def test_a_jump_host_is_told_from_the_host_behind_it(sshd: Sshd, site: Site, damage: str, cause: str) -> None:
    key = " ".join((sshd.folder / "host_key.pub").read_text().split()[:2])
    other = " ".join((sshd.folder / "user_key.pub").read_text().split()[:2])
    first, inner = (f"[{address}]:{sshd.port}" for address in sshd.addresses)
    jumped(sshd, "127.0.0.99:1" if damage == "refused jump" else None)
    if damage == "unknown jump":
        sshd.known_hosts.write_text(f"{inner} {key}\n")
    elif damage == "unknown inner":
        sshd.known_hosts.write_text(f"{first} {key}\n")
    elif damage == "changed jump":
        sshd.known_hosts.write_text(f"{first} {other}\n{inner} {key}\n")
    elif damage == "denied":
        (sshd.folder / "authorized_keys").write_text("")
    elif damage == "refused inner":
        sshd.config.write_text(sshd.config.read_text().replace(f"Port {sshd.port}\n  ProxyJump", "Port 1\n  ProxyJump"))
    cluster = defined(site, sshd, [], hosts=[{"host": "inner", "engines": 1}])
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and re.fullmatch(cause, model.failure.cause), model.failure
    assert model.failure.output and model.failure.hint


@pytest.mark.parametrize(
    ("kind", "cause"),
    [("without", "ipyparallel is missing in the Python of"), ("other", "has ipyparallel 7.1.0, here it is")],
)
async def test_ipyparallel_there_must_understand_ours(sshd: Sshd, site: Site, kind: str, cause: str) -> None:
    there = sshd.folder / "ipyparallel-7.1.0.dist-info"
    there.mkdir()
    (there / "METADATA").write_text("Metadata-Version: 2.1\nName: ipyparallel\nVersion: 7.1.0\n")
    begin = f"exec {sys.executable} -S" if kind == "without" else f"PYTHONPATH={sshd.folder} exec {sys.executable}"
    cluster = defined(site, sshd, [1], python=program(sshd.folder, f'{begin} "$@"'))
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and cause in model.failure.cause and "pip install" in (model.failure.hint or "")


async def test_a_function_for_another_python_is_named_as_what_killed_an_engine(sshd: Sshd, site: Site) -> None:
    """A real 3.12 ends like that by a function of 3.11 that has a ``with`` in it."""
    (sshd.folder / "sitecustomize.py").write_text("import platform\nplatform.python_version = lambda: '3.99.1'\n")
    python = program(sshd.folder, f'PYTHONPATH={sshd.folder} exec {sys.executable} "$@"')
    cluster = defined(site, sshd, [1], python=python)
    await running(cluster, 1)
    os.kill(cluster.engines()[0].pid or 0, signal.SIGSEGV)
    await until(cluster, lambda model: model.engines.lost == 1)
    cause = cluster.engines()[0].cause
    assert cause is not None and "to its Python 3.99, which cannot run it" in cause.sentence


async def test_each_host_may_have_a_python_and_arguments_of_its_own(sshd: Sshd, site: Site) -> None:
    python = program(sshd.folder, f'JLC_WHICH=own exec {sys.executable} "$@"')
    cluster = defined(site, sshd, [1, 1], engine_args=["--IPEngine.timeout=7"])
    cluster.definition.options["hosts"][1].update(python=python, engine_args=["--IPEngine.timeout=9"])
    await running(cluster, 2)

    def asked(client: Any) -> list[tuple[str | None, float]]:
        text = "(__import__('os').environ.get('JLC_WHICH'), __import__('ipyparallel').engine.app.IPEngine.instance()"
        found: list[tuple[str | None, float]] = client[:].apply_sync(eval, f"{text}.timeout)")
        return found

    assert await with_client(cluster, asked, 2) == [(None, 7), ("own", 9)]


def program(folder: Path, text: str) -> str:
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def logins_of(sshd: Sshd) -> list[str]:
    return [call for call in sshd.calls.read_text().splitlines() if "-O" not in call.split()]


def started_with(site: Site, word: str) -> list[str]:
    return [name for name in processes_marked(site.home).values() if word in name]


def our_ssh(sshd: Sshd) -> list[int]:
    """The clients of the connections that there are."""
    return [pid for pid, command in processes_marked(sshd.folder).items() if command.startswith("/usr/bin/ssh ")]


async def gone(site: Site) -> bool:
    for _ in range(100):
        if "host.controller" not in str(processes_marked(site.home)):
            return True
        await asyncio.sleep(0.05)
    return False
