"""What the site and the server's owner allow; read from ``c.Clusters.*`` by the extension.

Promise: what is refused is refused with a sentence that names what is allowed. A guide for people and a guard for
shared back ends, no wall: who has a terminal can start what he likes by himself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import BadInput, NotAllowed
from ..launchers.base import Preset
from ..launchers.slurm.script import names_option


@dataclass(frozen=True)
class Policy:
    """Times in seconds, sizes in bytes. ``allowed_launchers`` and ``partitions`` of ``None`` allow all. ``presets`` by
    launcher."""

    max_engines: int = 10_000
    on_server_stop: Literal["leave", "stop"] = "leave"
    orphan_timeout: float = 3600.0
    idle_timeout: float = 0.0
    allowed_launchers: tuple[str, ...] | None = None
    partitions: tuple[str, ...] | None = None
    presets: Mapping[str, tuple[Preset, ...]] = field(default_factory=dict)
    poll_interval: float = 5.0
    read_only: bool = False
    register_timeout: float = 60.0
    stop_grace: float = 2.0
    log_quota: int = 1 << 30
    log_age: float = 30.0

    def check_writable(self) -> None:
        """Raises :class:`NotAllowed`."""
        if self.read_only:
            raise NotAllowed("This server lets clusters only be looked at.", reason="read-only")

    def check_launcher(self, launcher: str) -> None:
        """Raises :class:`NotAllowed`."""
        allowed = self.allowed_launchers
        if allowed is not None and launcher not in allowed:
            raise NotAllowed(f"This site does not allow the launcher {launcher!r}.", field="launcher")

    def check(self, launcher: str, options: Mapping[str, Any], as_written: str | None = None) -> None:
        """Whether this may be started, all options included. Raises :class:`NotAllowed`."""
        self.check_launcher(launcher)
        narrow = self.allowed_launchers is not None or self.partitions is not None
        if as_written and narrow and "stock" not in (self.allowed_launchers or ()):
            raise NotAllowed(
                "This profile is run as written, by launchers that it names itself, which this site does not allow.",
                field="launcher",
            )
        if launcher == "slurm" and self.partitions is not None:
            for name in ("partition", "controller_partition"):
                self._check_partition(str(options.get(name) or ""), f"options.{name}")
            for line in options.get("extra") or ():
                if names_option(str(line).strip().removeprefix("#SBATCH"), ("partition",), "p"):
                    said = "This site chooses among its partitions by name: use the field for it."
                    raise NotAllowed(said, field="options.extra")

    def check_count(self, engines: int) -> None:
        """Raises :class:`BadInput`."""
        if not 0 <= engines <= self.max_engines:
            said = f"This site allows from 0 to {self.max_engines:,} engines in a cluster."
            raise BadInput(said, reason="too-many" if engines > 0 else "bad-input", field="engines")

    def completed(self, launcher: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """With the partition that is meant where none is named: Slurm's own default may be one that is not allowed."""
        whole = dict(options)
        if launcher == "slurm" and self.partitions and not whole.get("partition") and not whole.get("job_id"):
            whole["partition"] = self.partitions[0]
        return whole

    def _check_partition(self, named: str, field: str) -> None:
        allowed = self.partitions or ()
        for one in filter(None, named.split(",")):
            if one not in allowed:
                may = " or ".join(allowed) or "none"
                raise NotAllowed(f"This site does not allow the partition {one!r} here, but {may}.", field=field)
