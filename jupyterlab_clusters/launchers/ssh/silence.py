"""Whether a host still answers: asked every few seconds, so that a network which fails without a word is told long
before ssh gives its connection up.

Promise: a host that says anything at all is not silent, however late its answers. Ends with the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ...host.messages import PROTOCOL
from ..agent import AgentCut, AgentError, AgentLost, AgentPeer

#: How often a host is asked, and how long it may take (seconds): silence is told within their sum.
EVERY, LIMIT = 5.0, 5.0
#: How soon is seen that it speaks again (seconds).
LOOK = 0.1


class Silent(Exception):
    """The host is not heard of now."""


class Silence:
    """``told`` is called with how long nothing was heard when a host falls silent, and with ``None`` when it is not
    any more."""

    def __init__(self, told: Callable[[float | None], None]) -> None:
        self._told = told
        self._watching: asyncio.Task[None] | None = None
        self._silent = asyncio.Event()

    def watch(self, peer: AgentPeer) -> None:
        """A new connection."""
        self.end()
        self._watching = asyncio.ensure_future(self._watch(peer))

    async def while_heard(self, work: Coroutine[Any, Any, None]) -> None:
        """What ``work`` raises; :class:`Silent` as soon as the host is."""
        working = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(self._silent.wait())
        try:
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise Silent
            await working
        finally:
            working.cancel()
            waiting.cancel()
            await asyncio.wait({working, waiting})

    def end(self) -> None:
        self._silent.clear()
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    async def _watch(self, peer: AgentPeer) -> None:
        while not peer.closed:
            await asyncio.sleep(EVERY)
            last = peer.heard
            if await _answers(peer) or peer.heard > last:
                continue
            self._silent.set()
            self._told(asyncio.get_running_loop().time() - last)
            while not peer.closed and peer.heard <= last:  # noqa: ASYNC110 - it may also be cut
                await asyncio.sleep(LOOK)
            self._silent.clear()
            if not peer.closed:
                self._told(None)


async def _answers(peer: AgentPeer) -> bool:
    try:
        await peer.request("hello", protocol=PROTOCOL, timeout=LIMIT)
    except (AgentCut, AgentError):
        return True  # who has hung up or refuses is not silent
    except AgentLost:
        return False
    return True
