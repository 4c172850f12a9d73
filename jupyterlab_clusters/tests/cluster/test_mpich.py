"""Clusters whose engines are ranks of a real MPICH: its starter, Hydra, says other things than Open MPI's."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.cluster.cluster import Cluster

from .conftest import Site, until
from .test_mpi import abort, leave, running, stopped, world
from .test_real import with_client

pytestmark = [pytest.mark.timeout(120)]


@pytest.fixture
def mpich(home: Path) -> dict[str, Any]:
    """Options for it. The wheel of mpi4py looks for the library by the name that MPICH gives it, Debian by another."""
    assert shutil.which("mpiexec.mpich"), "MPICH is missing"
    known = subprocess.run(["/sbin/ldconfig", "-p"], check=True, capture_output=True, text=True).stdout
    library = re.search(r"libmpich\.so\.12 .*=> (\S+)", known)
    assert library, "the library of MPICH is missing"
    (home / "lib").mkdir()
    (home / "lib" / "libmpi.so.12").symlink_to(library[1])
    environment = {"MPI4PY_MPIABI": "mpich", "LD_LIBRARY_PATH": str(home / "lib")}
    return {"mpiexec": "mpiexec.mpich", "environment": environment}


def defined(site: Site, mpich: dict[str, Any], **options: object) -> Cluster:
    return site.clusters.define("default", "ranks", "mpi", {**mpich, **options})


def library() -> str:
    from mpi4py import MPI

    return str(MPI.Get_library_version())


async def test_start_and_stop(site: Site, mpich: dict[str, Any]) -> None:
    cluster = defined(site, mpich)
    await running(cluster, 3)
    told = await with_client(cluster, lambda client: client[:].apply_sync(world), 3)
    assert told == [(0, 3, 6), (1, 3, 6), (2, 3, 6)]
    versions = await with_client(cluster, lambda client: client[:].apply_sync(library), 3)
    assert all(version.startswith("MPICH") for version in versions)
    await stopped(site, cluster)


#: It ends all within the same moment, each by SIGKILL, and names any of them.
UNSURE = r"Rank \d seems to have been the first to end"


@pytest.mark.parametrize(
    "how, cause",
    [
        ("killed", rf"{UNSURE}|Rank 1 was killed by signal 9 \(SIGKILL\)"),
        (leave, rf"{UNSURE}|Rank \d ended with code 3"),
        (abort, "Rank 1 called MPI_Abort with code 7"),
    ],
)
async def test_the_end_of_one_rank(site: Site, mpich: dict[str, Any], how: Any, cause: str) -> None:
    cluster = defined(site, mpich)
    await running(cluster, 3)
    if how == "killed":
        os.kill(cluster.engines()[1].pid or 0, signal.SIGKILL)
    else:
        await with_client(cluster, lambda client: client[1].apply_async(how).wait(5) and None, 3)
    await until(cluster, lambda model: model.engines.lost == 3, within=15)
    model = await until(cluster, lambda model: model.failure is not None)
    assert model.failure is not None
    assert re.fullmatch(f"({cause}), and MPI ended the others with it.", model.failure.cause), model.failure
    await stopped(site, cluster)


@pytest.mark.parametrize(
    "options, cause",
    [
        ({"mpi_args": ["--no-such-argument"]}, "mpiexec does not know the argument no-such-argument."),
        ({"hostfile": "/no/such/file"}, "mpiexec could not read the hosts file."),
        ({"python": "/no/such/python"}, "mpiexec did not find the Python that the engines should use."),
    ],
)
async def test_what_it_refuses(site: Site, mpich: dict[str, Any], options: dict[str, Any], cause: str) -> None:
    cluster = defined(site, mpich, **options)
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state == "failed", within=30)
    assert model.failure is not None and model.failure.cause == cause, model.failure
    assert model.failure.output and model.failure.hint
