"""The pump: one message on its way, turns, and the end of a client that does not read."""

from __future__ import annotations

import asyncio

from jupyterlab_clusters.feed import Pump


class Numbers:
    """A source whose newest value is all there is to tell."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.value = 0
        self.told = 0

    def take(self) -> bytes | None:
        if self.told == self.value:
            return None
        self.told = self.value
        return f"{self.name}{self.value}".encode()


def test_a_slow_client_gets_the_newest() -> None:
    async def story() -> None:
        got: list[bytes] = []
        may_go_on = asyncio.Semaphore(0)

        async def write(message: bytes) -> None:
            got.append(message)
            await may_go_on.acquire()

        pump, one, two = Pump(write, lambda: None), Numbers("a"), Numbers("b")
        pump.start()
        for value in range(1, 100):
            one.value = two.value = value
            pump.offer(one)
            pump.offer(two)
            await asyncio.sleep(0)
        for _ in range(3):
            may_go_on.release()
        while len(got) < 3:
            await asyncio.sleep(0.001)
        assert got[0].startswith(b"a")
        assert set(got[1:]) == {b"b99", b"a99"}
        pump.close()

    asyncio.run(asyncio.wait_for(story(), 5))


def test_who_does_not_read_is_given_up() -> None:
    async def story() -> None:
        given_up = asyncio.Event()

        async def write(message: bytes) -> None:
            await asyncio.Event().wait()

        source = Numbers("a")
        source.value = 1
        pump = Pump(write, given_up.set, patience=0.05)
        pump.start()
        pump.offer(source)
        await given_up.wait()
        pump.close()

    asyncio.run(asyncio.wait_for(story(), 5))


def test_withdrawn_sources_say_nothing() -> None:
    async def story() -> None:
        got: list[bytes] = []

        async def write(message: bytes) -> None:
            got.append(message)

        one, two = Numbers("a"), Numbers("b")
        one.value = two.value = 1
        pump = Pump(write, lambda: None)
        pump.offer(one)
        pump.offer(two)
        pump.withdraw(one)
        pump.start()
        while not got:
            await asyncio.sleep(0)
        assert got == [b"b1"]
        pump.close()

    asyncio.run(asyncio.wait_for(story(), 5))
