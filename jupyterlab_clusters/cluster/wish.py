"""What a cluster is asked to be: by its definition, and by its profile where that says nothing.

Promise: pure but for looking at what was read of the profile; knows nothing of what has become of the cluster.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq

from ..launchers.asked import options_of, says_no_more
from ..launchers.base import LauncherName, Plan
from ..launchers.ssh.hosts import engine_count
from ..profiles import Profiles
from .options import checked
from .policy import Policy


@dataclass
class Definition:
    """What a cluster is apart from what has become of it. ``follows`` = its launcher is the one that the profile names,
    whichever that is when it starts."""

    profile: str
    cluster_id: str = ""
    launcher: LauncherName = "local"
    options: dict[str, Any] = field(default_factory=dict)
    follows: bool = False

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Definition:
        """As it was written down."""
        return cls(
            record["profile"],
            record["cluster_id"],
            record["launcher"],
            record.get("options") or {},
            bool(record.get("follows")),
        )

    @property
    def key(self) -> str:
        return f"{self.profile}:{self.cluster_id}"


@dataclass(frozen=True)
class Wish:
    """A definition in the light of its profile as that was read last."""

    definition: Definition
    profiles: Profiles

    def engines(self, most: int) -> int:
        """How many a start without a number means."""
        asked = self._settings().get("Cluster.n")
        if isinstance(asked, int) and not isinstance(asked, bool) and 0 <= asked <= most:
            return asked
        of_profile = self.profiles.model(self.definition.profile).options
        hosts = self.definition.options.get("hosts") or of_profile.get("hosts")
        if self.definition.launcher == "ssh" and hosts:
            return engine_count(hosts)
        return os.cpu_count() or 1

    def as_written(self, options: Mapping[str, Any]) -> str | None:
        """Why ipyparallel's own launchers are to do it; None when ours can. Whoever chose something else here asks for
        our way of doing it."""
        profile = self.profiles.model(self.definition.profile)
        same = profile.launcher == self.definition.launcher and says_no_more(options, profile.options)
        return profile.as_written if same else None

    def checked(self, options: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Options as they can be meant. Raises :class:`BadInput`."""
        if options is None:
            return None
        launcher = self.definition.launcher
        return checked(launcher, options, options_of(launcher, self._settings()))

    def whole(self, options: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
        """With what the profile and the site say where ``options`` do not."""
        launcher = self.definition.launcher
        return policy.completed(launcher, {**options_of(launcher, self._settings()), **options})

    def plan(self, options: Mapping[str, Any], log_dir: Path, policy: Policy) -> Plan:
        """What a launcher is told; ``options`` add to what the profile says, and win."""
        definition, settings = self.definition, self._settings()
        whole, as_written = self.whole(options, policy), self.as_written(options)
        minutes = whole.get("idle_minutes")
        return Plan(
            key=definition.key,
            profile=definition.profile,
            profile_dir=self.profiles.path(definition.profile),
            cluster_id=definition.cluster_id,
            log_dir=log_dir,
            options=whole,
            settings=settings,
            as_written=as_written,
            environment=dict(os.environ),
            orphan_timeout=policy.orphan_timeout,
            idle_timeout=policy.idle_timeout if minutes is None else 60.0 * minutes,
            poll_interval=policy.poll_interval,
            encrypt=self._encrypt(whole, as_written),
        )

    def _encrypt(self, options: Mapping[str, Any], as_written: str | None) -> bool:
        """Whether what is said goes over a network, and this zmq can encrypt it. A profile that is run as written says
        all by itself."""
        apart = {"ssh": True, "slurm": True, "mpi": bool(options.get("hostfile"))}
        return as_written is None and apart.get(self.definition.launcher, False) and zmq.has("curve")

    def _settings(self) -> dict[str, Any]:
        return self.profiles.settings(self.definition.profile)
