"""What of a cluster outlives the server: its record, who acts for it, and its actor's beginning and end.

Promise: at most one server of a machine acts for a cluster; what a record says is
verified before it is told.
"""

from __future__ import annotations

import abc
import asyncio
import concurrent.futures
from collections.abc import Mapping
from typing import Any

import msgspec

from .actor import Actor
from .models import ClusterModel, Failure
from .reconcile import Reconciler
from .registry import here
from .seen import Seen
from .wish import Definition

#: Another server may act for it for a moment, to see whether anybody does (seconds).
A_LOOK = 0.05
#: How long an order waits until it is kept (seconds); it is to be answered within 200 ms.
KEEP = 0.08


class Lasting(Seen, abc.ABC):
    """The slow part of everything is the actor's (``reconcile.py``)."""

    # -- the record -----------------------------------------------------------

    def record(self) -> dict[str, Any]:
        """What the registry keeps."""
        with self.lock:
            reconciler = self._reconciler
            return {
                **here(),
                "profile": self.definition.profile,
                "cluster_id": self.definition.cluster_id,
                "launcher": self.definition.launcher,
                "follows": self.definition.follows,
                "as_written": self.as_written,
                "notice": self.notice,
                "idle_timeout": self.in_use.idle_timeout if self.in_use is not None else 0.0,
                "in_use": dict(self.in_use.options) if self.in_use is not None else None,
                "options": self.definition.options,
                "state": self.state,
                "failure": msgspec.to_builtins(self.failure),
                "wanted": self.wanted,
                "under_way": self.under_way,
                "started_at": self.started_at,
                "engines": self.engine_set.saved(),
                "processes": reconciler.saved() if reconciler is not None else None,
            }

    async def write(self) -> None:
        """Write the record as it is now. Raises :class:`OSError`."""
        await self._records.write(self.parts.registry.save, self.key, self.record())

    def learn(self, record: Mapping[str, Any]) -> None:
        """This was written down, by a server that went or by another one: it holds as long as nothing of it runs
        here (blocking)."""
        with self.lock:
            if not self.at_rest or self.owner.held:
                return
            if record["state"] != "stopped" and self.owner.take():
                # Until then another server may have written, or stopped, it.
                record = self.parts.registry.record(self.key) or record
            self.definition = Definition.of(record)
            self.resume(record)
            self.let_go()
            self.publish()

    def resume(self, record: Mapping[str, Any]) -> None:
        """After a restart of the server, or the end of another one: take up where the record leaves off, unless
        another server acts for it."""
        with self.lock:
            self.defined = True
            self.wanted = record.get("wanted")
            self.host = self._belongs_to = None
            self.notice = record.get("notice")
            processes = record.get("processes") or {}
            left = processes.get("processes") or processes.get("jobs") or any((processes.get("hosts") or {}).values())
            if record["state"] in ("stopped", "failed") and not left:
                if record["state"] == "failed" and record.get("host") == here()["host"]:
                    self.failed_before(record)
                return
            if record.get("host") != here()["host"]:
                self.host = self._belongs_to = record.get("host")
                return
            if not self.owner.take():
                return  # another server of this machine acts for it: it is seen as those of others are
            self.started_at = record.get("started_at")
            self.under_way = bool(record.get("under_way"))
            self.engine_set.restore(record.get("engines", ()))
            # Said only after it was verified: until then it is on its way.
            self.state = "stopping" if record["state"] == "stopping" else "starting"
            self.step = "drain" if self.state == "stopping" else "controller"
            self._order("resume", dict(record))
            self.publish()

    def kept(self) -> ClusterModel:
        """As it is now; what was asked of it outlives the server from here on, if the disk is not slow (blocking)."""
        with self.lock:
            if self._actor is not None and self._reconciler is not None:
                keeping = self._actor.run(self._reconciler.keeper.kept())
                keeping.add_done_callback(lambda done: done.cancelled() or done.exception())
            else:
                keeping = None
        if keeping is not None:
            concurrent.futures.wait([keeping], timeout=KEEP)
        return self.model()

    # -- who acts for it ----------------------------------------------------------

    def _acts(self) -> bool:
        """Whether it is for this server to begin it: no other server begins it at this moment, or left it running."""
        had = self.owner.held
        if not self.owner.take(A_LOOK):
            return False
        record = None if had else self.parts.registry.record(self.key)
        if record is not None:
            self.resume(record)
        return self.state in ("stopped", "failed")

    def let_go(self) -> None:
        """Any server of this machine may act for it from now on, if nothing of it is left."""
        with self.lock:
            if self.at_rest and not self.unkept:
                self.owner.let_go()

    def _order(self, verb: str, *args: object) -> None:
        if self._actor is None or self._reconciler is None:
            self._actor = Actor(self.key)
            self._reconciler = self._routine(self._actor)
        self._actor.call(getattr(self._reconciler, verb), *args)

    @abc.abstractmethod
    def _routine(self, actor: Actor) -> Reconciler:
        """What closes the difference between wanted and present, on that actor."""

    # -- the end ------------------------------------------------------------------

    def failed_before(self, record: Mapping[str, Any]) -> bool:
        """It had failed when that was written down, and has not got over it: the cause is told still; whether there
        is one."""
        if not record.get("failure"):
            return False
        with self.lock:
            self.failure = msgspec.convert(record["failure"], Failure)
            self.state, self.step = "failed", None
        return True

    async def close(self, *, stop: bool) -> None:
        """The server ends: let go, or stop first."""
        with self.lock:
            actor, reconciler = self._actor, self._reconciler
        if actor is None or reconciler is None:
            self.owner.let_go()
            return
        closing = asyncio.wrap_future(actor.run(reconciler.close(stop=stop)))
        await asyncio.wait([closing], timeout=30)
        # Not sooner: what is kept at the end is told by it.
        with self.lock:
            self._actor = self._reconciler = None
        actor.close()
        self.owner.let_go()

    def forget(self) -> None:
        """It is gone from now on: nothing of it is published any more."""
        with self.lock:
            self._gone = True
            self.owner.let_go()
            self.parts.feed.remove("clusters", self.key)
            self.parts.feed.drop_topic(f"engines/{self.key}")
            self.parts.feed.drop_topic(f"load/{self.key}")
