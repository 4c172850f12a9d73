"""A task that can be interrupted for certain: it tells when it has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from .conftest import Site
from .test_real import nap, with_client


async def interrupted(
    site: Site, cluster: Any, engine: int, among: int, order: Callable[[], object], within: float = 20
) -> None:
    """The task of that one of ``among`` engines ends by ``order``.

    It is given when the task's own code runs: a hub tells an engine as busy when it passes a task on, and an engine
    takes no interrupt before it has the task in hand.
    """
    begun = Path(site.home / f"nap-{uuid4().hex}")

    def work(client: Any) -> str:
        return repr(client[engine].apply_async(nap, str(begun), 2 * within).exception(within))

    task = asyncio.create_task(with_client(cluster, work, among))
    try:
        while not begun.exists() or cluster.model().engines.busy != 1:
            assert not task.done(), task.result()
            await asyncio.sleep(0.02)
        order()
        assert "KeyboardInterrupt" in await task
    finally:
        task.cancel()  # its thread ends by itself
