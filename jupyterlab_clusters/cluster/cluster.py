"""One cluster as the rest of the server sees it: what is wanted, what is present, and the verbs.

Promise: every method answers at once and may be called from any thread; the
slow part is the actor's (``reconcile.py``). State changes go through
``states.py`` and are published in the order in which they happen.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..errors import ClustersError, NotFound, WrongState
from ..feed import Feed
from ..launchers.base import Capabilities, Job, Launcher, LauncherName, Plan, Preview, Watcher
from ..launchers.catalog import capabilities_of
from ..launchers.commandline import encrypted
from ..logs.log import AnyLog
from ..logs.models import LogModel
from ..logs.store import LogFolder
from ..profiles import Profiles
from .actor import Actor
from .connection import told
from .engineset import EngineSet, Slot
from .models import ClusterModel, Connection, EngineModel, Failure, Idle, LeftFile
from .nobody import Nobody
from .owner import Owner
from .policy import Policy
from .reconcile import Reconciler
from .registry import Registry, here
from .states import Origin, State, Step, allowed
from .wish import Definition, Wish

#: How long a look at the engines by REST keeps CPU and memory sampled (seconds).
LOOK = 10.0
#: Another server may act for it for a moment, to see whether anybody does (seconds).
A_LOOK = 0.05
#: How long an order waits until it is kept (seconds); it is to be answered within 200 ms.
KEEP = 0.08

ENCRYPTED = "What clients, controller and engines say to each other is encrypted (CURVE)."


@dataclass(frozen=True)
class Parts:
    """What every cluster is given; ``make_launcher`` builds the one that a plan names."""

    feed: Feed
    profiles: Profiles
    policy: Policy
    registry: Registry
    make_launcher: Callable[[LauncherName, Plan, Watcher], Launcher]
    log: logging.Logger


class Cluster:
    """A cluster of ours. ``lock`` guards every field; the actor holds it only for moments."""

    origin: Origin = "ours"

    def __init__(self, definition: Definition, parts: Parts, *, defined: bool) -> None:
        self.parts = parts
        self.wish = Wish(definition, parts.profiles)
        self.defined = defined
        self.lock = threading.RLock()
        self.engine_set = EngineSet()
        self.state: State = "stopped"
        self.step: Step | None = None
        self.wanted: int | None = None
        self.failure: Failure | None = None
        self.job: Job | None = None
        self.started_at: str | None = None
        #: How long its engines have had nothing to do, and why it was stopped when nobody asked.
        self.idle: Idle | None = None
        self.notice: str | None = None
        #: Where its controller runs, and the machine of another server that it belongs to.
        self.host: str | None = None
        self._belongs_to: str | None = None
        #: By which its processes were begun; None when there are none.
        self.in_use: Plan | None = None
        #: What was asked for has not been reached yet: whoever takes over goes on with it.
        self.under_way = False
        #: What stands in the record is not true any more, and could not be written anew.
        self.unkept = False
        #: Files that others left in its profile: one that is stale, one of another machine.
        self.left: tuple[LeftFile | None, LeftFile | None] = (None, None)
        self.owner = Owner(parts.registry.owner_file(definition.key))
        self._gone = False
        self._look_until = 0.0
        self._watched: set[str] = set()
        self._actor: Actor | None = None
        self._reconciler: Reconciler | None = None

    @property
    def definition(self) -> Definition:
        """What it was asked to be; replaced whole, or changed at rest."""
        return self.wish.definition

    @definition.setter
    def definition(self, definition: Definition) -> None:
        self.wish = Wish(definition, self.parts.profiles)

    @property
    def key(self) -> str:
        return self.definition.key

    @property
    def profile_dir(self) -> Path:
        return self.parts.profiles.path(self.definition.profile)

    # -- looking ------------------------------------------------------------

    def model(self) -> ClusterModel:
        with self.lock:
            counts = self.engine_set.counts()
            wanted = self.wanted if self.wanted is not None else self.wish.engines(self.parts.policy.max_engines)
            running = self.state == "running"
            name = f"ipcontroller-{self.definition.cluster_id}" if self.definition.cluster_id else "ipcontroller"
            return ClusterModel(
                key=self.key,
                profile=self.definition.profile,
                cluster_id=self.definition.cluster_id,
                launcher=self.definition.launcher,
                host=self.host,
                origin=self.origin,
                state=self.state,
                step=self.step,
                wanted=wanted,
                engines=counts,
                degraded=running and self.step is None and (counts.registered < wanted or self.failure is not None),
                failure=self.failure,
                job=self.job,
                capabilities=self.capabilities,
                started_at=self.started_at,
                connection_file=(
                    str(self.profile_dir / "security" / f"{name}-client.json")
                    if self.state in ("running", "starting") and self.started_at
                    else None
                ),
                as_written=self.as_written,
                stale=self.left[0],
                unreachable=self.left[1],
                idle=self.idle if running else None,
                notice=self.notice,
                no_start=_refused(self._check_allowed, self._check_there),
                no_stop=_refused(self.parts.policy.check_writable),
                max_engines=self.parts.policy.max_engines,
            )

    @property
    def at_rest(self) -> bool:
        """Nothing of it runs, or may still be found to run."""
        return self.in_use is None and self.state in ("stopped", "failed")

    @property
    def elsewhere(self) -> bool:
        """Whether it belongs to a server on another machine."""
        return self._belongs_to is not None

    @property
    def as_written(self) -> str | None:
        """Why the profile is run by ipyparallel's own launchers; None when ours do it. What runs stays what it was
        when it began, whatever becomes of the profile."""
        return self.in_use.as_written if self.in_use is not None else self.wish.as_written(self.definition.options)

    @property
    def capabilities(self) -> Capabilities:
        return capabilities_of(self.definition.launcher, self.as_written)

    def engines(self) -> list[EngineModel]:
        """Engine models by slot; looking has CPU and memory sampled for a while."""
        with self.lock:
            self._look_until = time.monotonic() + LOOK
            models = [slot.model() for slot in self.engine_set]
            reconciler, actor = self._reconciler, self._actor
        if reconciler is not None and actor is not None and models:
            actor.call(reconciler.look_again)
        return models

    def logs(self) -> list[LogModel]:
        """The logs that are there (blocking file access)."""
        return self.log_folder().list(self._log_is_live, self.host or here()["host"])

    def log(self, name: str) -> AnyLog:
        """Raises :class:`NotFound`."""
        try:
            return self.log_folder().log(name)
        except KeyError:
            raise NotFound(f"This cluster has no log named {name!r}.", field="log") from None

    def log_folder(self) -> LogFolder:
        return LogFolder(self.parts.registry.folder(self.key) / "logs")

    def trim_logs(self) -> None:
        """Let go of logs beyond quota and age (blocking)."""
        policy = self.parts.policy
        self.log_folder().trim(policy.log_quota, policy.log_age, self._log_is_live)

    def _log_is_live(self, name: str) -> bool:
        with self.lock:
            if name == "controller" or name == "all":
                return self.state in ("starting", "running", "stopping")
            slot = self.engine_set.get(int(name[5:])) if name.startswith("slot-") else None
            return slot is not None and slot.state not in ("exited", "lost")

    @property
    def watched(self) -> bool:
        """Whether somebody looks at CPU and memory now."""
        with self.lock:
            return bool(self._watched) or time.monotonic() < self._look_until

    def watch(self, what: str, watched: bool) -> None:
        """``what`` is ``engines`` or ``load``: somebody began, or nobody goes on, to look."""
        with self.lock:
            (self._watched.add if watched else self._watched.discard)(what)
            reconciler, actor = self._reconciler, self._actor
        if reconciler is not None and actor is not None:
            actor.call(reconciler.look_again)

    def watches(self, what: str) -> bool:
        with self.lock:
            return what in self._watched

    # -- the verbs ----------------------------------------------------------

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

    # -- for the actor ------------------------------------------------------

    def plan(self, options: Mapping[str, Any], *, make: bool = True) -> Plan:
        """What a launcher is told; ``options`` add to what the profile says, and win; ``make`` makes the log folder
        (blocking)."""
        registry = self.parts.registry
        log_dir = registry.log_folder(self.key) if make else registry.folder(self.key) / "logs"
        return self.wish.plan(options, log_dir, self.parts.policy)

    def move(self, state: State, step: Step | None = None) -> None:
        """Take a state that the table allows."""
        with self.lock:
            if not allowed(self.state, state):
                raise WrongState(f"A cluster that is {self.state} cannot become {state}.")
            self.state, self.step = state, step

    def follow(self) -> None:
        """Take the launcher that the profile names now, as it was read last. Raises :class:`NotAllowed`."""
        with self.lock:
            if self.definition.follows:
                self.definition.launcher = self.parts.profiles.model(self.definition.profile).launcher
            self._check_allowed()

    def publish(self) -> ClusterModel:
        """Tell everybody how the cluster and the engines that changed are now."""
        with self.lock:
            if self._gone:
                return self.model()
            model, feed = self.model(), self.parts.feed
            topic = f"engines/{self.key}"
            touched, self.engine_set.touched = self.engine_set.touched, set()
            for number in touched:
                slot = self.engine_set.get(number)
                if slot is None:
                    feed.remove(topic, number)
                else:
                    feed.put(topic, "slot", number, slot.model())
            feed.put("clusters", "key", self.key, model)
            return model

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
                "wanted": self.wanted,
                "under_way": self.under_way,
                "started_at": self.started_at,
                "engines": self.engine_set.saved(),
                "processes": reconciler.saved() if reconciler is not None else None,
            }

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

    def _order(self, verb: str, *args: object) -> None:
        if self._actor is None or self._reconciler is None:
            self._actor = Actor(self.key)
            self._reconciler = Reconciler(self, self._actor)
        self._actor.call(getattr(self._reconciler, verb), *args)

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

    # -- what is allowed ----------------------------------------------------

    def _check_allowed(self) -> None:
        self.parts.policy.check_writable()
        self.parts.policy.check_launcher(self.definition.launcher)

    def check_site(self, options: Mapping[str, Any]) -> None:
        """Raises :class:`NotAllowed` when the site does not allow what a start with them would do."""
        whole, written = self.wish.whole(options, self.parts.policy), self.wish.as_written(options)
        self.parts.policy.check(self.definition.launcher, whole, written)

    def _check_there(self) -> None:
        if self._belongs_to is not None:
            raise WrongState(
                f"This cluster belongs to {self._belongs_to}; start it from a server there.", reason="elsewhere"
            )

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


def _refused(*checks: Callable[[], None]) -> str | None:
    """What the first of them says that refuses."""
    for check in checks:
        try:
            check()
        except ClustersError as error:
            return error.message
    return None
