"""Ends a cluster for which another server of the same person on this machine acts.

Promise: only what the record of that server names as its own, on this machine, by the agent that both
servers talk to; the other server sees that it was asked for, and clears up. Everything else is left.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .nobody import Nobody
from .registry import here

if TYPE_CHECKING:
    from .cluster import Cluster


async def ended(cluster: Cluster) -> bool:
    """Whether that could be done. Raises :class:`LaunchFailed` with what is left."""
    record = await asyncio.to_thread(cluster.parts.registry.record, cluster.key)
    if record is None or record["launcher"] != "local" or record.get("as_written"):
        return False
    if not record.get("processes") or {name: record.get(name) for name in here()} != here():
        return False
    launcher = cluster.parts.make_launcher("local", cluster.plan({}, make=False), Nobody())
    try:
        await launcher.stop_all(grace=cluster.parts.policy.stop_grace)
    finally:
        await launcher.close()
    return True
