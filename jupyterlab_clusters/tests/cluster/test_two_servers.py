"""Two servers of one person on one home: of each cluster one acts, both show it, and no one loses anything."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import time
from pathlib import Path

import psutil
import pytest

from jupyterlab_clusters.errors import WrongState

from ..faults.plugin import Fault
from .conftest import Site, processes_marked, until
from .otherserver import other_server
from .test_real import leads, started, with_client
from .theirs import shown

pytestmark = [pytest.mark.timeout(120)]

KEY = "default:"


def controllers(home: Path) -> list[int]:
    return [pid for pid, what in processes_marked(home).items() if leads(pid, what)]


async def test_both_show_it_and_either_stops_it(site: Site, home: Path) -> None:
    cluster = await started(site, 2)
    pids = sorted(engine.pid or 0 for engine in cluster.engines())
    async with other_server(home) as other:
        await other.ask("all")
        model = await other.shown(KEY, lambda one: one["engines"]["registered"] == 2, within=3)
        assert (model["state"], model["origin"]) == ("running", "external")
        await other.shown(KEY, lambda one: one["engines"]["launched"] == 2)
        while sorted(engine["pid"] or 0 for engine in await other.ask("engines", KEY)) != pids:
            await asyncio.sleep(0.1)
        assert (await other.ask("start", KEY, engines=2))["refused"] == "external"
        await other.ask("stop", KEY)
        model = await until(cluster, lambda one: one.state == "stopped")
        assert (model.failure, model.notice) == (None, "Stopped from another server, or on the command line.")
        await other.shown(KEY, lambda one: (one["state"], one["origin"]) == ("stopped", "ours"))
        assert controllers(home) == []
        # And the other way round: what is at rest is either's.
        assert (await other.ask("start", KEY, engines=1))["state"] == "starting"
        there = await shown(site, KEY, lambda one: one.origin == "external" and one.engines.registered == 1)
        with pytest.raises(WrongState):
            there.start(1, None)
        there.stop()
        await other.shown(KEY, lambda one: one["state"] == "stopped" and one["failure"] is None)
        await shown(site, KEY, lambda one: (one.state, one.origin) == ("stopped", "ours"))


@pytest.mark.fault("Start, and then Stop, pressed in two servers at once")
async def test_start_pressed_in_both_at_once_starts_one(site: Site, home: Path, fault: Fault) -> None:
    async with other_server(home) as other:
        await other.ask("all")
        cluster = site.clusters.get(KEY)
        for _ in range(2):
            fault.struck()
            await asyncio.gather(other.ask("start", KEY, engines=2), asyncio.to_thread(cluster.start, 2, None))
            theirs = await other.shown(KEY, lambda one: one["state"] == "running" and one["engines"]["registered"] == 2)
            ours = await shown(site, KEY, lambda one: one.state == "running" and one.engines.registered == 2)
            fault.told()
            assert {ours.origin, theirs["origin"]} == {"ours", "external"}
            assert len(controllers(home)) == 1
            # What computes is what both show.
            seen = await with_client(ours, lambda client: client[:].apply_sync(os.getpid), 2)
            assert sorted(engine["pid"] for engine in await other.ask("engines", KEY)) == sorted(seen)
            await asyncio.gather(other.ask("stop", KEY), asyncio.to_thread(ours.stop))
            theirs = await other.shown(KEY, lambda one: (one["state"], one["origin"]) == ("stopped", "ours"))
            ours = await shown(site, KEY, lambda one: (one.state, one.origin) == ("stopped", "ours"))
            assert ours.model().failure is None
            assert theirs["failure"] is None
            assert controllers(home) == []
            assert not any(psutil.pid_exists(pid) for pid in seen)


@pytest.mark.fault("one of two servers on a home is killed (SIGKILL): the other takes up what runs")
async def test_when_a_server_is_killed_the_other_takes_up_what_runs(site: Site, home: Path, fault: Fault) -> None:
    async with other_server(home) as other:
        await other.ask("start", KEY, engines=2)
        await other.shown(KEY, lambda one: one["state"] == "running")
        there = await shown(site, KEY, lambda one: one.origin == "external" and one.engines.registered == 2)
        await shown(site, KEY, lambda one: one.engines.launched == 2)
        pids = sorted(engine["pid"] for engine in await other.ask("engines", KEY))
        assert there.model().capabilities.scale == "none"
        other.process.kill()
        await other.process.wait()
        fault.struck()
        own = await shown(site, KEY, lambda one: one.origin == "ours" and one.state == "running")
        fault.mended()
        assert fault.mended_after is not None
        assert fault.mended_after < 10
        assert sorted(engine.pid or 0 for engine in own.engines()) == pids
        own.scale(3, False)
        await until(own, lambda one: one.engines.registered == 3)
        assert set(pids) < {engine.pid for engine in own.engines()}


async def test_what_one_defines_and_forgets_the_other_shows(site: Site, home: Path) -> None:
    cluster = await asyncio.to_thread(site.clusters.define, "default", "night", "local", {}, 3)
    await site.clusters.save(cluster)
    async with other_server(home) as other:
        assert (await other.shown("default:night", lambda _: True))["wanted"] == 3
        late = await asyncio.to_thread(site.clusters.define, "default", "late", "local", {}, 1)
        await site.clusters.save(late)
        await other.shown("default:late", lambda one: one["wanted"] == 1)
        await other.ask("forget", "default:night")
        await shown(site, "default:night", lambda one: one is None)


# -- a home that two machines share ---------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="another host name needs root")
@pytest.mark.fault("a home shared with another host that runs another server", long=True)
async def test_what_belongs_to_another_host_is_shown_and_left_alone(site: Site, home: Path, fault: Fault) -> None:
    cluster = await started(site, 1)
    (home / "ipython" / "profile_there").mkdir()
    security = home / "ipython" / "profile_default" / "security"
    end = time.monotonic() + 10
    while (
        not (security / "cluster-.json").exists()
        or str(cluster.engines()[0].pid) not in (security / "cluster-.json").read_text()
    ):
        assert time.monotonic() < end, "ipyparallel's own file never named the engine"
        await asyncio.sleep(0.1)
    before = {file: file.read_bytes() for file in security.iterdir()}
    alone = 'hostname node7 && ip link set lo up && exec "$@"'
    before_it = ["unshare", "--uts", "--net", "sh", "-c", alone, "node7"]
    async with other_server(home, before_it, "run7") as other:
        model = await other.shown(KEY, lambda one: one["unreachable"] is not None)
        assert (model["host"], model["state"], model["stale"]) == (socket.gethostname(), "stopped", None)
        assert socket.gethostname() in model["unreachable"]["sentence"]
        assert (await other.ask("start", KEY, engines=1))["refused"] == "elsewhere"
        assert (await other.ask("clear", KEY))["refused"] == "elsewhere"
        await other.ask("stop", KEY)
        # Its own of another name: both run, and neither is the other's business.
        await other.ask("start", "there:", engines=1)
        fault.struck()
        await other.shown("there:", lambda one: one["state"] == "running", within=40)
        there = await shown(site, "there:", lambda one: one is not None and one.unreachable is not None)
        fault.told()
        assert (there.model().host, there.model().state, there.model().stale) == ("node7", "stopped", None)
        with pytest.raises(WrongState):
            there.start(1, None)
        there.stop()
        await asyncio.sleep(3)
        assert (await other.shown("there:", lambda one: True))["engines"]["registered"] == 1
        assert cluster.model().engines.registered == 1
        assert {file: file.read_bytes() for file in security.iterdir()} == before
        await other.ask("stop", "there:")
        await other.shown("there:", lambda one: one["state"] == "stopped")
        await shown(site, "there:", lambda one: one.unreachable is None)
        assert cluster.model().state == "running"
