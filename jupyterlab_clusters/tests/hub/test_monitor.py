"""The monitor against ipyparallel's own controller and engines."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time

import ipyparallel
import psutil
import pytest
import zmq

from jupyterlab_clusters.hub import monitor as module
from jupyterlab_clusters.hub.connection import ConnectionInfo
from jupyterlab_clusters.hub.errors import HubSilent
from jupyterlab_clusters.hub.monitor import HubMonitor

from ..fair import clock
from .conftest import RealCluster, Recorder, connection_file, until


@ipyparallel.interactive
def sleep_for(seconds, begun):
    import pathlib
    import time

    pathlib.Path(begun).touch()
    time.sleep(seconds)


@ipyparallel.interactive
def wait_for_file(path):
    import os
    import time

    while not os.path.exists(path):
        time.sleep(0.01)


def id_of(recorder, uuid):
    return until(lambda: [i for i, u in recorder.engines.items() if u == uuid], f"{uuid} registers")[0]


def test_registering_is_pushed(cluster, monitors):
    _, recorder = monitors(cluster.connection)
    assert recorder.engines == {}
    first, second = cluster.start_engine(), cluster.start_engine()
    assert id_of(recorder, first) != id_of(recorder, second)
    assert sorted(recorder.engines.values()) == [first, second]
    assert not recorder.done and not recorder.busy_now


def test_work_is_pushed_and_counted(cluster, monitors, tmp_path):
    _, recorder = monitors(cluster.connection)
    uuid = cluster.start_engine()
    hub_id = id_of(recorder, uuid)
    with cluster.client() as client:
        until(lambda: client.ids, "the client sees the engine")
        gate = tmp_path / "gate"
        result = client[hub_id].apply_async(wait_for_file, str(gate))
        until(lambda: recorder.busy_now == {hub_id}, "busy")
        assert hub_id not in recorder.done
        gate.touch()
        result.get(10)
        until(lambda: recorder.done == {hub_id: 1} and not recorder.busy_now, "idle, and one done")
        client[hub_id].execute("1 + 1", block=True)
        until(lambda: recorder.done == {hub_id: 2}, "execute is counted")
        client.load_balanced_view().map_sync(abs, range(5), chunksize=1)
        until(lambda: recorder.done == {hub_id: 7}, "load-balanced tasks are counted")
        client.broadcast_view().apply_sync(abs, 1)
        until(lambda: recorder.done == {hub_id: 8}, "a broadcast is counted")
        with pytest.raises(Exception, match="integer"):
            client[hub_id].apply_sync(divmod, 1, 0)
        until(lambda: recorder.done == {hub_id: 9}, "a failed task is a finished one")
    counts = [news[-1] for news in recorder.news if news[0] == "completed"]
    assert counts == list(range(1, 10))


def test_what_was_before_is_seeded(cluster, monitors, actor, tmp_path):
    _, early = monitors(cluster.connection)
    busy_uuid, idle_uuid = cluster.start_engine(), cluster.start_engine()
    busy_id, idle_id = id_of(early, busy_uuid), id_of(early, idle_uuid)
    with cluster.client() as client:
        until(lambda: len(client.ids) == 2, "the client sees the engines")
        client[[busy_id, idle_id]].apply_sync(abs, 1)
        gate = tmp_path / "gate"
        client[busy_id].apply_async(wait_for_file, str(gate))
        waiting = client[busy_id].apply_async(abs, 1)
        until(lambda: early.busy_now == {busy_id}, "busy")
        # A hub hears of a result on another way than the client does, and may count it later.
        until(lambda: all(client.queue_status(i)["completed"] == 1 for i in (busy_id, idle_id)), "the hub has counted")

        monitor, late = monitors(cluster.connection)
        assert late.engines == {busy_id: busy_uuid, idle_id: idle_uuid}, "told before start() returns"
        until(lambda: late.busy_now == {busy_id}, "busy is known at once", timeout=0.5)
        assert late.done == {busy_id: 1, idle_id: 1}
        load = actor.run(monitor.queue_status([busy_id, idle_id]))
        assert load.queues[busy_id].queue == 2 and load.queues[idle_id].queue == 0
        assert load.unassigned == 0
        assert load.waiting({busy_id}) == 1, "what is done now does not wait"
        gate.touch()
        waiting.get(10)
        until(lambda: late.done == {busy_id: 3, idle_id: 1} and not late.busy_now, "counted from there")
        assert early.done == late.done


def test_a_death_that_we_tell_the_hub_comes_back_as_news(cluster, monitors, actor):
    monitor, recorder = monitors(cluster.connection)
    killed, other = cluster.start_engine(), cluster.start_engine()
    hub_id, other_id = id_of(recorder, killed), id_of(recorder, other)
    cluster.kill_engine_and_nanny(killed)
    told_at = clock()
    actor.run(monitor.unregister(hub_id))
    until(lambda: ("unregistered", hub_id, killed) in recorder.news, "unregistered")
    assert clock() - told_at < 0.5, "not after the missed beats"
    assert recorder.engines == {other_id: other}


def test_asking_about_an_engine_that_has_just_gone_is_no_failure(cluster, monitors, actor):
    monitor, recorder = monitors(cluster.connection)
    uuid = cluster.start_engine()
    hub_id = id_of(recorder, uuid)
    status = actor.run(monitor.queue_status([hub_id, 4711]))
    assert list(status.queues) == [hub_id], "the one that is there, although the hub refuses to tell of the other"


def test_news_that_were_lost_are_healed(cluster, monitors, actor, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HEAL_FEW", 0.3)
    _, reference = monitors(cluster.connection)
    monitor, deaf = monitors(cluster.connection)

    async def stop_hearing():
        monitor._sockets.notification.setsockopt(zmq.UNSUBSCRIBE, b"")

    actor.run(stop_hearing())
    uuid = cluster.start_engine()
    hub_id = id_of(deaf, uuid)
    with cluster.client() as client:
        until(lambda: client.ids, "the client sees the engine")
        client[hub_id].apply_sync(abs, 1)
    until(lambda: deaf.done == {hub_id: 1}, "counted")
    cluster.kill_engine_and_nanny(uuid)
    actor.run(monitor.unregister(hub_id))
    until(lambda: not reference.engines and not deaf.engines, "the death is known to both")


def test_an_end_that_was_lost_is_healed_but_a_broadcast_is_not_ended(cluster, monitors, actor, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HEAL_FEW", 0.3)
    monitor, recorder = monitors(cluster.connection)
    hub_id = id_of(recorder, cluster.start_engine())
    with cluster.client() as client:
        until(lambda: client.ids, "the client sees the engine")
        result = client[hub_id].apply_async(abs, 1)
        result.get(10)
        until(lambda: recorder.done == {hub_id: 1}, "done")

        async def lose_the_end():
            monitor._roster.worked(hub_id, "busy", result.msg_ids[0])

        actor.run(lose_the_end())
        assert recorder.busy_now == {hub_id}
        until(lambda: not recorder.busy_now, "the hub knew of the end", timeout=5)

        gate = tmp_path / "gate"
        broadcast = client.broadcast_view().apply_async(wait_for_file, str(gate))
        until(lambda: recorder.busy_now, "busy")
        heals = len(recorder.news)
        time.sleep(1.5)  # several heals, of which none may end it
        assert recorder.busy_now == {hub_id} and len(recorder.news) == heals
        gate.touch()
        broadcast.get(10)
        until(lambda: recorder.done == {hub_id: 2} and not recorder.busy_now, "idle")


def test_a_listener_that_stumbles_misses_nothing_else(cluster, monitors, actor):
    monitor, recorder = monitors(cluster.connection)
    stumbled = []
    plain = recorder.registered

    def registered(hub_id, uuid):
        plain(hub_id, uuid)
        stumbled.append(hub_id)
        raise RuntimeError("on purpose")

    recorder.registered = registered
    actor.loop.call_soon_threadsafe(actor.loop.set_exception_handler, lambda *_: None)
    first, second = cluster.start_engine(), cluster.start_engine()
    until(lambda: sorted(recorder.engines.values()) == [first, second], "both are told")
    assert len(stumbled) == 2
    assert actor.run(monitor.queue_status(list(recorder.engines))).queues.keys() == recorder.engines.keys()


def test_usage_and_interrupt_reach_a_busy_engine(cluster, monitors, actor, tmp_path):
    monitor, recorder = monitors(cluster.connection)
    uuid = cluster.start_engine()
    hub_id = id_of(recorder, uuid)
    # A stock engine of ipyparallel 8 answers when its task is over.
    usage = actor.run(monitor.usage(uuid))
    with cluster.client() as client:
        until(lambda: client.ids, "the client sees the engine")
        begun = tmp_path / "begun"
        result = client[hub_id].apply_async(sleep_for, 60, str(begun))
        until(lambda: begun.exists() and hub_id in recorder.busy_now, "busy")
        if ipyparallel.version_info >= (9,):
            usage = actor.run(monitor.usage(uuid))
        assert usage["pid"] == cluster.uuids[uuid].pid and usage["hostname"] == socket.gethostname()
        assert recorder.busy_now == {hub_id}, "a question about usage is no task"
        actor.run(monitor.interrupt(uuid))
        until(lambda: hub_id not in recorder.busy_now, "interrupted")
        with pytest.raises(Exception, match="KeyboardInterrupt"):
            result.get(10)


def test_shutting_down_through_the_hub(cluster, monitors, actor):
    monitor, recorder = monitors(cluster.connection)
    uuid = cluster.start_engine()
    hub_id = id_of(recorder, uuid)
    assert actor.run(monitor.shutdown_engines([hub_id])) == []
    until(lambda: not recorder.engines, "unregistered")
    until(lambda: cluster.uuids[uuid].poll() is not None, "the engine's process has ended")
    parts = psutil.Process(cluster.controller.pid).children(recursive=True)
    assert parts
    actor.run(monitor.shutdown_hub())
    until(lambda: cluster.controller.poll() is not None, "the controller's process has ended")
    assert psutil.wait_procs(parts, timeout=10)[1] == [], "and its schedulers with it"


def test_a_killed_controller_is_silent(cluster, monitors, actor):
    monitor, recorder = monitors(cluster.connection)
    cluster.kill(cluster.controller)
    until(lambda: recorder.silences, "silence is told", timeout=5.0)
    until(lambda: len(recorder.silences) > 1, "and told again", timeout=10.0)
    assert recorder.silences == sorted(recorder.silences)
    with pytest.raises(HubSilent):
        actor.run(monitor.queue_status([], timeout=0.2))
    assert recorder.backs == 0


def test_a_controller_cut_off_for_a_while_comes_back(cluster, monitors, actor):
    """Through a relay of ours that can be cut: the hub itself goes on, and engines come meanwhile."""
    with Relay(cluster.connection.registration) as relay:
        through = ConnectionInfo(
            **{
                **{f: getattr(cluster.connection, f) for f in ConnectionInfo.__dataclass_fields__},
                "registration": relay.port,
            }
        )
        _, recorder = monitors(through)
        relay.cut()
        until(lambda: recorder.silences, "silence is told", timeout=5.0)
        relay.mend()
        until(lambda: recorder.backs == 1, "back", timeout=10.0)


def test_encrypted(tmp_path, monitors, actor):
    cluster = RealCluster(tmp_path / "ipython", curve=True)
    try:
        assert cluster.connection.curve_serverkey
        monitor, recorder = monitors(cluster.connection)
        uuid = cluster.start_engine()
        hub_id = id_of(recorder, uuid)
        assert actor.run(monitor.queue_status([hub_id])).queues[hub_id].queue == 0
        assert actor.run(monitor.usage(uuid))["pid"] == cluster.uuids[uuid].pid
    finally:
        cluster.end()


def test_nobody_there(actor):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        text = connection_file(registration=port, control=port, iopub=port, notification=port)

        async def start():
            await HubMonitor(ConnectionInfo.parse(text), Recorder()).start(0.3)

        with pytest.raises(HubSilent):
            actor.run(start())


def test_a_stranger_with_the_wrong_key_learns_nothing(cluster, actor):
    stranger = ConnectionInfo(
        **{**{f: getattr(cluster.connection, f) for f in ConnectionInfo.__dataclass_fields__}, "key": b"wrong"}
    )

    async def start():
        await HubMonitor(stranger, Recorder()).start(1.0)

    with pytest.raises(HubSilent):
        actor.run(start())


def test_a_flood_does_not_hold_up_the_loop_and_is_let_go(cluster, monitors, actor, monkeypatch):
    from jupyterlab_clusters.hub import inbox

    monkeypatch.setattr(inbox, "PATIENCE", 0.0)
    monkeypatch.setattr(inbox, "BITE", 1)
    monkeypatch.setattr(module, "DEAF_ROUNDS", 1)
    monitor, recorder = monitors(cluster.connection)
    hub_id = id_of(recorder, cluster.start_engine())
    with cluster.client() as client:
        until(lambda: client.ids, "the client sees the engine")
        lags = actor.run(_longest_pause(client[hub_id]), timeout=60)
        assert lags < 0.5, "the client that floods is in this very process"
        until(lambda: monitor._deaf, "lets go", timeout=1)
        until(lambda: not monitor._deaf, "listens again")
        until(lambda: recorder.done == {hub_id: 300} and not recorder.busy_now, "and has lost nothing")
        client[hub_id].apply_sync(abs, 1)
        until(lambda: recorder.done == {hub_id: 301}, "and counts on")


async def _longest_pause(view) -> float:
    def flood() -> None:
        view.client.wait([view.apply_async(abs, 1) for _ in range(300)], 30)

    thread = threading.Thread(target=flood)
    thread.start()
    longest = 0.0
    while thread.is_alive():
        before = clock()
        await asyncio.sleep(0.005)
        longest = max(longest, clock() - before - 0.005)
    return longest


class Relay:
    """Passes bytes between a port of its own and another, and can be cut."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = True
        self.pairs: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_) -> None:
        self.listener.close()
        self.cut()

    def cut(self) -> None:
        self.open = False
        for end in self.pairs:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.pairs.clear()

    def mend(self) -> None:
        self.open = True

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if not self.open:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            self.pairs += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=_pass, args=(one, other), daemon=True).start()


def _pass(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        pass
