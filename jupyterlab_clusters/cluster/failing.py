"""What a failure does to a cluster: its cause is told, what was begun for nothing is cleared away.

Promise: what runs is never ended for what could not be added. Runs on the actor's loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..launchers.base import Exit, LaunchFailed, Plan
from .clock import spoken
from .diagnosis import controller_failed
from .models import Failure
from .plain import plainly

if TYPE_CHECKING:
    from .reconcile import Reconciler

#: How often it is tried to reach what a stop could not (seconds).
AGAIN = 5.0
#: Exit codes of a controller that ended of itself (see the host's controller): it was asked to through its hub, its
#: engines had nothing to do, or nobody used it any more.
BY_HUB, IDLE, ORPHANED = 0, 85, 86


BY_OTHERS = "Stopped from another server, or on the command line."


def failure_of(error: LaunchFailed) -> Failure:
    """As the window shows it."""
    return Failure(
        step=error.step,
        cause=plainly(error.cause),
        hint=plainly(error.hint) if error.hint is not None else None,
        command=error.command,
        exit_code=error.exit_code,
        output=error.output,
        log=error.log,
    )


def of_itself(exit: Exit, plan: Plan | None) -> str | None:
    """Why a controller ended that nobody had asked to, where that is what was wanted; a sentence."""
    if plan is None or exit.asked or exit.exit_code not in (BY_HUB, IDLE, ORPHANED):
        return None
    if exit.exit_code == BY_HUB:
        return "Stopped from elsewhere, through its hub."
    if exit.exit_code == IDLE:
        return stopped_idle(plan.idle_timeout)
    return f"Stopped after {spoken(plan.orphan_timeout)} with no server, no client and no busy engine."


def stopped_idle(seconds: float) -> str:
    return f"Stopped after {spoken(seconds)} with no busy engine."


class Failing:
    """Of one cluster."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self._cluster, self._listening = reconciler.cluster, reconciler.listening

    async def failed(self, error: LaunchFailed) -> None:
        cluster = self._cluster
        if cluster.state == "running":
            # What runs is worth more than what could not be added.
            self.note(error)
            with cluster.lock:
                cluster.step, cluster.under_way = None, False
                cluster.engine_set.drop([slot.number for slot in cluster.engine_set if slot.state == "queued"])
                cluster.publish()
            await self._reconciler.keeper.save()
            return
        stopping = cluster.state == "stopping"
        with cluster.lock:
            cluster.under_way = False
            # Those that were never begun have no story to tell.
            cluster.engine_set.drop([slot.number for slot in cluster.engine_set if slot.state == "queued"])
        self.note(error, state=True)
        # A controller that was there before this server, and cannot be reached now, may well go on.
        if not stopping and (self._reconciler.ours_to_end or error.step != "controller"):
            await self._reconciler.listening.disconnect()
            try:
                await self._reconciler.clean_up(1.0)
            except LaunchFailed as left:
                cluster.parts.log.warning("after the failed start of %s: %s", cluster.key, left)
            with cluster.lock:
                cluster.started_at = None
                cluster.publish()
        await self._reconciler.keeper.save()
        if stopping and error.out_of_reach:
            self._reconciler.order(self._end_when_reached(cluster.failure))
        else:
            cluster.let_go()

    async def _end_when_reached(self, failure: Failure | None) -> None:
        """A stop that could not reach all of it goes on by itself, unless something else is wanted meanwhile."""
        cluster, launcher = self._cluster, self._reconciler.launcher
        while launcher is not None:
            await asyncio.sleep(AGAIN)
            try:
                if self._still(failure):
                    await launcher.stop_all(grace=cluster.parts.policy.stop_grace)
            except LaunchFailed as error:
                if error.out_of_reach:
                    continue
                if self._still(failure):
                    self.note(error)
                    cluster.let_go()
                return
            with cluster.lock:
                if self._still(failure):
                    cluster.stop()
            return

    def _still(self, failure: Failure | None) -> bool:
        with self._cluster.lock:
            return self._cluster.state == "failed" and self._cluster.failure is failure

    def note(self, error: LaunchFailed, *, state: bool = False) -> None:
        cluster = self._cluster
        with cluster.lock:
            cluster.failure = failure_of(error)
            if state and cluster.state in ("starting", "running", "stopping"):
                cluster.move("failed")
            cluster.publish()

    def controller_ended(self, exit: Exit) -> None:
        """The controller of a running cluster ended; during a start the start itself finds out."""
        cluster = self._cluster
        if cluster.state != "running":
            return
        why = of_itself(exit, cluster.in_use)
        if exit.asked or why:
            with cluster.lock:
                # What its engines' end looked like to their launcher is no failure.
                cluster.notice, cluster.failure = why or BY_OTHERS, None
                cluster.move("stopping", "drain")
                cluster.publish()
            self._reconciler.want_down()
            return
        with cluster.lock:
            cluster.engine_set.hub_gone()
        self._reconciler.order(self._say_controller_ended(exit))

    async def _say_controller_ended(self, exit: Exit) -> None:
        # Engines are left alone: one that is busy may still finish and write its results.
        self.note(await controller_failed(exit, self._reconciler.tail, was_running=True), state=True)
        await self._reconciler.listening.disconnect()
        await self._reconciler.keeper.save()
