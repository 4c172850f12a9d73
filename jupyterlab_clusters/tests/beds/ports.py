"""Ports that no other bed takes, of whichever test run on this machine.

Promise: below those that the system gives out by itself; from finding them until :meth:`Ports.release` they
are locked, whether or not anybody listens there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import TextIO

FIRST, LAST = 17000, 32000


class Ports:
    """``numbers`` are free at ``address``."""

    def __init__(self, count: int, address: str = "127.0.0.1") -> None:
        self.numbers: list[int] = []
        self._locks: list[TextIO] = []
        folder = Path(tempfile.gettempdir()) / f"jlc-ports-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        candidates = list(range(FIRST, LAST))
        random.shuffle(candidates)
        for port in candidates:
            self._claim(folder / str(port), address, port)
            if len(self.numbers) == count:
                return
        self.release()
        raise RuntimeError(f"{count} free ports were not found")

    def release(self) -> None:
        while self._locks:
            self._locks.pop().close()

    def _claim(self, file: Path, address: str, port: int) -> None:
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            lock = stack.enter_context(file.open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as one:
                one.bind((address, port))
            stack.pop_all()
            self._locks.append(lock)
            self.numbers.append(port)
