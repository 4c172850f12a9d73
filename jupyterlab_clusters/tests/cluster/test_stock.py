"""Profiles run as written: launchers of third parties, batch templates, and a university's way over ssh."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.tests.beds.slurm import Slurm
from jupyterlab_clusters.tests.beds.sshd import first_in_path

from ..faults.plugin import Fault
from .conftest import Site, lines, processes_marked, until
from .napping import interrupted
from .queued import for_one_test, slurm_up
from .test_real import with_client

pytestmark = [pytest.mark.timeout(180)]

#: A third party's launcher, as a site would write one: engines of its own kind, one after another.
MINE = """
from ipyparallel.cluster.launcher import LocalEngineSetLauncher

class MineEngineSetLauncher(LocalEngineSetLauncher):
    def start(self, n):
        print("mine starts", n, flush=True)
        return super().start(n)
"""


def profile(site: Site, text: str, name: str = "default") -> Path:
    folder = site.home / "ipython" / f"profile_{name}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ipcluster_config.py").write_text("c = get_config()  # noqa\n" + dedent(text))
    return folder


async def known(site: Site, name: str = "default") -> Cluster:
    """The profile's own cluster, when the profile has been read."""
    cluster = site.clusters.get(f"{name}:")
    await cluster.parts.profiles.refresh(name)
    return cluster


async def running(cluster: Cluster, engines: int, within: float = 60) -> Any:
    cluster.start(engines, None)
    model = await until(cluster, lambda model: model.state != "starting", within=within)
    assert (model.state, model.failure) == ("running", None), model.failure
    assert model.engines.registered == engines
    return model


async def stopped(cluster: Cluster, within: float = 60) -> None:
    cluster.stop()
    model = await until(cluster, lambda model: model.state in ("stopped", "failed"), within=within)
    assert (model.state, model.failure) == ("stopped", None)


def left(site: Site) -> list[str]:
    stay = ("host.agent", "host.nursery", "sshd", "slurm", "munge", "multiprocessing.resource_tracker")
    return [name for name in processes_marked(site.home).values() if not any(one in name for one in stay)]


@pytest.fixture
def mine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "sites").mkdir()
    (home / "sites" / "mine.py").write_text(MINE)
    distribution = home / "sites" / "mine-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    entry = "[ipyparallel.engine_launchers]\nmine = mine:MineEngineSetLauncher\n"
    (distribution / "entry_points.txt").write_text(entry)
    path = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", str(home / "sites") + (os.pathsep + path if path else ""))


@pytest.mark.usefixtures("mine")
async def test_a_third_partys_launcher(site: Site) -> None:
    profile(site, "c.Cluster.engine_launcher_class = 'mine.MineEngineSetLauncher'")
    cluster = await known(site)
    assert cluster.model().launcher == "stock"
    model = await running(cluster, 2)
    assert model.as_written is not None and "mine.MineEngineSetLauncher" in model.as_written
    assert (model.capabilities.scale, model.capabilities.stop_one) == ("restart", False)
    pids = await with_client(cluster, lambda client: client[:].apply_sync(os.getpid), 2)
    await until(cluster, lambda _: [engine.pid for engine in cluster.engines()] == pids)
    assert [engine.id for engine in cluster.engines()] == [0, 1]
    await with_client(cluster, lambda client: client[:].apply_sync(print, "a word for the log", flush=True), 2)
    await until(cluster, lambda _: lines(cluster, "job").count("a word for the log") == 2)
    assert "mine starts 2" in lines(cluster, "job") and "[engine 1] a word for the log" in lines(cluster, "job")

    os.kill(pids[1], signal.SIGKILL)
    await until(cluster, lambda model: model.engines.lost == 1, within=15)
    cause = cluster.engines()[1].cause
    assert cause is not None and "let go of by the controller" in cause.sentence

    await site.close()
    await site.open()
    cluster = site.clusters.get("default:")
    model = await until(cluster, lambda model: model.state == "running" and model.engines.registered == 1)
    assert model.engines.lost == 1 and cluster.engines()[0].pid == pids[0]

    cluster.scale(3, True)
    await until(cluster, lambda model: model.engines.registered == 3 and model.step is None, within=60)
    await stopped(cluster)
    assert left(site) == []


@pytest.mark.fault("the program of ipyparallel's own launcher is killed (SIGKILL)")
@pytest.mark.usefixtures("mine")
async def test_its_program_is_killed(site: Site, fault: Fault) -> None:
    profile(site, "c.Cluster.engine_launcher_class = 'mine'")
    cluster = await known(site)
    await running(cluster, 2)
    os.kill(next(pid for pid, name in processes_marked(site.home).items() if "host.stock" in name), signal.SIGKILL)
    fault.struck()
    model = await until(cluster, lambda model: model.engines.lost == 2 and model.failure is not None, within=15)
    fault.told()
    assert model.failure is not None and "ipyparallel's launcher of the engines has ended" in model.failure.cause
    fault.lost = "what the engines held and did"
    cluster.scale(2, True)
    await until(cluster, lambda model: model.engines.registered == 2 and model.step is None, within=60)
    fault.mended(by_itself=False)
    await stopped(cluster)
    assert left(site) == []


@pytest.mark.fault("engines of ipyparallel's own launcher are killed while no server runs", long=True)
@pytest.mark.usefixtures("mine")
async def test_its_engines_are_killed_while_no_server_runs(site: Site, fault: Fault) -> None:
    profile(site, "c.Cluster.engine_launcher_class = 'mine'")
    cluster = await known(site)
    await running(cluster, 2)
    pids = await with_client(cluster, lambda client: client[:].apply_sync(os.getpid), 2)
    await until(cluster, lambda _: [engine.pid for engine in cluster.engines()] == pids)
    await site.close()
    os.kill(pids[0], signal.SIGKILL)
    await asyncio.sleep(2)
    fault.struck()  # that is, a server is there again
    await site.open()
    cluster = site.clusters.get("default:")
    await until(cluster, lambda model: model.engines.lost == 1 and model.degraded, within=40)
    fault.told()
    fault.lost = "what that engine held and did"
    cause = cluster.engines()[0].cause
    assert cause is not None and cluster.engines()[1].pid == pids[1]
    await stopped(cluster)
    assert left(site) == []


@pytest.mark.usefixtures("mine")
async def test_a_task_is_interrupted_through_the_hub(site: Site) -> None:
    profile(site, "c.Cluster.engine_launcher_class = 'mine'  # by its entry point")
    cluster = await known(site)
    await running(cluster, 1)
    await interrupted(site, cluster, 0, 1, cluster.interrupt)
    await stopped(cluster)


async def test_what_the_launcher_needs_and_is_not_there_is_named(site: Site) -> None:
    assert shutil.which("qsub") is None
    profile(site, "c.Cluster.engine_launcher_class = 'pbs'")
    cluster = await known(site)
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed", within=30)
    assert model.failure is not None
    assert model.failure.cause == "qsub was not found on this machine."
    await until(cluster, lambda _: left(site) == [])


@pytest.mark.usefixtures("mine")
async def test_the_launcher_is_what_the_profile_says_when_it_starts(site: Site) -> None:
    profile(site, "c.Cluster.engine_launcher_class = 'mine'")
    cluster = site.clusters.get("default:")
    assert cluster.model().launcher == "local", "its files have not been read yet"
    await running(cluster, 1)
    assert cluster.model().launcher == "stock"
    await stopped(cluster)
    profile(site, "c.Cluster.n = 1")
    await running(cluster, 1)
    assert cluster.model().launcher == "local" and cluster.model().capabilities.stop_one
    await stopped(cluster)


@pytest.mark.usefixtures("mine")
async def test_what_runs_stays_what_it_was_when_the_profile_changes(site: Site) -> None:
    profile(site, "c.Cluster.engine_launcher_class = 'mine'")
    cluster = await known(site)
    await running(cluster, 1)
    profile(site, "c.Cluster.n = 1")
    await cluster.parts.profiles.refresh("default")
    await site.close()
    await site.open()
    cluster = site.clusters.get("default:")
    model = await until(cluster, lambda model: model.state == "running" and model.engines.registered == 1)
    assert model.launcher == "stock" and model.as_written and not model.capabilities.stop_one
    await stopped(cluster)
    assert left(site) == []
    await running(cluster, 1)
    assert cluster.model().launcher == "local" and cluster.model().as_written is None
    await stopped(cluster)


async def test_a_launcher_that_breaks_breaks_nothing_else(site: Site) -> None:
    profile(site, "c.Cluster.engine_launcher_class = 'nowhere.Launcher'")
    cluster = await known(site)
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed", within=30)
    assert model.failure is not None and "nowhere" in (model.failure.output or "") + model.failure.cause


# -- Slurm, with templates ----------------------------------------------------

TEMPLATES = """
    c.Cluster.engine_launcher_class = 'slurm'
    c.Cluster.controller_ip = '*'
    c.SlurmEngineSetLauncher.queue = 'short'
    c.SlurmEngineSetLauncher.timelimit = '5'
    c.SlurmEngineSetLauncher.batch_template = '''#!/bin/bash
    #SBATCH --job-name=as-written
    #SBATCH --partition={queue}
    #SBATCH --time={timelimit}
    #SBATCH --nodes={n//5+1}
    #SBATCH --ntasks={n}
    #SBATCH --output={profile_dir}/log/mine-%j.out
    echo "a template of {cluster_id!r} here"
    srun {program_and_args}
    '''
""".replace("{cluster_id!r}", "{profile_dir}")


@pytest.fixture(scope="module")
def bed() -> Iterator[Slurm]:
    with slurm_up() as bed:
        yield bed


@pytest.fixture
def slurm(bed: Slurm, home: Path, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    monkeypatch.chdir(home)  # a template that says nothing else has its output written there
    return for_one_test(bed, monkeypatch)


async def test_a_batch_template_is_used_as_written(slurm: Slurm, site: Site) -> None:
    folder = profile(site, TEMPLATES)
    cluster = await known(site)
    model = cluster.model()
    assert model.launcher == "slurm" and "SlurmEngineSetLauncher.batch_template" in (model.as_written or "")
    assert not model.capabilities.stop_one
    await running(cluster, 6)
    model = await until(cluster, lambda model: model.job is not None and model.job.state == "RUNNING", within=30)
    assert model.job is not None and model.job.partition == "short" and len(model.job.nodes) == 2
    assert await with_client(cluster, lambda client: len(client[:].apply_sync(os.getpid)), 6) == 6
    await until(cluster, lambda _: "a template of" in lines(cluster, "job"), within=10)
    assert list((folder / "log").glob("mine-*.out")), "and where the template says"
    await stopped(cluster)
    assert slurm.says("squeue", "-h") == ""
    assert left(site) == []


@pytest.mark.fault("a job of a batch template is cancelled")
async def test_an_end_of_the_job_is_the_cause(slurm: Slurm, site: Site, fault: Fault) -> None:
    profile(site, TEMPLATES)
    cluster = await known(site)
    await running(cluster, 1)
    job = cluster.model().job
    assert job is not None
    slurm.says("scancel", job.id)
    fault.struck()
    model = await until(cluster, lambda model: model.engines.lost == 1 and model.failure is not None, within=30)
    fault.told()
    fault.lost = "what the engines held and did"
    assert model.failure is not None and "cancelled" in model.failure.cause
    await stopped(cluster)


async def test_controller_and_engines_in_jobs(slurm: Slurm, site: Site) -> None:
    folder = profile(
        site,
        """
        c.Cluster.engine_launcher_class = 'slurm'
        c.Cluster.controller_launcher_class = 'slurm'
        c.Cluster.controller_ip = '*'
        c.SlurmControllerLauncher.queue = 'short'
        c.SlurmEngineSetLauncher.queue = 'short'
        c.SlurmEngineSetLauncher.batch_template_file = '%s'
        """
        % (site.home / "engines.template"),
    )
    template = "#!/bin/sh\n#SBATCH --partition={queue} --ntasks={n}\nsrun {program_and_args}\n"
    (site.home / "engines.template").write_text(template)
    cluster = await known(site)
    await running(cluster, 2, within=90)
    assert len(slurm.says("squeue", "-h", "-o", "%i").split()) == 2
    await site.close()
    await site.open()
    cluster = site.clusters.get("default:")
    await until(cluster, lambda model: model.state == "running" and model.engines.registered == 2, within=30)
    assert await with_client(cluster, lambda client: len(client[:].apply_sync(os.getpid)), 2) == 2
    await stopped(cluster)
    assert slurm.says("squeue", "-h") == ""
    assert left(site) == [] and not list((folder / "security").glob("*.json"))


async def test_a_refusal_of_sbatch_is_told(slurm: Slurm, site: Site) -> None:
    profile(site, TEMPLATES.replace("'short'", "'nowhere'"))
    cluster = await known(site)
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed", within=30)
    assert model.failure is not None and "partition" in model.failure.cause.lower()
    assert "invalid partition" in (model.failure.output or "").lower()
    assert slurm.says("squeue", "-h") == ""


async def test_what_the_form_wrote_is_what_ipcluster_starts(slurm: Slurm, site: Site) -> None:
    options = {"partition": "short", "time": "7", "nodes": 2, "set_up": ['echo "${SLURM_JOB_ID} is set up"']}
    cluster = await known(site)
    profiles = cluster.parts.profiles
    await asyncio.to_thread(profiles.write, "default", {"Cluster.n": 4}, "slurm", options)
    await profiles.refresh("default", anew=True)
    model = profiles.model("default")
    assert (model.launcher, model.options, model.as_written) == ("slurm", options, None)

    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ipyparallel.cluster", "start", "--profile=default", "--cluster-id=cli", "--daemonize"),
        cwd=site.home,
    )
    assert await asyncio.wait_for(started.wait(), 60) == 0
    told = slurm.says("scontrol", "show", "job", "-o", slurm.jobs()[0].split()[0])
    for said in ("Partition=short", "TimeLimit=00:07:00", "NumNodes=2", "NumTasks=4"):
        assert said in told
    stopping = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ipyparallel.cluster", "stop", "--profile=default", "--cluster-id=cli"), cwd=site.home
    )
    assert await asyncio.wait_for(stopping.wait(), 60) == 0

    assert cluster.model().launcher == "slurm"
    model = await running(cluster, 4)
    assert model.capabilities.stop_one and model.as_written is None, "in our way, with an agent on each node"
    told = slurm.says("scontrol", "show", "job", "-o", model.job.id)
    for said in ("Partition=short", "TimeLimit=00:07:00", "NumNodes=2"):
        assert said in told
    await stopped(cluster)


# -- a university's way: controller by ssh, engines by ipcluster there, under MPI ------


async def test_a_university(site: Site, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shutil.which("mpiexec"), "Open MPI is missing"
    modules = home / "login-script"
    root = "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"
    modules.write_text(f'#!/bin/sh\nexport MODULES=loaded\n{root}\nexec {sys.executable} "$@"\n')
    modules.chmod(0o755)
    there = home / "there" / "profile_mpi"
    for folder in ("security", "log", "pid", "startup"):
        (there / folder).mkdir(parents=True)
    with first_in_path(home / "ssh", monkeypatch) as bed:
        where = {"hostname": "far0", "remote_python": str(modules), "remote_profile_dir": str(there)}
        text = "c.Cluster.controller_launcher_class = 'ssh'\nc.Cluster.engine_launcher_class = 'sshproxy'\n"
        text += "c.Cluster.n = 2\nc.SSHProxyEngineSetLauncher.ipcluster_args = ['--engines', 'mpi']\n"
        text += "c.SSHControllerLauncher.controller_args = ['--ip=127.0.0.1']\n"
        for name in ("SSHControllerLauncher", "SSHProxyEngineSetLauncher"):
            text += "".join(f"c.{name}.{trait} = {value!r}\n" for trait, value in where.items())
        profile(site, text)
        cluster = await known(site)
        model = cluster.model()
        assert (model.launcher, model.wanted) == ("ssh", 2) and model.as_written
        cluster.start(None, None)
        model = await until(cluster, lambda model: model.state != "starting", within=90)
        assert (model.state, model.failure) == ("running", None), model.failure
        told = await with_client(cluster, lambda client: client[:].apply_sync(os.getenv, "MODULES"), 2)
        assert told == ["loaded", "loaded"]
        sizes = await with_client(cluster, lambda client: client[:].apply_sync(world_size), 2)
        assert sizes == [2, 2]
        await stopped(cluster, within=90)
        assert bed.logins() > 0
        await until(cluster, lambda _: left(site) == [])  # the last ssh of ipyparallel may still be on its way out


def world_size() -> int:
    from mpi4py import MPI

    return int(MPI.COMM_WORLD.size)
