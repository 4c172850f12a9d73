"""What a site does to jobs, provoked for real: accounts with limits, preemption, memory, holds."""

from __future__ import annotations

import asyncio
import os
import pwd
import time
from collections.abc import Iterator

import pytest

from jupyterlab_clusters.launchers.slurm.options import slurm_options
from jupyterlab_clusters.tests.beds.slurm import Slurm

from ..faults.plugin import Fault
from .conftest import Site, until
from .queued import defined, for_one_test, running, slurm_up, stopped
from .test_real import with_client

pytestmark = [pytest.mark.timeout(120)]

#: Jobs of ``low`` make room for those of ``high``; who takes more memory than asked for is ended.
MORE = """
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=low Nodes=node[1-3] PriorityTier=1 PreemptMode=CANCEL State=UP
PartitionName=again Nodes=node[1-3] PriorityTier=1 PreemptMode=REQUEUE State=UP
PartitionName=high Nodes=node[1-3] PriorityTier=10 PreemptMode=OFF State=UP
"""


@pytest.fixture(scope="module")
def bed() -> Iterator[Slurm]:
    with slurm_up(accounts=True, more=MORE) as bed:
        bed.says("sacctmgr", "-i", "add", "qos", "small", "MaxTRESPerUser=cpu=4")
        user = pwd.getpwuid(os.getuid()).pw_name
        bed.says("sacctmgr", "-i", "modify", "user", user, "account=group", "set", "qos=normal,small")
        bed.says("sacctmgr", "-i", "modify", "account", "group", "set", "GrpTRES=cpu=8")
        yield bed


@pytest.fixture
def slurm(bed: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    return for_one_test(bed, monkeypatch)


@pytest.fixture
def site(slurm: Slurm, site: Site) -> Site:
    """Slurm comes first and goes last."""
    return site


@pytest.mark.parametrize(
    "options, cause",
    [
        ({"account": "none"}, "Slurm does not know this account, or it may not use this partition."),
        ({"account": "group", "qos": "none"}, "Slurm does not know this QOS, or you may not use it."),
    ],
)
async def test_what_the_accounts_do_not_allow(site: Site, slurm: Slurm, options: dict[str, object], cause: str) -> None:
    cluster = defined(site, **options)
    assert f"Slurm would not take this: {cause}" in (await cluster.preview(1, None)).notes
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert (model.failure.step, model.failure.cause) == ("submit", cause)
    assert model.failure.hint and "sbatch: error" in model.failure.output


async def test_a_limit_is_told_with_its_number(site: Site, slurm: Slurm) -> None:
    cluster = defined(site, account="group", cpus_per_engine=6)
    await running(cluster, 1)
    cluster.scale(2, False)
    model = await until(cluster, lambda model: model.job is not None and "limit" in (model.job.explanation or ""))
    assert (model.step, model.job.reason) == ("queue", "AssocGrpCpuLimit")
    assert model.job.explanation == "your group's limit of 8 CPUs is reached"
    await stopped(site, slurm, cluster)
    cluster.start(1, {"account": "group", "qos": "small", "cpus_per_engine": 5})
    model = await until(cluster, lambda model: model.job is not None and "limit" in (model.job.explanation or ""))
    assert model.job.explanation == "your limit of 4 CPUs, which its QOS sets, is reached"
    await stopped(site, slurm, cluster)


async def test_what_may_be_chosen_is_asked_of_the_accounts(site: Site, slurm: Slurm) -> None:
    end = time.monotonic() + 10
    while True:
        properties = slurm_options({})["properties"]
        if all("examples" in properties[name] for name in ("account", "partition")):
            break
        assert time.monotonic() < end, properties
        await asyncio.sleep(0.05)
    assert "group" in properties["account"]["examples"]
    assert properties["qos"]["examples"] == ["normal", "small"]
    assert {"long", "low", "high"} <= set(properties["partition"]["examples"])


async def test_who_cancelled_it(site: Site, slurm: Slurm) -> None:
    cluster = defined(site)
    await running(cluster, 2)
    number = cluster.model().job.id
    slurm.says("scancel", number)
    model = await until(cluster, lambda model: model.engines.lost == 2 and model.failure is not None, within=15)
    assert model.failure.cause == f"Slurm's job {number} was cancelled from outside by root."
    sentences = {engine.cause.sentence for engine in cluster.engines()}
    assert sentences == {f"ended with Slurm's job {number}, which was cancelled from outside by root"}
    await stopped(site, slurm, cluster)


@pytest.mark.fault("a job is preempted (cancelled)")
async def test_a_more_important_job_takes_its_place(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site, partition="low", extra=["--exclusive"])
    await running(cluster, 2)
    number = cluster.model().job.id
    fault.struck()
    slurm.fill(3, "--partition=high")
    model = await until(cluster, lambda model: model.engines.lost == 2 and model.failure is not None, within=15)
    fault.told()
    fault.lost = "what the engines held and did"
    assert model.failure.cause == f"Slurm's job {number} had to make room for a more important one."
    assert "which had to make room for another" in cluster.engines()[0].cause.sentence
    await stopped(site, slurm, cluster)


@pytest.mark.fault("a job is preempted (put back into the queue)")
async def test_a_more_important_job_puts_it_back_into_the_queue(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site, partition="again", extra=["--exclusive", "--requeue"])
    await running(cluster, 1)
    fault.struck()
    slurm.fill(3, "--partition=high")
    model = await until(cluster, lambda model: model.engines.lost == 1 and model.failure is not None, within=15)
    fault.told()
    fault.lost = "what the engines held and did"
    assert "put back into the queue" in model.failure.cause or "make room" in model.failure.cause
    await stopped(site, slurm, cluster)


def hog() -> int:
    import time

    kept = b"x" * (600 << 20)
    time.sleep(20)
    return len(kept)


@pytest.mark.fault("an engine takes more memory than its job asked for")
async def test_more_memory_than_it_asked_for(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site, memory="300M")
    await running(cluster, 1)
    number = cluster.model().job.id
    asked = asyncio.ensure_future(with_client(cluster, lambda client: client[0].apply_async(hog).wait(0.1), 1))
    fault.struck()
    model = await until(cluster, lambda model: model.engines.lost == 1 and model.failure is not None, within=20)
    fault.told()
    fault.lost = "what the engines held and did"
    await asked
    assert model.failure.cause == f"Slurm's job {number} used more memory than it had asked for."
    assert "memory" in model.failure.hint and "memory limit" in model.failure.output
    assert "used more memory than it had asked for" in cluster.engines()[0].cause.sentence
    await stopped(site, slurm, cluster)


@pytest.mark.fault("a job is held")
async def test_a_job_that_is_held(site: Site, slurm: Slurm, fault: Fault) -> None:
    cluster = defined(site, extra=["--hold"])
    cluster.start(1, None)
    fault.struck()
    model = await until(cluster, lambda model: "held" in str(model.job and model.job.explanation))
    fault.told()
    assert model.step == "queue" and model.job.explanation == "held by you: `scontrol release` lets it go on"
    slurm.says("scontrol", "release", model.job.id)
    await until(cluster, lambda model: model.state == "running")
    await stopped(site, slurm, cluster)


@pytest.mark.fault("slurmctld is stopped while a job waits")
async def test_slurm_falls_silent_while_a_job_waits(site: Site, slurm: Slurm, fault: Fault) -> None:
    other = slurm.fill()
    cluster = defined(site)
    cluster.start(1, None)
    await until(cluster, lambda model: model.job is not None and model.job.reason is not None)
    slurm.stop_one("slurmctld")
    fault.struck()
    model = await until(cluster, lambda model: "is not answering" in (model.job.explanation or ""), within=40)
    fault.told()
    assert (model.state, model.step, model.job.state) == ("starting", "queue", "PENDING")
    slurm.start_controller()
    began = time.monotonic()
    await until(cluster, lambda model: "nodes" in (model.job.explanation or ""), within=40)
    slurm.says("scancel", other)
    await until(cluster, lambda model: model.state == "running", within=40 - (time.monotonic() - began))
    fault.mended()
    await stopped(site, slurm, cluster)
