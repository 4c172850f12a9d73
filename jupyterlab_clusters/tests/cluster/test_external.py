"""Clusters that others started, with the real ipcluster, and what may be done with them: little."""

from __future__ import annotations

import asyncio
import os

import pytest

from jupyterlab_clusters.errors import WrongState

from .conftest import Site, processes_marked
from .napping import interrupted
from .test_real import with_client
from .theirs import ipcluster, seen, shown, theirs

pytestmark = [pytest.mark.timeout(120)]


async def test_it_is_seen_with_its_engines_and_logs(site: Site) -> None:
    async with theirs(site) as folder:
        while not (folder / "security" / "ipcontroller-cli-client.json").exists():
            await asyncio.sleep(0.05)
        await seen(site, lambda model: model is not None, within=3)
        cluster = await seen(site, lambda model: model is not None and model.engines.registered == 2)
        model = cluster.model()
        assert (model.origin, model.state, model.key) == ("external", "running", "theirs:cli")
        pids = await with_client(cluster, lambda client: client[:].apply_sync(os.getpid), 2)
        await seen(site, lambda _: [engine.pid for engine in cluster.engines()] == pids)
        await seen(site, lambda _: [engine.completed for engine in cluster.engines()] == [1, 1])
        names = [log.name for log in cluster.logs()]
        assert names == ["controller", "slot-0", "slot-1"]
        assert "Engine Connected" in "\n".join(line.text for line in cluster.log("controller").page(None, 200, 0).lines)


async def test_nothing_may_be_done_with_it_but_to_stop_it(site: Site) -> None:
    async with theirs(site) as folder:
        cluster = await seen(site, lambda model: model is not None and model.engines.registered == 2)
        for forbidden in (
            lambda: cluster.start(2, None),
            lambda: cluster.scale(3, False),
            lambda: cluster.stop_engine(0),
        ):
            with pytest.raises(WrongState):
                forbidden()
        with pytest.raises(WrongState):
            await site.clusters.forget("theirs:cli")
        before = {file: file.read_bytes() for file in (folder / "security").iterdir()}
        await site.close()
        assert {file: file.read_bytes() for file in (folder / "security").iterdir()} == before
        assert len([name for name in processes_marked(site.home).values() if "ipyparallel.engine" in name]) >= 2
        await site.open()
        cluster = await seen(site, lambda model: model is not None and model.engines.registered == 2)
        cluster.stop()
        await seen(site, lambda model: model is None, within=40)
        # What ipcluster would have removed is told, and left to the person.
        left = "/cluster-cli.json"
        await shown(site, "theirs:", lambda model: model.stale is not None and model.stale.path.endswith(left))
        assert [name for name in processes_marked(site.home).values() if "ipyparallel.engine" in name] == []


async def test_its_work_can_be_interrupted(site: Site) -> None:
    async with theirs(site):
        cluster = await seen(site, lambda model: model is not None and model.engines.registered == 2)
        await interrupted(site, cluster, 0, 2, cluster.interrupt)


async def test_that_it_cannot_be_interrupted_is_told(site: Site) -> None:
    folder = site.home / "ipython" / "profile_theirs"
    folder.mkdir(parents=True)
    alone = "c = get_config()\nc.EngineLauncher.engine_args = ['--IPEngine.enable_nanny=False']\n"
    (folder / "ipcluster_config.py").write_text(alone)
    async with theirs(site):
        cluster = await seen(site, lambda model: model is not None and model.engines.registered == 2)
        cluster.interrupt()
        await seen(site, lambda model: model.failure is not None)
        assert cluster.model().failure.cause == "Engines 0, 1 could not be interrupted: they do not answer."


async def test_it_goes_when_it_is_stopped_where_it_was_started(site: Site) -> None:
    async with theirs(site):
        await seen(site, lambda model: model is not None and model.engines.registered == 2)
        await ipcluster("stop", "--profile=theirs", "--cluster-id=cli")
        await seen(site, lambda model: model is None)
