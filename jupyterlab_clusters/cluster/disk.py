"""Whether there is room for what a running cluster writes: its logs and its record.

Promise: nobody is held up by a disk that does not answer; looks are few, and only while the cluster runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .reconcile import Reconciler

#: How often is looked (seconds).
LOOK = 5.0
#: With less than this nothing of use can be written (bytes).
LEAST = 64 * 1024


class Disk:
    """Of one cluster; its folder need not be there."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self._looking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """The cluster writes from now on."""
        if self._looking is None or self._looking.done():
            self._looking = self._reconciler.loop.create_task(self._look())

    def end(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def look(self) -> None:
        """Tell at once how it is."""
        cluster = self._reconciler.cluster
        folder = cluster.parts.registry.folder(cluster.key)
        with contextlib.suppress(OSError):
            full = await asyncio.to_thread(is_full, folder)
            was_full = self._reconciler.listening.silence.disk_full(str(folder) if full else None)
            if was_full and not full:
                self._reconciler.keeper.soon()  # what could not be written is now

    async def _look(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK)


def is_full(folder: Path) -> bool:
    """Raises :class:`OSError`."""
    found = os.statvfs(folder)
    free = found.f_bfree if os.geteuid() == 0 else found.f_bavail
    # Some file systems count no blocks, or no files.
    return (found.f_blocks > 0 and free * found.f_frsize < LEAST) or (found.f_files > 0 and found.f_ffree == 0)
