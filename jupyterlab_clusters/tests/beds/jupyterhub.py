"""A real JupyterHub on the loopback, with the simple spawner: a home for each user, below a prefix.

Promise: ports of its own; what was begun is asked to end, and what still carries its mark is ended.
Must never write outside its folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jupyterlab_clusters.tests.cluster.conftest import processes_marked

from .ports import Ports

PREFIX = "/science"

CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}{prefix}/"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.should_start = True
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie"
c.ConfigurableHTTPProxy.pid_file = "{folder}/proxy.pid"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {{"JLC_TEST_HUB": "{folder}"}}
c.Spawner.env_keep = ["PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL"]
c.Spawner.http_timeout = 60
c.JupyterHub.services = [{{"name": "tests", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [{{
    "name": "tests", "services": ["tests"],
    "scopes": ["admin:users", "admin:servers", "tokens", "access:servers"],
}}]
"""


class Hub:
    """``url`` is that of the prefix."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = Ports(3)
        self.port, hub, api = self._ports.numbers
        self.url = f"http://127.0.0.1:{self.port}{PREFIX}"
        self._token = secrets.token_hex(16)
        self.log = folder / "hub.log"
        text = CONFIG.format(port=self.port, hub=hub, api=api, prefix=PREFIX, folder=folder, token=self._token)
        config = folder / "jupyterhub_config.py"
        config.write_text(text)
        config.chmod(0o600)
        own = ("JUPYTER", "IPYTHON", "JPY_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(config)],
            cwd=folder,
            env={**environment, "JLC_TEST_HUB": str(folder)},
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def ask(self, path: str, method: str = "GET", body: object = None, token: str | None = None) -> Any:
        """What ``path`` below the prefix answers; urllib's errors as they come."""
        request = urllib.request.Request(
            f"{self.url}/{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"token {token or self._token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            return bool(self.ask("hub/api/"))
        return False

    def home(self, user: str) -> Path:
        return self.folder / user

    def add(self, user: str) -> str:
        """A user, and a token that is theirs alone."""
        self.ask(f"hub/api/users/{quote(user)}", "POST")
        token: str = self.ask(f"hub/api/users/{quote(user)}/tokens", "POST", {})["token"]
        return token

    def start(self, *users: str) -> None:
        for user in users:
            self.ask(f"hub/api/users/{quote(user)}/server", "POST")
        for user in users:
            self.until(lambda user=user: self._server(user).get("ready"), f"the server of {user} is ready")

    def cull(self, user: str) -> None:
        """As the hub's culler does with an idle server."""
        self.ask(f"hub/api/users/{quote(user)}/server", "DELETE")
        self.until(lambda: not self._server(user), f"the server of {user} is gone")

    def until(self, true: Any, what: str, timeout: float = 60.0) -> Any:
        end = time.monotonic() + timeout
        while not (value := true()):
            assert time.monotonic() < end, f"not after {timeout} s: {what}\n{self.log.read_text()[-3000:]}"
            time.sleep(0.1)
        return value

    def _server(self, user: str) -> dict[str, Any]:
        servers: dict[str, Any] = self.ask(f"hub/api/users/{quote(user)}").get("servers") or {}
        return servers.get("") or {}

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        for pid in processes_marked(self.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(5)
        self._ports.release()


@contextlib.contextmanager
def running() -> Iterator[Hub]:
    # Short, because the path of a unix socket may have 107 bytes only.
    folder = Path(tempfile.mkdtemp(prefix="jlch-", dir="/tmp"))
    hub = Hub(folder)
    try:
        hub.until(hub.answers, "the hub answers")
        yield hub
    finally:
        hub.close()
        shutil.rmtree(folder, ignore_errors=True)
