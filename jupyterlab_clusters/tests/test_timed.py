"""Who waits, with a limit of time, and is cancelled: it ends with that, at whatever moment."""

from __future__ import annotations

import asyncio

import pytest

from jupyterlab_clusters.timed import within


async def test_what_comes_in_time() -> None:
    async def quick() -> int:
        return 17

    assert await within(1, quick()) == 17


async def test_what_fails() -> None:
    async def fails() -> None:
        raise KeyError("it")

    with pytest.raises(KeyError):
        await within(1, fails())


async def test_what_comes_too_late_is_ended() -> None:
    ended = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    with pytest.raises(asyncio.TimeoutError):
        await within(0.01, slow())
    assert ended


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancellation_that_comes_together_with_the_result_is_kept(turns: int) -> None:
    event = asyncio.Event()
    task = asyncio.create_task(within(60, event.wait()))
    await asyncio.sleep(0.01)
    event.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    if task.done():
        return
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_was_waited_for_ends_with_the_waiting() -> None:
    work: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(within(60, work))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.cancelled()
