"""The connection files by which clients and engines find a controller.

Promise: reads and removes only the two files of one cluster. They hold the
key: their content is never logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import socket
from pathlib import Path
from typing import Any

from ..host.private import read
from ..timed import within
from .models import Connection


class ConnectionFiles:
    """``ipcontroller[-id]-client.json`` and ``-engine.json`` of one cluster in its profile."""

    def __init__(self, profile_dir: Path, cluster_id: str) -> None:
        name = f"ipcontroller-{cluster_id}" if cluster_id else "ipcontroller"
        self.client = profile_dir / "security" / f"{name}-client.json"
        self.engine = profile_dir / "security" / f"{name}-engine.json"

    def whole(self) -> bool:
        """Whether both are there and have been written to their end."""
        return self._read(self.client) is not None and self._read(self.engine) is not None

    def refused(self) -> str | None:
        """Why they are not used although they are there; a sentence."""
        for path in (self.client, self.engine):
            try:
                read(path, secret=True)
            except PermissionError as error:
                return f"The connection file {path} is not used: {error.strerror}."
            except (OSError, ValueError):
                continue
        return None

    def engine_text(self) -> str:
        """The engine's file, for an engine's environment. Raises :class:`OSError` when it is not there."""
        return read(self.engine, secret=True)

    def remove(self) -> None:
        for path in (self.client, self.engine):
            with contextlib.suppress(OSError):
                path.unlink()

    async def answered(self) -> bool:
        """Whether something listens where a file from before says that a controller is."""
        content = await asyncio.to_thread(self._read, self.client)
        if content is None:
            return False
        host = str(content.get("interface", content.get("url", ""))).split("://")[-1].split(":")[0]
        host = content.get("location") or host if host in ("*", "0.0.0.0", "") else host
        port = content.get("registration")
        if not isinstance(port, int):
            return False
        try:
            _, writer = await within(1.0, asyncio.open_connection(host, port))
        except (OSError, asyncio.TimeoutError, socket.gaierror):
            return False
        writer.close()
        return True

    @staticmethod
    def _read(path: Path) -> dict[str, Any] | None:
        try:
            content = json.loads(read(path, secret=True))
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None


def told(client: Path, host: str | None, *, key: bool) -> Connection:
    """What a client elsewhere needs to know (blocking), with the ``key`` or without. Raises :class:`OSError` when the
    file cannot be read."""
    content = read(client, secret=True)
    host, user = host or socket.gethostname(), getpass.getuser()
    try:
        named = json.loads(content).get("ssh")
    except (ValueError, AttributeError):
        named = None
    return Connection(
        host=host,
        user=user,
        sshserver=named or f"{user}@{host}",
        path=str(client),
        content=content if key else None,
    )
