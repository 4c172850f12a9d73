"""What stock engines print by Python's ``print``: they send it to clients and write it nowhere.

Promise: listens only, each line is told whole and with the number of its engine;
when more comes than can be read, lines are missed and nothing else suffers.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

DELIMITER = b"<IDS|MSG>"
STREAMS = (b".stdout", b".stderr")
#: How long a line that has no end yet is kept back (seconds).
PATIENCE = 0.5


class Lines:
    """Pieces of text by engine become whole lines for ``tell``."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._open: dict[str, str] = {}
        self._since = 0.0

    def add(self, engine: str, text: str) -> None:
        *whole, rest = (self._open.pop(engine, "") + text).split("\n")
        for line in whole:
            self._tell(f"[engine {engine}] {line}\n")
        if rest:
            self._open[engine] = rest
            self._since = self._since or time.monotonic()

    def look(self) -> None:
        """Tell also what has waited for its end for long."""
        if self._open and time.monotonic() - self._since > PATIENCE:
            for engine, rest in self._open.items():
                self._tell(f"[engine {engine}] {rest}\n")
            self._open.clear()
        if not self._open:
            self._since = 0.0


def listen(connection: Path, tell: Callable[[str], None]) -> None:
    """Until the program ends, on a thread; ``connection`` is the client's connection file."""
    threading.Thread(target=_serve, args=(connection, Lines(tell)), name="overheard", daemon=True).start()


def _serve(connection: Path, lines: Lines) -> None:
    import zmq
    from ipyparallel.util import disambiguate_url

    try:
        info = json.loads(connection.read_text(encoding="utf-8"))
        url = disambiguate_url(f"{info['interface']}:{info['iopub']}", info.get("location"))
    except (OSError, ValueError, KeyError):
        return  # no file here: what is printed is seen by clients only
    socket = zmq.Context().socket(zmq.SUB)
    if server := info.get("curve_serverkey"):
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = server.encode("ascii")
    socket.subscribe(b"engine.")
    socket.connect(url)
    scheme, key = str(info.get("signature_scheme", "hmac-sha256")), str(info.get("key", "")).encode()
    while True:
        if socket.poll(200) and (said := printed(socket.recv_multipart(), key, scheme)):
            lines.add(*said)
        lines.look()


def printed(frames: list[bytes], key: bytes, scheme: str) -> tuple[str, str] | None:
    """Engine and text of a message that carries what one printed, if it is signed with the cluster's key."""
    if not frames[0].endswith(STREAMS) or DELIMITER not in frames:
        return None
    at = frames.index(DELIMITER)
    signature, parts = frames[at + 1], frames[at + 2 : at + 6]
    digest = getattr(hashlib, scheme.partition("-")[2], None)
    if len(parts) < 4 or digest is None:
        return None
    if key and not hmac.compare_digest(hmac.new(key, b"".join(parts), digest).hexdigest().encode(), signature):
        return None
    try:
        content: Mapping[str, Any] = json.loads(parts[3])
        return frames[0].split(b".")[1].decode(), str(content["text"])
    except (ValueError, KeyError, IndexError):
        return None
