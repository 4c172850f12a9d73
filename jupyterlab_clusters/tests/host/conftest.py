"""A real agent in folders of its own, and everything that carries its mark ended afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipyparallel as ipp
import pytest

from jupyterlab_clusters.host import start

ROOT = str(start.ROOT)
GROUP = "default:"


def marked(root: Path) -> dict[int, str]:
    """Processes of this test that are no zombies."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            mine = str(root).encode() in command + (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if mine and state != "Z":
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def until(condition: Callable[[], Any], *, within: float = 15.0) -> Any:
    """What must come true; fails instead of waiting for ever."""
    end = time.monotonic() + within
    while True:
        if found := condition():
            return found
        assert time.monotonic() < end, f"not within {within} s"
        time.sleep(0.005)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Agent:
    """A peer of a real agent."""

    def __init__(self, home: Path, *, idle: float = 15.0) -> None:
        self.home = home
        self.events: list[dict[str, Any]] = []
        try:
            self._reach(idle)
        except (ConnectionError, EOFError):  # one that was killed still listened
            self.close()
            self._reach(idle)

    def _reach(self, idle: float) -> None:
        self.socket = start.ensure_agent(self.home / "run", idle=idle)
        self.socket.settimeout(60)
        self._lines = self.socket.makefile("rb")
        self.pid: int = self.ok("hello", protocol=1)["pid"]

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        self.socket.sendall(json.dumps({"id": 1, "op": op, **fields}).encode() + b"\n")
        while True:
            message = self.read()
            if "re" in message:
                return message
            self.events.append(message)

    def ok(self, op: str, **fields: Any) -> dict[str, Any]:
        answer = self.ask(op, **fields)
        assert "ok" in answer, answer
        return answer["ok"]

    def read(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise EOFError
        return json.loads(line)

    def event(self, kind: str, name: str | None = None) -> dict[str, Any]:
        """The first event of this kind (about this process), already here or still to come."""
        seen = 0
        while True:
            while seen < len(self.events):
                event = self.events[seen]
                if event["event"] == kind and name in (None, event.get("record", {}).get("name")):
                    return self.events.pop(seen)
                seen += 1
            self.events.append(self.read())

    def attach(self) -> list[dict[str, Any]]:
        return self.ok(
            "attach",
            group=GROUP,
            journal=str(self.home / "exits.jsonl"),
            index=str(self.home / "index"),
            leader="controller",
        )["processes"]

    def spawn(self, *processes: dict[str, Any], fork: bool = False, **fields: Any) -> list[dict[str, Any]]:
        asked = {"group": GROUP, "fork": fork, "env": environment(self.home), "cwd": str(self.home), **fields}
        return self.ok("spawn", **{"preload": [], "python": sys.executable, **asked}, processes=list(processes))[
            "processes"
        ]

    def plain(self, code: str, name: str = "slot-0") -> dict[str, Any]:
        """A Python program as a process."""
        return self.spawn(self.process(name, [sys.executable, "-u", "-c", code]))[0]

    def process(self, name: str, argv: list[str], **fields: Any) -> dict[str, Any]:
        log = str(self.home / f"{name}.log")
        role = "controller" if name == "controller" else "engine"
        return {
            "name": name,
            "uuid": f"{name}-x",
            "argv": argv,
            "args": [],
            "env": {},
            "log": log,
            "role": role,
            **fields,
        }

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text()

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


class Cluster:
    """Controller and engines as the launcher starts them."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.folder = agent.home / "ipython" / "profile_default"
        self.generation = 0

    def start_controller(self, *args: str) -> dict[str, Any]:
        argv = [sys.executable, "-m", "jupyterlab_clusters.host.controller", f"--profile-dir={self.folder}", *args]
        record = self.agent.spawn(self.agent.process("controller", argv, uuid=None))[0]
        until(lambda: self.file("engine").exists() and self.file("client").exists(), within=30)
        return record

    def file(self, kind: str) -> Path:
        return self.folder / "security" / f"ipcontroller-{kind}.json"

    def engine(self, slot: int, **fields: Any) -> dict[str, Any]:
        self.generation += 1
        uuid = f"s{slot}-g{self.generation}-{os.getpid()}"
        args = [f"--profile-dir={self.folder}", f"--ident={uuid}"]
        argv = [sys.executable, "-m", "jupyterlab_clusters.host.engine", *args]
        env = {"IPP_CONNECTION_INFO": self.file("engine").read_text()}
        return self.agent.process(f"slot-{slot}", argv, args=args, uuid=uuid, env=env, **fields)

    def start_engines(self, *slots: int, fork: bool = True, **fields: Any) -> list[dict[str, Any]]:
        return self.agent.spawn(*[self.engine(slot) for slot in slots], fork=fork, **fields)

    def client(self) -> ipp.Client:
        return ipp.Client(profile_dir=str(self.folder), timeout=20)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": ROOT, "IPYTHONDIR": str(home / "ipython"), "JLC_TEST": str(home)}


@pytest.fixture
def home() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="jlch"))
    (root / "ipython").mkdir()
    yield root
    for pid in marked(root):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    until(lambda: not marked(root))
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def agent(home: Path) -> Iterator[Agent]:
    agent = Agent(home)
    agent.attach()
    yield agent
    agent.close()
    # Whatever a test left, also forked engines, whose environment is not seen from outside.
    try:
        last = Agent(home)
        last.ok("stop", group=GROUP, names=None, grace=0.5)
        last.close()
    except (OSError, EOFError):
        pass


@pytest.fixture
def cluster(agent: Agent) -> Iterator[Cluster]:
    yield Cluster(agent)
