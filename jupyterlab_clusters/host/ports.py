"""Ports that are found free stay free until the process that they are for has bound them.

Promise: two controllers that start at the same moment never get the same port,
so that none of their parts dies of it. Must never listen.
"""

from __future__ import annotations

import socket

_kept: list[socket.socket] = []


def keep_random_ports(count: int) -> list[int]:
    """In place of ipyparallel's: ``count`` free ports, each held for as long as this process lives.

    A socket that is bound but does not listen keeps the system from giving its port to anybody who
    asks for any; those who bind this very port with SO_REUSEADDR, as zmq does, may.
    """
    ports = []
    for _ in range(count):
        holder = socket.socket()
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("", 0))
        _kept.append(holder)
        ports.append(int(holder.getsockname()[1]))
    return ports
