"""What damage costs the server: the pauses of its loop, and its memory.

Promise: measured inside the server by the probe of the benchmarks, and by the system; of a pause only what the
threads of the server were not kept waiting for a processor is counted, as tests share theirs with much else.
"""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipyparallel as ipp

from ..realserver import RealServer, serving

#: What no work of ours may take of the server's loop at once (seconds).
LONGEST = 0.05


class Probe:
    def __init__(self, server: RealServer) -> None:
        self._server = server
        self.pid = server.process.pid

    def reset(self) -> None:
        self._ask("POST")

    def pause(self) -> float:
        """The longest since the reset (seconds), without what the thread waited for a processor."""
        return float(self._ask("GET")["own"])

    def memory(self) -> int:
        """PSS (bytes)."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))

    def _ask(self, method: str) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._server.port}/bench/probe",
            method=method,
            headers={"Authorization": f"token {self._server.token}"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")


@contextlib.contextmanager
def measured(*settings: str) -> Iterator[tuple[RealServer, Probe]]:
    extensions = {"benchmarks.probe": True, "jupyterlab_clusters": True}
    with serving(settings=[f"--ServerApp.jpserver_extensions={extensions}", *settings]) as server:
        yield server, Probe(server)


@contextlib.contextmanager
def client_of(server: RealServer, cluster_id: str = "") -> Iterator[ipp.Client]:
    """As a notebook's kernel has it."""
    folder = server.home / "ipython" / "profile_default"
    client = ipp.Client(profile_dir=str(folder), cluster_id=cluster_id, timeout=20)
    try:
        yield client
    finally:
        client.close()
