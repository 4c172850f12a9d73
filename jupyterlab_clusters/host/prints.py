"""Prints what other programs write into files, as they write it.

Promise: every byte once and in order; a file is printed to its end before
ipyparallel removes it. Never holds more of a file than one piece.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

#: How often files are looked at (seconds), and how much is read at once (bytes).
PERIOD, PIECE = 0.2, 1 << 16


class Prints:
    """``files`` tells which, at every look: they may come later."""

    def __init__(self, files: Callable[[], Iterable[str]]) -> None:
        self._files = files
        self._offsets: dict[str, int] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._of_job: dict[str, list[str]] = {}
        self._keep()

    def begin(self) -> None:
        threading.Thread(target=self._serve, name="prints", daemon=True).start()

    def end(self) -> None:
        self._over.set()
        self._look()

    def say(self, line: str) -> None:
        """A line of another source, between those of files."""
        with self._lock:
            sys.stdout.write(line)
            sys.stdout.flush()

    def of_job(self, job: str) -> list[str]:
        """Where Slurm writes what that job prints, be it another place than the launcher thinks."""
        if not job.isdigit() or shutil.which("scontrol") is None:
            return []
        if job not in self._of_job:
            asked = ["scontrol", "show", "job", "-o", job]
            done = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
            self._of_job[job] = re.findall(r" StdOut=(\S+)", done.stdout)
        return self._of_job[job]

    def _serve(self) -> None:
        while not self._over.wait(PERIOD):
            self._look()

    def _look(self) -> None:
        for path in dict.fromkeys(map(os.path.realpath, self._files())):
            self._print(path)

    def _print(self, path: str) -> None:
        with self._lock:
            try:
                with open(path, "rb") as file:
                    if file.seek(0, os.SEEK_END) < self._offsets.get(path, 0):
                        self._offsets[path] = 0  # begun anew
                    file.seek(self._offsets.get(path, 0))
                    while piece := file.read(PIECE):
                        sys.stdout.buffer.write(piece)
                        self._offsets[path] = file.tell()
                    sys.stdout.flush()
            except OSError:
                return

    def _keep(self) -> None:
        """ipyparallel takes away what its processes wrote as soon as they end: not before it was printed."""
        from ipyparallel.cluster.launcher import LocalProcessLauncher

        plain = LocalProcessLauncher.get_output

        def get_output(launcher: Any, remove: bool = False) -> Any:
            if launcher.output_file:
                self._print(os.path.realpath(launcher.output_file))
            return plain(launcher, remove=remove)

        LocalProcessLauncher.get_output = get_output
