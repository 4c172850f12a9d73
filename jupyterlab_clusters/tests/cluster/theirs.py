"""Clusters that others start, by ipyparallel's own programs, and what the site shows of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from jupyterlab_clusters.cluster.cluster import Cluster

from ..fair import clock
from .conftest import Site

PROFILE, CLUSTER_ID = "theirs", "cli"
KEY = f"{PROFILE}:{CLUSTER_ID}"


async def ipcluster(*words: str) -> None:
    argv = (sys.executable, "-m", "ipyparallel.cluster", *words)
    process = await asyncio.create_subprocess_exec(*argv)
    assert await asyncio.wait_for(process.wait(), 60) == 0


@contextlib.asynccontextmanager
async def theirs(site: Site) -> AsyncIterator[Path]:
    """Two engines that a person started in a terminal; the folder of the profile."""
    where = (f"--profile={PROFILE}", f"--cluster-id={CLUSTER_ID}")
    await ipcluster("start", "-n", "2", *where, "--daemonize", "--HeartMonitor.period=500")
    profile = site.home / "ipython" / f"profile_{PROFILE}"
    yield profile
    if list((profile / "security").glob("cluster-*.json")):
        await ipcluster("stop", *where)


async def shown(site: Site, key: str, condition: Callable[[Any], bool], within: float = 20.0) -> Cluster:
    """That cluster, once its model (None: there is none) is as wanted."""
    end = clock() + within
    while True:
        found = next((one for one in await asyncio.to_thread(site.clusters.all) if one.key == key), None)
        if condition(found.model() if found is not None else None):
            return found  # type: ignore[return-value]
        assert clock() < end, found and found.model()
        await asyncio.sleep(0.1)


async def seen(site: Site, condition: Callable[[Any], bool], within: float = 20.0) -> Any:
    """As :func:`shown`, of the cluster that ``ipcluster`` starts."""
    return await shown(site, KEY, condition, within)


def has_two(model: Any) -> bool:
    return model is not None and bool(model.engines.registered == 2)


def named(security: Path) -> dict[str, int]:
    """Processes by part of the cluster, as ipyparallel's file names them."""
    told = json.loads((security / f"cluster-{CLUSTER_ID}.json").read_text())
    engines = next(iter(told["engines"]["sets"].values()))["engines"]
    return {
        "controller": told["controller"]["state"]["pid"],
        **{f"engine-{name}": one["pid"] for name, one in engines.items()},
    }
