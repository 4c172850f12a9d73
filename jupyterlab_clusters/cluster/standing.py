"""A failure that is said for as long as something is so, where no other stands on the cluster's row.

Promise: never hides another failure, and is taken back by itself. Runs on the actor's loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..launchers.base import LaunchFailed
from .models import Failure

if TYPE_CHECKING:
    from .reconcile import Reconciler


class Standing:
    """``why`` tells how it is now; None: nothing is to be said."""

    def __init__(self, reconciler: Reconciler, why: Callable[[], LaunchFailed | None]) -> None:
        self._reconciler, self._why = reconciler, why
        self._told: Failure | None = None

    def tell(self) -> None:
        """Say, or take back, how it is now."""
        cluster = self._reconciler.cluster
        with cluster.lock:
            ours = cluster.failure is None or cluster.failure is self._told
            if not ours or cluster.state not in ("starting", "running"):
                return
            cluster.failure = self._told = None
            if (why := self._why()) is not None:
                self._reconciler.failing.note(why)
                self._told = cluster.failure
            cluster.publish()

    def forget(self) -> None:
        """The cluster ends: what stands there is left to others."""
        self._told = None
