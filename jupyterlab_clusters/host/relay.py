"""The far end of a connection to an agent on another machine: finds or starts the agent and passes bytes on.

Promise: runs from what was sent along, with nothing but a Python there; the
agent goes on when this ends, which it does also when the way is gone without a
word. Must never say anything on its output but one line of JSON, and after it
what the agent says.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import selectors
import socket
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from .leftovers import in_use, prune, sweep
from .messages import READY
from .private import private_folder
from .start import ROOT, ensure_agent

PIECE = 1 << 16
#: Who reached us asks something every few seconds; nothing for so long (seconds), and the way is gone for good.
PATIENCE = 90.0
DAY = 86400.0


def version(package: str) -> str | None:
    """The installed version, as far as that can be told without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def address(connection: str) -> str | None:
    """At which of its addresses this machine was reached; sshd tells both ends."""
    words = connection.split()
    return words[2] if len(words) == 4 else None


def found() -> dict[str, Any]:
    """What there is to know of this machine before anything is started."""
    return {
        "host": platform.node(),
        "home": os.path.expanduser("~"),
        "root": str(ROOT),
        "address": address(os.environ.get("SSH_CONNECTION", "")),
        "uid": os.getuid(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "versions": {name: version(name) for name in ("ipyparallel", "ipykernel", "ipython", "pyzmq")},
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "environment": {name: value for name, value in os.environ.items() if name not in PRIVATE},
    }


#: Of the connection, not of what runs: it must not outlive it.
PRIVATE = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "SSH_AUTH_SOCK", "SSH_ORIGINAL_COMMAND")


def folder(tag: str) -> Path:
    """On a disk of this machine, as a home may be shared by many; private, which is checked."""
    return Path(tempfile.gettempdir()) / f"jupyterlab-clusters-{os.getuid()}" / tag


def main(tag: str) -> None:
    """Until either side hangs up; ``tag`` names the agent."""
    where = folder(tag)
    try:
        # Who owned the folder above could put another agent in place of ours.
        private_folder(where.parent)
        agent = ensure_agent(where, fleeting=True)
    except (OSError, TimeoutError) as error:
        tell({"error": f"The agent could not be started there: {error}."})
        return
    tell(found())
    with contextlib.suppress(OSError):
        sweep(where.parent)
        prune(ROOT)
    pump(agent)


def tell(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(READY + json.dumps(message).encode() + b"\n")
    sys.stdout.buffer.flush()


def pump(agent: socket.socket) -> None:
    """Bytes both ways. The other side says nothing before it was told, so nothing was read ahead of time."""
    heard, kept = time.monotonic(), float("-inf")
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ, "in")
        selector.register(agent, selectors.EVENT_READ, "out")
        while time.monotonic() - heard < PATIENCE:
            if time.monotonic() - kept > DAY:
                in_use(ROOT)
                kept = time.monotonic()
            for key, _ in selector.select(PATIENCE):
                if key.data == "in":
                    heard = time.monotonic()
                    piece = os.read(0, PIECE)
                    if not piece:
                        return
                    agent.sendall(piece)
                else:
                    piece = agent.recv(PIECE)
                    if not piece:
                        return
                    write_all(1, piece)


def write_all(fd: int, piece: bytes) -> None:
    while piece:
        piece = piece[os.write(fd, piece) :]
