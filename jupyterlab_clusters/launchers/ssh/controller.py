"""The controller of a cluster over ssh: here, or on one of its hosts.

Promise: wherever it runs, its connection files are here, and lead to it from here.
On a host it has a name of its own for each run, so that it takes no file from
others there; what it wrote is removed with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..base import LaunchFailed, Plan
from ..commandline import controller_argv
from ..hostside import CONTROLLER, Begin, HostSide
from ..local import begin_here
from .remote import Remote, over, patience
from .tunnel import Inlet

#: How often its files are looked for while it starts (seconds), and for how long.
LOOK, READY_WITHIN = 0.05, 60.0


class ControllerHere:
    """On this machine."""

    def __init__(self, plan: Plan, side: HostSide) -> None:
        self._plan, self._side = plan, side

    def argv(self) -> list[str]:
        return arguments(self._plan)

    async def start(self) -> None:
        await self._side.spawn(CONTROLLER, begin_here(self._plan), [process(self.argv())])


class ControllerThere:
    """On the host of ``remote``, started by its agent and reached by its connection, or by address."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.inlet = Inlet(remote.connection)
        self._direct = remote.run.plan.options.get("reach", "ssh") == "direct"
        remote.own_file = self.inlet.there
        remote.on_reached = self.inlet.renew

    @property
    def cluster_id(self) -> str:
        """Its name on that host."""
        plan = self.remote.run.plan
        return f"{plan.cluster_id or 'cluster'}-{self.remote.run.name}"

    def argv(self, plan: Plan | None = None) -> list[str]:
        """As it would be run there; ``plan`` is that of the host, when it is known."""
        return arguments(plan or self.remote.run.plan, cluster_id=self.cluster_id)

    async def start(self) -> None:
        """Begin it, and have its connection files here when it is ready. Raises :class:`LaunchFailed`."""
        remote = self.remote
        await remote.check(CONTROLLER)
        plan, begin = remote.plan, remote.begin()
        argv = self.argv(plan)
        address = remote.connection.found.get("address")
        if self._direct and address and not any(word.startswith("--location=") for word in argv):
            argv.append(f"--location={address}")
        argv = [*remote.program("controller"), *argv[3:]]
        plain = Begin(env=begin.env, cwd=begin.cwd, python=begin.python)
        await remote.side.spawn(CONTROLLER, plain, [process(argv)])
        await self._bring(argv)

    async def stop_all(self, grace: float) -> None:
        await self.remote.stop_all(grace, self._files() if self.remote.connection.found else ())

    def close(self) -> None:
        self.inlet.close()

    async def _bring(self, argv: list[str]) -> None:
        """Its files, with ports as they are here. One that ends before it is ready is told by its exit."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_WITHIN
        client, engine = self._files()[:2]
        while CONTROLLER in self.remote.side.running():
            answer = await self.remote.side.ask(CONTROLLER, "read", paths=[client, engine])
            texts = [_whole(answer["texts"].get(path)) for path in (client, engine)]
            if texts[0] is not None and texts[1] is not None:
                await self._keep(texts[0], "client")
                await self._keep(texts[1], "engine")
                return
            if loop.time() > deadline:
                raise LaunchFailed(
                    CONTROLLER, f"The controller on {self.remote.host.name} did not get ready in time.", command=argv
                )
            await asyncio.sleep(LOOK)

    async def _keep(self, info: dict[str, Any], kind: str) -> None:
        plan = self.remote.run.plan
        if not self._direct:
            info = await self.inlet.here(info)
        name = f"ipcontroller-{plan.cluster_id}" if plan.cluster_id else "ipcontroller"
        await asyncio.to_thread(_write, plan.profile_dir / "security" / f"{name}-{kind}.json", info)

    def _files(self) -> list[str]:
        """All that it writes there beside its log."""
        folder, name = self.remote.plan.profile_dir, self.cluster_id
        files = [folder / "security" / f"ipcontroller-{name}-{kind}.json" for kind in ("client", "engine")]
        return list(map(str, [*files, folder / "log" / f"engines{name}.json"]))


def arguments(plan: Plan, *, cluster_id: str | None = None) -> list[str]:
    """The whole command, as on this machine."""
    argv = controller_argv(plan)
    if cluster_id is not None:
        argv = [f"--cluster-id={cluster_id}" if word.startswith("--cluster-id=") else word for word in argv]
    if plan.options.get("reach", "ssh") == "direct" and not any(word.startswith("--ip=") for word in argv):
        argv.append("--ip=*")
    return [*argv[:3], *over([patience("HeartMonitor.max_heartmonitor_misses", plan)], argv[3:])]


def process(argv: list[str]) -> Mapping[str, Any]:
    """The controller as an agent starts it."""
    return {"name": CONTROLLER, "uuid": None, "argv": argv, "args": [], "env": {}, "role": "controller"}


def _whole(text: str | None) -> dict[str, Any] | None:
    try:
        info = json.loads(text or "")
    except ValueError:
        return None
    return info if isinstance(info, dict) else None


def _write(path: Path, info: Mapping[str, Any]) -> None:
    """It holds the key: readable by nobody else at any time."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(info, file, indent=2)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
