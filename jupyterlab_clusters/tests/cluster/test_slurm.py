"""Clusters whose engines run in jobs of a real Slurm with three nodes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterlab_clusters.cluster import reconcile
from jupyterlab_clusters.errors import BadInput
from jupyterlab_clusters.launchers.slurm import dialback, jobs, nodes
from jupyterlab_clusters.tests.beds.slurm import NODES, Slurm

from ..fair import clock
from ..faults.plugin import Fault
from .conftest import Site, lines, until
from .napping import interrupted
from .queued import defined, for_one_test, ours, running, slurm_up, stopped
from .test_real import leads, nap, with_client

pytestmark = [pytest.mark.timeout(150)]


@pytest.fixture(scope="module")
def bed() -> Iterator[Slurm]:
    with slurm_up() as bed:
        yield bed


@pytest.fixture
def slurm(bed: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    return for_one_test(bed, monkeypatch)


@pytest.fixture
def site(slurm: Slurm, site: Site) -> Site:
    """Slurm comes first and goes last."""
    return site


async def test_three_nodes_an_agent_each(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, nodes=3)
    began = time.monotonic()
    await running(cluster, 6)
    print(f"6 engines on 3 nodes: {time.monotonic() - began:.2f} s")
    engines = cluster.engines()
    assert sorted(engine.host or "" for engine in engines) == ["node1", "node1", "node2", "node2", "node3", "node3"]
    pids = await with_client(cluster, lambda client: client[:].apply_sync(os.getpid), 6)
    assert pids == [engine.pid for engine in engines]
    parents = await with_client(cluster, lambda client: client[:].apply_sync(os.getppid), 6)
    assert len(set(parents)) == 3, "forked by one nursery a node"

    def say(client):
        client[1].apply_sync(print, "from a node", flush=True)

    await with_client(cluster, say)
    await until(cluster, lambda _: "from a node" in lines(cluster, "slot-1"), within=5)
    job = cluster.model().job
    assert job is not None and job.state == "RUNNING" and job.nodes == ["node1", "node2", "node3"]
    os.kill(pids[0], signal.SIGKILL)
    await until(cluster, lambda model: model.engines.lost == 1, within=3)
    cause = cluster.engines()[0].cause
    assert cause is not None and cause.signal == 9
    cluster.restart_engine(0)
    await until(cluster, lambda model: model.engines.registered == 6)
    assert len(slurm.jobs()) == 1
    began = time.monotonic()
    await stopped(site, slurm, cluster)
    print(f"stopped: {time.monotonic() - began:.2f} s")


async def test_scaling_inside_an_allocation_and_beyond_it(
    site: Site, slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LINGER", 0.2)
    cluster = defined(site, engines_per_node=4)
    await running(cluster, 2)
    began = time.monotonic()
    cluster.scale(4, False)
    await until(cluster, lambda model: model.engines.registered == 4)
    print(f"two more inside: {time.monotonic() - began:.2f} s")
    assert len(slurm.jobs()) == 1
    cluster.scale(6, False)
    await until(cluster, lambda model: model.engines.registered == 6 and model.step is None)
    assert len(slurm.jobs()) == 2
    cluster.scale(3, False)
    await until(cluster, lambda model: model.engines.registered == 3 and model.step is None)
    end = time.monotonic() + 10
    while len(slurm.jobs()) > 1:
        assert time.monotonic() < end, "the node that is idle was not given back"
        await asyncio.sleep(0.1)
    model = cluster.model()
    assert (model.state, model.failure, model.degraded) == ("running", None, False)
    await stopped(site, slurm, cluster)


async def test_a_node_that_is_idle_is_given_back(site: Site, slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "LINGER", 0.2)
    cluster = defined(site, nodes=3)
    await running(cluster, 6)
    await until(cluster, lambda model: model.job.asked_at is not None and len(model.job.nodes) == 3)
    cluster.scale(3, False)
    await until(cluster, lambda model: model.engines.registered == 3 and model.step is None)
    end = time.monotonic() + 10
    while "idle" not in slurm.says("sinfo", "-h", "-p", "long", "-o", "%T"):
        assert time.monotonic() < end, "the node that is idle was not given back"
        await asyncio.sleep(0.1)
    hosts = {engine.host for engine in cluster.engines() if engine.host}
    assert len(hosts) == 2 and "node1" in hosts, hosts
    model = await until(cluster, lambda model: model.job.nodes == sorted(hosts))
    assert (model.state, model.failure, model.degraded) == ("running", None, False)
    pids = await with_client(cluster, lambda client: client[:].apply_sync(os.getpid), 3)
    await site.close()
    await site.open()
    cluster = site.clusters.get("default:queued")
    await until(cluster, lambda model: model.state == "running" and model.engines.registered == 3)
    assert [engine.pid for engine in cluster.engines()] == pids
    cluster.scale(5, False)
    await until(cluster, lambda model: model.engines.registered == 5 and model.step is None)
    assert len(slurm.jobs()) == 2, "what was given back is asked for again"
    await stopped(site, slurm, cluster)


async def test_a_full_queue_is_told_and_waited_for(site: Site, slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile.Reconciler, "_patience", lambda self: 4.0)
    other = slurm.fill()
    cluster = defined(site)
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.job is not None and model.job.reason == "Resources")
    assert (model.state, model.step) == ("starting", "queue")
    assert model.job.state == "PENDING" and model.job.explanation == "waiting for nodes: 3 of 3 are in use"
    await asyncio.sleep(5)
    assert cluster.model().state == "starting", "who waits in the queue is not late"
    slurm.says("scancel", other)
    await until(cluster, lambda model: model.state == "running" and model.engines.registered == 2)
    await stopped(site, slurm, cluster)


async def test_a_job_that_waits_is_cancelled_at_once(site: Site, slurm: Slurm) -> None:
    slurm.fill()
    cluster = defined(site)
    cluster.start(2, None)
    await until(cluster, lambda model: model.step == "queue")
    began = clock()
    await stopped(site, slurm, cluster)
    assert clock() - began < 5


async def test_it_can_be_stopped_at_any_moment(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, nodes=2)
    for moment in (0.05, 0.4, 0.5, 0.7, 1.0, 1.5):
        cluster.start(4, None)
        await asyncio.sleep(moment)
        await stopped(site, slurm, cluster)


async def test_single_engines_are_interrupted_and_stopped(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, nodes=2)
    await running(cluster, 3)

    await interrupted(site, cluster, 1, 3, lambda: cluster.interrupt_engine(1))
    cluster.stop_engine(1)
    await until(cluster, lambda model: model.engines.registered == 2)
    assert cluster.engines()[1].state == "exited"
    await until(cluster, lambda model: any(engine.memory for engine in cluster.engines()), within=10)
    await stopped(site, slurm, cluster)


async def test_a_node_that_is_quicker_than_the_answer(
    site: Site, slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = site.home / "slow"
    slow.mkdir()
    (slow / "sbatch").write_text(f'#!/bin/sh\nnumber=$({shutil.which("sbatch")} "$@")\nsleep 3\necho "$number"\n')
    (slow / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow}:{os.environ['PATH']}")
    cluster = defined(site, nodes=2)
    await running(cluster, 2)
    assert len(slurm.jobs()) == 1
    await stopped(site, slurm, cluster)
    cluster.start(2, None)
    await until(cluster, lambda model: model.step == "engines")
    await asyncio.sleep(2)
    await stopped(site, slurm, cluster)


async def test_a_running_cluster_waits_for_more(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, engines_per_node=8)
    await running(cluster, 2)
    other = slurm.fill(2)
    cluster.scale(10, False)
    model = await until(cluster, lambda model: model.step == "queue")
    assert (model.state, model.degraded, model.engines.registered) == ("running", False, 8) or await until(
        cluster, lambda model: model.engines.registered == 8
    )
    cluster.scale(3, False)
    await until(cluster, lambda model: model.engines.registered == 3 and model.step is None)
    assert [job for job in slurm.jobs() if "PENDING" in job] == []
    slurm.says("scancel", other)
    await stopped(site, slurm, cluster)


@pytest.mark.fault("a job that runs is cancelled from outside")
async def test_cancelled_from_outside_is_one_cause(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site, nodes=2)
    await running(cluster, 4)
    number = cluster.model().job.id
    slurm.says("scancel", number)
    fault.struck()
    model = await until(cluster, lambda model: model.engines.lost == 4 and model.failure is not None, within=15)
    fault.told()
    assert model.failure.cause == f"Slurm's job {number} was cancelled from outside."
    assert model.state == "running" and model.degraded
    sentences = {engine.cause.sentence for engine in cluster.engines()}
    assert sentences == {f"ended with Slurm's job {number}, which was cancelled from outside"}
    cluster.scale(2, False)
    await until(cluster, lambda model: model.engines.registered == 2 and model.failure is None)
    fault.lost = "what the engines held and did"
    fault.mended(by_itself=False)
    await stopped(site, slurm, cluster)


@pytest.mark.fault("a job is put back into the queue from outside")
async def test_put_back_into_the_queue(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site, extra=["--requeue"])
    await running(cluster, 2)
    slurm.says("scontrol", "requeue", cluster.model().job.id)
    fault.struck()
    model = await until(cluster, lambda model: model.engines.lost == 2 and model.failure is not None, within=20)
    fault.told()
    fault.lost = "what the engines held and did"
    assert "was put back into the queue" in model.failure.cause
    await stopped(site, slurm, cluster)


@pytest.mark.fault("a job that waits is cancelled from outside")
async def test_cancelled_while_it_waits(site: Site, slurm: Slurm, fault: Fault) -> None:
    slurm.fill()
    cluster = defined(site)
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.step == "queue" and model.job is not None)
    slurm.says("scancel", model.job.id)
    fault.struck()
    model = await until(cluster, lambda model: model.state == "failed", within=15)
    fault.told()
    assert "was cancelled from outside" in model.failure.cause and model.failure.step == "queue"


@pytest.mark.fault("a job reaches its time limit")
async def test_the_time_limit(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site, time="1")
    await running(cluster, 1)
    job = (await until(cluster, lambda model: model.job.time_left is not None)).job
    assert job.time_left <= 60 and job.time_limit == 60
    # Slurm looks for jobs that have reached it every 30 s.
    slurm.says("scontrol", "update", f"JobId={job.id}", "EndTime=now+1seconds")
    fault.struck()
    model = await until(cluster, lambda model: model.failure is not None, within=60)
    fault.told()
    fault.lost = "what the engines held and did"
    assert "reached its time limit" in model.failure.cause and model.failure.hint
    assert cluster.engines()[0].state == "lost"
    assert "which reached its time limit" in cluster.engines()[0].cause.sentence


@pytest.mark.parametrize(
    "options, engines, cause, said",
    [
        ({"partition": "no-such"}, 1, "Slurm has no partition no-such.", "invalid partition"),
        ({"partition": "short", "time": "1:00:00"}, 1, "The partition short gives at most 10 min", "short"),
        ({"nodes": 4}, 4, "The partition long has 3 nodes, and 4 are needed.", "long"),
        ({"partition": "small", "nodes": 2}, 2, "small gives at most 1 nodes to one job, and 2 are needed.", "small"),
        ({"cpus_per_engine": 9}, 1, "The nodes of long have 8 processors, and 9 are needed on each.", "long"),
        ({"memory": "9G"}, 1, "The nodes of long have 8000 MB of memory", "long"),
        ({"constraint": "no-such"}, 1, "No node has this constraint.", "Invalid feature"),
        ({"extra": ["--no-such-option"]}, 1, "sbatch does not know the option", "unrecognized option"),
        ({"reservation": "none"}, 1, "Slurm has no such reservation for you.", "reservation"),
    ],
)
async def test_what_slurm_will_not_do_is_said(
    site: Site, slurm: Slurm, options: dict[str, object], engines: int, cause: str, said: str
) -> None:
    cluster = defined(site, **options)
    cluster.start(engines, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert cause in model.failure.cause, model.failure
    assert model.failure.step == "submit"
    assert model.failure.hint and model.failure.command and said in (model.failure.output or ""), model.failure
    assert slurm.jobs() == []


async def test_no_value_can_add_a_line(site: Site, slurm: Slurm) -> None:
    with pytest.raises(BadInput, match=r"'long\\n' does not match"):
        defined(site, partition="long\n")


async def test_the_controller_in_a_job_of_its_own(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, controller="job", nodes=2)
    preview = await cluster.preview(4, None)
    assert [file.path.rpartition("/")[2] for file in preview.files] == ["controller.sh", "job.sh"]
    began = time.monotonic()
    await running(cluster, 4)
    print(f"two jobs, one after the other: {time.monotonic() - began:.2f} s")
    model = cluster.model()
    assert model.host in NODES and len(slurm.jobs()) == 2
    assert model.job is not None and len(model.job.nodes) == 2, "the engines' once it is submitted"
    assert await with_client(cluster, lambda client: client[:].apply_sync(os.getpid), 4)
    assert "Hub listening" in lines(cluster, "controller")
    await site.close()
    await site.open()
    cluster = site.clusters.get("default:queued")
    await until(cluster, lambda model: model.state == "running" and model.engines.registered == 4)
    assert cluster.model().failure is None
    cluster.scale(2, False)
    await until(cluster, lambda model: model.engines.registered == 2 and model.step is None)
    await stopped(site, slurm, cluster)
    await running(cluster, 1)
    await stopped(site, slurm, cluster)


async def test_a_controller_in_a_job_outlives_this_machine(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, controller="job")
    await running(cluster, 2)
    pids = [engine.pid for engine in cluster.engines()]
    await site.close()
    record = next((site.home / "data").rglob("cluster.json"))
    kept = json.loads(record.read_text())
    record.write_text(json.dumps({**kept, "boot_id": "another"}))
    await site.open()
    cluster = site.clusters.get("default:queued")
    await until(cluster, lambda model: model.state == "running" and model.engines.registered == 2)
    assert [engine.pid for engine in cluster.engines()] == pids
    await stopped(site, slurm, cluster)


async def test_a_controller_that_waits_in_the_queue_is_found_again(site: Site, slurm: Slurm) -> None:
    other = slurm.fill()
    cluster = defined(site, controller="job", controller_partition="short")
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.step == "queue" and model.job is not None)
    waiting = slurm.jobs()
    assert model.state == "starting" and len(waiting) == 2
    await asyncio.sleep(0.5)
    await site.close()
    await site.open()
    cluster = site.clusters.get("default:queued")
    await until(cluster, lambda model: model.step == "queue")
    assert slurm.jobs() == waiting, "the place in the queue is kept"
    slurm.says("scancel", other)
    await until(cluster, lambda model: model.state == "running" and model.engines.registered == 2)
    await stopped(site, slurm, cluster)
    slurm.fill()
    cluster.start(2, None)
    await until(cluster, lambda model: model.step == "queue")
    await stopped(site, slurm, cluster)


async def test_a_controller_in_the_queue_of_a_silent_slurm(site: Site, slurm: Slurm) -> None:
    slurm.fill()
    cluster = defined(site, controller="job")
    cluster.start(1, None)
    await until(cluster, lambda model: model.step == "queue")
    slurm.stop_one("slurmctld")
    cluster.stop()
    await until(cluster, lambda model: model.state == "failed", within=60)
    slurm.start_controller()
    slurm.says("scancel", "--name=wrap")
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "running", within=60)
    assert model.engines.registered == 1
    await stopped(site, slurm, cluster)


async def test_the_end_of_the_controllers_job_is_a_cause(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, controller="job")
    cluster.start(0, None)
    model = await until(cluster, lambda model: model.state == "running")
    number = model.job.id
    slurm.says("scancel", number)
    await until(cluster, lambda model: model.state == "failed", within=15)
    model = await until(cluster, lambda model: "was cancelled from outside" in model.failure.cause, within=15)
    assert f"Slurm's job {number}" in model.failure.cause and "controller" in model.failure.cause
    slurm.fill()
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.step == "queue" and model.job.id != number)
    slurm.says("scancel", model.job.id)
    model = await until(cluster, lambda model: model.state == "failed", within=15)
    assert "was cancelled from outside" in model.failure.cause and model.failure.step == "queue"


async def test_a_controller_that_dies_gives_its_job_back(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, controller="job", controller_partition="short")
    await running(cluster, 1)
    job = (await until(cluster, lambda model: model.job.time_left is not None)).job
    assert (job.partition, job.time_limit) == ("long", 600), "who ends with the controller has its time"
    controller = next(pid for pid, name in ours(site).items() if leads(pid, name))
    os.kill(controller, signal.SIGKILL)
    model = await until(cluster, lambda model: model.state == "failed", within=10)
    assert "killed by signal 9" in model.failure.cause
    end = time.monotonic() + 10
    while len([one for one in slurm.jobs() if "COMPLETING" not in one]) > 1:
        assert time.monotonic() < end, slurm.jobs()
        await asyncio.sleep(0.1)
    await stopped(site, slurm, cluster)


@pytest.mark.fault("slurmctld is stopped under running engines")
async def test_a_slurm_that_is_silent_stops_nothing(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site)
    await running(cluster, 2)
    await until(cluster, lambda model: model.job.asked_at is not None)
    slurm.stop_one("slurmctld")
    fault.struck()
    model = await until(cluster, lambda model: "is not answering" in (model.job.explanation or ""), within=40)
    fault.told()
    assert (model.state, model.engines.registered, model.job.state) == ("running", 2, "RUNNING")
    assert model.job.asked_at is not None
    slurm.start_controller()
    await until(cluster, lambda model: model.job.explanation is None, within=40)
    fault.mended()
    await stopped(site, slurm, cluster)


@pytest.mark.fault("slurmctld is stopped for a minute under engines that compute", long=True)
async def test_a_minute_without_slurm(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site)
    await running(cluster, 2)
    pids = [engine.pid for engine in cluster.engines()]
    slurm.stop_one("slurmctld")
    fault.struck()
    minute = with_client(cluster, lambda client: client[:].apply(nap, os.devnull, 60).get(80), 2)
    computing = asyncio.create_task(minute)
    await until(cluster, lambda model: "is not answering" in (model.job.explanation or ""), within=40)
    fault.told()
    await computing
    slurm.start_controller()
    await until(cluster, lambda model: model.job.explanation is None, within=40)
    fault.mended()
    model = cluster.model()
    assert (model.state, model.job.state, model.failure) == ("running", "RUNNING", None)
    assert [engine.pid for engine in cluster.engines()] == pids
    cluster.scale(3, False)
    await until(cluster, lambda model: model.engines.registered == 3 and model.step is None, within=60)
    await stopped(site, slurm, cluster)


@pytest.mark.fault("slurmctld is stopped, and a cluster is to stop")
async def test_a_stop_is_proved_or_it_is_none(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site)
    await running(cluster, 2)
    slurm.stop_one("slurmctld")
    fault.struck()
    cluster.stop()
    model = await until(cluster, lambda model: model.state == "failed", within=60)
    fault.told()
    assert model.failure.cause == "Slurm does not answer." and model.failure.step == "drain"
    assert ours(site) == {}, "what can be ended without Slurm has ended"
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed" and model.failure is not None, within=60)
    slurm.start_controller()
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped", within=60)
    fault.mended(by_itself=False)
    assert [job for job in slurm.jobs() if "COMPLETING" not in job] == []
    await running(cluster, 1)


@pytest.mark.fault("slurmctld is stopped, and a cluster is to start", long=True)
async def test_a_start_without_slurm(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site)
    slurm.stop_one("slurmctld")
    cluster.start(2, None)
    fault.struck()
    model = await until(cluster, lambda model: model.state == "failed", within=90)
    fault.told()
    assert model.failure.step == "submit" and "does not answer" in model.failure.cause, model.failure
    assert model.failure.hint and model.failure.output
    await until(cluster, lambda _: ours(site) == {}, within=15)
    slurm.start_controller()
    cluster.start(2, None)
    await until(cluster, lambda model: model.state == "running" and model.engines.registered == 2, within=60)
    fault.mended(by_itself=False)
    assert len(slurm.jobs()) == 1
    await stopped(site, slurm, cluster)


@pytest.mark.fault("a node is lost (slurmd killed)")
async def test_a_node_that_fails(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site, nodes=2)
    await running(cluster, 2)
    slurm.stop_one("node2")
    fault.struck()
    model = await until(cluster, lambda model: model.failure is not None and model.engines.lost == 2, within=90)
    fault.told()
    fault.lost = "what the engines of that node held and did"
    assert model.failure.cause.startswith("A node of Slurm's job")


@pytest.mark.fault("a node is cut off from the server for a while")
async def test_a_node_that_is_cut_off_for_a_while(
    site: Site, slurm: Slurm, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(dialback, "SILENT", 2.0)
    cluster = defined(site, nodes=2)
    await running(cluster, 2)
    victim = next(engine.host for engine in cluster.engines() if engine.slot == 1)
    dialers = [pid for pid, name in ours(site).items() if "host.dialer" in name and "srun" not in name]
    stopped_one = next(pid for pid in dialers if node_of(pid) == victim)
    os.kill(stopped_one, signal.SIGSTOP)
    fault.struck()
    try:
        model = await until(cluster, lambda model: model.failure is not None, within=10)
        fault.told()
        assert model.failure.cause.startswith(f"The node {victim} of Slurm's job") and model.degraded
    finally:
        os.kill(stopped_one, signal.SIGCONT)
    model = await until(cluster, lambda model: model.failure is None and not model.degraded, within=15)
    fault.mended()
    assert model.engines.registered == 2
    monkeypatch.setattr(nodes, "DIAL_AGAIN", 1.0)
    os.kill(stopped_one, signal.SIGSTOP)
    try:
        await site.close()
        await site.open()
        cluster = site.clusters.get("default:queued")
        model = await until(cluster, lambda model: model.failure is not None)
        assert model.failure.cause.startswith(f"The node {victim}") and "not dialled in" in model.failure.cause
    finally:
        os.kill(stopped_one, signal.SIGCONT)
    model = await until(cluster, lambda model: model.failure is None and model.state == "running", within=15)
    assert (model.engines.registered, model.degraded) == (2, False)
    await stopped(site, slurm, cluster)


def node_of(pid: int) -> str | None:
    """The node of which Slurm says that it runs there."""
    found = dict(part.partition(b"=")[::2] for part in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    return found[b"SLURMD_NODENAME"].decode() if b"SLURMD_NODENAME" in found else None


async def test_a_restart_of_the_server_finds_everything(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, nodes=2)
    await running(cluster, 4)
    pids = [engine.pid for engine in cluster.engines()]
    await site.close()
    os.kill(pids[0] or 0, signal.SIGSEGV)
    await site.open()
    cluster = site.clusters.get("default:queued")
    model = await until(cluster, lambda model: model.state == "running" and model.engines.lost == 1)
    assert model.engines.registered == 3
    assert [engine.pid for engine in cluster.engines()][1:] == pids[1:]
    cause = cluster.engines()[0].cause
    assert cause is not None and cause.signal == 11
    cluster.scale(4, False)
    await until(cluster, lambda model: model.engines.registered == 4)
    await stopped(site, slurm, cluster)


async def test_a_restart_of_the_server_while_the_job_waits(site: Site, slurm: Slurm) -> None:
    other = slurm.fill()
    cluster = defined(site)
    cluster.start(2, None)
    await until(cluster, lambda model: model.step == "queue")
    await asyncio.sleep(0.3)
    await site.close()
    await site.open()
    cluster = site.clusters.get("default:queued")
    await until(cluster, lambda model: model.step == "queue")
    slurm.says("scancel", other)
    await until(cluster, lambda model: model.state == "running" and model.engines.registered == 2)
    await stopped(site, slurm, cluster)


@pytest.mark.fault("a job is cancelled while no server runs")
async def test_a_job_that_ended_while_no_server_ran(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site)
    await running(cluster, 2)
    number = cluster.model().job.id
    await site.close()
    slurm.says("scancel", number)
    await asyncio.sleep(1)
    await site.open()
    fault.struck()
    cluster = site.clusters.get("default:queued")
    model = await until(cluster, lambda model: model.engines.lost == 2 and model.failure is not None)
    fault.told()
    fault.lost = "what the engines held and did"
    assert "was cancelled from outside" in model.failure.cause


async def test_an_allocation_is_joined_and_left_alone(site: Site, slurm: Slurm) -> None:
    number = slurm.fill(2)
    cluster = defined(site, job_id=number)
    await running(cluster, 4)
    hosts = [engine.host for engine in cluster.engines()]
    assert len(set(hosts)) == 2 and len(slurm.jobs()) == 1
    cluster.scale(5, False)
    await until(cluster, lambda model: model.engines.registered == 5)
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped", within=20)
    assert [job.split()[0] for job in slurm.jobs()] == [number]
    assert ours(site) == {}


async def test_no_secret_is_seen_by_others(site: Site, slurm: Slurm) -> None:
    cluster = defined(site)
    await running(cluster, 1)
    folder = cluster.log_folder().folder / "slurm"
    assert (folder / "node.key").stat().st_mode & 0o077 == 0
    keys = json.loads((folder / "server.key").read_text())
    secrets = [value.encode() for name, value in keys.items() if name.endswith(("_secret", "_public"))]
    assert len(secrets) == 4
    number = cluster.model().job.id
    told = slurm.says("scontrol", "show", "job", "-o") + slurm.says("scontrol", "write", "batch_script", number, "-")
    assert "#SBATCH" in told
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                seen = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            assert not any(secret in seen for secret in secrets), entry
    assert not any(secret.decode() in told for secret in secrets)
    await stopped(site, slurm, cluster)
    assert not (folder / "server.key").exists()


def set_up() -> str | None:
    import os

    return os.environ.get("FROM_SET_UP")


async def test_the_preview_is_the_very_script(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, partition="short", time="5", set_up=["export FROM_SET_UP=yes"])
    began = clock()
    preview = await cluster.preview(2, None)
    assert clock() - began < 0.2
    assert preview.script and "#SBATCH --partition=short" in preview.script and slurm.jobs() == []
    assert "Would start at once." in preview.notes
    assert not cluster.log_folder().folder.exists(), "a preview writes nothing"
    await running(cluster, 2)
    written = (cluster.log_folder().folder / "slurm" / "job.sh").read_text()

    def without_name(text: str) -> list[str]:
        return [line for line in text.splitlines() if "--job-name" not in line]

    assert without_name(written) == without_name(preview.script)
    assert await with_client(cluster, lambda client: client[0].apply_sync(set_up)) == "yes"
    await stopped(site, slurm, cluster)


async def test_a_preview_knows_what_will_be(site: Site, slurm: Slurm) -> None:
    async def note(**options: object) -> str:
        return (await cluster.preview(2, options)).notes[0]

    cluster = defined(site)
    never = "The partition can never fulfil this: "
    assert await note(nodes=4, engines_per_node=1) == never + "The partition long has 3 nodes, and 4 are needed."
    limit = "The partition short gives at most 10 min, and 60 was asked for."
    assert await note(partition="short", time="60") == never + limit
    assert await note(partition="none") == "Slurm would not take this: Slurm has no partition none."
    slurm.fill(3, "--time=30")
    at = re.fullmatch(r"Would start at (\d\d:\d\d.*)\.", await note())
    assert at is not None, "when the job that fills the queue reaches its time limit"
    slurm.stop_one("slurmctld")
    began = clock()
    assert "not answered yet" in await note(partition="long")
    assert clock() - began < 0.2


def gpus() -> str | None:
    import os

    return os.environ.get("CUDA_VISIBLE_DEVICES")


async def test_engines_share_the_gpus_of_their_node(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, set_up=["export CUDA_VISIBLE_DEVICES=4,7"])
    await running(cluster, 2)
    assert await with_client(cluster, lambda client: client[:].apply_sync(gpus), 2) == ["4", "7"]
    os.kill(cluster.engines()[0].pid or 0, signal.SIGKILL)
    await until(cluster, lambda model: model.engines.lost == 1)
    cluster.restart_engine(0)
    await until(cluster, lambda model: model.engines.registered == 2)
    assert sorted(await with_client(cluster, lambda client: client[:].apply_sync(gpus), 2)) == ["4", "7"]
    await stopped(site, slurm, cluster)


async def test_what_the_profile_says_is_honoured(site: Site, slurm: Slurm) -> None:
    profile = site.home / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    settings = {"SlurmEngineSetLauncher": {"queue": "short", "timelimit": "0:05:00"}}
    (profile / "ipcluster_config.json").write_text(json.dumps(settings))
    cluster = defined(site)
    await running(cluster, 1)
    model = await until(cluster, lambda model: model.job.time_left is not None)
    assert model.job.partition == "short" and model.job.time_left <= 300
    await stopped(site, slurm, cluster)


async def test_a_port_that_is_taken_costs_no_engine(site: Site, slurm: Slurm) -> None:
    cluster = defined(site)
    await running(cluster, 1)
    port = json.loads((cluster.log_folder().folder / "slurm" / "node.key").read_text())["port"]
    await site.close()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("0.0.0.0", port))
        taken.listen()
        await site.open()
        cluster = site.clusters.get("default:queued")
        model = await until(cluster, lambda model: model.state == "running" and model.engines.registered == 1)
        assert model.failure is not None and f"port {port}" in model.failure.cause
    assert await with_client(cluster, lambda client: client[0].apply_sync(os.getpid), 1)
    await stopped(site, slurm, cluster)


async def test_no_slurm_here(site: Site, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    cluster = defined(site)
    monkeypatch.setenv("PATH", str(home))
    monkeypatch.setenv("SLURM_CONF", str(home / "none"))
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure.cause == "Slurm's commands (sbatch) are not installed on this machine."
    monkeypatch.undo()
