"""How a cluster of ours is now, and how that is seen.

Promise: nothing here changes what runs. Every method answers at once, unless it says
that it blocks, and may be called from any thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ClustersError, NotFound, WrongState
from ..feed import Feed
from ..launchers.base import Capabilities, Job, Launcher, LauncherName, Plan, Watcher
from ..launchers.catalog import capabilities_of
from ..logs.log import AnyLog
from ..logs.models import LogModel
from ..logs.store import LogFolder
from ..profiles import Profiles
from .actor import Actor
from .engineset import EngineSet
from .models import ClusterModel, EngineModel, Failure, Idle, LeftFile
from .newest import Newest
from .owner import Owner
from .policy import Policy
from .reconcile import Reconciler
from .registry import Registry, here
from .states import Origin, State, Step, allowed
from .wish import Definition, Wish

#: How long a look at the engines by REST keeps CPU and memory sampled (seconds).
LOOK = 10.0


@dataclass(frozen=True)
class Parts:
    """What every cluster is given; ``make_launcher`` builds the one that a plan names."""

    feed: Feed
    profiles: Profiles
    policy: Policy
    registry: Registry
    make_launcher: Callable[[LauncherName, Plan, Watcher], Launcher]
    log: logging.Logger


class Seen:
    """``lock`` guards every field; the actor holds it only for moments."""

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
        self._records = Newest()
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

    # -- the whole of it ------------------------------------------------------

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

    def move(self, state: State, step: Step | None = None) -> None:
        """Take a state that the table allows."""
        with self.lock:
            if not allowed(self.state, state):
                raise WrongState(f"A cluster that is {self.state} cannot become {state}.")
            self.state, self.step = state, step

    # -- its engines ------------------------------------------------------------

    def engines(self) -> list[EngineModel]:
        """Engine models by slot; looking has CPU and memory sampled for a while."""
        with self.lock:
            self._look_until = time.monotonic() + LOOK
            models = [slot.model() for slot in self.engine_set]
            reconciler, actor = self._reconciler, self._actor
        if reconciler is not None and actor is not None and models:
            actor.call(reconciler.look_again)
        return models

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

    # -- its logs ---------------------------------------------------------------

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

    # -- what is allowed ----------------------------------------------------------

    def _check_allowed(self) -> None:
        self.parts.policy.check_writable()
        self.parts.policy.check_launcher(self.definition.launcher)

    def _check_there(self) -> None:
        if self._belongs_to is not None:
            raise WrongState(
                f"This cluster belongs to {self._belongs_to}; start it from a server there.", reason="elsewhere"
            )


def _refused(*checks: Callable[[], None]) -> str | None:
    """What the first of them says that refuses."""
    for check in checks:
        try:
            check()
        except ClustersError as error:
            return error.message
    return None
