"""Engines on other machines: one connection and one agent a host, which forks them there.

Promise: the controller runs on this machine or on one of the hosts; engines reach it
by addresses or through the connections; logs are copied here as they are written.
A host that cannot be used is named, and the others run. When a connection drops,
agent and engines go on and are reached again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..base import Capabilities, EngineSpec, Launcher, LaunchFailed, NotAllBegun, Plan, Preview, Watcher
from ..hostside import CONTROLLER, slot_of
from ..local import here, regain
from ..loopback import loopback_only
from ..mirror import LogCopies
from ..together import each, joined, raise_any
from .controller import ControllerHere, ControllerThere
from .hosts import Host, host_of_slot, hosts_of
from .remote import Remote, Run

CAPABILITIES = Capabilities(scale="live", stop_one=True, restart_one=True, interrupt_one=True, log_per_engine=True)


class SshLauncher(Launcher):
    """The controller here, engines on the hosts of the options."""

    name = "ssh"
    capabilities = CAPABILITIES

    def __init__(self, plan: Plan, watcher: Watcher, *, runtime_dir: Path) -> None:
        super().__init__(plan, watcher)
        self._run = Run(plan, watcher, runtime_dir, secrets.token_hex(4), LogCopies(plan.log_dir), self._told)
        self._here = here(plan, watcher, runtime_dir)
        self._hosts = hosts_of(plan.options)
        self._remotes = {host.name: Remote(self._run, host) for host in self._hosts}
        self._controller: ControllerHere | ControllerThere = ControllerHere(plan, self._here)
        if place := str(plan.options.get("controller") or ""):
            remote = self._remotes.setdefault(place, Remote(self._run, Host(place, 0)))
            self._controller = ControllerThere(remote)

    def _told(self, event: Mapping[str, Any]) -> None:
        """What an agent tells besides launches, exits and usage."""
        if event["event"] == "log":
            self._run.copies.take(event)

    # -- the contract -------------------------------------------------------

    async def prepare(self) -> None:
        await asyncio.gather(*(remote.warm() for remote in self._remotes.values()))

    async def start_controller(self) -> None:
        if not self._hosts:
            raise LaunchFailed("engines", "No host is named.", hint="Add hosts to the options of this cluster.")
        await self._controller.start()

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        by_host: dict[str, list[EngineSpec]] = {}
        for engine in engines:
            by_host.setdefault(host_of_slot(engine.slot, self._hosts).name, []).append(engine)
        failures = await each(by_host, lambda name: self._remotes[name].start(by_host[name]))
        if failures:
            slots = [engine.slot for name in failures for engine in by_host[name]]
            error = joined(list(failures.values()))
            raise error if len(slots) == len(engines) else NotAllBegun(slots, error)

    async def stop_engines(self, slots: Sequence[int], *, grace: float) -> None:
        by_host = self._by_host(slots)
        raise_any(await each(by_host, lambda name: self._remotes[name].stop(by_host[name], grace)))

    async def interrupt_engines(self, slots: Sequence[int]) -> None:
        by_host = self._by_host(slots)
        raise_any(await each(by_host, lambda name: self._remotes[name].side.signal(by_host[name], 2)))

    async def stop_all(self, *, grace: float) -> None:
        controller = self._controller if isinstance(self._controller, ControllerThere) else None
        there = controller.remote if controller is not None else None
        used = [remote for remote in self._remotes.values() if remote.used]
        works: dict[str, Callable[[], Awaitable[None]]] = {
            remote.host.name: partial(remote.stop_all, grace) for remote in used if remote is not there
        }
        if controller is None:
            works[""] = lambda: self._here.stop(None, grace)
        elif controller.remote.used:
            works[controller.remote.host.name] = partial(controller.stop_all, grace)
        failures = await each(works, lambda name: works[name]())
        if there is None and "" not in failures:
            await self._here.forget()
        raise_any(failures)

    async def watch_usage(self, watched: bool) -> None:
        reached = [remote for remote in self._remotes.values() if remote.connection.found]
        await asyncio.gather(*(remote.side.watch_usage(watched) for remote in reached))

    def saved(self) -> dict[str, Any]:
        saved: dict[str, Any] = {
            "processes": self._here.saved(),
            "hosts": {name: remote.side.saved() for name, remote in self._remotes.items()},
            "ports": {name: list(remote.tunnel.ports.items()) for name, remote in self._remotes.items()},
            "run": self._run.name,
            "bases": self._run.copies.bases,
        }
        if isinstance(self._controller, ControllerThere):
            saved["controller"] = {"host": self._controller.remote.host.name, **self._controller.inlet.saved()}
        return saved

    async def reattach(self, saved: Mapping[str, Any]) -> None:
        if saved.get("run"):
            self._run.name = str(saved["run"])
            self._run.copies = LogCopies(self.plan.log_dir, saved.get("bases") or {})
            for remote in self._remotes.values():
                remote.side.key = self._run.group
                remote.connection.named(self._run.group)
        self._here.restore(saved.get("processes", ()))
        for name, records in (saved.get("hosts") or {}).items():
            if name in self._remotes:
                self._remotes[name].side.restore(records)
                self._remotes[name].tunnel.ports.update(map(tuple, (saved.get("ports") or {}).get(name, ())))
        if isinstance(self._controller, ControllerThere):
            self._controller.inlet.restore(saved.get("controller") or {})
        else:
            await regain(self._here)
        perhaps = {host_of_slot(slot, self._hosts).name for slot in saved.get("unsure") or ()}
        used = [name for name, remote in self._remotes.items() if remote.side.running() or name in perhaps]
        for name in used:
            self._remotes[name].trouble(None)  # until it is reached, and its engines answer
        for name, failure in (await each(used, lambda name: self._remotes[name].check())).items():
            self._out_of_reach(self._remotes[name], failure)

    def _out_of_reach(self, remote: Remote, why: LaunchFailed) -> None:
        """After a restart: what was last known of it holds until it is reached."""
        if process := remote.side.last_known(CONTROLLER):
            self.watcher.controller_launched(process)
        remote.trouble(why)
        remote.side.keep_trying()

    def known(self, said: str) -> tuple[str, str] | None:
        if self.plan.options.get("reach", "ssh") != "direct":
            return None
        return loopback_only(said, "; or choose the way through the ssh connection")

    async def close(self) -> None:
        await asyncio.gather(self._here.close(), *(remote.close() for remote in self._remotes.values()))
        if isinstance(self._controller, ControllerThere):
            self._controller.close()
        await self._run.copies.close()

    async def preview(self, engines: int) -> Preview:
        counts: dict[str, int] = {}
        for slot in range(engines if self._hosts else 0):
            name = host_of_slot(slot, self._hosts).name
            counts[name] = counts.get(name, 0) + 1
        where = str(self.plan.options.get("controller") or "")
        if where:
            counts.setdefault(where, 0)
        return Preview(
            commands=[
                self._controller.argv(),
                *(self._remotes[name].connection.argv() for name in counts),
            ],
            notes=[
                *([f"The controller runs on {where}."] if where else []),
                *(f"{name}: {n} engine{'s' if n != 1 else ''}, over one connection." for name, n in counts.items()),
                f"Logs are copied to {self.plan.log_dir}.",
            ],
        )

    # -- hosts ----------------------------------------------------------------

    def _by_host(self, slots: Iterable[int]) -> dict[str, list[str]]:
        """Names of processes by the host on which they were begun."""
        wanted = set(slots)
        found = {
            name: [process for process in remote.side.running() if slot_of(process) in wanted]
            for name, remote in self._remotes.items()
        }
        return {name: processes for name, processes in found.items() if processes}
