"""Processes that live and do nothing, a disk without room: said as the cluster's failure for as long as it is so.

Promise: only what is so now is said (``standing.py``). Runs on the actor's loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..launchers.base import LaunchFailed
from .standing import Standing

if TYPE_CHECKING:
    from .reconcile import Reconciler

STOPPED = "stopped by a signal (SIGSTOP), and does nothing until it is continued"


class Silence:
    """Of one cluster."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self._cluster = reconciler.cluster
        self._controller = False
        self._engines: set[str] = set()
        self._silent_for: float | None = None
        self._full: str | None = None
        self._standing = Standing(reconciler, self._why)

    def halted(self, uuid: str | None, halted: bool) -> None:
        """A signal stopped the controller (None) or that engine, or it goes on."""
        if uuid is None:
            self._controller = halted
        else:
            (self._engines.add if halted else self._engines.discard)(uuid)
        self.tell()

    def silent(self, seconds: float | None) -> None:
        """The hub has not answered for so long; None: it does again."""
        self._silent_for = seconds
        self.tell()

    def disk_full(self, folder: str | None) -> bool:
        """No room is left in that folder; None: there is some. Whether it was full before."""
        was_full, self._full = self._full is not None, folder
        if was_full != (folder is not None):
            self.tell()
        return was_full

    def forget(self) -> None:
        """The cluster ends."""
        self._controller, self._silent_for, self._full = False, None, None
        self._standing.forget()
        self._engines.clear()

    def tell(self) -> None:
        """Where no other failure stands there."""
        self._standing.tell()

    def _why(self) -> LaunchFailed | None:
        process = self._reconciler.listening.controller
        if self._controller and process is not None:
            return LaunchFailed(
                "controller",
                f"The controller was {STOPPED}; tasks wait.",
                hint=f"Continue it with kill -CONT {process.pid} on {process.host}; or stop the cluster.",
            )
        if self._silent_for is not None:
            return LaunchFailed(
                "controller",
                f"The controller has not answered for {self._silent_for:.0f} s.",
                hint="It may have very much to do. If that goes on, stop the cluster and start it "
                "again: a stop does not need its answer.",
                log="controller",
            )
        if self._full is not None:
            return LaunchFailed(
                "engines",
                "The disk is full: what engines print is lost, and what changes cannot be kept.",
                hint=f"Make room where {self._full} is. Engines go on; so does their log, as soon as there is room.",
            )
        halted = [slot for slot in self._cluster.engine_set if slot.uuid in self._engines and slot.process is not None]
        if not halted:
            return None
        first = halted[0]
        who = f"Engine {first.number} was" if len(halted) == 1 else f"{len(halted)} engines were"
        assert first.process is not None
        return LaunchFailed(
            "engines",
            f"{who} {STOPPED}." if len(halted) == 1 else f"{who} stopped by a signal (SIGSTOP).",
            hint=f"Continue with kill -CONT {first.process.pid} on {first.process.host}; or restart what was stopped.",
        )
