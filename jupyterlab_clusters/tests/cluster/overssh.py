"""Clusters over a real sshd, for the tests of several files: how they are defined, used and cut off."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.tests.beds.sshd import Sshd

from .conftest import Site, processes_marked, until
from .test_real import with_client


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


async def work_of(cluster: Cluster, engines: int) -> list[int]:
    """Sent at once, by each way that work takes: directly, to all, and to whoever is free."""

    def all_ways(client: Any) -> list[int]:
        one = client[:].apply_async(os.getpid).get(timeout=5)
        balanced = client.load_balanced_view()
        assert {balanced.apply_async(os.getpid).get(timeout=5) for _ in range(4)} <= set(one)
        assert client.broadcast_view().apply_async(os.getpid).get(timeout=5) == one
        return list(one)

    return await with_client(cluster, all_ways, engines)


def logins_of(sshd: Sshd) -> list[str]:
    return [call for call in sshd.calls.read_text().splitlines() if "-O" not in call.split()]


def started_with(site: Site, word: str) -> list[str]:
    return [name for name in processes_marked(site.home).values() if word in name]


def our_ssh(sshd: Sshd) -> list[int]:
    """The clients of the connections that there are."""
    return [pid for pid, command in processes_marked(sshd.folder).items() if command.startswith("/usr/bin/ssh ")]


def program(folder: Path, text: str) -> str:
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


async def cut(cluster: Cluster, sshd: Sshd) -> None:
    """Returns when it has been noticed."""
    sshd.cut()
    model = await until(cluster, lambda model: model.degraded, within=5)
    assert model.state == "running"
    assert model.failure is not None and "There is no connection to" in model.failure.cause
