"""Another server of the same person: the real collection in a process of its own, which obeys lines of JSON.

Run as ``python -m jupyterlab_clusters.tests.cluster.otherserver HOME RUN``; ``other_server`` is its end in a test.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from jupyterlab_clusters.errors import ClustersError

from .conftest import Site


class OtherServer:
    """What a person at that server sees and presses."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._turn = asyncio.Lock()

    async def ask(self, verb: str, key: str = "", **more: Any) -> Any:
        """The models, or the model; ``{"refused": reason}`` where it was refused."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        async with self._turn:
            self.process.stdin.write(json.dumps({"verb": verb, "key": key, **more}).encode() + b"\n")
            return json.loads(await asyncio.wait_for(self.process.stdout.readline(), 30))

    async def shown(
        self, key: str, condition: Callable[[dict[str, Any]], bool], within: float = 20.0
    ) -> dict[str, Any]:
        """Its model there, once it is as wanted."""
        end = asyncio.get_running_loop().time() + within
        while True:
            models = {model["key"]: model for model in await self.ask("all")}
            if key in models and condition(models[key]):
                return dict(models[key])
            assert asyncio.get_running_loop().time() < end, models.get(key)
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def other_server(home: Path, before: Sequence[str] = (), run: str = "run") -> AsyncIterator[OtherServer]:
    """Runs until the end; ``before`` = a command that runs the command after it, ``run`` = its folder for agents, of
    which each machine has its own."""
    process = await asyncio.create_subprocess_exec(
        *before,
        sys.executable,
        "-m",
        __name__,
        str(home),
        run,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 22,
    )
    try:
        yield OtherServer(process)
    finally:
        if process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            await asyncio.wait_for(process.wait(), 40)


async def serve(home: Path, run: str) -> None:
    site = Site(home)
    site.run = home / run
    await site.open()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        try:
            answer = await obey(site, order)
        except ClustersError as error:
            answer = {"refused": error.reason, "message": str(error)}
        os.write(1, msgspec.json.encode(answer) + b"\n")
    await site.close()


async def obey(site: Site, order: dict[str, Any]) -> Any:
    clusters, verb, key = site.clusters, order["verb"], order["key"]
    if verb == "all":
        return [cluster.model() for cluster in await asyncio.to_thread(clusters.all)]
    if verb == "clear":
        return (await clusters.clear(key)).model()
    if verb == "forget":
        return await clusters.forget(key)
    cluster = await asyncio.to_thread(clusters.get, key)
    if verb == "start":
        return await asyncio.to_thread(cluster.start, order["engines"], None)
    if verb == "engines":
        return cluster.engines()
    assert verb == "stop"
    return await asyncio.to_thread(cluster.stop)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
