"""Copies of logs that are written on other machines, kept where the logs of local engines are.

Promise: a copy is byte for byte what was written there, so an offset means the
same in both; it stays readable when that machine is gone. Writes in a thread,
in order.
"""

from __future__ import annotations

import asyncio
import base64
import os
import queue
import struct
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..host.messages import INDEX_RECORD, source_of
from ..host.private import opened


class LogCopies:
    """The copies of one cluster, in ``folder``. ``bases``: where in each copy the present run begins (bytes)."""

    def __init__(self, folder: Path, bases: Mapping[str, int] | None = None) -> None:
        self._folder = folder
        self.bases = dict(self._sizes() if bases is None else bases)
        self._pieces: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def offsets(self) -> dict[str, int]:
        """How much of the present run there is of each (blocking)."""
        return {name: size - self.bases.get(name, 0) for name, size in self._sizes().items()}

    def _sizes(self) -> dict[str, int]:
        return {path.stem: path.stat().st_size for path in self._folder.glob("*.log")}

    def take(self, piece: Mapping[str, Any]) -> None:
        """What an agent sent: name, offset, data (base64) and time (unix seconds)."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="log copies", daemon=True)
            self._thread.start()
        self._pieces.put(piece)

    async def close(self) -> None:
        """Returns when all that was taken is written."""
        if self._thread is not None:
            self._pieces.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None

    def _work(self) -> None:
        while (piece := self._pieces.get()) is not None:
            try:
                self._write(piece)
            except (OSError, ValueError, KeyError, TypeError, ArithmeticError, struct.error):
                continue  # neither a full disk nor nonsense from a host ends the copying of what comes later

    def _write(self, piece: Mapping[str, Any]) -> None:
        name, data = str(piece["name"]), base64.b64decode(piece["data"])
        source = source_of(name)
        if source is None:
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        fd = opened(self._folder / f"{name}.log", flags)
        try:
            have, offset = os.fstat(fd).st_size, self.bases.get(name, 0) + int(piece["offset"])
            new = data[have - offset :] if offset <= have < offset + len(data) else b""
            _write_all(fd, new)
        finally:
            os.close(fd)
        newline = new.rfind(b"\n")
        if newline >= 0:
            record = INDEX_RECORD.pack(float(piece["time"]), have + newline + 1, source)
            index = opened(self._folder / "index", flags)
            try:
                _write_all(index, record)
            finally:
                os.close(index)


def _write_all(fd: int, text: bytes) -> None:
    while text:
        text = text[os.write(fd, text) :]
