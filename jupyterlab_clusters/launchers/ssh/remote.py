"""One host of a cluster over ssh: its connection, its agent, its engines, its way to the controller.

Promise: nothing begins there before it is known that engines can run there and
understand us; a connection that broke is told, and told again when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import platform
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from ...host import start
from ..agent import AgentError, AgentLost, AgentPeer
from ..base import EngineSpec, Exit, LaunchFailed, Plan, Watcher
from ..commandline import engine_args, engine_environment, environment, fork_wanted
from ..hostside import CONTROLLER, Begin, HostSide, Place, slot_name, slot_of
from ..mirror import LogCopies
from .causes import crashed, lacking
from .connection import Connection
from .hosts import Host
from .silence import Silence, Silent
from .tunnel import Tunnel

#: How often hearts beat (seconds): ipyparallel's own.
BEAT = 3
#: How long a controller that is never alone waits for hearts of hosts that are cut off (seconds).
VERY_LONG = 7 * 24 * 3600

#: How often ports are asked for that were cut while they were made, and how soon again (seconds).
TRIES, AFTER_CUT = 2, 0.2

Files = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


@dataclass
class Run:
    """What all hosts of a cluster share; ``name`` is that of this run, by which a host knows it from others."""

    plan: Plan
    watcher: Watcher
    runtime_dir: Path
    name: str
    copies: LogCopies
    told: Callable[[Mapping[str, Any]], None]

    @property
    def group(self) -> str:
        """At agents, which others may have started who know clusters of the same name."""
        return f"{self.plan.key}@{self.name}"


@dataclass
class Remote:
    run: Run
    host: Host
    #: Set for the host of the controller: its engines' connection file, and what a new connection needs there.
    own_file: Files | None = None
    on_reached: Callable[[], Awaitable[None]] | None = None
    connection: Connection = field(init=False)
    tunnel: Tunnel = field(init=False)
    side: HostSide = field(init=False)
    silence: Silence = field(init=False)

    def __post_init__(self) -> None:
        plan, options = self.run.plan, self.run.plan.options
        self.connection = Connection(
            self.host,
            self.run.runtime_dir / "ssh",
            python=str(options.get("python") or "python3"),
            login_script=str(options.get("login_script") or "") or None,
            environment=plan.environment,
            name=self.run.group,
        )
        self.tunnel = Tunnel(self.connection)
        self.silence = Silence(self._fell_silent)
        self.side = HostSide(
            self.run.group,
            self.run.watcher,
            self.connection.open,
            self.place,
            name=self.host.name,
            on_event=self.run.told,
            on_reached=self._reached,
            on_trouble=self.trouble,
            alone=True,
            explain=self._explained,
        )

    @property
    def used(self) -> bool:
        return bool(self.connection.found or self.side.running())

    @property
    def log_dir(self) -> PurePosixPath:
        key = quote(self.run.plan.key, safe="")
        return (
            PurePosixPath(self.connection.found["home"])
            / ".local/share/jupyterlab-clusters/logs"
            / (f"{key}-{self.run.name}")
        )

    def place(self) -> Place:
        profile = self.plan.profile_dir
        return Place(self.log_dir, tuple(str(profile / name) for name in ("", "security", "log", "pid", "startup")))

    @property
    def plan(self) -> Plan:
        """The cluster's plan as it is on that host: its own environment and folders."""
        plan, found = self.run.plan, self.connection.found
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

    def program(self, module: str) -> list[str]:
        """The first words of a command that runs a module of what was sent there."""
        found = self.connection.found
        return start.program(found["executable"], f"jupyterlab_clusters.host.{module}", found["root"])

    async def check(self, step: str = "engines") -> None:
        """Whether engines can run there and understand us. Raises :class:`LaunchFailed`."""
        try:
            await self.side.reach()
        except (AgentError, AgentLost, OSError, RuntimeError) as error:
            raise LaunchFailed(step, f"The agent on {self.host.name} does not answer: {error}.") from error
        found = self.connection.found
        ours = {name: metadata.version(name) for name in ("ipyparallel", "ipykernel")}
        if wrong := lacking(self.host.name, found["versions"], found["executable"], ours):
            raise LaunchFailed(step, wrong[0], hint=wrong[1])

    async def warm(self) -> None:
        with contextlib.suppress(LaunchFailed):
            await self.check()
            if self.host.engines:
                await self.side.warm(self.begin())

    async def start(self, engines: Sequence[EngineSpec]) -> None:
        # All have the same controller: the ports are looked up once.
        connection = await self._reached_file(engines[0].connection)
        plan = self.plan
        processes = []
        for engine in engines:
            args = over(engine_args(plan, engine.uuid, engine.asks_id), self.host.engine_args)
            args = over([patience("IPEngine.max_heartbeat_misses", plan)], args)
            processes.append(
                {
                    "name": slot_name(engine.slot),
                    "uuid": engine.uuid,
                    "argv": [*self.program("engine"), *args],
                    "args": args,
                    "env": engine_environment(plan, replace(engine, connection=connection)),
                    "role": "engine",
                }
            )
        # By other ports than these the next server would not be found by its engines.
        await self.run.watcher.keep()
        await self.side.spawn("engines", self.begin(), processes)

    async def stop_all(self, grace: float, files: Sequence[str] = ()) -> None:
        """End everything there, have the last lines of its logs, leave nothing."""

        async def end() -> None:
            await self.side.stop(None, grace)
            await self.side.ask("drain", "settle")
            await self.side.forget(logs=str(self.log_dir), files=files)

        await self._while_heard(end())

    async def stop(self, names: list[str], grace: float) -> None:
        await self._while_heard(self.side.stop(names, grace))

    async def _while_heard(self, ending: Coroutine[Any, Any, None]) -> None:
        """Raises :class:`LaunchFailed` as soon as the host is silent or cannot be reached."""
        try:
            await self.silence.while_heard(ending)
        except Silent:
            raise self._out_of_reach("") from None
        except LaunchFailed as error:
            raise error if error.step == "drain" else self._out_of_reach(error.cause, error.output) from error

    def _out_of_reach(self, why: str, output: str | None = None) -> LaunchFailed:
        seconds = self.run.plan.orphan_timeout or VERY_LONG
        error = LaunchFailed(
            "drain",
            f"{self.host.name} could not be reached, so what runs there could not be ended. {why}".strip(),
            hint=f"It is ended as soon as {self.host.name} is there again, and ends by itself when it has heard of no "
            f"controller for {in_words(seconds)}. You may start anew without that host.",
            output=output,
        )
        error.out_of_reach = True
        return error

    async def close(self) -> None:
        self.silence.end()
        await self.side.close()
        await self.connection.close()

    def _explained(self, exit: Exit) -> Exit:
        because = crashed(exit.signal, str(self.connection.found.get("python") or ""), platform.python_version())
        return exit if because is None or exit.asked else replace(exit, because=because)

    # -- a connection that breaks -----------------------------------------------

    def trouble(self, error: Exception | None) -> None:
        """The connection broke, or could not be made again yet."""
        why = error.cause if isinstance(error, LaunchFailed) else ""
        output = error.output if isinstance(error, LaunchFailed) else None
        self.silence.end()
        self._cut(f"There is no connection to {self.host.name} now. {why}".strip(), output)

    def _cut(self, cause: str, output: str | None = None) -> None:
        lives = "The controller and the engines there go" if self._has_controller else "Its engines go"
        if not self.side.running():
            return  # nothing is there that anybody could miss
        failure = LaunchFailed(
            "engines",
            cause,
            hint=f"{lives} on, and it is made again; until then, do not send work there, as it may be lost.",
            output=output,
        )
        self.run.watcher.cut_off(self.host.name, self._slots(), failure)

    @property
    def _has_controller(self) -> bool:
        return CONTROLLER in self.side.running()

    async def _reached(self, peer: AgentPeer) -> None:
        """A new connection: the ports lead here again, and the logs go on from where their copies end."""
        await self.tunnel.renew()
        if self.on_reached is not None:
            await self.on_reached()
        offsets = await asyncio.to_thread(self.run.copies.offsets)
        await peer.request("mirror", group=self.side.key, folder=str(self.log_dir), offsets=offsets)
        self.silence.watch(peer)
        self.run.watcher.regained(self.host.name, self._slots())

    def _fell_silent(self, seconds: float | None) -> None:
        if seconds is None:
            self.run.watcher.regained(self.host.name, self._slots())
            return
        self._cut(f"{self.host.name} has not answered for {seconds:.0f} s; the network to it may be down.")

    def _slots(self) -> list[int] | None:
        """The engines that depend on this connection; all, if the controller does."""
        if self._has_controller:
            return None
        return [slot for name in self.side.running() if (slot := slot_of(name)) is not None]

    async def _reached_file(self, text: str) -> str:
        """As :meth:`_file`, over another connection where one is cut meanwhile."""
        for _ in range(TRIES):
            await self.check()
            number = self.connection.number
            try:
                return await self._file(text)
            except LaunchFailed:
                if self.connection.lives and self.connection.number == number:
                    raise
                await asyncio.sleep(AFTER_CUT)
        await self.check()
        return await self._file(text)

    async def _file(self, text: str) -> str:
        """The engines' connection file as engines of that host need it."""
        if self.run.plan.options.get("reach", "ssh") == "direct":
            return text
        info = json.loads(text)
        return json.dumps(await (self.own_file or self.tunnel.through)(info))


def in_words(seconds: float) -> str:
    return f"{seconds / 86400:.0f} days" if seconds > 2 * 86400 else f"{seconds / 60:.0f} min"


def patience(trait: str, plan: Plan) -> str:
    """An argument: a connection that is cut, or a server that is away, for less than that long ends no engine.
    What dies is told by its agent, so hearts are not needed for that."""
    return f"--{trait}={max(200, int((plan.orphan_timeout or VERY_LONG) / BEAT))}"


def over(general: Sequence[str], special: Sequence[str]) -> list[str]:
    """Arguments of both; where both set a value, the special one alone, as most values may be set only once."""
    names = {word.partition("=")[0] for word in special if "=" in word}
    return [*(word for word in general if word.partition("=")[0] not in names), *special]


def _home(path: str, home: str) -> str:
    return home + path[1:] if path == "~" or path.startswith("~/") else path
