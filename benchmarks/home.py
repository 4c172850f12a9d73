"""Folders of a benchmark's own, and the processes that were begun in them.

Promise: nothing of the person's own IPython or Jupyter folders is read or
written; ``close`` ends every process that carries this home's mark, no other.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

import psutil

MARK = "JLC_BENCH_HOME"


class Home:
    def __init__(self) -> None:
        # Short, because the path of a unix socket may have 107 bytes only.
        self.path = Path(tempfile.mkdtemp(prefix="jlcb-", dir="/tmp"))
        for name in ("ipython", "data", "config", "runtime", "files"):
            (self.path / name).mkdir(mode=0o700)
        self.ipython = self.path / "ipython"

    def environment(self) -> dict[str, str]:
        own = {
            MARK: str(self.path),
            "IPYTHONDIR": str(self.ipython),
            "JUPYTER_DATA_DIR": str(self.path / "data"),
            "JUPYTER_CONFIG_DIR": str(self.path / "config"),
            "JUPYTER_RUNTIME_DIR": str(self.path / "runtime"),
        }
        # As an installed package is: compiled once.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {**inherited, **own}

    def processes(self) -> list[psutil.Process]:
        """Live processes that carry this home's mark."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == str(self.path) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def close(self) -> None:
        # An agent of ours stays for a while on purpose; a benchmark need not wait for it.
        end = time.monotonic() + 2
        while self.processes() and time.monotonic() < end:
            time.sleep(0.2)
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        shutil.rmtree(self.path, ignore_errors=True)
