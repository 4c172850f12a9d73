"""What the site and the server's owner may set, ``c.Clusters.*``.

Promise: every default is sensible for one person on one machine; values out
of range are refused when the configuration is read, not when a cluster starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from traitlets import Bool, CaselessStrEnum, Dict, Float, Integer, List, TraitError, Unicode
from traitlets.config import Configurable

if TYPE_CHECKING:
    from .cluster.policy import Policy
    from .launchers.base import Preset


class Clusters(Configurable):
    """IPython Parallel clusters in JupyterLab."""

    max_engines = Integer(10_000, min=1, help="The most engines one cluster may be asked for.").tag(config=True)

    on_server_stop = CaselessStrEnum(
        ["leave", "stop"],
        default_value="leave",
        help="""What becomes of running clusters on a clean stop of the Jupyter server: `leave` them running (the next
        server finds them again) or `stop` them.""",
    ).tag(config=True)

    orphan_timeout = Float(
        3600.0,
        min=0.0,
        help="""Seconds after which a cluster ends by itself that has no server attached, no client and no busy
        engine.""",
    ).tag(config=True)

    idle_timeout = Float(
        0.0,
        min=0.0,
        help="""Seconds with no busy engine and no queued task after which a cluster is stopped; 0 = never. A profile
        may say something else (`JupyterLabClusters.idle_minutes`).""",
    ).tag(config=True)

    allowed_launchers = List(
        Unicode(),
        allow_none=True,
        default_value=None,
        help="Names of the launchers people may use (`local`, `ssh`, `mpi`, `slurm`, `stock`); None allows all.",
    ).tag(config=True)

    partitions = List(
        Unicode(),
        allow_none=True,
        default_value=None,
        help="""Slurm partitions in which people may start engines and controllers; the first is meant where none is
        named. None allows all.""",
    ).tag(config=True)

    presets = List(
        Dict(),
        help="""Options that the form offers by a name: `{"name": "Small", "launcher": "slurm", "engines": 8,
        "options": {"partition": "short", "time": "2:00:00"}}`; `engines` may be left out.""",
    ).tag(config=True)

    poll_interval = Float(
        5.0, min=5.0, help="The least time between two questions to a queue, of all clusters of a server (seconds)."
    ).tag(config=True)

    read_only = Bool(False, help="Let clusters only be looked at: define, start, stop and scale nothing.").tag(
        config=True
    )

    register_timeout = Float(60.0, min=1.0, help="Seconds that engines have to register after they began.").tag(
        config=True
    )

    stop_grace = Float(
        2.0, min=0.0, help="Seconds an engine has to end by itself when it is stopped, before it is killed."
    ).tag(config=True)

    log_quota = Integer(1 << 30, min=0, help="Bytes of logs kept for each cluster.").tag(config=True)

    log_age = Float(30.0, min=0.0, help="Days for which the logs of a stopped cluster are kept.").tag(config=True)

    def policy(self) -> Policy:
        """These settings as the parts take them."""
        from .cluster.policy import Policy

        return Policy(
            max_engines=self.max_engines,
            on_server_stop=self.on_server_stop,
            orphan_timeout=self.orphan_timeout,
            idle_timeout=self.idle_timeout,
            allowed_launchers=None if self.allowed_launchers is None else tuple(self.allowed_launchers),
            partitions=None if self.partitions is None else tuple(self.partitions),
            presets=self._presets(),
            poll_interval=self.poll_interval,
            read_only=self.read_only,
            register_timeout=self.register_timeout,
            stop_grace=self.stop_grace,
            log_quota=self.log_quota,
            log_age=self.log_age,
        )

    def _presets(self) -> dict[str, tuple[Preset, ...]]:
        """By launcher. Raises TraitError for one that could not be started."""
        from .cluster.options import checked
        from .errors import BadInput
        from .launchers.base import Preset
        from .launchers.catalog import TITLES

        found: dict[str, tuple[Preset, ...]] = {}
        for given in self.presets:
            launcher = given.get("launcher")
            rest = {name: value for name, value in given.items() if name != "launcher"}
            if launcher not in TITLES or set(rest) - set(Preset.__struct_fields__):
                raise TraitError(f"Clusters.presets: {given!r} names no launcher, or what no preset has.")
            try:
                preset = msgspec.convert(rest, Preset)
                checked(launcher, preset.options)
            except (msgspec.ValidationError, BadInput) as error:
                raise TraitError(f"Clusters.presets: {given.get('name')!r} does not fit: {error}") from None
            found[launcher] = (*found.get(launcher, ()), preset)
        return found
