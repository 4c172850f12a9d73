"""A real Jupyter server as a process of its own, in folders of its own.

Promise: ``serving`` leaves nothing behind: clusters are stopped by request, and
what still carries the home's mark 20 s later is ended and told as a failure.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

MARK = "JLC_PYTEST_HOME"
ROUTE = "jupyterlab-clusters"
RETRIES = 10


def until(true: Any, what: str, timeout: float = 30.0) -> Any:
    end = time.monotonic() + timeout
    while not (value := true()):
        assert time.monotonic() < end, f"not after {timeout} s: {what}"
        time.sleep(0.05)
    return value


class RealServer:
    """``settings`` are more arguments of the server (``--Clusters.…``), ``within`` a command that runs it."""

    def __init__(
        self,
        home: Path,
        python: str,
        environment: Mapping[str, str],
        settings: Sequence[str] = (),
        within: Sequence[str] = (),
    ) -> None:
        self.home = home
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        self.token = secrets.token_hex(16)
        self.log = home / "server.log"
        own = {MARK: str(home), "JUPYTER_TOKEN": self.token, "IPYTHONDIR": str(home / "ipython")}
        for name in ("data", "config", "runtime"):
            own[f"JUPYTER_{name.upper()}_DIR"] = str(home / name)
            (home / name).mkdir(mode=0o700, exist_ok=True)
        (home / "files").mkdir(exist_ok=True)
        self.environment = {**(environment or os.environ), **own}
        self.command = [
            *within, python, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0", *settings,
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        """Begin, or begin again after ``kill`` or ``end``: same home, same port, same token."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.home / "files", env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def end(self) -> None:
        """A clean stop."""
        self.process.terminate()
        self.process.wait(30)

    def ask(self, route: str, method: str = "GET", body: object = None, *, token: bool = True) -> Any:
        """What ``route`` of ours answers; urllib's errors as they come."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{ROUTE}/{route}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"token {self.token}"} if token else {},
        )
        tries = RETRIES
        while True:
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as error:
                # An overloaded machine: the answer says when to come again.
                if tries == 0 or method != "GET" or not error.headers.get("Retry-After"):
                    raise
                tries -= 1
                time.sleep(0.2)

    def cluster(self, key: str = "default:") -> Any:
        return self.ask(f"clusters/{quote(key, safe='')}")

    def order(self, verb: str, key: str = "default:", **body: object) -> Any:
        return self.ask(f"clusters/{quote(key, safe='')}/{verb}", "POST", body)

    def await_answer(self) -> None:
        until(self.answers, "the server answers", 60)

    def await_state(self, state: str, key: str = "default:", timeout: float = 30.0) -> Any:
        until(lambda: self.cluster(key)["state"] == state, f"{key} is {state}: {self.cluster(key)}", timeout)
        return self.cluster(key)

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            return bool(self.ask("clusters"))
        return False

    def processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == str(self.home) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def end_idle_agents(self) -> None:
        """Now, where nothing is left but agents and what they fork from: by themselves they wait for the next start."""
        left = self.processes()
        idle = ("host.agent", "host.nursery")
        with contextlib.suppress(psutil.Error):
            if all(any(one in " ".join(process.cmdline()) for one in idle) for process in left):
                for process in left:
                    process.terminate()

    def stop_clusters(self) -> None:
        for cluster in self.ask("clusters"):
            if cluster["origin"] == "ours" and cluster["state"] != "stopped":
                self.order("stop", cluster["key"])
                self.await_state("stopped", cluster["key"])

    def close(self) -> None:
        try:
            if self.process.poll() is not None:
                # A test that failed left it dead: its clusters run on.
                self.start()
                until(self.answers, "the server answers", 60)
            self.stop_clusters()
        finally:
            self.end()
            self.end_idle_agents()
            with contextlib.suppress(AssertionError):
                until(lambda: not self.processes(), "all ended", 20)
            left = self.processes()
            for process in left:
                process.kill()
        assert not left, f"still ran: {left}"


@contextlib.contextmanager
def serving(
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    settings: Sequence[str] = (),
    within: Sequence[str] = (),
) -> Iterator[RealServer]:
    # Short, because the path of a unix socket may have 107 bytes only.
    home = Path(tempfile.mkdtemp(prefix="jlcp-", dir="/tmp"))
    server = RealServer(home, python, environment or {}, settings, within)
    try:
        server.await_answer()
        yield server
    finally:
        server.close()
        shutil.rmtree(home, ignore_errors=True)
