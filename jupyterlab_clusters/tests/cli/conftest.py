"""The command as a process, as a person runs it, in folders of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipyparallel
import pytest

from jupyterlab_clusters.cli.main import main
from jupyterlab_clusters.tests.cluster.conftest import processes_marked

COMMAND = [sys.executable, "-m", "jupyterlab_clusters.cli"]

#: An agent and its nursery wait a while for the next start.
STAY = ("host.agent", "host.nursery")


class Terminal:
    """Where ``jupyter clusters`` is typed; most words are said to it in this process, which is quicker."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def says(self, *words: str, code: int = 0, cwd: Path | None = None) -> tuple[str, str]:
        """What it printed, to stdout and to stderr."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            contextlib.suppress(SystemExit),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.chdir(cwd or self.home)
            ended = 2  # argparse leaves by itself
            ended = main(words)
        assert ended == code, (ended, out.getvalue(), err.getvalue())
        return out.getvalue(), err.getvalue()

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.says(*words, "--json", code=code)[0])

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """One that goes on, as a process."""
        pipe = subprocess.PIPE
        return subprocess.Popen([*COMMAND, *words], stdout=pipe, stderr=pipe, text=True)

    def computes(self, work: Callable[[Any], Any], cluster_id: str = "") -> Any:
        """What a client does that finds the cluster by itself."""
        client = ipyparallel.Client(cluster_id=cluster_id, timeout=20)
        try:
            client.wait_for_engines(1, timeout=20)
            return work(client)
        finally:
            client.close()

    def left(self) -> list[str]:
        """What of clusters runs."""
        return [name for name in processes_marked(self.home).values() if not any(one in name for one in STAY)]


def typing(home: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Every folder that Jupyter and IPython use is below this home."""
    for name in [name for name in os.environ if name.startswith("JUPYTER")]:
        monkeypatch.delenv(name)
    for name in ("data", "config", "runtime"):
        monkeypatch.setenv(f"JUPYTER_{name.upper()}_DIR", str(home / name))
    monkeypatch.setenv("IPYTHONDIR", str(home / "ipython"))
    return Terminal(home)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    home = Path(tempfile.mkdtemp(prefix="jlcc-", dir="/tmp"))
    yield typing(home, monkeypatch)
    for pid in processes_marked(home):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    shutil.rmtree(home, ignore_errors=True)
