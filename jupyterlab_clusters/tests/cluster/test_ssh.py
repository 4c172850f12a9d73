"""Clusters whose engines run behind real sshd, each host reached by one connection."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.tests.beds.sshd import Sshd

from .conftest import Site, lines, until
from .overssh import defined, logins_of, program, running, started_with, work_of
from .test_real import with_client

pytestmark = [pytest.mark.timeout(120)]


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
    await until(cluster, lambda _: "from far away" in lines(cluster, "slot-1"), within=5)
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


async def test_a_host_that_the_profile_no_longer_names_is_kept_while_used(sshd: Sshd, site: Site) -> None:
    profile = site.home / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    own = {"remote_python": sys.executable, "remote_profile_dir": str(site.home / "there")}
    own["environment"] = {"JLC_TEST_HOME": str(site.home)}  # type: ignore[assignment]

    def written(hosts: list[int]) -> None:
        engines = {sshd.host(number): 1 for number in hosts}
        traits = {"Cluster": {"engine_launcher_class": "ssh"}, "SSHEngineSetLauncher": {**own, "engines": engines}}
        (profile / "ipcluster_config.json").write_text(json.dumps(traits))

    written([0, 1])
    cluster = site.clusters.get("default:")
    await cluster.parts.profiles.refresh("default")
    assert cluster.model().wanted == 2, "as many as its hosts take"
    await running(cluster, 2)
    written([0])
    await site.close()
    await site.open()
    cluster = site.clusters.get("default:")
    model = await until(cluster, lambda model: model.state == "running")
    assert model.engines.registered == 2 and len(await work_of(cluster, 2)) == 2
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped")
    assert started_with(site, "ipyparallel engine") == []


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
