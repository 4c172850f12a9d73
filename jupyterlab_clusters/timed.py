"""A limit of time for what is awaited.

Promise: who is cancelled while waiting ends with that. ``asyncio.wait_for`` forgets a cancellation that comes together
with the result, up to Python 3.11: a start that was given up went on, and the stop waited for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Awaitable[T]) -> T:
    """What ``work`` gives. Raises what it raises, and :class:`asyncio.TimeoutError` after that time; then, and when
    this is cancelled, ``work`` is cancelled and has ended."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
    except asyncio.CancelledError:
        await _end(task)
        raise
    if task.done():
        return task.result()
    await _end(task)
    raise asyncio.TimeoutError


async def _end(task: asyncio.Future[T]) -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()  # nobody asks for it any more
