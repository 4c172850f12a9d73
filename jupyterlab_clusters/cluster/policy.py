"""What the site and the server's owner allow; read from ``c.Clusters.*`` by the extension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Policy:
    """Times in seconds, sizes in bytes. ``allowed_launchers`` of ``None`` allows all."""

    max_engines: int = 10_000
    on_server_stop: Literal["leave", "stop"] = "leave"
    orphan_timeout: float = 3600.0
    idle_timeout: float = 0.0
    allowed_launchers: tuple[str, ...] | None = None
    read_only: bool = False
    register_timeout: float = 60.0
    stop_grace: float = 2.0
    log_quota: int = 1 << 30
    log_age: float = 30.0
