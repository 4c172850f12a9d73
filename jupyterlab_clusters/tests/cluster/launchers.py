"""Launchers that misbehave on purpose; all else they leave to the real one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from jupyterlab_clusters.launchers.base import EngineSpec, Exit, LaunchFailed, Process, Usage
from jupyterlab_clusters.launchers.local import LocalLauncher

NOBODY = Process(host="nowhere", pid=2**22 + 1, create_time=0.0)


class Slow(LocalLauncher):
    """Takes its time for everything."""

    async def start_controller(self) -> None:
        await asyncio.sleep(1.0)
        await super().start_controller()

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        await asyncio.sleep(1.0)
        await super().start_engines(engines)


class NoController(LocalLauncher):
    """Says that the controller has begun; it never gets ready."""

    async def start_controller(self) -> None:
        self.watcher.controller_launched(NOBODY)


class NoEngines(LocalLauncher):
    """Says that engines have begun; none ever registers."""

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        for engine in engines:
            self.watcher.engine_launched(engine.slot, engine.uuid, NOBODY)


class DiesLater(LocalLauncher):
    """Its second engine ends a while after it has begun, of an exit that nobody saw."""

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        await super().start_engines([engine for engine in engines if engine.slot != 1])
        for engine in engines:
            if engine.slot == 1:
                self.watcher.engine_launched(1, engine.uuid, NOBODY)
                loop = asyncio.get_running_loop()
                loop.call_later(0.5, self.watcher.engine_exited, 1, engine.uuid, Exit())


class Liar(LocalLauncher):
    """Tells everything twice, late, and of engines that never were."""

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        await super().start_engines(engines)
        for engine in engines:
            self.watcher.engine_exited(engine.slot, "somebody-else", Exit(exit_code=1))
            self.watcher.engine_launched(engine.slot, "somebody-else", NOBODY)
        self.watcher.engine_launched(99, "s99-x", NOBODY)
        self.watcher.engine_exited(99, "s99-x", Exit(signal=9))
        self.watcher.usage({99: Usage(cpu=1.0, memory=1)})

    async def stop_engines(self, slots: Sequence[int], *, grace: float) -> None:
        uuids = {record["name"]: record["uuid"] for record in self._here.saved()}
        await super().stop_engines(slots, grace=grace)
        for slot in slots:
            for _ in range(2):
                self.watcher.engine_exited(slot, uuids[f"slot-{slot}"], Exit(signal=11))
            self.watcher.engine_launched(slot, uuids[f"slot-{slot}"], NOBODY)


class Broken(LocalLauncher):
    """Raises what no launcher should."""

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        raise RuntimeError("no such luck")


class CannotStop(LocalLauncher):
    """The first stop does not succeed."""

    tried = 0

    async def stop_all(self, *, grace: float) -> None:
        CannotStop.tried += 1
        if CannotStop.tried == 1:
            raise LaunchFailed("drain", "These processes could not be ended: 17.", hint="Try again.")
        await super().stop_all(grace=grace)


class SlowToLetGo(Broken):
    """Its start fails, and then it takes its time to be closed."""

    closing = threading.Event()

    async def close(self) -> None:
        self.closing.set()
        await super().close()
        await asyncio.sleep(0.5)
