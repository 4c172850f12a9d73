"""The keys by which the server and the nodes of one run know each other.

Promise: they are in two files that only their owner can read, from their first
moment on, and in no other place; the nodes' file does not have what only the
server may know.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zmq

from ...host.private import private_folder, read, write

SERVER_FILE, NODE_FILE = "server.key", "node.key"


def of_run(folder: Path, run: str) -> dict[str, Any]:
    """Those of this run, with its port, or new ones."""
    with contextlib.suppress(OSError, ValueError):
        kept: dict[str, Any] = json.loads(read(folder / SERVER_FILE, secret=True))
        if kept.get("run") == run:
            return kept
    server, node = zmq.curve_keypair(), zmq.curve_keypair()
    names = ("server_public", "server_secret", "node_public", "node_secret")
    return dict(zip(names, (key.decode() for key in (*server, *node)), strict=True))


def keep(folder: Path, keys: Mapping[str, Any], run: str, port: int | None, location: str | None) -> None:
    """For the next server of this run, and for the nodes, with where the server is."""
    private_folder(folder, mend=True)
    both = {**keys, "run": run, "port": port, "addresses": addresses(location)}
    write(folder / SERVER_FILE, json.dumps(both))
    del both["server_secret"]
    write(folder / NODE_FILE, json.dumps(both))


def remove(folder: Path) -> None:
    for name in (SERVER_FILE, NODE_FILE):
        (folder / name).unlink(missing_ok=True)


class Only:
    """Lets one key in."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def callback(self, domain: str, key: bytes) -> bool:
        return secrets.compare_digest(key, self._key)


def addresses(location: str | None = None) -> list[str]:
    """How nodes may reach this machine, the likeliest first."""
    found = [location] if location else []
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Nothing is sent: the system only says by which of its addresses it would be.
        probe.connect(("192.0.2.1", 9))
        found.append(probe.getsockname()[0])
    with contextlib.suppress(OSError):
        found += [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    found += [socket.getfqdn(), "127.0.0.1"]
    return [address for at, address in enumerate(found) if address and address not in found[:at]]
