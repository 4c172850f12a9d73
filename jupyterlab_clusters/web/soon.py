"""Answers within a bounded time, whatever the back end does.

Promise: calls run on threads of our own, never on the server's loop, and the
one who asked is told within a fraction of a second: the result, or that it goes
on. Whoever then asks the same to *look* at finds the result of the first call.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import CannotNow

#: Seconds that a look, an order, and a look after an order in vain may take; the wire promises 0.2.
LOOK, ORDER, MEANWHILE = 0.16, 0.1, 0.06

#: Seconds for which a result that nobody was there to take is kept; longer, and it would be no news.
KEPT = 3.0

#: A plain function runs in a thread, a coroutine function on the loop; both give the bytes of an answer.
Work = Callable[[], Any]


class Slow(CannotNow):
    """It takes longer; it goes on."""

    reason = "slow"


class Soon:
    """Lives on the server's loop. A few threads for each sort, so that a hung look never holds up a stop."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._looks = ThreadPoolExecutor(16, thread_name_prefix="clusters-look")
        self._orders = ThreadPoolExecutor(16, thread_name_prefix="clusters-order")
        self._going: dict[str, asyncio.Task[bytes]] = {}
        self._ordered: set[asyncio.Task[bytes]] = set()

    async def look(self, question: str, work: Work, patience: float = LOOK) -> bytes:
        """The answer; the same question finds the work of whoever asked in vain before. Raises :class:`Slow`."""
        task = self._going.pop(question, None) or asyncio.create_task(self._run(self._looks, work))
        await asyncio.wait({task}, timeout=patience)
        if not task.done():
            self._going[question] = task
            task.add_done_callback(lambda _: self._keep(question, task))
            raise Slow("This takes longer than usual; ask again in a moment.")
        return task.result()

    async def order(self, work: Work) -> bytes:
        """The answer of what changes something; never shared, and never given up half-way. Raises :class:`Slow`."""
        task = asyncio.create_task(self._run(self._orders, work))
        self._ordered.add(task)
        task.add_done_callback(self._ordered.discard)
        await asyncio.wait({task}, timeout=ORDER)
        if not task.done():
            task.add_done_callback(self._complain)
            raise Slow("This takes longer than usual and goes on.")
        return task.result()

    def close(self) -> None:
        """Wait for nobody."""
        for pool in (self._looks, self._orders):
            pool.shutdown(wait=False, cancel_futures=True)
        for task in (*self._going.values(), *self._ordered):
            task.cancel()

    def _keep(self, question: str, task: asyncio.Task[bytes]) -> None:
        # Read its error: nobody may come back for it, and asyncio would complain at the end.
        if not task.cancelled():
            task.exception()
            asyncio.get_running_loop().call_later(KEPT, self._drop, question, task)

    def _drop(self, question: str, task: asyncio.Task[bytes]) -> None:
        if self._going.get(question) is task:
            del self._going[question]

    def _complain(self, task: asyncio.Task[bytes]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._log.error("What was accepted failed later", exc_info=task.exception())

    async def _run(self, pool: ThreadPoolExecutor, work: Work) -> bytes:
        if inspect.iscoroutinefunction(work):
            answer: bytes = await work()
        else:
            answer = await asyncio.get_running_loop().run_in_executor(pool, work)
        return answer
