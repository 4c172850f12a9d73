"""Clusters whose engines are ranks of a real mpiexec."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.errors import WrongState

from ..faults.plugin import Fault
from .conftest import Site, lines, processes_marked, until
from .napping import interrupted
from .test_real import with_client

pytestmark = [pytest.mark.timeout(120)]


@pytest.fixture(autouse=True)
def mpi(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shutil.which("mpiexec"), "Open MPI is missing"
    for name in ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"):
        monkeypatch.setenv(name, "1")


def defined(site: Site, **options: object) -> Cluster:
    options.setdefault("mpi_args", ["--oversubscribe"])
    return site.clusters.define("default", "ranks", "mpi", options)


async def running(cluster: Cluster, engines: int) -> None:
    cluster.start(engines, None)
    model = await until(cluster, lambda model: model.state != "starting", within=60)
    assert model.state == "running" and model.failure is None, model.failure
    assert model.engines.registered == engines


async def stopped(site: Site, cluster: Cluster) -> None:
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped", within=15)
    left = {pid: name for pid, name in processes_marked(site.home).items() if "host.agent" not in name}
    assert left == {}


def world() -> tuple[int, int, int]:
    from mpi4py import MPI

    comm = MPI.COMM_WORLD
    return comm.Get_rank(), comm.Get_size(), comm.allreduce(comm.Get_rank() + 1)


async def test_engines_are_one_mpi_program(site: Site) -> None:
    cluster = defined(site)
    await running(cluster, 3)
    told = await with_client(cluster, lambda client: client[:].apply_sync(world), 3)
    assert told == [(0, 3, 6), (1, 3, 6), (2, 3, 6)]
    pids = await with_client(cluster, lambda client: client[:].apply_sync(os.getpid), 3)
    assert pids == [engine.pid for engine in cluster.engines()], "the slot is the rank"

    def say(client: Any) -> None:
        client[1].apply_sync(print, "rank one speaks", flush=True)

    await with_client(cluster, say)
    await until(cluster, lambda _: "rank one speaks" in lines(cluster, "slot-1"), within=5)
    assert "rank one speaks" not in lines(cluster, "slot-0") + lines(cluster, "job")
    await stopped(site, cluster)
    assert "rank one speaks" in lines(cluster, "slot-1"), "the log stays"


async def test_another_number_is_another_program_under_the_same_controller(site: Site) -> None:
    cluster = defined(site)
    await running(cluster, 1)
    controller = await with_client(cluster, lambda client: client.session.key, 1)
    with pytest.raises(WrongState) as refused:
        cluster.scale(2, False)
    assert refused.value.reason == "restart-needed"
    cluster.scale(2, True)
    await until(cluster, lambda model: model.engines.registered == 2, within=30)
    told = await with_client(cluster, lambda client: client[:].apply_sync(world), 2)
    assert sorted(told) == [(0, 2, 3), (1, 2, 3)]
    assert controller == await with_client(cluster, lambda client: client.session.key, 2)
    await stopped(site, cluster)


async def test_one_rank_is_interrupted(site: Site) -> None:
    cluster = defined(site)
    await running(cluster, 2)

    await interrupted(site, cluster, 1, 2, lambda: cluster.interrupt_engine(1))
    assert cluster.model().engines.registered == 2


def leave() -> None:
    os._exit(3)


def abort() -> None:
    from mpi4py import MPI

    MPI.COMM_WORLD.Abort(7)


@pytest.mark.fault("one rank of MPI ends")
@pytest.mark.parametrize(
    "how, cause, own",
    [
        ("killed", r"was killed by signal 9 \(SIGKILL\)", (9, None)),
        (leave, "ended with code 3", (None, 3)),
        # Open MPI does not always get round to saying that it was MPI_Abort.
        (abort, "(ended|called MPI_Abort) with code 7", (None, 7)),
    ],
)
async def test_the_end_of_one_rank_is_one_failure(
    site: Site, how: Any, cause: str, own: tuple[int, int], fault: Fault
) -> None:
    fault.name = f"one rank of MPI {'is killed' if how == 'killed' else how.__name__ + 's'}"
    cluster = defined(site)
    await running(cluster, 3)
    if how == "killed":
        os.kill(cluster.engines()[1].pid or 0, signal.SIGKILL)
    else:
        await with_client(cluster, lambda client: client[1].apply_async(how).wait(5) and None, 3)
    fault.struck()
    model = await until(cluster, lambda model: model.engines.lost == 3, within=15)
    assert model.state == "running" and model.degraded
    model = await until(cluster, lambda model: model.failure is not None)
    fault.told()
    assert re.fullmatch(f"Rank 1 {cause}, and MPI ended the others with it.", model.failure.cause)
    assert model.failure.log == "slot-1" and model.failure.output
    causes = [engine.cause for engine in cluster.engines()]
    assert (causes[1].signal, causes[1].exit_code) == own
    assert causes[0].sentence.startswith("ended by MPI, as rank 1 ")
    cluster.scale(3, False)  # nothing runs that would have to be asked for
    model = await until(cluster, lambda model: model.engines.registered == 3, within=30)
    fault.lost = "what the engines held and did"
    fault.mended(by_itself=False)
    assert model.failure is None
    told = await with_client(cluster, lambda client: client[:].apply_sync(world), 3)
    assert sorted(told) == [(0, 3, 6), (1, 3, 6), (2, 3, 6)]
    await stopped(site, cluster)


@pytest.mark.fault("mpiexec is killed (SIGKILL)")
async def test_mpiexec_is_killed(site: Site, fault: Fault) -> None:
    cluster = defined(site)
    await running(cluster, 3)
    os.kill(mpiexec_of(site), signal.SIGKILL)
    fault.struck()
    model = await until(cluster, lambda model: model.engines.lost == 3 and model.failure is not None, within=15)
    fault.told()
    assert model.state == "running" and model.degraded and "mpiexec" in model.failure.cause, model.failure
    fault.lost = "what the engines held and did"
    cluster.scale(3, False)
    model = await until(cluster, lambda model: model.engines.registered == 3, within=30)
    fault.mended(by_itself=False)
    assert sorted(await with_client(cluster, lambda client: client[:].apply_sync(world), 3))[0] == (0, 3, 6)
    await stopped(site, cluster)


@pytest.mark.fault("a rank of MPI is stopped (SIGSTOP)", long=True)
async def test_a_rank_is_asleep(site: Site, fault: Fault) -> None:
    profile = site.home / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    # Hearts are missed after 5 s where it is half a minute.
    (profile / "ipcontroller_config.py").write_text("c = get_config()\nc.HeartMonitor.period = 500\n")
    cluster = defined(site)
    await running(cluster, 2)
    asleep = cluster.engines()[1].pid or 0
    os.kill(asleep, signal.SIGSTOP)
    fault.struck()
    try:
        await until(cluster, lambda model: model.engines.registered == 1 and model.degraded, within=30)
        fault.told()
        assert cluster.engines()[1].state == "unregistered", "it lives, and is not heard of"
        await stopped(site, cluster)
        fault.mended(by_itself=False)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(asleep, signal.SIGCONT)
    fault.lost = "what that engine did"


@pytest.mark.fault("a rank of MPI is killed while no server runs", long=True)
async def test_a_rank_is_killed_while_no_server_runs(site: Site, fault: Fault) -> None:
    cluster = defined(site)
    await running(cluster, 2)
    victim = cluster.engines()[0].pid or 0
    await site.close()
    os.kill(victim, signal.SIGKILL)
    await asyncio.sleep(2)
    fault.struck()  # that is, a server is there again
    await site.open()
    cluster = site.clusters.get("default:ranks")
    model = await until(cluster, lambda model: model.failure is not None and model.engines.lost == 2, within=15)
    fault.told()
    assert model.failure.cause.startswith("Rank 0 was killed by signal 9"), model.failure
    fault.lost = "what the engines held and did"
    await stopped(site, cluster)


def mpiexec_of(site: Site) -> int:
    return next(pid for pid, name in processes_marked(site.home).items() if name.startswith("mpiexec "))


async def test_a_restart_of_the_server_finds_the_ranks(site: Site) -> None:
    cluster = defined(site)
    await running(cluster, 2)
    pids = [engine.pid for engine in cluster.engines()]
    await site.close()
    await site.open()
    cluster = site.clusters.get("default:ranks")
    await until(cluster, lambda model: model.state == "running" and model.engines.registered == 2)
    assert [engine.pid for engine in cluster.engines()] == pids
    os.kill(pids[0] or 0, signal.SIGKILL)
    model = await until(cluster, lambda model: model.failure is not None and model.engines.lost == 2, within=15)
    assert model.failure.cause.startswith("Rank 0 was killed by signal 9")
    await stopped(site, cluster)


async def test_too_few_slots(site: Site) -> None:
    cluster = defined(site, mpi_args=[])
    cluster.start(64, None)
    model = await until(cluster, lambda model: model.state == "failed", within=30)
    cores = len(
        {
            Path(core).read_text()
            for core in map(str, Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology/core_id"))
        }
    )
    assert model.failure.cause == f"Open MPI has only {cores} slots here, 64 engines were asked for."
    assert "--oversubscribe" in model.failure.hint
    assert "not enough slots" in model.failure.output
    assert model.failure.command and model.failure.command[0] == "mpiexec"


@pytest.mark.skipif(os.getuid() != 0, reason="only root is refused")
async def test_root_is_told_why_it_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMPI_ALLOW_RUN_AS_ROOT")
    cluster = defined(site)
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state == "failed", within=30)
    assert model.failure.cause == "Open MPI refuses to run as root."


async def test_no_mpiexec(site: Site) -> None:
    cluster = defined(site, mpiexec="no-such-mpiexec --flag")
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure.cause == "no-such-mpiexec was not found." and model.failure.hint


async def test_no_mpi4py(site: Site) -> None:
    hidden = site.home / "hidden" / "mpi4py"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'mpi4py'\")\n")
    cluster = defined(site, environment={"PYTHONPATH": str(hidden.parent)})
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state == "failed", within=40)
    assert "mpi4py" in model.failure.cause, model.failure


async def test_an_argument_that_mpiexec_does_not_know(site: Site) -> None:
    cluster = defined(site, mpi_args=["--no-such-argument"])
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state == "failed", within=40)
    assert model.failure.output and "no-such-argument" in model.failure.cause + model.failure.output


async def test_stop_while_the_ranks_come(site: Site) -> None:
    cluster = defined(site)
    cluster.start(4, None)
    await until(cluster, lambda model: model.step == "engines")
    await stopped(site, cluster)
