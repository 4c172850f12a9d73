"""The agent's life: one for a folder, private, gone when idle."""

from __future__ import annotations

import concurrent.futures
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyterlab_clusters.host.leftovers import sweep
from jupyterlab_clusters.host.private import same_user
from jupyterlab_clusters.host.start import ROOT, ensure_agent

from .conftest import Agent, alive, until

pytestmark = pytest.mark.timeout(60)


def test_many_starters_get_the_same_agent(home: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        agents = list(pool.map(lambda _: Agent(home), range(8)))
    assert len({agent.pid for agent in agents}) == 1
    for agent in agents:
        agent.close()


def test_hello_tells_the_machine_and_refuses_another_protocol(agent: Agent) -> None:
    hello = agent.ok("hello", protocol=1)
    assert hello["protocol"] == 1 and hello["cores"] >= 1 and hello["memory"] > 1 << 28
    assert abs(hello["create_time"] - time.time()) < 60
    assert agent.ask("hello", protocol=2)["error"]["reason"] == "protocol"
    assert agent.ask("fly")["error"]["reason"] == "unknown-op"
    assert agent.ask("attach")["error"]["reason"] == "bad-request"


def test_the_agent_is_outside_of_the_starters_process_tree(agent: Agent) -> None:
    parent = int(Path(f"/proc/{agent.pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert parent != os.getpid()
    assert os.getsid(agent.pid) != os.getsid(0)


def test_socket_and_folder_are_private(agent: Agent) -> None:
    assert (agent.home / "run").stat().st_mode & 0o777 == 0o700
    assert (agent.home / "run" / "agent.sock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_open_to_others_is_refused(home: Path, mode: int) -> None:
    (home / "run").mkdir()
    (home / "run").chmod(mode)
    with pytest.raises(PermissionError, match="open to others"):
        ensure_agent(home / "run")


def test_a_link_is_refused(home: Path) -> None:
    (home / "real").mkdir(mode=0o700)
    (home / "run").symlink_to(home / "real")
    with pytest.raises(PermissionError, match="link"):
        ensure_agent(home / "run")


def test_another_users_folder_is_refused(home: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    (home / "run").mkdir(mode=0o700)
    os.chown(home / "run", 12345, 12345)
    with pytest.raises(PermissionError, match="another user"):
        ensure_agent(home / "run")


def test_another_users_connection_is_refused(agent: Agent) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    # Root itself opens the folder, so that only the check of the peer is left.
    (agent.home).chmod(0o755)
    (agent.home / "run").chmod(0o755)
    (agent.home / "run" / "agent.sock").chmod(0o666)
    code = (
        "import os, socket, sys; os.setuid(12345); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        's.sendall(b\'{"id": 1, "op": "hello", "protocol": 1}\\n\'); print(s.recv(100))'
    )
    path = str(agent.home / "run" / "agent.sock")
    seen = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=20)
    assert seen.stdout.strip() == "b''" or "ConnectionReset" in seen.stderr or "BrokenPipe" in seen.stderr


def test_same_user_reads_the_peers_credentials() -> None:
    one, two = socket.socketpair()
    with one, two:
        assert same_user(one)
        _, uid, _ = struct.unpack("3i", one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        assert uid == os.getuid()


def test_a_path_too_long_for_the_system_works(home: Path) -> None:
    long = home / ("x" * 120)
    long.mkdir()
    agent = Agent(long)
    assert agent.ok("attach", group="g", journal=None, index=None, leader=None) == {"processes": [], "exits": []}
    agent.close()


def test_ends_when_idle_and_the_next_starter_gets_a_new_one(home: Path) -> None:
    agent = Agent(home, idle=0.3)
    first = agent.pid
    time.sleep(0.6)
    assert alive(first), "a peer is connected"
    agent.close()
    until(lambda: not alive(first), within=5)
    again = Agent(home, idle=0.3)
    assert again.pid != first
    again.close()


def test_ends_also_where_its_folder_was_taken_away(home: Path) -> None:
    agent = Agent(home, idle=0.3)
    shutil.rmtree(home / "run")
    agent.close()
    until(lambda: not alive(agent.pid), within=5)


def test_does_not_end_while_a_process_lives(home: Path) -> None:
    agent = Agent(home, idle=0.3)
    record = agent.plain("import time; time.sleep(60)")
    agent.close()
    time.sleep(0.8)
    assert alive(agent.pid) and alive(record["pid"])
    os.kill(record["pid"], signal.SIGKILL)
    until(lambda: not alive(agent.pid), within=5)


def test_after_kill_9_the_next_starter_gets_a_new_one(home: Path) -> None:
    agent = Agent(home)
    os.kill(agent.pid, signal.SIGKILL)
    until(lambda: not alive(agent.pid))
    assert Agent(home).pid != agent.pid


def test_an_idle_agent_uses_no_cpu(agent: Agent) -> None:
    def wakeups() -> int:
        return int(Path(f"/proc/{agent.pid}/status").read_text().split("voluntary_ctxt_switches:")[1].split()[0])

    agent.plain("import time; time.sleep(60)")
    time.sleep(0.3)
    before = wakeups()
    time.sleep(1.0)
    assert wakeups() - before <= 1


def test_a_peer_that_does_not_read_is_dropped(agent: Agent) -> None:
    deaf = ensure_agent(agent.home / "run")
    deaf.settimeout(0.2)
    big = b'{"id": "' + b"x" * (1 << 20) + b'", "op": "hello"}\n'
    with pytest.raises(OSError):
        for _ in range(80):
            deaf.sendall(big)
            time.sleep(0.01)
        deaf.settimeout(5)
        deaf.sendall(big)
        raise AssertionError("never dropped")
    assert agent.ok("hello", protocol=1)["pid"] == agent.pid


def test_it_imports_nothing_but_the_standard_library() -> None:
    """It is sent to other machines, and begins at once."""
    code = (
        "import sys; before = set(sys.modules); import jupyterlab_clusters.host.agent;"
        "tops = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(tops - set(sys.stdlib_module_names)))"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "['jupyterlab_clusters']"


def test_a_fleeting_agent_takes_its_folder_away(home: Path) -> None:
    ensure_agent(home / "run", idle=0.2, fleeting=True).close()
    until(lambda: not (home / "run").exists())


def test_starts_while_a_fleeting_agent_ends(home: Path) -> None:
    """Whoever waited for the lock of a folder that is gone begins with a new one."""

    def start() -> None:
        for _ in range(15):
            sock = ensure_agent(home / "run", idle=0.01, fleeting=True)
            sock.sendall(b'{"id": 1, "op": "hello", "protocol": 1}\n')
            assert b'"ok"' in sock.recv(65536)
            sock.close()
            time.sleep(0.02)

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(start) for _ in range(3)]:
            done.result()
    until(lambda: not (home / "run").exists())


def test_what_dead_agents_left_is_swept_and_nothing_else(home: Path) -> None:
    above = home / "above"
    above.mkdir(mode=0o700)
    agents = {name: ensure_agent(above / name, fleeting=True) for name in ("lives", "dead", "keeps")}
    for name in ("dead", "keeps"):
        agents[name].sendall(b'{"id": 1, "op": "hello", "protocol": 1}\n')
        pid = json.loads(agents[name].recv(65536))["ok"]["pid"]
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: not alive(pid))
    (above / "keeps" / "a file").touch()
    (above / "strange").mkdir()
    sweep(above)
    assert sorted(path.name for path in above.iterdir()) == ["keeps", "lives", "strange"]
    assert [path.name for path in (above / "keeps").iterdir()] == ["a file"]
    ensure_agent(above / "lives").close()
    assert [path.name for path in (above / "lives").iterdir() if path.suffix == ".sock"], "it is the same agent"
    for sock in agents.values():
        sock.close()
