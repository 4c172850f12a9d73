"""The ``cluster-<id>.json`` that ``ipcluster list`` and ``ipp.Cluster.from_file`` read.

Promise: written whole or not at all, 0600; only ever written and removed for
a cluster of ours. The registry stays the truth: nothing is read back.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..host import private
from ..launchers.base import Process


def path(profile_dir: Path, cluster_id: str) -> Path:
    return profile_dir / "security" / f"cluster-{cluster_id}.json"


def content(
    profile_dir: Path,
    cluster_id: str,
    controller: Process,
    engines: Sequence[tuple[int, Process, str]],
    log_dir: Path,
) -> dict[str, Any]:
    """As ``ipyparallel.Cluster.to_dict`` would say it; ``engines`` are (slot, process, log)."""
    common = {"profile_dir": str(profile_dir), "cluster_id": cluster_id, "state": "running"}
    members = {str(slot): {**common, "n": 1, "pid": process.pid, "output_file": log} for slot, process, log in engines}
    sets = {"ours": {**common, "n": len(members), "pid": -1, "output_file": "", "engines": members}}
    return {
        "cluster": {
            "class": "ipyparallel.cluster.cluster.Cluster",
            "cluster_id": cluster_id,
            "controller_args": [],
            "controller_ip": "",
            "controller_location": "",
            "delay": 1.0,
            "n": len(members) or None,
            "profile_dir": str(profile_dir),
        },
        "controller": {
            "class": "local",
            "state": {**common, "pid": controller.pid, "output_file": str(log_dir / "controller.log")},
        },
        "engines": {"class": "local", "sets": sets if members else {}},
    }


def write(file: Path, cluster: dict[str, Any]) -> None:
    """Raises :class:`OSError` when it cannot be written."""
    private.write(file, json.dumps(cluster))


def remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()
