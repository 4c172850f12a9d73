"""Engines forked from a nursery, and plain ones where that cannot be."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from .conftest import GROUP, Agent, Cluster, alive, until

pytestmark = pytest.mark.timeout(120)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def registered(client, count: int) -> None:
    until(lambda: len(client.ids) == count)


def test_engine_killed_or_ended_is_told_with_its_status(cluster: Cluster) -> None:
    cluster.start_controller()
    client = cluster.client()
    one, two = cluster.start_engines(0, 1)
    assert one["forked"] and two["forked"] and one["why_plain"] is None
    registered(client, 2)
    os.kill(one["pid"], signal.SIGSEGV)
    assert cluster.agent.event("exited", "slot-0")["record"]["signal"] == signal.SIGSEGV
    assert "Segmentation fault" in cluster.agent.log("slot-0")
    assert cluster.agent.ok("stop", group=GROUP, names=["slot-1"], grace=5) == {"left": []}
    exited = cluster.agent.event("exited", "slot-1")["record"]
    assert (exited["exit_code"], exited["asked"]) == (0, True)
    client.close()


def test_a_stop_ends_when_the_exit_is_known_and_the_name_is_free_again(cluster: Cluster) -> None:
    cluster.start_controller()
    client = cluster.client()
    old = cluster.start_engines(0)[0]
    registered(client, 1)
    nursery = parent(old["pid"])
    os.kill(nursery, signal.SIGSTOP)  # whoever reaps the engine is late
    threading.Timer(0.7, os.kill, [nursery, signal.SIGCONT]).start()
    assert cluster.agent.ok("stop", group=GROUP, names=["slot-0"], grace=2) == {"left": []}
    assert cluster.agent.attach()[-1]["state"] == "exited"
    new = cluster.start_engines(0)[0]
    assert new["pid"] != old["pid"] and new["uuid"] != old["uuid"]
    registered(client, 1)
    client.close()


def test_engines_survive_their_nursery_and_a_new_one_forks_the_next(cluster: Cluster) -> None:
    cluster.start_controller()
    client = cluster.client()
    engine = cluster.start_engines(0)[0]
    registered(client, 1)
    nursery = parent(engine["pid"])
    assert nursery != cluster.agent.pid
    os.kill(nursery, signal.SIGKILL)
    until(lambda: not alive(nursery))
    until(lambda: parent(engine["pid"]) == cluster.agent.pid)
    assert client[:].apply_sync(os.getpid) == [engine["pid"]]
    second = cluster.start_engines(1)[0]
    assert second["forked"] and parent(second["pid"]) not in (nursery, cluster.agent.pid)
    registered(client, 2)
    # The exit code is not lost, although the parent died first.
    os.kill(engine["pid"], signal.SIGABRT)
    assert cluster.agent.event("exited", "slot-0")["record"]["signal"] == signal.SIGABRT
    client.close()


def test_forked_engines_share_nothing_that_must_differ(cluster: Cluster) -> None:
    pytest.importorskip("numpy")
    cluster.start_controller()
    client = cluster.client()
    env = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    base = {"env": {**cluster_environment(cluster), **env}, "preload": ["numpy", "numpy.random"]}
    records = cluster.start_engines(0, 1, 2, **base)
    assert all(record["forked"] for record in records), records[0]["why_plain"]
    registered(client, 3)

    def look():
        import os
        import random

        import numpy

        paths = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
        fds = {os.readlink(path) for path in paths if os.path.lexists(path)}
        own = os.getpid() == os.getsid(0)
        return numpy.random.random(), random.random(), own, os.getcwd(), sorted(f for f in fds if f.endswith(".log"))

    seen = client[:].apply_sync(look)
    assert len({row[0] for row in seen}) == 3 and len({row[1] for row in seen}) == 3
    assert all(row[2] for row in seen)
    assert {row[3] for row in seen} == {str(cluster.agent.home)}
    assert all(len(row[4]) == 1 for row in seen), "an engine holds another's log"
    comm = Path(f"/proc/{records[1]['pid']}/comm").read_text().strip()
    command = Path(f"/proc/{records[1]['pid']}/cmdline").read_text()
    assert comm == "ipengine-1" and command.startswith("ipyparallel engine slot-1")
    client.close()


def test_preload_that_starts_a_thread_means_plain_processes(cluster: Cluster) -> None:
    (cluster.agent.home / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    env = cluster_environment(cluster)
    env["PYTHONPATH"] += f":{cluster.agent.home}"
    cluster.start_controller()
    client = cluster.client()
    record = cluster.start_engines(0, env=env, preload=["threaded"])[0]
    assert not record["forked"] and "threaded" in record["why_plain"]
    registered(client, 1)
    assert client[:].apply_sync(os.getpid) == [record["pid"]]
    client.close()


def test_preload_that_does_not_exist_means_plain_processes(cluster: Cluster) -> None:
    cluster.start_controller()
    record = cluster.start_engines(0, preload=["no_such_module_at_all"])[0]
    assert not record["forked"] and "no_such_module_at_all" in record["why_plain"]


def test_stop_supersedes_a_start_that_still_imports(cluster: Cluster) -> None:
    import json

    agent = cluster.agent
    (agent.home / "slow_import.py").write_text("import time\ntime.sleep(30)\n")
    env = cluster_environment(cluster)
    env["PYTHONPATH"] += f":{agent.home}"
    process = agent.process("slot-0", ["true"])
    spawn = {"op": "spawn", "group": GROUP, "fork": True, "env": env, "cwd": "/", "preload": ["slow_import"]}
    requests = [
        {"id": "spawn", **spawn, "processes": [process]},
        {"id": "stop", "op": "stop", "group": GROUP, "names": None, "grace": 1},
    ]
    agent.socket.sendall(b"".join(json.dumps(request).encode() + b"\n" for request in requests))
    agent.socket.settimeout(10)
    answers = {}
    while len(answers) < 2:
        message = agent.read()
        if "re" in message:
            answers[message["re"]] = message
    assert answers["spawn"]["error"]["reason"] == "superseded"
    assert answers["stop"]["ok"] == {"left": []}


def test_warm_answers_at_once_and_is_used_by_the_next_spawn(cluster: Cluster) -> None:
    agent: Agent = cluster.agent
    assert agent.ok("warm", env=cluster_environment(cluster), python=None, preload=[]) == {"why_plain": None}


def cluster_environment(cluster: Cluster) -> dict[str, str]:
    from .conftest import environment

    return environment(cluster.agent.home)


def test_forked_engines_survive_a_killed_agent_and_are_adopted(cluster: Cluster) -> None:
    controller = cluster.start_controller()
    client = cluster.client()
    engine = cluster.start_engines(0)[0]
    registered(client, 1)
    nursery = parent(engine["pid"])
    os.kill(cluster.agent.pid, signal.SIGKILL)
    until(lambda: not alive(cluster.agent.pid) and not alive(nursery))
    new = Agent(cluster.agent.home)
    new.attach()
    keep = ("name", "uuid", "pid", "create_time", "log")
    left = [{key: record[key] for key in keep} for record in (controller, engine)]
    assert [r["state"] for r in new.ok("adopt", group=GROUP, processes=left)["processes"]] == ["running"] * 2
    assert client[:].apply_sync(os.getpid) == [engine["pid"]]
    next_engine = Cluster(new).start_engines(1)[0]
    assert next_engine["forked"]
    registered(client, 2)
    client.close()
    assert new.ok("stop", group=GROUP, names=None, grace=2) == {"left": []}
    assert not any(alive(record["pid"]) for record in (controller, engine, next_engine))
    new.close()


def test_memory_of_a_forked_engine_is_shared(cluster: Cluster) -> None:
    cluster.start_controller()
    client = cluster.client()
    cluster.start_engines(*range(8))
    registered(client, 8)
    cluster.agent.ok("watch", group=GROUP, period=0.3)
    usage = cluster.agent.event("usage")["usage"]
    engines = [used["memory"] for name, used in usage.items() if name.startswith("slot-")]
    # A stock engine has 70 MB; how much exactly ours has is for the benchmarks to tell.
    assert len(engines) == 8 and max(engines) < 30 * 2**20
    client.close()


def test_what_engines_import_late_is_in_the_nursery(cluster: Cluster) -> None:
    """Each module missing costs every engine its import time and memory."""
    import subprocess
    import sys

    cluster.start_controller()
    client = cluster.client()
    cluster.start_engines(0)
    registered(client, 1)
    client[:].execute("import sys; late = sorted(sys.modules)", block=True)
    code = "import sys; from jupyterlab_clusters.host import nursery; nursery.load([]); print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], env=cluster_environment(cluster), text=True).split()
    late = set(client[0].pull("late", block=True)) - set(loaded)
    # ipyparallel asks for numpy when a result is sent; whether it is loaded beforehand is the person's choice.
    assert {name for name in late if not name.startswith("numpy")} == set()
    client.close()
