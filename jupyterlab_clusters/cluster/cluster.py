"""The verbs: what may be asked of a cluster of ours.

Promise: every method answers at once and may be called from any thread; the
slow part is the actor's (``reconcile.py``). State changes go through
``states.py`` and are published in the order in which they happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..errors import NotFound, WrongState
from ..launchers.base import Plan, Preview
from ..launchers.commandline import encrypted
from .actor import Actor
from .connection import told
from .engineset import Slot
from .lasting import Lasting
from .models import ClusterModel, Connection, EngineModel
from .nobody import Nobody
from .reconcile import Reconciler

ENCRYPTED = "What clients, controller and engines say to each other is encrypted (CURVE)."


class Cluster(Lasting):
    """A cluster of ours."""

    def start(self, engines: int | None, options: Mapping[str, Any] | None) -> ClusterModel:
        """Ask for a start. Raises :class:`WrongState`, :class:`BadInput`, :class:`NotAllowed`."""
        self._check_allowed()
        chosen = self.wish.checked(options)
        self.check_site(self.definition.options if chosen is None else chosen)
        with self.lock:
            self._check_there()
            count = engines if engines is not None else self.wanted if self.wanted is not None else None
            count = self.wish.engines(self.parts.policy.max_engines) if count is None else count
            self._check_count(count)
            if self.state in ("starting", "running"):
                if count != self.wanted and engines is not None:
                    raise WrongState(
                        f"This cluster is {self.state} with {self.wanted} engines; scale it instead.",
                        reason="use-scale",
                        field="engines",
                    )
                return self.model()
            if self.state == "stopping":
                raise WrongState("This cluster is still stopping; start it when it has stopped.", reason="stopping")
            if not self._acts():
                return self.model()
            self._check_there()
            if chosen is not None:
                self.definition.options = chosen
            self.defined = True
            self.wanted = count
            self.failure = self.notice = None
            self.started_at = None
            self.under_way = True
            self.move("starting", "controller")
            self._order("want_up")
            return self.publish()

    def scale(self, engines: int, restart: bool) -> ClusterModel:
        """Ask for another number of live engines. Raises :class:`WrongState` and as :meth:`start`."""
        self._check_allowed()
        with self.lock:
            self._check_count(engines)
            if self.state not in ("starting", "running"):
                raise WrongState(f"This cluster is {self.state}; only a running one can be scaled.", reason=self.state)
            live = self.capabilities.scale == "live"
            if not live and not restart and self.engine_set.live():
                raise WrongState(
                    "With this launcher the engines can only be replaced all together.", reason="restart-needed"
                )
            self.wanted = engines
            self.failure = None
            self.under_way = True
            self._order("want_up", restart)
            return self.publish()

    def stop(self) -> ClusterModel:
        """Ask for the end; supersedes a start, is safe to repeat. What is not allowed any more may be stopped."""
        self.parts.policy.check_writable()
        with self.lock:
            if self.state == "stopped":
                return self.model()
            self.failure = self.notice = None
            self.move("stopping", "drain")
            self._order("want_down")
            return self.publish()

    def stop_idle(self, why: str) -> None:
        """Nobody asked; ``why`` is told."""
        with self.lock:
            if self.state == "running":
                self.notice = why
                self.move("stopping", "drain")
                self._order("want_down")
                self.publish()

    def interrupt(self) -> ClusterModel:
        """Interrupt what all engines compute."""
        with self.lock:
            self._check_running()
            self._order("interrupt", [slot.number for slot in self.engine_set if slot.registered])
            return self.model()

    def keep(self) -> ClusterModel:
        """Count its idle time anew. Raises :class:`WrongState`."""
        with self.lock:
            self._check_running()
            if self.in_use is None or not self.in_use.idle_timeout:
                raise WrongState("This cluster is not stopped when it is idle.", reason="no-idle-timeout")
            self._order("keep")
            return self.model()

    def stop_engine(self, slot: int) -> EngineModel:
        with self.lock:
            place = self._engine(slot, "stop_one")
            if place.state not in ("stopping", "exited", "lost"):
                self.wanted = max(0, (self.wanted or 0) - 1)
                self.engine_set.stopping([slot])
                self._order("stop_engine", slot)
                self.publish()
            return place.model()

    def restart_engine(self, slot: int) -> EngineModel:
        with self.lock:
            place = self._engine(slot, "restart_one")
            if place.state == "exited":
                self.wanted = (self.wanted or 0) + 1
            self._order("restart_engine", slot)
            self.publish()
            return place.model()

    def interrupt_engine(self, slot: int) -> EngineModel:
        with self.lock:
            place = self._engine(slot, "interrupt_one")
            if place.state in ("exited", "lost"):
                raise WrongState("This engine has ended; there is nothing to interrupt.", reason="ended")
            self._order("interrupt", [slot])
            return place.model()

    # -- before and beside a start ------------------------------------------------

    async def preview(self, engines: int, options: Mapping[str, Any] | None) -> Preview:
        """What a start would run. Starts nothing, writes nothing."""
        self._check_count(engines)
        given = self.wish.checked(options)
        with self.lock:
            chosen = dict(self.definition.options) if given is None else given
        self.check_site(chosen)
        plan = self.plan(chosen, make=False)
        found = await self.parts.make_launcher(self.definition.launcher, plan, Nobody()).preview(engines)
        return msgspec.structs.replace(found, notes=[*found.notes, ENCRYPTED]) if encrypted(plan) else found

    def connection(self, *, key: bool = True) -> Connection:
        """What a client elsewhere needs (blocking), with the ``key`` that the file holds or without.

        Raises :class:`WrongState` unless it runs."""
        model = self.model()
        if model.state != "running" or model.connection_file is None:
            raise WrongState(f"This cluster is {model.state}, not running.", reason=model.state)
        return told(Path(model.connection_file), model.host, key=key)

    def plan(self, options: Mapping[str, Any], *, make: bool = True) -> Plan:
        """What a launcher is told; ``options`` add to what the profile says, and win; ``make`` makes the log folder
        (blocking)."""
        registry = self.parts.registry
        log_dir = registry.log_folder(self.key) if make else registry.folder(self.key) / "logs"
        return self.wish.plan(options, log_dir, self.parts.policy)

    def follow(self) -> None:
        """Take the launcher that the profile names now, as it was read last. Raises :class:`NotAllowed`."""
        with self.lock:
            if self.definition.follows:
                self.definition.launcher = self.parts.profiles.model(self.definition.profile).launcher
            self._check_allowed()

    def _routine(self, actor: Actor) -> Reconciler:
        return Reconciler(self, actor)

    # -- what is allowed ----------------------------------------------------------

    def check_site(self, options: Mapping[str, Any]) -> None:
        """Raises :class:`NotAllowed` when the site does not allow what a start with them would do."""
        whole, written = self.wish.whole(options, self.parts.policy), self.wish.as_written(options)
        self.parts.policy.check(self.definition.launcher, whole, written)

    def _check_count(self, engines: int) -> None:
        self.parts.policy.check_count(engines)

    def _check_running(self) -> None:
        self.parts.policy.check_writable()
        if self.state != "running":
            raise WrongState(f"This cluster is {self.state}, not running.", reason=self.state)

    def _engine(self, slot: int, capability: str) -> Slot:
        self.parts.policy.check_writable()
        if not getattr(self.capabilities, capability):
            raise WrongState("With this launcher single engines cannot be controlled.", reason="not-single")
        if self.state not in ("running", "starting"):
            raise WrongState(f"This cluster is {self.state}, not running.", reason=self.state)
        place = self.engine_set.get(slot)
        if place is None:
            raise NotFound(f"This cluster has no engine in slot {slot}.", field="slot")
        return place
