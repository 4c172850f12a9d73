"""Engines on other machines: one connection and one agent a host, which forks them there.

Promise: the controller runs on this machine; engines reach it by addresses or
through the connection itself; their logs are copied here as they are written.
A host that cannot be used is named, and the others run. When a connection drops,
agent and engines go on and are reached again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from ...host import start
from ..agent import AgentError, AgentLost, AgentPeer
from ..base import Capabilities, EngineSpec, Launcher, LaunchFailed, NotAllBegun, Plan, Preview, Watcher
from ..commandline import engine_args, engine_environment, environment, fork_wanted
from ..hostside import Begin, HostSide, Place, slot_name, slot_of
from ..local import begin_here, controller_process, here, regain
from ..mirror import LogCopies
from .causes import lacking
from .connection import Connection
from .hosts import Host, host_of_slot, hosts_of
from .tunnel import Tunnel

CAPABILITIES = Capabilities(scale="live", stop_one=True, restart_one=True, interrupt_one=True, log_per_engine=True)


class Remote:
    """One host of the cluster: its connection, its agent, its way to the controller."""

    def __init__(self, launcher: SshLauncher, host: Host, runtime_dir: Path) -> None:
        plan = launcher.plan
        self.host = host
        self._launcher = launcher
        options = plan.options
        self.connection = Connection(
            host,
            runtime_dir / "ssh",
            python=str(options.get("python") or "python3"),
            login_script=str(options.get("login_script") or "") or None,
            environment=plan.environment,
            name=launcher.group,
        )
        self.tunnel = Tunnel(self.connection)
        self.side = HostSide(
            launcher.group,
            launcher.watcher,
            self.connection.open,
            self.place,
            name=host.name,
            on_event=launcher.told,
            on_reached=self._reached,
        )

    @property
    def log_dir(self) -> PurePosixPath:
        home = PurePosixPath(self.connection.found["home"])
        key = quote(self._launcher.plan.key, safe="")
        return home / ".local/share/jupyterlab-clusters/logs" / f"{key}-{self._launcher.run}"

    def place(self) -> Place:
        profile = self.plan.profile_dir
        return Place(self.log_dir, tuple(str(profile / name) for name in ("", "security", "log", "pid", "startup")))

    @property
    def plan(self) -> Plan:
        """The cluster's plan as it is on that host: its own environment and folders."""
        plan, found = self._launcher.plan, self.connection.found
        wanted = str(plan.options.get("profile_dir") or f"~/.ipython/profile_{plan.profile}")
        return replace(plan, environment=found["environment"], profile_dir=Path(_home(wanted, found["home"])))

    def begin(self) -> Begin:
        plan, found = self.plan, self.connection.found
        return Begin(
            env=environment(plan),
            cwd=_home(str(plan.options.get("working_dir") or "~"), found["home"]),
            python=found["executable"],
            fork=fork_wanted(plan),
            preload=list(plan.options.get("preload", ())),
        )

    async def check(self) -> None:
        """Whether engines can run there and understand us. Raises :class:`LaunchFailed`."""
        try:
            await self.side.reach()
        except (AgentError, AgentLost, OSError, RuntimeError) as error:
            raise LaunchFailed("engines", f"The agent on {self.host.name} does not answer: {error}.") from error
        found = self.connection.found
        ours = {name: metadata.version(name) for name in ("ipyparallel", "ipykernel")}
        if wrong := lacking(self.host.name, found["versions"], found["executable"], ours):
            raise LaunchFailed("engines", wrong[0], hint=wrong[1])

    async def warm(self) -> None:
        with contextlib.suppress(LaunchFailed):
            await self.check()
            await self.side.warm(self.begin())

    async def start(self, engines: Sequence[EngineSpec]) -> None:
        await self.check()
        begin, plan, found = self.begin(), self.plan, self.connection.found
        program = start.program(found["executable"], "jupyterlab_clusters.host.engine", found["root"])
        # All have the same controller: the ports are looked up once.
        connection = await self._connection_for(engines[0].connection)
        processes = []
        for engine in engines:
            there = replace(engine, connection=connection)
            args = engine_args(plan, engine.uuid, engine.asks_id)
            processes.append(
                {
                    "name": slot_name(engine.slot),
                    "uuid": engine.uuid,
                    "argv": [*program, *args],
                    "args": args,
                    "env": engine_environment(plan, there),
                    "role": "engine",
                }
            )
        await self.side.spawn("engines", begin, processes)

    async def _connection_for(self, text: str) -> str:
        if self._launcher.plan.options.get("reach", "ssh") == "direct":
            return text
        return json.dumps(await self.tunnel.through(json.loads(text)))

    async def _reached(self, peer: AgentPeer) -> None:
        """A new connection: the ports lead here again, and the logs go on from where their copies end."""
        await self.tunnel.renew()
        offsets = await asyncio.to_thread(self._launcher.copies.offsets)
        await peer.request("mirror", group=self.side.key, folder=str(self.log_dir), offsets=offsets)

    async def stop_all(self, grace: float) -> None:
        """End everything there, have the last lines of its logs, leave nothing."""
        await self.side.stop(None, grace)
        await self.side.ask("drain", "settle")
        await self.side.forget(logs=str(self.log_dir))

    async def close(self) -> None:
        await self.side.close()
        await self.connection.close()


class SshLauncher(Launcher):
    """The controller here, engines on the hosts of the options."""

    name = "ssh"
    capabilities = CAPABILITIES

    def __init__(self, plan: Plan, watcher: Watcher, *, runtime_dir: Path) -> None:
        super().__init__(plan, watcher)
        self.run = secrets.token_hex(4)
        self.copies = LogCopies(plan.log_dir)
        self._here = here(plan, watcher, runtime_dir)
        self._hosts = hosts_of(plan.options)
        self._remotes = {host.name: Remote(self, host, runtime_dir) for host in self._hosts}

    @property
    def group(self) -> str:
        """The name of this run at agents, which others may have started who know clusters of the same name."""
        return f"{self.plan.key}@{self.run}"

    def told(self, event: Mapping[str, Any]) -> None:
        """What an agent tells besides launches, exits and usage."""
        if event["event"] == "log":
            self.copies.take(event)

    # -- the contract -------------------------------------------------------

    async def prepare(self) -> None:
        await asyncio.gather(*(remote.warm() for remote in self._remotes.values()))

    async def start_controller(self) -> None:
        if not self._hosts:
            raise LaunchFailed("engines", "No host is named.", hint="Add hosts to the options of this cluster.")
        process = controller_process(self.plan)
        if self.plan.options.get("reach", "ssh") == "direct" and not any(
            w.startswith("--ip=") for w in process["argv"]
        ):
            process["argv"].append("--ip=*")
        await self._here.spawn("controller", begin_here(self.plan), [process])

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        by_host: dict[str, list[EngineSpec]] = {}
        for engine in engines:
            by_host.setdefault(host_of_slot(engine.slot, self._hosts).name, []).append(engine)
        failures = await self._each(by_host, lambda name: self._remotes[name].start(by_host[name]))
        if failures:
            slots = [engine.slot for name in failures for engine in by_host[name]]
            error = joined(list(failures.values()))
            raise error if len(slots) == len(engines) else NotAllBegun(slots, error)

    async def stop_engines(self, slots: Sequence[int], *, grace: float) -> None:
        by_host = self._by_host(slots)
        raise_any(await self._each(by_host, lambda name: self._remotes[name].side.stop(by_host[name], grace)))

    async def interrupt_engines(self, slots: Sequence[int]) -> None:
        by_host = self._by_host(slots)
        raise_any(await self._each(by_host, lambda name: self._remotes[name].side.signal(by_host[name], 2)))

    async def stop_all(self, *, grace: float) -> None:
        used = [name for name, remote in self._remotes.items() if remote.connection.found or remote.side.running()]
        works: dict[str, Callable[[], Awaitable[None]]] = {"": lambda: self._here.stop(None, grace)}
        works.update({name: partial(self._remotes[name].stop_all, grace) for name in used})
        raise_any(await self._each(works, lambda name: works[name]()))
        await self._here.forget()

    async def watch_usage(self, watched: bool) -> None:
        reached = [remote for remote in self._remotes.values() if remote.connection.found]
        await asyncio.gather(*(remote.side.watch_usage(watched) for remote in reached))

    def saved(self) -> dict[str, Any]:
        return {
            "processes": self._here.saved(),
            "hosts": {name: remote.side.saved() for name, remote in self._remotes.items()},
            "ports": {name: list(remote.tunnel.ports.items()) for name, remote in self._remotes.items()},
            "run": self.run,
            "bases": self.copies.bases,
        }

    async def reattach(self, saved: Mapping[str, Any]) -> None:
        if saved.get("run"):
            self.run = str(saved["run"])
            self.copies = LogCopies(self.plan.log_dir, saved.get("bases") or {})
            for remote in self._remotes.values():
                remote.side.key = self.group
        self._here.restore(saved.get("processes", ()))
        for name, records in (saved.get("hosts") or {}).items():
            if name in self._remotes:
                self._remotes[name].side.restore(records)
                self._remotes[name].tunnel.ports.update(map(tuple, (saved.get("ports") or {}).get(name, ())))
        await regain(self._here)
        used = [name for name, remote in self._remotes.items() if remote.side.running()]
        failures = await self._each(used, lambda name: self._remotes[name].check())
        for name in failures:
            self._remotes[name].side.keep_trying()
        if failures:
            raise NotAllBegun([], joined(list(failures.values())))

    async def close(self) -> None:
        await asyncio.gather(self._here.close(), *(remote.close() for remote in self._remotes.values()))
        await self.copies.close()

    async def preview(self, engines: int) -> Preview:
        counts: dict[str, int] = {}
        for slot in range(engines if self._hosts else 0):
            name = host_of_slot(slot, self._hosts).name
            counts[name] = counts.get(name, 0) + 1
        return Preview(
            commands=[
                controller_process(self.plan)["argv"],
                *(self._remotes[name].connection.argv() for name in counts),
            ],
            notes=[
                *(f"{name}: {count} engines, over one connection." for name, count in counts.items()),
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

    async def _each(self, names: Iterable[str], work: Callable[[str], Awaitable[None]]) -> dict[str, LaunchFailed]:
        """All at the same time; those that failed, when all others are done."""
        asked = list(names)
        results = await asyncio.gather(*(work(name) for name in asked), return_exceptions=True)
        failures: dict[str, LaunchFailed] = {}
        for name, result in zip(asked, results, strict=True):
            if isinstance(result, LaunchFailed):
                failures[name] = result
            elif isinstance(result, BaseException):
                raise result
        return failures


def raise_any(failures: Mapping[str, LaunchFailed]) -> None:
    if failures:
        raise joined(list(failures.values()))


def joined(failures: Sequence[LaunchFailed]) -> LaunchFailed:
    """One failure that tells all causes, with what the first one's tool said."""
    first = failures[0]
    return LaunchFailed(
        first.step,
        " ".join(failure.cause for failure in failures),
        hint=first.hint,
        command=first.command,
        exit_code=first.exit_code,
        output=first.output,
        log=first.log,
    )


def _home(path: str, home: str) -> str:
    return home + path[1:] if path == "~" or path.startswith("~/") else path
