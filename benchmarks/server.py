"""A real Jupyter server with one of the two extensions, and requests to it."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from .home import Home

ROOT = Path(__file__).resolve().parent.parent

#: The front end of each extension; only that of the extension which is measured is switched on.
FRONTS = {"jupyterlab_clusters": "jupyterlab-clusters", "ipyparallel": "ipyparallel-labextension"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Server:
    """``extension`` is ours or ipyparallel's; the other is off. ``lab`` serves the window too."""

    def __init__(self, home: Home, extension: str, *, lab: bool = False) -> None:
        self.home = home
        self.token = secrets.token_hex(16)
        self.url = f"http://127.0.0.1:{free_port()}"
        extensions = {"jupyterlab_clusters": False, "ipyparallel": False, "jupyterlab": lab, "notebook_shim": False}
        extensions |= {"benchmarks.probe": True, extension: True}
        config = home.path / "config" / "jupyter_server_config.json"
        config.write_text(json.dumps({"ServerApp": {"jpserver_extensions": extensions}}))
        fronts = {front: owner != extension for owner, front in FRONTS.items()}
        page = config.parent / "labconfig" / "page_config.json"
        page.parent.mkdir()
        page.write_text(json.dumps({"disabledExtensions": fronts}))
        self._log = (home.path / "server.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
             f"--ServerApp.port={self.url.rpartition(':')[2]}", f"--ServerApp.root_dir={home.path / 'files'}"],
            env={**home.environment(), "JUPYTER_TOKEN": self.token, "PYTHONPATH": str(ROOT)},
            cwd=home.path, stdout=self._log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._await()

    def ask(self, route: str, method: str = "GET", body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/{route}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refused:
            raise RuntimeError(f"{method} {route}: {refused.code} {refused.read().decode()}") from refused
        return json.loads(text) if text else None

    def reset_probe(self) -> None:
        self.ask("bench/probe", "POST", {})

    def probe(self) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("bench/probe")
        return told

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def _await(self) -> None:
        end = time.monotonic() + 60
        while True:
            try:
                self.probe()
                return
            except (OSError, RuntimeError) as why:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self.home.path / "server.log").read_text()[-3000:]) from why
            time.sleep(0.05)
