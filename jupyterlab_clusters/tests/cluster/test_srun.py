"""Clusters started inside a real Slurm allocation: its srun starts the ranks."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.tests.beds.slurm import Slurm

from .conftest import Site, processes_marked, until
from .queued import slurm_up
from .test_mpi import abort, leave, running, world
from .test_mpich import library, mpich  # noqa: F401 - a fixture
from .test_real import with_client

pytestmark = [pytest.mark.timeout(120)]


@pytest.fixture
def slurm() -> Iterator[Slurm]:
    with slurm_up() as bed:
        yield bed


def allocated(slurm: Slurm, monkeypatch: pytest.MonkeyPatch, nodes: int) -> str:
    """As if JupyterLab had been started in it; Debian's PMIx keeps its files in one folder for all nodes of a bed."""
    words = ["sbatch", "--parsable", f"--nodes={nodes}", "--ntasks=4", "--output=/dev/null", "--wrap=sleep 600"]
    job = slurm.says(*words).strip()
    end = time.monotonic() + 20
    while "RUNNING" not in slurm.says("squeue", "-h", "-j", job, "-o", "%T"):
        assert time.monotonic() < end
        time.sleep(0.1)
    for name, value in (("SLURM_CONF", str(slurm.conf)), ("SLURM_JOB_ID", job), ("SLURM_NTASKS", "4")):
        monkeypatch.setenv(name, value)
    return job


def defined(site: Site, **options: object) -> Cluster:
    return site.clusters.define("default", "ranks", "mpi", options)


async def stopped(site: Site, cluster: Cluster) -> None:
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped", within=15)
    ours = ("host.rank", "host.controller", "ipengine")
    assert [name for name in processes_marked(site.home).values() if any(word in name for word in ours)] == []


async def no_step_is_left(slurm: Slurm, job: str) -> None:
    """Soon after its processes, of which none is left: each node tells Slurm of the end of its part by itself."""
    end = time.monotonic() + 10
    while steps := [
        step
        for step in slurm.says("squeue", "-h", "-s", "-j", job, "-o", "%i").split()
        if not step.endswith((".batch", ".extern"))
    ]:
        assert time.monotonic() < end, steps
        await asyncio.sleep(0.1)


async def test_ranks_of_open_mpi(slurm: Slurm, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    job = allocated(slurm, monkeypatch, 1)
    cluster = defined(site)
    await running(cluster, 3)
    told = await with_client(cluster, lambda client: client[:].apply_sync(world), 3)
    assert told == [(0, 3, 6), (1, 3, 6), (2, 3, 6)]
    assert await with_client(cluster, lambda client: client[0].apply_sync(os.getenv, "SLURM_STEP_ID")) is not None
    await stopped(site, cluster)
    await no_step_is_left(slurm, job)
    assert slurm.says("squeue", "-h", "-j", job, "-o", "%T").strip() == "RUNNING", "the allocation is left alone"


async def test_ranks_of_mpich_on_two_nodes(
    slurm: Slurm,
    site: Site,
    mpich: dict[str, Any],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = allocated(slurm, monkeypatch, 2)
    cluster = defined(site, environment=mpich["environment"])
    await running(cluster, 4)
    assert await with_client(cluster, lambda client: client[:].apply_sync(world), 4) == [
        (rank, 4, 10) for rank in range(4)
    ]
    assert (await with_client(cluster, lambda client: client[0].apply_sync(library))).startswith("MPICH")
    nodes = await with_client(cluster, lambda client: client[:].apply_sync(os.getenv, "SLURMD_NODENAME"))
    assert len(set(nodes)) == 2
    await stopped(site, cluster)
    await no_step_is_left(slurm, job)


@pytest.mark.parametrize(
    "how, cause",
    [
        ("killed", r"was killed by signal 9 \(SIGKILL\)"),
        (leave, "ended with code 3"),
        (abort, "called MPI_Abort with code 7"),
    ],
)
async def test_the_end_of_one_rank(
    slurm: Slurm, site: Site, monkeypatch: pytest.MonkeyPatch, how: Any, cause: str
) -> None:
    allocated(slurm, monkeypatch, 1)
    cluster = defined(site)
    await running(cluster, 3)
    if how == "killed":
        os.kill(cluster.engines()[1].pid or 0, signal.SIGKILL)
    else:
        await with_client(cluster, lambda client: client[1].apply_async(how).wait(5) and None, 3)
    await until(cluster, lambda model: model.engines.lost == 3, within=15)
    model = await until(cluster, lambda model: model.failure is not None)
    assert model.failure is not None
    assert re.fullmatch(f"Rank 1 {cause}, and MPI ended the others with it.", model.failure.cause), model.failure
    await stopped(site, cluster)


async def test_more_than_the_allocation_has(slurm: Slurm, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    allocated(slurm, monkeypatch, 1)
    cluster = defined(site)
    cluster.start(64, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None
    assert model.failure.cause == "The Slurm allocation has not as many processors as engines were asked for."
    assert model.failure.command and model.failure.command[:2] == ["srun", "--mpi=pmix"]
    assert "--overcommit" in (model.failure.hint or "") and model.failure.output


async def test_another_program_may_be_named(slurm: Slurm, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    allocated(slurm, monkeypatch, 1)
    cluster = defined(site, mpiexec="no-such-mpiexec")
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and model.failure.cause == "no-such-mpiexec was not found."
