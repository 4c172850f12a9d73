"""All clusters: find, define, forget; one for each profile even before anything was started.

Promise: answers at once from memory and a folder listing; reading records and
ending processes happens in :meth:`open`, :meth:`close` and the actors.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from ..errors import BadInput, NotFound, WrongState
from ..feed import Feed
from ..launchers import catalog
from ..launchers.asked import options_of
from ..launchers.base import Launcher, LauncherModel, LauncherName, Plan, Preview, Watcher
from ..profiles import Profiles
from .cluster import Cluster
from .finding import Finding
from .neighbours import Neighbours
from .options import checked
from .policy import Policy
from .registry import Registry
from .seen import Parts
from .wish import Definition

NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,64}\Z")

#: How often the folder of profiles is looked at while a window is open (seconds).
PROFILES_LOOK = 2.0


class Clusters:
    """The collection, made and used on the server's loop."""

    def __init__(
        self,
        *,
        feed: Feed,
        profiles: Profiles,
        policy: Policy,
        data_dir: Path,
        runtime_dir: Path,
        log: logging.Logger,
    ) -> None:
        self.policy = policy
        self._feed = feed
        self._profiles = profiles
        self._registry = Registry(data_dir)
        self._log = log
        self._lock = threading.Lock()
        self._clusters: dict[str, Cluster] = {}
        self._looking: asyncio.Task[None] | None = None

        def make_launcher(name: LauncherName, plan: Plan, watcher: Watcher) -> Launcher:
            return catalog.make(name, plan, watcher, runtime_dir=runtime_dir)

        self._parts = Parts(
            feed=feed,
            profiles=profiles,
            policy=policy,
            registry=self._registry,
            make_launcher=make_launcher,
            log=log,
        )
        self._finding = Finding(self._parts, self._is_ours, self._is_elsewhere, self._came_or_went, self._show_left)
        self._neighbours = Neighbours(self._registry, self._of_record, self._is_written_here, self._forgotten_elsewhere)

    async def open(self) -> None:
        """Take up what ran before the server started, and begin to follow who looks."""
        for path, record in await asyncio.to_thread(lambda: list(self._registry.records())):
            if isinstance(record, Exception):
                self._log.warning("the record %s cannot be read and is left alone: %s", path, record)
                continue
            await asyncio.to_thread(self._of_record(record).learn, record)
        self._feed.on_watch("clusters", self._watch_profiles)
        self._feed.on_watch("engines/", self._watch_one)
        self._feed.on_watch("load/", self._watch_one)
        for cluster in await asyncio.to_thread(self.all):
            cluster.publish()
        await self._trim_logs()

    async def settled(self, timeout: float) -> None:
        """For those who look but once: wait until what ran before has been found again, or found to be gone, and
        others' clusters have answered; at most ``timeout`` seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        await asyncio.to_thread(self.all)
        await self._finding.met(timeout)
        while loop.time() < end and any(map(_under_way, self._clusters.values())):  # noqa: ASYNC110 - a look, once
            await asyncio.sleep(0.02)

    async def close(self) -> list[str]:
        """The server ends: stop all or leave them, as the policy says. Returns what goes on running, in words."""
        if self._looking is not None:
            self._looking.cancel()
        stop = self.policy.on_server_stop == "stop"
        clusters = list(self._clusters.values())
        await self._finding.close()
        left = [] if stop else [words for cluster in clusters if (words := going_on(cluster))]
        await asyncio.gather(*(cluster.close(stop=stop) for cluster in clusters))
        return left

    def all(self) -> list[Cluster]:
        """Clusters in the order in which they are shown: ``default:`` first, then by profile and name."""
        self._neighbours.look()
        fresh = []
        with self._lock:
            for profile in self._profiles.names():
                if f"{profile}:" not in self._clusters:
                    made = self._clusters[f"{profile}:"] = self._make(Definition(profile), defined=False)
                    fresh.append(made)
        for cluster in fresh:
            cluster.publish()  # whoever looked first: nobody else sees that it is new
        self._finding.look()
        with self._lock:
            return sorted({**self._clusters, **self._finding.found}.values(), key=_order)

    def get(self, key: str) -> Cluster:
        """Raises :class:`NotFound`."""
        there = self._finding.found.get(key) or self._clusters.get(key)
        cluster = there or next((one for one in self.all() if one.key == key), None)
        if cluster is None:
            raise NotFound(f"There is no cluster {key!r}.", field="key")
        return cluster

    def define(
        self,
        profile: str,
        cluster_id: str = "",
        launcher: str | None = None,
        options: dict[str, Any] | None = None,
        engines: int | None = None,
    ) -> Cluster:
        """Raises :class:`BadInput`, :class:`NotAllowed`, :class:`WrongState` (defined already)."""
        self.policy.check_writable()
        definition = self._definition(profile, cluster_id, launcher, options)
        with self._lock:
            there = self._clusters.get(definition.key)
            if there is not None and there.defined:
                raise WrongState(
                    f"There is a cluster {definition.key!r} already.", reason="defined", field="cluster_id"
                )
            if there is not None:
                there.definition, there.defined = definition, True
                cluster = there
            else:
                cluster = self._clusters[definition.key] = self._make(definition, defined=True)
            if engines is not None:
                cluster.wanted = engines
        self._show_left()
        cluster.publish()
        return cluster

    async def preview(
        self, key: str, engines: int | None, launcher: str | None = None, options: dict[str, Any] | None = None
    ) -> Preview:
        """What a start would run; with ``launcher`` also of a cluster that is not defined. Starts and keeps nothing.

        Raises :class:`NotFound`, :class:`BadInput`, :class:`NotAllowed`."""
        if launcher is None:
            cluster = await asyncio.to_thread(self.get, key)
        else:
            profile, _, cluster_id = key.partition(":")
            definition = self._definition(profile, cluster_id, launcher, options)
            cluster = Cluster(definition, self._parts, defined=False)
        # What the profile says counts for a start, so it does here.
        await self._profiles.refresh(cluster.definition.profile)
        return await cluster.preview(cluster.model().wanted if engines is None else engines, options)

    async def save(self, cluster: Cluster) -> None:
        """Write a definition down. Raises :class:`OSError`."""
        await cluster.write()
        self._neighbours.wrote(cluster.key)

    async def forget(self, key: str) -> None:
        """Forget a stopped cluster and its logs. Raises :class:`NotFound`, :class:`WrongState`."""
        self.policy.check_writable()
        cluster = await asyncio.to_thread(self.get, key)
        if cluster.origin == "external":
            raise WrongState("This cluster was started elsewhere; it cannot be forgotten here.", reason="external")
        with cluster.lock:
            if cluster.state not in ("stopped", "failed"):
                raise WrongState(f"This cluster is {cluster.state}; stop it first.", reason=cluster.state)
            if cluster.engine_set.counts().launched:
                raise WrongState("Engines of this cluster still run; stop it first.", reason="leftovers")
            with self._lock:
                self._clusters.pop(key, None)
            cluster.forget()
        await cluster.close(stop=False)
        await asyncio.to_thread(self._neighbours.forget, key)
        await asyncio.to_thread(self.all)  # its profile may still be there
        self._show_left()

    def _of_record(self, record: Mapping[str, Any]) -> Cluster:
        with self._lock:
            own = self._clusters.get(record["key"])
            if own is None:
                own = self._clusters[record["key"]] = Cluster(Definition.of(record), self._parts, defined=True)
            return own

    def _is_written_here(self, key: str) -> bool:
        own = self._clusters.get(key)
        return own is not None and own.owner.held

    def _forgotten_elsewhere(self, key: str) -> None:
        with self._lock:
            own = self._clusters.get(key)
            if own is None or not own.at_rest or own.owner.held:
                return
            del self._clusters[key]
        own.forget()

    async def clear(self, key: str, mark: str | None = None) -> Cluster:
        """Remove the stale file that is shown with a cluster; with ``mark`` only if it is that one.

        Raises :class:`NotFound`, :class:`NotAllowed`, :class:`WrongState` with the reason, :class:`OSError`."""
        self.policy.check_writable()
        cluster = await asyncio.to_thread(self.get, key)
        stale, away = cluster.left
        file = self._finding.left.shown(stale.path) if stale is not None else None
        if file is None:
            raise WrongState(
                away.sentence if away is not None else "There is no stale file to clear.",
                reason="elsewhere" if away is not None else "not-stale",
            )
        if mark not in (None, file.mark):
            raise WrongState("That file has changed since it was shown; it was not removed.", reason="changed")
        await self._finding.run(self._finding.left.clear(file, partial(self._at_rest, file.key)))
        return cluster

    def _at_rest(self, key: str, then: Callable[[], bool]) -> bool:
        """Do that while no cluster of ours can begin under this name."""
        own = self._clusters.get(key)
        if own is None:
            return then()
        with own.lock:
            return own.at_rest and not own.elsewhere and then()

    def _show_left(self) -> None:
        """Other files than before are left of clusters that others started."""
        with self._lock:
            shown = list({**self._clusters, **self._finding.found}.values())
        keys = {cluster.key for cluster in shown}
        for cluster in shown:
            left = self._finding.left.of(cluster.key, keys)
            if left != cluster.left:
                cluster.left = left
                cluster.publish()

    def _is_ours(self, key: str) -> bool:
        cluster = self._clusters.get(key)
        return cluster is not None and not cluster.at_rest

    def _is_elsewhere(self, key: str) -> bool:
        cluster = self._clusters.get(key)
        return cluster is not None and cluster.elsewhere

    def _came_or_went(self, key: str) -> None:
        """A cluster that others started: where there is one of ours of that name, it is what is seen again."""
        external, own = self._finding.found.get(key), self._clusters.get(key)
        self._show_left()
        if external is not None:
            external.publish()
            return
        self._feed.remove("clusters", key)
        self._feed.drop_topic(f"engines/{key}")
        if own is not None:
            own.publish()

    def launchers(self) -> list[LauncherModel]:
        return catalog.all_launchers(self.policy.allowed_launchers, self.policy.partitions, self.policy.presets)

    # -- inside ---------------------------------------------------------------

    def _make(self, definition: Definition, *, defined: bool) -> Cluster:
        if not defined:
            definition.launcher = cast(LauncherName, self._launcher_of(definition.profile))
            definition.follows = True
        return Cluster(definition, self._parts, defined=defined)

    def _launcher_of(self, profile: str) -> str:
        return self._profiles.model(profile).launcher

    def profile_read(self, profile: str) -> None:
        """A profile's configuration has been read anew: its own cluster may show another count or launcher."""
        for cluster in list(self._clusters.values()):
            if cluster.definition.profile == profile and cluster.key not in self._finding.found:
                with cluster.lock:
                    if cluster.definition.follows and cluster.at_rest:
                        cluster.definition.launcher = cast(LauncherName, self._launcher_of(profile))
                cluster.publish()

    async def follow_profile(self, profile: str) -> None:
        """Somebody saved choices in this profile: its own cluster starts with them from now on, not with older ones."""
        cluster = self._clusters.get(f"{profile}:")
        if cluster is None:
            return
        with cluster.lock:
            if not cluster.at_rest:
                return
            cluster.definition.options, cluster.definition.follows = {}, True
        self.profile_read(profile)
        if cluster.defined:
            await self.save(cluster)

    def _definition(
        self, profile: str, cluster_id: str, launcher: str | None, options: dict[str, Any] | None
    ) -> Definition:
        """As it was asked for, where that can be meant and is allowed."""
        rule = "letters, digits, dots, dashes and underscores, at most 64, not beginning with a dot"
        if not NAME.match(profile):
            raise BadInput(f"The name of a profile is made of {rule}.", field="profile")
        if cluster_id and not NAME.match(cluster_id):
            raise BadInput(f"The name of a cluster is made of {rule}.", field="cluster_id")
        if launcher is not None and launcher not in catalog.TITLES:
            raise BadInput(f"There is no launcher {launcher!r}.", field="launcher")
        name = cast(LauncherName, launcher or self._launcher_of(profile))
        self.policy.check_launcher(name)
        of_profile = options_of(name, self._profiles.settings(profile))
        follows = launcher is None and not options
        self.policy.check(name, {**of_profile, **(options or {})})
        return Definition(profile, cluster_id, name, checked(name, options or {}, of_profile), follows)

    def _watch_one(self, topic: str, watched: bool) -> None:
        what, _, key = topic.partition("/")
        cluster = self._finding.found.get(key) or self._clusters.get(key)
        if cluster is not None:
            cluster.watch(what, watched)

    def _watch_profiles(self, topic: str, watched: bool) -> None:
        if watched and self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_for_profiles())
        elif not watched and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look_for_profiles(self) -> None:
        """A profile made in a terminal appears, one that was removed goes."""
        while True:
            await asyncio.to_thread(self.all)
            names = set(await asyncio.to_thread(self._profiles.names))
            for key, cluster in list(self._clusters.items()):
                if not cluster.defined and cluster.definition.profile not in names:
                    del self._clusters[key]
                    cluster.forget()
            await asyncio.sleep(PROFILES_LOOK)

    async def _trim_logs(self) -> None:
        for cluster in list(self._clusters.values()):
            if cluster.defined:
                await asyncio.to_thread(cluster.trim_logs)


def going_on(cluster: Cluster) -> str | None:
    """What of a cluster goes on running, in words."""
    model = cluster.model()
    if model.state not in ("starting", "running"):
        return None
    return f"cluster {model.key!r} with {model.engines.launched} engines"


def _under_way(cluster: Cluster) -> bool:
    # What waits in a queue may wait for days.
    return cluster.state in ("starting", "stopping") and cluster.step != "queue"


def _order(cluster: Cluster) -> tuple[bool, str, str]:
    definition = cluster.definition
    return (definition.profile != "default", definition.profile, definition.cluster_id)
