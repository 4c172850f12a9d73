"""What survives of a cluster: its record, and the file that other programs read.

Promise: many changes are written once, in the background; what was is never written
over what is; a write that fails is told in the server's log, and to the caller who
cannot go on without it.
"""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import TYPE_CHECKING

from ..launchers.base import LaunchFailed
from . import compatible
from .newest import Newest
from .registry import here

if TYPE_CHECKING:
    from .reconcile import Reconciler

#: Changes of the record within this time are written once (seconds).
SAVE_DELAY = 0.1
#: How often a record is tried that could not be saved (seconds).
TRY_AGAIN = 5.0


class Keeper:
    """Belongs to one reconciler and its loop."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self._cluster = reconciler.cluster
        self._due: asyncio.TimerHandle | None = None
        self._saving = asyncio.Lock()
        self._compatible = Newest()
        self._closed = False

    def soon(self) -> None:
        """Something changed that must survive a restart of the server."""
        if self._due is None and not self._closed:
            self._due = self._reconciler.loop.call_later(SAVE_DELAY, self._now)

    async def kept(self) -> None:
        """Returns when what is being written was written."""
        async with self._saving:
            pass

    def try_again(self) -> None:
        """There may be room by now."""
        if self._cluster.unkept and not self._closed:
            self._reconciler.order(self.save())
            self._reconciler.loop.call_later(TRY_AGAIN, self.try_again)

    def close(self) -> None:
        """Nothing is written any more but by :meth:`save`."""
        self._closed = True
        if self._due is not None:
            self._due.cancel()

    def _now(self) -> None:
        self._due = None
        self._reconciler.order(self.save())
        self._reconciler.order(self.write_compatible())

    async def save(self, *, strictly: bool = False) -> None:
        """Write the record; ``strictly`` = a start must not go on without (:class:`LaunchFailed`)."""
        cluster = self._cluster
        try:
            async with self._saving:
                if not cluster.owner.held:
                    return  # another server may have written since
                await cluster.write()
            if cluster.unkept:
                cluster.unkept = False
                cluster.let_go()
        except OSError as error:
            if not cluster.unkept and not self._closed:
                self._reconciler.loop.call_later(TRY_AGAIN, self.try_again)
            cluster.unkept = True
            cluster.parts.log.warning("the record of cluster %s cannot be saved: %s", cluster.key, error)
            self._reconciler.order(self._reconciler.disk.look())
            if strictly:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                why = "the disk is full" if full else (error.strerror or str(error))
                raise LaunchFailed(
                    "controller",
                    f"What must survive a restart of the server cannot be saved: {why}.",
                    hint=f"Make room in {cluster.parts.registry.folder(cluster.key).parent} and try again.",
                    output=str(error),
                ) from error

    async def write_compatible(self) -> None:
        """The file by which ``ipcluster list`` and others know of a running cluster. They take every number in it for
        a process of this machine, and would end that one: what runs elsewhere is not told."""
        cluster = self._cluster
        with cluster.lock:
            controller = self._reconciler.listening.controller
            # Whoever reads that file takes the numbers of processes for those of this machine, and signals them.
            if controller is None or controller.host != here()["host"] or cluster.state != "running":
                return
            log_dir = cluster.parts.registry.folder(cluster.key) / "logs"
            engines = [
                (slot.number, slot.process, str(log_dir / f"slot-{slot.number}.log"))
                for slot in cluster.engine_set
                if slot.process is not None and slot.registered and slot.process.host == controller.host
            ]
        file = self._compatible_file
        text = compatible.content(cluster.profile_dir, cluster.definition.cluster_id, controller, engines, log_dir)
        try:
            await self._compatible.write(compatible.write, file, text)
        except OSError as error:
            cluster.parts.log.warning("the file %s for other programs cannot be written: %s", file, error)

    async def remove_compatible(self) -> None:
        """The cluster is gone."""
        await self._compatible.write(compatible.remove, self._compatible_file)

    @property
    def _compatible_file(self) -> Path:
        return compatible.path(self._cluster.profile_dir, self._cluster.definition.cluster_id)
