"""The life of a cluster with the real agent, controller, engines and hub, seen by a plain ipyparallel client."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import ipyparallel as ipp
import pytest

from jupyterlab_clusters.cluster import keeping, listening
from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.cluster.registry import Registry
from jupyterlab_clusters.errors import BadInput, NotFound, WrongState

from ..fair import clock
from .conftest import Site, processes_marked, until

pytestmark = [pytest.mark.timeout(120)]

Answer = TypeVar("Answer")


async def with_client(cluster: Cluster, work: Callable[[ipp.Client], Answer], engines: int | None = None) -> Answer:
    """Run blocking ipyparallel code beside the loop, as a notebook's kernel would."""

    def run() -> Answer:
        client = ipp.Client(profile_dir=str(cluster.profile_dir), cluster_id=cluster.definition.cluster_id, timeout=10)
        try:
            if engines is not None:
                client.wait_for_engines(engines, timeout=20, interactive=False)
            return work(client)
        finally:
            client.close()

    return await asyncio.to_thread(run)


def leads(pid: int, what: str) -> bool:
    return "host.controller" in what and os.getpgid(pid) == pid


async def started(site: Site, engines: int, key: str = "default:") -> Cluster:
    cluster = site.clusters.get(key)
    cluster.start(engines, None)
    await until(cluster, lambda model: model.state != "starting")
    model = cluster.model()
    assert model.state == "running", model.failure
    assert model.engines.registered == engines
    return cluster


async def test_a_click_gives_engines_that_compute_and_stop_leaves_nothing(site: Site) -> None:
    cluster = site.clusters.get("default:")
    model = cluster.start(4, None)
    assert (model.state, model.wanted) == ("starting", 4), "said at once"
    await until(cluster, lambda model: model.state == "running")
    pids = await with_client(cluster, lambda client: client[:].apply_sync(os.getpid), 4)
    assert pids == [engine.pid for engine in cluster.engines()], "client[2] is the engine in slot 2"
    assert [engine.id for engine in cluster.engines()] == [0, 1, 2, 3]
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped", within=10)
    assert cluster.engines() == []
    left = {pid: what for pid, what in processes_marked(site.home).items() if "host.agent" not in what}
    left = {pid: what for pid, what in left.items() if "nursery" not in what}
    assert left == {}, "nothing is left but the agent that waits for the next start"
    assert list((cluster.profile_dir / "security").glob("*.json")) == []


async def test_ipcluster_lists_it_and_lets_it_live(site: Site) -> None:
    cluster = await started(site, 2)
    await asyncio.sleep(0.5)
    argv = [sys.executable, "-m", "ipyparallel.cluster", "list", "-o", "json"]
    listed = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, timeout=60, check=True)
    (told,) = json.loads(listed.stdout)
    assert (told["cluster"]["profile_dir"], told["cluster"]["cluster_id"]) == (str(cluster.profile_dir), "")
    assert told["controller"]["state"]["state"] == "running"
    await asyncio.sleep(0.5)
    assert await with_client(cluster, lambda client: client[:].apply_sync(abs, -1), 2) == [1, 1]


async def test_starting_twice_is_starting_once_and_another_number_is_scaling(site: Site) -> None:
    cluster = await started(site, 2)
    pids = {engine.pid for engine in cluster.engines()}
    assert cluster.start(2, None).state == "running"
    with pytest.raises(WrongState) as refused:
        cluster.start(3, None)
    assert refused.value.reason == "use-scale"
    assert {engine.pid for engine in cluster.engines()} == pids


async def test_up_and_down(site: Site) -> None:
    cluster = await started(site, 2)
    cluster.scale(4, False)
    await until(cluster, lambda model: model.engines.registered == 4 and model.step is None)
    before = {engine.slot: engine.pid for engine in cluster.engines()}
    cluster.scale(1, False)
    await until(cluster, lambda model: model.engines.launched == 1 and model.step is None)
    (left,) = cluster.engines()
    assert (left.slot, left.pid) == (0, before[0]), "the newest went first"
    assert await with_client(cluster, lambda client: len(client.ids)) == 1
    cluster.scale(0, False)
    model = await until(cluster, lambda model: model.engines.launched == 0 and model.step is None)
    assert model.state == "running" and not model.degraded


async def test_a_killed_engine_is_told_with_its_cause_and_replaced_when_asked(site: Site) -> None:
    cluster = await started(site, 3)
    victim = cluster.engines()[1]
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    killed = clock()
    model = await until(cluster, lambda model: model.engines.lost == 1, within=2)
    assert clock() - killed < 1.0
    assert (model.wanted, model.engines.launched, model.engines.registered, model.degraded) == (3, 2, 2, True)
    lost = cluster.engines()[1]
    assert lost.state == "lost" and lost.cause is not None and lost.cause.signal == 9
    assert await with_client(cluster, lambda client: len(client.ids)) == 2, "the hub knows too"
    page = cluster.log("slot-1").page(None, 50, 0)
    assert page.lines, "its log can be read after its death"
    cluster.scale(3, False)
    model = await until(cluster, lambda model: model.engines.registered == 3)
    assert model.engines.lost == 0
    assert [engine.slot for engine in cluster.engines()] == [0, 1, 2]


async def test_busy_engines_are_seen_and_can_be_interrupted(site: Site) -> None:
    cluster = await started(site, 2)

    def compute(client: ipp.Client) -> Any:
        begun = site.home / "begun"
        result = client[1].apply_async(nap, str(begun), 60)
        deadline = time.monotonic() + 10
        while cluster.model().engines.busy != 1 or not begun.exists():
            assert time.monotonic() < deadline, cluster.engines()
            time.sleep(0.01)
        busy = next(engine for engine in cluster.engines() if engine.state == "busy")
        cluster.interrupt_engine(busy.slot)
        with pytest.raises(ipp.RemoteError) as raised:
            result.get(timeout=10)
        return raised.value.ename

    assert await with_client(cluster, compute, 2) == "KeyboardInterrupt"
    await until(cluster, lambda model: model.engines.busy == 0 and model.engines.registered == 2)
    assert sum(engine.completed for engine in cluster.engines()) >= 1


def nap(begun: str, seconds: float) -> None:
    import pathlib
    import time

    pathlib.Path(begun).touch()
    time.sleep(seconds)


async def test_one_engine_is_stopped_and_restarted_in_its_slot(site: Site) -> None:
    cluster = await started(site, 3)
    old = cluster.engines()[2]
    cluster.restart_engine(2)
    await until(cluster, lambda model: cluster.engines()[2].uuid != old.uuid and model.engines.registered == 3)
    assert cluster.engines()[2].pid != old.pid
    cluster.stop_engine(0)
    cluster.stop_engine(0)  # a second click
    model = await until(cluster, lambda model: cluster.engines()[0].state == "exited")
    assert (model.wanted, model.degraded) == (2, False)
    with pytest.raises(NotFound):
        cluster.stop_engine(17)


async def test_stop_supersedes_a_start(site: Site) -> None:
    cluster = site.clusters.get("default:")
    for wait in (0.0, 0.05, 0.2, 0.4):
        cluster.start(4, None)
        await asyncio.sleep(wait)
        assert cluster.stop().state == "stopping"
        assert cluster.stop().state in ("stopping", "stopped"), "safe to repeat"
        model = await until(cluster, lambda model: model.state == "stopped", within=15)
        assert model.failure is None
        assert "host.controller" not in str(processes_marked(site.home))


async def test_a_killed_controller_is_said_at_once_and_start_works_again(site: Site) -> None:
    cluster = await started(site, 2)
    controllers = [pid for pid, what in processes_marked(site.home).items() if "host.controller" in what]
    os.killpg(os.getpgid(controllers[0]), signal.SIGKILL)
    model = await until(cluster, lambda model: model.state == "failed", within=2)
    assert model.failure is not None and "SIGKILL" in model.failure.cause
    cluster.start(None, None)
    model = await until(cluster, lambda model: model.state in ("running",), within=15)
    assert model.engines.registered == 2 and model.failure is None
    assert len(processes_marked(site.home)) < 20, "the old engines went"


async def test_a_failure_is_still_told_after_a_restart_of_the_server(site: Site) -> None:
    cluster = await started(site, 2)
    engines = [engine.pid for engine in cluster.engines()]
    controllers = [pid for pid, what in processes_marked(site.home).items() if "host.controller" in what]
    os.killpg(os.getpgid(controllers[0]), signal.SIGKILL)
    before = await until(cluster, lambda model: model.state == "failed", within=2)
    await site.close()
    await site.open()
    cluster = site.clusters.get("default:")
    model = await until(cluster, lambda model: model.state == "failed", within=5)
    assert model.failure == before.failure
    await asyncio.sleep(0.5)
    assert set(engines) <= set(processes_marked(site.home)), "they may still write what they have"
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped", within=10)
    assert not set(engines) & set(processes_marked(site.home))
    assert cluster.model().failure is None


async def test_why_a_start_failed_is_told_after_a_restart_too(site: Site) -> None:
    cluster = site.clusters.get("default:")
    cluster.start(1, {"controller_args": ["--IPController.no_such=1", "--no-such-flag"]})
    before = await until(cluster, lambda model: model.state == "failed")
    await site.close()
    await site.open()
    model = site.clusters.get("default:").model()
    assert (model.state, model.failure) == ("failed", before.failure)
    assert before.failure is not None


async def test_a_slow_disk_does_not_bring_back_what_was(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    save, slow = Registry.save, threading.Event()

    def late(self: Registry, key: str, record: Mapping[str, Any]) -> None:
        if record["state"] == "starting" and any(engine["process"] for engine in record["engines"]):
            slow.set()
            time.sleep(2)
        save(self, key, record)

    monkeypatch.setattr(Registry, "save", late)
    monkeypatch.setattr(keeping, "SAVE_DELAY", 0.0)
    await started(site, 2)
    assert slow.is_set(), "that is still being written"
    await site.close()
    await asyncio.sleep(2)
    record = Registry(site.home / "data").record("default:")
    assert record is not None and (record["state"], record["under_way"]) == ("running", False)


async def test_a_restart_of_the_server_loses_nothing(site: Site, home: Path) -> None:
    cluster = await started(site, 3)
    pids = {engine.slot: engine.pid for engine in cluster.engines()}
    await site.close()
    os.kill(pids[1] or 0, signal.SIGSEGV)
    await site.open()
    cluster = site.clusters.get("default:")
    # The hub may tell that an engine has left it before the agent tells why.
    model = await until(cluster, lambda model: model.state == "running" and model.engines.lost == 1)
    assert model.wanted == 3 and model.engines.registered == 2
    assert {e.slot: e.pid for e in cluster.engines() if e.slot != 1} == {s: p for s, p in pids.items() if s != 1}
    lost = cluster.engines()[1]
    assert lost.cause is not None and lost.cause.signal == 11, "also a death that nobody watched has its cause"
    cluster.scale(4, False)
    await until(cluster, lambda model: model.engines.registered == 4)


async def test_server_and_agent_both_end_and_engines_go_on(site: Site) -> None:
    cluster = await started(site, 2)
    pids = [engine.pid for engine in cluster.engines()]
    (agent,) = [pid for pid, what in processes_marked(site.home).items() if "host.agent" in what]
    await site.close()
    os.kill(agent, signal.SIGKILL)
    await site.open()
    cluster = site.clusters.get("default:")
    await until(cluster, lambda model: model.state == "running" and model.engines.registered == 2)
    assert [engine.pid for engine in cluster.engines()] == pids
    os.kill(pids[0] or 0, signal.SIGKILL)
    await until(cluster, lambda model: model.engines.lost == 1, within=3)


async def test_a_hub_that_cannot_be_reached_after_a_restart_costs_no_engine(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = await started(site, 2)
    pids = [engine.pid for engine in cluster.engines()]
    (controller,) = [pid for pid, what in processes_marked(site.home).items() if leads(pid, what)]
    await site.close()
    os.killpg(controller, signal.SIGSTOP)
    monkeypatch.setattr(listening, "HUB_TIMEOUT", 1.0)
    try:
        await site.open()
        cluster = site.clusters.get("default:")
        model = await until(cluster, lambda model: model.state == "failed")
        assert model.failure is not None and "hub does not answer" in model.failure.cause
    finally:
        os.killpg(controller, signal.SIGCONT)
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state != "starting")
    assert model.state == "running", model.failure
    assert [engine.pid for engine in cluster.engines()] == pids, "nothing was ended, nothing started anew"


async def test_engines_that_all_died_while_the_server_was_away_are_lost_not_a_failed_start(site: Site) -> None:
    cluster = await started(site, 2)
    pids = [engine.pid for engine in cluster.engines()]
    await site.close()
    for pid in pids:
        os.kill(pid or 0, signal.SIGKILL)
    await site.open()
    model = await until(site.clusters.get("default:"), lambda model: model.engines.lost == 2)
    model = await until(site.clusters.get("default:"), lambda model: model.state != "starting")
    assert (model.state, model.degraded, model.failure) == ("running", True, None)


async def test_a_cluster_started_elsewhere_is_never_touched(site: Site) -> None:
    elsewhere = await asyncio.to_thread(
        ipp.Cluster, n=1, profile_dir=str(site.home / "ipython" / "profile_default"), cluster_id=""
    )
    await elsewhere.start_cluster()
    try:
        cluster = site.clusters.get("default:")
        cluster.start(1, None)
        model = await until(cluster, lambda model: model.state == "failed")
        assert model.failure is not None and "started elsewhere" in model.failure.cause
        cluster.stop()
        await until(cluster, lambda model: model.state == "stopped")
        assert await with_client(cluster, lambda client: client[0].apply_sync(abs, -1), 1) == 1
    finally:
        await elsewhere.stop_cluster()


async def test_the_agent_is_killed_and_engines_go_on(site: Site) -> None:
    cluster = await started(site, 2)
    pids = [engine.pid for engine in cluster.engines()]
    (agent,) = [pid for pid, what in processes_marked(site.home).items() if "host.agent" in what]
    os.kill(agent, signal.SIGKILL)
    cluster.scale(3, False)
    await until(cluster, lambda model: model.engines.registered == 3)
    assert [engine.pid for engine in cluster.engines()][:2] == pids
    os.kill(pids[0] or 0, signal.SIGKILL)
    await until(cluster, lambda model: model.engines.lost == 1, within=3)


async def test_many_cycles_leave_nothing_behind(site: Site) -> None:
    cluster = site.clusters.get("default:")
    for _ in range(20):
        cluster.start(2, None)
        await until(cluster, lambda model: model.state == "running")
        cluster.stop()
        await until(cluster, lambda model: model.state == "stopped")
    left = [what for what in processes_marked(site.home).values() if "host.controller" in what or "engine" in what]
    assert left == []
    assert list((cluster.profile_dir / "security").iterdir()) == []
    assert len(os.listdir(f"/proc/{os.getpid()}/fd")) < 200


@pytest.mark.parametrize("engines", [-1, 10_001, 10**9])
async def test_a_number_that_cannot_be_meant(site: Site, engines: int) -> None:
    with pytest.raises(BadInput):
        site.clusters.get("default:").start(engines, None)


async def test_a_broken_profile_says_where(site: Site) -> None:
    folder = site.home / "ipython" / "profile_broken"
    folder.mkdir()
    (folder / "ipcluster_config.py").write_text("c = get_config()\nc.Cluster.n = \n")
    cluster = site.clusters.get("broken:")
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None
    assert "ipcluster_config.py" in model.failure.cause and "line 2" in model.failure.cause


async def test_a_port_that_is_taken_is_named_as_the_cause(site: Site) -> None:
    folder = site.home / "ipython" / "profile_fixed"
    folder.mkdir()
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (folder / "ipcluster_config.py").write_text(f"c.Cluster.controller_args = ['--port={port}']\n")
    cluster = site.clusters.get("fixed:")
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    server.close()
    assert model.failure is not None
    assert "taken" in model.failure.cause and model.failure.output
    left = [what for what in processes_marked(site.home).values() if "host.controller" in what]
    assert left == []
