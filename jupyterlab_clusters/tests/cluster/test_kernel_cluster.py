"""A cluster that a notebook starts with ``ipp.Cluster``, in a real kernel."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager

from .conftest import Site
from .theirs import has_two, seen

pytestmark = [pytest.mark.timeout(120)]

START = """
import ipyparallel as ipp
cluster = ipp.Cluster(profile="theirs", cluster_id="cli", n=2, controller_args=["--HeartMonitor.period=500"])
client = cluster.start_and_connect_sync()
"""
PIDS = "print(*sorted(client[:].apply_sync(__import__('os').getpid)))"
SLEEP = "pending = client[0].apply_async(__import__('time').sleep, 60)"


class Notebook:
    def __init__(self, client: AsyncKernelClient) -> None:
        self._client = client

    async def run(self, cell: str) -> str:
        """What the cell prints."""
        printed: list[str] = []

        def hook(message: dict) -> None:  # type: ignore[type-arg]
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                printed.append(message["content"]["text"])

        reply = await self._client.execute_interactive(cell, timeout=60, output_hook=hook)
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(printed).strip()


@contextlib.asynccontextmanager
async def notebook() -> AsyncIterator[Notebook]:
    manager = AsyncKernelManager()
    await manager.start_kernel(env=dict(os.environ))
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        yield Notebook(client)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


async def test_it_is_seen_and_stopped_and_its_files_are_its_own(site: Site) -> None:
    security = site.home / "ipython" / "profile_theirs" / "security"
    async with notebook() as book:
        starting = asyncio.create_task(book.run(START))
        while not (security / "ipcontroller-cli-client.json").exists():
            await asyncio.sleep(0.05)
        await seen(site, lambda model: model is not None and model.origin == "external", within=3)
        await starting
        cluster = await seen(site, has_two, within=3)
        pids = [int(pid) for pid in (await book.run(PIDS)).split()]
        await seen(site, lambda _: sorted(engine.pid or 0 for engine in cluster.engines()) == pids)
        files = {file: file.read_bytes() for file in security.iterdir()}
        await book.run(SLEEP)
        await seen(site, lambda model: model.engines.busy == 1, within=3)
        assert [engine.state for engine in cluster.engines()] == ["busy", "idle"]
        assert {file: file.read_bytes() for file in security.iterdir()} == files
        cluster.stop()
        await seen(site, lambda model: model is None, within=40)
        # The notebook finds its cluster ended, tidies its own files, and can start another.
        await book.run("import asyncio; await asyncio.sleep(1)")
        assert await book.run("print(cluster.controller is None or cluster.controller.state)") in ("True", "after")
        again = START.replace("cluster =", "del client; cluster =", 1)
        await book.run(again)
        assert len((await book.run(PIDS)).split()) == 2
        await seen(site, has_two)
        await book.run("await cluster.stop_cluster()")
        await seen(site, lambda model: model is None)
