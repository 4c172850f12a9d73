"""Clusters in a queue: a Slurm that several tests use one after the other, and what each of them does."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.launchers.slurm import accounts, expected, facts, queue
from jupyterlab_clusters.tests.beds.slurm import Slurm

from .conftest import Site, processes_marked, until


@contextlib.contextmanager
def slurm_up(*, accounts: bool = False, more: str = "") -> Iterator[Slurm]:
    """As for :class:`Slurm`."""
    folder = Path(tempfile.mkdtemp(prefix="jlcq"))
    bed = Slurm(folder, accounts=accounts, more=more)
    try:
        bed.start()
        yield bed
    finally:
        bed.stop()
        shutil.rmtree(folder, ignore_errors=True)


def for_one_test(bed: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """Found by what is tested, and asked more often than in earnest; nothing of the test before is known."""
    monkeypatch.setenv("SLURM_CONF", str(bed.conf))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(queue, "INTERVAL", 0.5)
    monkeypatch.setattr(queue, "CALM_INTERVAL", 0.5)
    monkeypatch.setattr(facts, "_known", {})
    monkeypatch.setattr(accounts, "_known", {})
    monkeypatch.setattr(expected, "_answers", {})
    bed.fresh()
    return bed


def defined(site: Site, **options: object) -> Cluster:
    return site.clusters.define("default", "queued", "slurm", options)


async def running(cluster: Cluster, engines: int) -> None:
    cluster.start(engines, None)
    model = await until(cluster, lambda model: model.state != "starting", within=30)
    assert model.state == "running" and model.failure is None, model.failure
    assert model.engines.registered == engines


async def stopped(site: Site, slurm: Slurm, cluster: Cluster) -> None:
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped", within=20)
    assert [job for job in slurm.jobs() if "ipp-" in job] == []
    assert ours(site) == {}


def ours(site: Site) -> dict[int, str]:
    """What is left of clusters, but for the agent that waits for the next start, and for what Slurm clears up."""
    here = f"--folder={site.home}/run "
    marked = processes_marked(site.home).items()
    return {pid: name for pid, name in marked if not name.startswith(("slurm", "/usr/sbin/slurm")) and here not in name}
