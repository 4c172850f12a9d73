"""Our controller and engines, used by nothing but ipyparallel's own client."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import sys
import time
from pathlib import Path

import ipyparallel as ipp
import pytest
import zmq
from jupyter_client.session import Session

from jupyterlab_clusters.host import ports, proc

from ..fair import clock
from .conftest import GROUP, Cluster, alive, until

pytestmark = pytest.mark.timeout(120)


def registered(client: ipp.Client, count: int, within: float = 15.0) -> None:
    until(lambda: len(client.ids) == count, within=within)


@pytest.mark.parametrize("fork", [True, False])
def test_a_plain_client_computes(cluster: Cluster, fork: bool) -> None:
    cluster.start_controller()
    client = cluster.client()
    records = cluster.start_engines(0, 1, 2, 3, fork=fork)
    assert [record["forked"] for record in records] == [fork] * 4
    registered(client, 4)
    assert sorted(client[:].apply_sync(os.getpid)) == sorted(record["pid"] for record in records)
    assert client.load_balanced_view().map_sync(lambda n: n * n, range(20)) == [n * n for n in range(20)]
    assert client.broadcast_view().apply_sync(lambda: 7) == [7] * 4
    client[:].execute("x = 1 / 0", block=False).wait(10)
    assert stat.S_IMODE(cluster.file("client").stat().st_mode) == 0o600
    client.close()


def test_ready_without_waiting_for_a_beat_and_one_more_at_once(cluster: Cluster) -> None:
    """Stock engines are ready after the heart has beaten once or twice for them: here that would take minutes."""
    cluster.start_controller("--HeartMonitor.period=60000")
    client = cluster.client()
    cluster.start_engines(0, 1)
    registered(client, 2)
    began = clock()
    cluster.start_engines(2)
    registered(client, 3)
    assert clock() - began < 1.0
    client.close()


def test_a_killed_engine_is_unregistered_at_once(cluster: Cluster) -> None:
    cluster.start_controller()
    client = cluster.client()
    records = cluster.start_engines(0, 1)
    registered(client, 2)
    os.kill(records[0]["pid"], signal.SIGKILL)
    registered(client, 1, within=1.0)
    exited = cluster.agent.event("exited", "slot-0")["record"]
    assert exited["signal"] == signal.SIGKILL and not exited["asked"]
    assert set(client.queue_status()) == {"unassigned", *client.ids}
    client.close()


def test_free_work_goes_to_nobody_who_is_dead(cluster: Cluster) -> None:
    """Clients are told again of engines that came while they connected; the scheduler hears that too."""
    cluster.start_controller()
    client = cluster.client()
    records = cluster.start_engines(0, 1)
    registered(client, 2)
    time.sleep(3.5)  # all that is told again has been told
    os.kill(records[0]["pid"], signal.SIGKILL)
    registered(client, 1, within=1.0)
    view = client.load_balanced_view()
    sent = [view.apply_async(os.getpid) for _ in range(8)]
    assert {one.get(timeout=10) for one in sent} == {records[1]["pid"]}
    client.close()


def test_send_signal_and_interrupt_reach_a_busy_engine(cluster: Cluster) -> None:
    cluster.start_controller()
    client = cluster.client()
    cluster.start_engines(0)
    registered(client, 1)

    def busy():
        import time

        open("busy", "w").close()
        time.sleep(60)

    for _ in range(2):
        (cluster.agent.home / "busy").unlink(missing_ok=True)
        running = client[:].apply_async(busy)
        until((cluster.agent.home / "busy").exists)
        client.send_signal(signal.SIGINT, block=True)
        with pytest.raises(ipp.error.CompositeError, match="KeyboardInterrupt"):
            running.get(10)
    with pytest.raises(ipp.error.RemoteError, match="9999"):
        client.send_signal(9999, block=True)
    client.send_signal("SIGTERM", block=True)
    cluster.agent.event("exited", "slot-0")
    client.close()


def test_shutdown_by_the_client(cluster: Cluster) -> None:
    record = cluster.start_controller()
    client = cluster.client()
    engine = cluster.start_engines(0)[0]
    registered(client, 1)
    client.shutdown(hub=True, block=True)
    until(lambda: not alive(engine["pid"]) and not alive(record["pid"]))
    assert "Traceback" not in cluster.agent.log("slot-0"), "it was asked to"
    client.close()


def test_what_is_printed_is_in_the_log_once_and_at_the_client(cluster: Cluster) -> None:
    cluster.start_controller()
    client = cluster.client()
    cluster.start_engines(0)
    registered(client, 1)
    code = """
import os, sys, subprocess, multiprocessing
print("by print")
print("to stderr", file=sys.stderr)
os.write(1, b"straight to 1\\n")
os.write(2, b"straight to 2\\n")
subprocess.run(["echo", "by a child"])
sys.stdout.write("no newline"); sys.stdout.flush()
"""
    result = client[:].execute(code, silent=False, block=True)
    words = ["by print", "to stderr", "straight to 1", "straight to 2", "by a child", "no newline"]
    until(lambda: all(word in cluster.agent.log("slot-0") for word in words))
    time.sleep(0.5)  # what would come twice has come by now
    log = cluster.agent.log("slot-0")
    assert {word: log.count(word) for word in words} == dict.fromkeys(words, 1)
    assert "by print" in result.stdout[0]
    assert "StreamHandler" not in log
    client.close()


def test_an_orphaned_cluster_ends_by_itself(cluster: Cluster) -> None:
    record = cluster.start_controller("--orphan-timeout=1.5")
    client = cluster.client()
    engine = cluster.start_engines(0)[0]
    registered(client, 1)
    time.sleep(2.5)
    assert alive(record["pid"]), "a client was connected"
    client[:].apply_async(time.sleep, 4)
    time.sleep(0.5)
    client.close()
    time.sleep(2.2)
    assert alive(record["pid"]), "a task was running"
    exited = cluster.agent.event("exited", "controller")["record"]
    assert exited["exit_code"] == 86, (exited["signal"], cluster.agent.log("controller")[-500:])
    until(lambda: not alive(engine["pid"]))
    assert not cluster.file("client").exists()


def test_an_idle_cluster_ends_by_itself_though_a_client_is_connected(cluster: Cluster) -> None:
    record = cluster.start_controller("--idle-timeout=1.5")
    client = cluster.client()
    time.sleep(2.0)
    assert alive(record["pid"]), "engines may still wait in a queue"
    engine = cluster.start_engines(0)[0]
    registered(client, 1)
    view = client.load_balanced_view()
    begun = time.monotonic()
    view.apply_async(time.sleep, 1.0)
    view.apply_async(time.sleep, 1.0)
    exited = cluster.agent.event("exited", "controller")["record"]
    lasted = time.monotonic() - begun
    assert exited["exit_code"] == 85, (exited["signal"], cluster.agent.log("controller")[-500:])
    assert lasted > 3.4, "two seconds of work, and only then the time"
    until(lambda: not alive(engine["pid"]))
    assert not cluster.file("client").exists()
    client.close()


def test_the_controller_leads_its_group_and_raises_its_limits(cluster: Cluster) -> None:
    record = cluster.start_controller()
    limits = Path(f"/proc/{record['pid']}/limits").read_text()
    soft, hard = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5]
    assert soft == hard or int(soft) == 1 << 20

    def group() -> list[int]:
        alive_now = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and alive(int(pid))]
        return [pid for pid in alive_now if Path(f"/proc/{pid}").exists() and os.getpgid(pid) == record["pid"]]

    until(lambda: len(group()) == 9)
    members = group()
    os.kill(record["pid"], signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in members), within=3)


def test_numpy_is_imported_only_where_it_is_needed(cluster: Cluster) -> None:
    pytest.importorskip("numpy")
    controller = cluster.start_controller("--TaskScheduler.scheme_name=weighted")["pid"]
    client = cluster.client()
    cluster.start_engines(0, 1)
    registered(client, 2)
    session = [pid for pid, of in sessions().items() if of == controller]
    assert len(session) == 9, "all its parts run"
    assert not any("numpy" in Path(f"/proc/{pid}/maps").read_text() for pid in session)
    assert client.load_balanced_view().map_sync(abs, range(-5, 0)) == [5, 4, 3, 2, 1]
    client.close()
    assert any("numpy" in Path(f"/proc/{pid}/maps").read_text() for pid in session)


@pytest.mark.parametrize("part", ["HeartMonitor", "TaskScheduler"])
def test_a_controller_that_loses_a_part_ends_and_says_which(cluster: Cluster, part: str) -> None:
    controller = cluster.start_controller()["pid"]
    client = cluster.client()
    cluster.start_engines(0)
    registered(client, 1)
    client.close()
    parts = [pid for pid, session in sessions().items() if session == controller and pid != controller]
    # In the order in which they were started; after the highest number the system begins anew.
    parts.sort(key=lambda pid: (pid - controller) % 2**22)
    os.kill(parts[{"HeartMonitor": -1, "TaskScheduler": 3}[part]], signal.SIGKILL)
    exited = cluster.agent.event("exited", "controller")["record"]
    assert exited["exit_code"] == 87
    assert f"{part}, a part of the controller, has ended (signal 9)" in cluster.agent.log("controller")


def test_a_client_that_subscribes_late_learns_of_engines_that_came_before(cluster: Cluster) -> None:
    cluster.start_controller()
    info = json.loads(cluster.file("client").read_text())
    session = Session(key=info["key"].encode(), signature_scheme=info["signature_scheme"])
    context = zmq.Context()
    asking, news = context.socket(zmq.DEALER), context.socket(zmq.SUB)
    asking.connect(f"{info['interface']}:{info['registration']}")
    session.send(asking, "connection_request")
    assert asking.poll(5000), "answered: no engine yet"
    witness = cluster.client()
    cluster.start_engines(0, 1)
    registered(witness, 2)
    witness.close()
    news.subscribe(b"")
    news.connect(f"{info['interface']}:{info['notification']}")
    heard = set()
    end = time.monotonic() + 5
    while len(heard) < 2 and time.monotonic() < end:
        if news.poll(100):
            _, frames = session.feed_identities(news.recv_multipart())
            message = session.deserialize(frames)
            heard.add((message["header"]["msg_type"], message["content"]["id"]))
    context.destroy(linger=0)
    assert heard == {("registration_notification", 0), ("registration_notification", 1)}


def sessions() -> dict[int, int]:
    return {pid: line.session for pid, line in proc.table().items()}


def test_ports_that_were_found_free_stay_free() -> None:
    kept = ports.keep_random_ports(3)
    assert len(set(kept)) == 3
    for port in kept:
        with socket.socket() as stranger, pytest.raises(OSError):
            stranger.bind(("127.0.0.1", port))
        context = zmq.Context()
        ours = context.socket(zmq.ROUTER)
        ours.bind(f"tcp://127.0.0.1:{port}")
        context.destroy(linger=0)


def test_where_ipyparallel_differs_the_stock_controller_runs(cluster: Cluster) -> None:
    code = (
        "from ipyparallel.controller import heartmonitor; del heartmonitor.HeartMonitor.handle_new_hearts;"
        "heartmonitor.HeartMonitor.handle_other = None;"
        "from jupyterlab_clusters.host import controller; fits = controller.fits(); print('fits', fits);"
    )
    import subprocess

    from .conftest import environment

    home = cluster.agent.home
    seen = subprocess.run([sys.executable, "-c", code], env=environment(home), capture_output=True, text=True)
    assert seen.stdout == "fits False\n", seen.stderr
    stock = (
        "import sys; from jupyterlab_clusters.host import controller; controller.fits = lambda: False;"
        f"sys.argv = ['x', '--profile-dir={cluster.folder}', '--orphan-timeout=5']; controller.main()"
    )
    cluster.agent.spawn(cluster.agent.process("controller", [sys.executable, "-c", stock]))
    # The stock controller writes one after the other, and neither at once.
    engine = cluster.file("engine")
    until(lambda: engine.exists() and engine.read_text().endswith("}"), within=30)
    assert "runs unchanged" in cluster.agent.log("controller")
    client = cluster.client()
    cluster.start_engines(0)
    registered(client, 1)
    cluster.agent.ok("stop", group=GROUP, names=None, grace=3)
    client.close()
