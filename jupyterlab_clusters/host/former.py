"""The connection by which somebody was here before, ended when the same one comes by another.

Promise: only what serves that connection is ended. Where a network has failed, sshd
notices it late or never, and as long as it does not, it holds on to the ports
that it forwards: nobody else would get them.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import struct
from pathlib import Path

from . import proc

#: How sshd names the process that serves one login without a terminal.
SERVES_ONE = re.compile(rb"sshd(?:-session)?: \S+@notty")


def peer_pid(sock: socket.socket) -> int | None:
    """The process at the other end of a unix socket."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    pid, _, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return int(pid) or None


def end_connection(pid: int) -> None:
    """``pid``: the process that passes on what we say, and is still connected to us."""
    found = proc.stat(pid)
    if found is None or found.parent <= 1:
        return
    try:
        title = Path(f"/proc/{found.parent}/cmdline").read_bytes()
    except OSError:
        return
    if SERVES_ONE.match(title):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(found.parent, signal.SIGKILL)
