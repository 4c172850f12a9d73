"""Starting, watching and ending of plain processes."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import time
from pathlib import Path

import pytest

from .conftest import GROUP, Agent, alive, until

pytestmark = pytest.mark.timeout(60)

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def test_spawn_tells_launch_and_exit_and_writes_journal(agent: Agent) -> None:
    record = agent.plain("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert record["state"] in ("running", "exited") and record["forked"] is False and record["why_plain"] is None
    assert agent.event("launched", "slot-0")["record"]["pid"] == record["pid"]
    exited = agent.event("exited", "slot-0")["record"]
    assert (exited["exit_code"], exited["signal"], exited["asked"], exited["oom"]) == (3, None, False, False)
    log = agent.log("slot-0")
    assert log.startswith("--- slot-0 started 20") and "out\n" in log and "err\n" in log
    assert stat.S_IMODE((agent.home / "slot-0.log").stat().st_mode) == 0o600
    journal = [json.loads(line) for line in (agent.home / "exits.jsonl").read_text().splitlines()]
    assert [(j["name"], j["pid"], j["exit_code"]) for j in journal] == [("slot-0", record["pid"], 3)]
    assert journal[0]["create_time"] == record["create_time"]


def test_environment_is_as_given_and_the_session_own(agent: Agent) -> None:
    code = "import os; print(sorted(os.environ)); print(os.getcwd(), os.getpid() == os.getsid(0) == os.getpgrp())"
    process = agent.process("slot-0", [sys.executable, "-S", "-c", code], env={"B": "2"})
    agent.ok("spawn", group=GROUP, fork=False, env={"A": "1"}, cwd="/usr", python=None, preload=[], processes=[process])
    agent.event("exited", "slot-0")
    _, names, rest = agent.log("slot-0").splitlines()
    assert set(eval(names)) - {"LC_CTYPE"} == {
        *("A", "B"),
        *(f"JUPYTERLAB_CLUSTERS_{name}" for name in ("GROUP", "AGENT", "ENGINE")),
    }
    assert rest == "/usr True"


def test_a_name_that_runs_is_returned_as_it_is(agent: Agent) -> None:
    first = agent.plain("import time; time.sleep(60)")
    assert agent.plain("import time; time.sleep(60)")["pid"] == first["pid"]


def test_a_name_that_runs_with_another_identity_is_refused(agent: Agent) -> None:
    agent.plain("import time; time.sleep(60)")
    other = agent.process("slot-0", [sys.executable, "-c", "pass"], uuid="slot-0-y")
    asked = {"group": GROUP, "fork": False, "env": {}, "cwd": "/", "processes": [other]}
    assert agent.ask("spawn", **asked)["error"]["reason"] == "still-running"


@pytest.mark.parametrize(
    "change, reason", [({"argv": ["/no/such/program"]}, "spawn-failed"), ({"log": "/no/such/folder/x.log"}, "log")]
)
def test_what_cannot_start_is_refused_with_a_sentence(agent: Agent, change: dict[str, object], reason: str) -> None:
    process = {**agent.process("slot-0", ["true"]), **change}
    answer = agent.ask("spawn", group=GROUP, fork=False, env={}, cwd="/", preload=[], processes=[process])
    assert answer["error"]["reason"] == reason and answer["error"]["message"].endswith(".")


def test_a_log_that_is_a_link_is_refused(agent: Agent) -> None:
    (agent.home / "slot-0.log").symlink_to(agent.home / "elsewhere")
    process = agent.process("slot-0", ["true"])
    answer = agent.ask("spawn", group=GROUP, fork=False, env={}, cwd="/", preload=[], processes=[process])
    assert answer["error"]["reason"] == "log"
    assert not (agent.home / "elsewhere").exists()


def test_stop_escalates_and_is_safe_to_repeat(agent: Agent) -> None:
    record = agent.plain(DEAF)
    until(lambda: "deaf\n" in agent.log("slot-0"))
    began = time.monotonic()
    assert agent.ok("stop", group=GROUP, names=["slot-0"], grace=0.3) == {"left": []}
    assert 0.25 < time.monotonic() - began < 3
    exited = agent.event("exited", "slot-0")["record"]
    assert exited["pid"] == record["pid"] and exited["signal"] == signal.SIGKILL and exited["asked"]
    assert not exited["oom"]
    assert agent.ok("stop", group=GROUP, names=["slot-0"], grace=5) == {"left": []}


def test_stop_ends_many_at_once_and_a_slow_stop_delays_nobody(agent: Agent) -> None:
    agent.spawn(*[agent.process(f"slot-{n}", [sys.executable, "-c", DEAF]) for n in range(4)])
    until(lambda: all("deaf\n" in agent.log(f"slot-{n}") for n in range(4)))
    stop = {"id": "stop", "op": "stop", "group": GROUP, "names": None, "grace": 1.0}
    hello = {"id": "hello", "op": "hello", "protocol": 1}
    began = time.monotonic()
    agent.socket.sendall(b"".join(json.dumps(request).encode() + b"\n" for request in (stop, hello)))
    answers = []
    while len(answers) < 2:
        message = agent.read()
        if "re" in message:
            answers.append((message["re"], time.monotonic() - began))
    assert [name for name, _ in answers] == ["hello", "stop"]
    assert answers[0][1] < 0.5 and 1 <= answers[1][1] < 3


def test_stop_ends_children_also_those_in_sessions_of_their_own(agent: Agent) -> None:
    code = f"""
import subprocess, sys, time
deaf = {DEAF!r}
for session in (False, True):
    child = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=session)
    print("child", child.pid, flush=True)
print("ready", flush=True)
time.sleep(600)
"""
    agent.plain(code)
    until(lambda: agent.log("slot-0").count("deaf\n") == 2 and "ready" in agent.log("slot-0"))
    children = [int(line.split()[1]) for line in agent.log("slot-0").splitlines() if line.startswith("child")]
    assert agent.ok("stop", group=GROUP, names=["slot-0"], grace=0.2) == {"left": []}
    assert not any(alive(child) for child in children)


def test_stop_of_everything_finds_what_a_dead_process_left(agent: Agent) -> None:
    code = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {DEAF!r}], start_new_session=True)
print("child", child.pid, flush=True)
"""
    agent.plain(code)
    agent.event("exited", "slot-0")
    until(lambda: "deaf\n" in agent.log("slot-0"))
    child = int(agent.log("slot-0").split("child ")[1].split()[0])
    assert alive(child)
    assert agent.ok("stop", group=GROUP, names=None, grace=0.2) == {"left": []}
    assert not alive(child)


def test_signal_reaches_the_process_alone(agent: Agent) -> None:
    code = """
import signal, time
signal.signal(signal.SIGUSR1, lambda *a: print("got it", flush=True))
print("ready", flush=True)
while True: time.sleep(1)
"""
    agent.plain(code)
    until(lambda: "ready" in agent.log("slot-0"))
    assert agent.ok("signal", group=GROUP, names=["slot-0"], signal=signal.SIGUSR1) == {"reached": ["slot-0"]}
    until(lambda: "got it" in agent.log("slot-0"))
    assert agent.ok("signal", group=GROUP, names=["slot-7"], signal=signal.SIGUSR1) == {"reached": []}


def test_a_new_agent_adopts_what_an_old_one_left(home: Path) -> None:
    old = Agent(home)
    old.attach()
    record = old.plain("import time; time.sleep(600)")
    os.kill(old.pid, signal.SIGKILL)
    until(lambda: not alive(old.pid))
    new = Agent(home)
    assert new.attach() == []
    keep = {key: record[key] for key in ("name", "uuid", "pid", "create_time", "log")}
    stranger = {**keep, "name": "slot-1", "create_time": record["create_time"] - 1000}
    missing = {**keep, "name": "slot-2", "pid": 2**22 - 1}
    adopted = new.ok("adopt", group=GROUP, processes=[keep, stranger, missing])["processes"]
    assert [r["state"] for r in adopted] == ["running", "gone", "gone"]
    assert new.ok("stop", group=GROUP, names=["slot-1"], grace=0.1) == {"left": []}
    assert alive(record["pid"]), "a process whose create time does not match was ended"
    os.kill(record["pid"], signal.SIGTERM)
    exited = new.event("exited", "slot-0")["record"]
    assert (exited["exit_code"], exited["signal"]) == (None, None)
    new.close()


def test_stop_ends_what_was_adopted(home: Path) -> None:
    old = Agent(home)
    record = old.plain(DEAF)
    until(lambda: "deaf\n" in old.log("slot-0"))
    os.kill(old.pid, signal.SIGKILL)
    until(lambda: not alive(old.pid))
    new = Agent(home)
    keep = {key: record[key] for key in ("name", "uuid", "pid", "create_time", "log")}
    new.ok("adopt", group=GROUP, processes=[keep])
    assert new.ok("stop", group=GROUP, names=None, grace=0.2) == {"left": []}
    assert not alive(record["pid"])
    new.close()


def test_usage_counts_cpu_memory_and_children(agent: Agent) -> None:
    code = """
import os, time
if os.fork() == 0:
    while True: pass
held = bytearray(b"x" * 100_000_000)
time.sleep(600)
"""
    record = agent.plain(code)
    agent.ok("watch", group=GROUP, period=0.3)
    until(lambda: agent.event("usage")["usage"].get("slot-0", {}).get("memory", 0) > 100_000_000)
    until(lambda: 0.3 < agent.event("usage")["usage"]["slot-0"]["cpu"] < 1.5)
    agent.ok("unwatch", group=GROUP)
    agent.events.clear()
    agent.ok("stop", group=GROUP, names=None, grace=0.2)
    assert not alive(record["pid"])
    assert not [event for event in agent.events if event["event"] == "usage"]


def test_forget_drops_what_ended(agent: Agent) -> None:
    agent.plain("pass")
    agent.event("exited", "slot-0")
    running = agent.plain("import time; time.sleep(60)", name="slot-1")
    agent.ok("forget", group=GROUP)
    assert [r["pid"] for r in agent.attach()] == [running["pid"]]


def test_a_leader_that_ends_as_orphan_takes_the_group_along(agent: Agent) -> None:
    engine = agent.plain(DEAF)
    until(lambda: "deaf\n" in agent.log("slot-0"))
    agent.plain("import sys; sys.exit(86)", name="controller")
    assert agent.event("exited", "slot-0")["record"]["asked"]
    until(lambda: not alive(engine["pid"]))


def test_deaths_are_told_to_the_controller(agent: Agent) -> None:
    code = """
import os
with open(int(os.environ["JUPYTERLAB_CLUSTERS_DEATHS_FD"])) as deaths:
    for line in deaths:
        print("died", line, flush=True)
"""
    agent.plain(code, name="controller")
    agent.plain("import time; time.sleep(0.2)")
    agent.event("exited", "slot-0")
    until(lambda: "died slot-0-x" in agent.log("controller"))


def test_children_of_a_killed_controller_do_not_stay(agent: Agent) -> None:
    code = "import os, time\nif os.fork() == 0: print('child', os.getpid(), flush=True)\ntime.sleep(600)"
    record = agent.plain(code, name="controller")
    until(lambda: "child" in agent.log("controller"))
    child = int(agent.log("controller").split("child ")[1].split()[0])
    os.kill(record["pid"], signal.SIGKILL)
    until(lambda: not alive(child), within=3)


def test_stop_of_everything_leaves_another_agents_group_of_the_same_name(agent: Agent, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Agent(tmp_path / "other")
    theirs = other.plain("import time; time.sleep(600)")
    agent.plain("import time; time.sleep(600)")
    assert agent.ok("stop", group=GROUP, names=None, grace=0.2) == {"left": []}
    assert alive(theirs["pid"])
    assert other.ok("stop", group=GROUP, names=None, grace=0.2) == {"left": []}
    assert not alive(theirs["pid"])
    other.close()
