"""After a restart of the server: what runs is found again and taken up, what was under way goes on.

Promise: nothing is begun that was not wanted, nothing twice, nothing ended that could go on; *running* is said
only when work arrives. Runs on the actor's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..launchers.base import Exit, LaunchFailed, NotAllBegun
from .connection import ConnectionFiles
from .diagnosis import controller_failed
from .failing import of_itself
from .listening import QUEUED
from .registry import here

if TYPE_CHECKING:
    from .reconcile import Reconciler


RESTARTED = LaunchFailed(
    "controller",
    "The machine was restarted, and the cluster ended with it.",
    hint="Start it again. Its logs are still there.",
)


class Resuming:
    """Of one cluster."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self._cluster, self._listening = reconciler.cluster, reconciler.listening

    async def resume(self, record: Mapping[str, Any]) -> None:
        cluster = self._cluster
        if restarted := record.get("boot_id") != here()["boot_id"]:
            files = ConnectionFiles(cluster.profile_dir, cluster.definition.cluster_id)
            processes = (record.get("processes") or {}).get("processes") or ()
            # A controller of ours on another machine is the one that answers.
            was_here = any(process.get("name") == "controller" for process in processes)
            if was_here and await files.answered():
                with cluster.lock:
                    cluster.engine_set.clear()
                raise RESTARTED  # somebody else runs a cluster of this name since then
            # A number from before may be anybody's now; what runs on other machines outlives this one.
            record = {**record, "processes": {**(record.get("processes") or {}), "processes": []}}
        await cluster.parts.profiles.refresh(cluster.definition.profile)
        plan = await asyncio.to_thread(cluster.plan, cluster.definition.options)
        # What runs was begun by what the profile said then.
        plan = replace(plan, as_written=record.get("as_written"), options=record.get("in_use") or plan.options)
        plan = replace(plan, idle_timeout=record.get("idle_timeout", 0.0))
        self._reconciler.launcher = self._reconciler.made(plan)
        self._reconciler.files = ConnectionFiles(plan.profile_dir, plan.cluster_id)
        with cluster.lock:
            unsure = [slot.number for slot in cluster.engine_set.unsure()]
        try:
            await self._reconciler.launcher.reattach({**(record.get("processes") or {}), "unsure": unsure})
        except NotAllBegun as error:
            self._reconciler.failing.note(error)  # some host is out of reach: what runs there is left alone
        if cluster.state == "stopping":
            await self._reconciler.down()
        elif restarted and not self._listening.controller_lives:
            with cluster.lock:
                cluster.engine_set.clear()
            self._reconciler.ours_to_end = True
            raise RESTARTED
        elif self._listening.controller_lives:
            await self._running(record["state"] == "starting")
        elif record["state"] == "starting" and self._listening.controller_exit is None:
            await self._reconciler.up()  # the server went before anything had begun
        else:
            await self._without_controller(record)

    async def _running(self, was_starting: bool) -> None:
        await self._reconciler.connection_files()
        with self._cluster.lock:
            self._cluster.started_at = self._cluster.started_at or self._listening.controller_since
            job = self._cluster.job
            self._cluster.step = "queue" if job is not None and job.state in QUEUED else "engines"
        if was_starting:
            await self._reconciler.go_on()
            await self._reconciler.up()
            return
        await self._changes_while(lambda: self._listening.cuts.hub_is_away)
        await self._listening.connect(self._reconciler.files)
        with self._cluster.lock:
            stopping = [slot.number for slot in self._cluster.engine_set if slot.state == "stopping"]
        await self._reconciler.few.stop(stopping)
        # Engines that died meanwhile are a loss, not a start that failed.
        if await self._reconciler.go_on():
            await self._reconciler.settled()
        await self._answered()
        await self._reconciler.controller_has_not_ended()
        with self._cluster.lock:
            if self._cluster.state == "starting":
                self._cluster.move("running")
            self._cluster.publish()
        if self._cluster.under_way:
            await self._reconciler.up()
        await self._reconciler.keeper.save()

    async def _answered(self) -> None:
        """Work that is sent as soon as we say *running* must arrive, and go to nobody who is dead."""
        with self._cluster.lock:
            dead = [slot.uuid for slot in self._cluster.engine_set if slot.state in ("lost", "exited")]
        await self._listening.departed(dead)
        await self._changes_while(lambda: self._listening.cuts.answering and not self._reconciler.again)

    async def _changes_while(self, condition: Callable[[], bool]) -> None:
        while condition():
            self._listening.changed.clear()
            await self._listening.changed.wait()

    async def _without_controller(self, record: Mapping[str, Any]) -> None:
        exit = self._listening.controller_exit
        if record["state"] == "failed" and await self._failed_before(record, exit):
            return
        why = of_itself(exit, self._cluster.in_use) if exit is not None else None
        if exit is None or exit.asked or why:
            with self._cluster.lock:
                self._cluster.notice = why
                self._cluster.move("stopping", "drain")
            await self._reconciler.down()
            return
        raise await controller_failed(exit, self._reconciler.tail, was_running=True)

    async def _failed_before(self, record: Mapping[str, Any], exit: Exit | None) -> bool:
        """Engines that outlived their controller are left alone, and the cause is told still. What could not be
        stopped is stopped now."""
        if (record.get("failure") or {}).get("step") == "drain" or not self._cluster.failed_before(record):
            return False
        if exit is not None and exit.asked:  # what was begun for nothing was being cleared away
            await self._reconciler.clean_up(1.0)
        self._cluster.publish()
        await self._reconciler.keeper.save()
        self._cluster.let_go()
        return True
