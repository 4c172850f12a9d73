"""The server's end of a host agent: requests with answers, events as they come.

Promise: works over any pair of streams on the loop it was made on; a request
that the agent refuses raises :class:`AgentError`, a cut raises
:class:`AgentLost` in every request under way and is told once. Must never
start a process itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..timed import within
from .base import LaunchFailed

#: How often an agent is tried that hangs up while it is reached.
TRIES = 3

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

#: Longest line either side sends (bytes); an environment with 128 engines fits well.
LINE_LIMIT = 16 * 1024 * 1024


class AgentLost(Exception):
    """The agent does not answer any more; its processes may well go on."""


class AgentCut(AgentLost):
    """The connection was cut under the request: whether it was carried out is not known."""


class AgentError(Exception):
    """The agent refused: ``reason`` is a slug, ``output`` what a tool said, if any."""

    def __init__(self, reason: str, message: str, output: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.output = output


class AgentPeer:
    """One connection to an agent."""

    def __init__(
        self,
        streams: Streams,
        on_event: Callable[[Mapping[str, Any]], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._reader, self._writer = streams
        self._on_event = on_event
        self.on_lost = on_lost
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.closed = False
        #: When anything came, by the loop's clock.
        self.heard = asyncio.get_running_loop().time()
        self._listening = asyncio.ensure_future(self._listen())

    async def request(self, op: str, *, timeout: float = 30.0, **fields: Any) -> dict[str, Any]:
        """Ask and wait at most ``timeout`` seconds.

        Raises :class:`AgentError` when refused, :class:`AgentLost` when cut or silent.
        """
        if self.closed:
            raise AgentCut("the connection to the host agent is closed")
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            return await within(timeout, self._answered(answer, {"id": number, "op": op, **fields}))
        except ConnectionError as error:
            raise AgentCut(f"the connection to the host agent was cut ({op})") from error
        except asyncio.TimeoutError as error:
            raise AgentLost(f"the host agent does not answer ({op})") from error
        finally:
            self._waiting.pop(number, None)

    async def _answered(self, answer: asyncio.Future[dict[str, Any]], question: Mapping[str, Any]) -> dict[str, Any]:
        self._writer.write(json.dumps(question).encode() + b"\n")
        await self._writer.drain()
        return await answer

    async def close(self) -> None:
        """Hang up; the agent and its processes go on."""
        self.closed = True
        self._listening.cancel()
        self._writer.close()
        await asyncio.wait([self._listening])

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(json.loads(line))
        except (ConnectionError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass  # what says that is no agent of ours: it is as good as gone
        finally:
            was_closed, self.closed = self.closed, True
            self._writer.close()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(AgentCut("the connection to the host agent was cut"))
            if not was_closed:
                self.on_lost()

    def _take(self, message: dict[str, Any]) -> None:
        self.heard = asyncio.get_running_loop().time()
        if "event" in message:
            self._on_event(message)
            return
        answer = self._waiting.get(message.get("re", 0))
        if answer is None or answer.done():
            return
        if "error" in message:
            error = message["error"]
            answer.set_exception(AgentError(error["reason"], error["message"], error.get("output")))
        else:
            answer.set_result(message.get("ok") or {})


class Agent:
    """An agent that is reached again after a cut, by ``connect``; ``regained`` runs on each new connection.
    ``trouble`` is told of each cut (``None``) and of why it could not be reached again yet.

    ``connect`` may start the agent. Requests made while the connection is
    down wait for the next one (bounded by their own time limit).
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Streams]],
        on_event: Callable[[Mapping[str, Any]], None],
        regained: Callable[[AgentPeer], Awaitable[None]],
        trouble: Callable[[Exception | None], None] = lambda error: None,
    ) -> None:
        self._connect = connect
        self._trouble = trouble
        self._on_event = on_event
        self._regained = regained
        self._peer: AgentPeer | None = None
        self._reaching: asyncio.Task[AgentPeer] | None = None
        self._trying: asyncio.Task[None] | None = None
        self._closed = False

    async def request(self, op: str, *, timeout: float = 30.0, **fields: Any) -> dict[str, Any]:
        """As :meth:`AgentPeer.request`, after reaching the agent where that is needed.

        Every operation may be repeated without harm, so one that was cut is asked of the next agent.
        """
        for _ in range(2):
            peer = await self.reach()
            try:
                return await peer.request(op, timeout=timeout, **fields)
            except AgentCut:
                if self._peer is peer:
                    self._peer = None
        raise AgentLost(f"the host agent was lost twice under one request ({op})")

    async def reach(self) -> AgentPeer:
        """The connection, made if need be; raises what ``connect`` raises."""
        if self._peer is not None:
            return self._peer
        if self._closed:
            raise AgentLost("the connection to the host agent is closed")
        if self._reaching is None:
            self._reaching = asyncio.ensure_future(self._reach())
            self._reaching.add_done_callback(self._reached)
        return await asyncio.shield(self._reaching)

    def keep_trying(self) -> None:
        """It was not reached: try until it is."""
        if not self._closed:
            self._trying = asyncio.get_running_loop().create_task(self._reach_again())

    async def close(self) -> None:
        self._closed = True
        if self._trying is not None:
            self._trying.cancel()
        if self._reaching is not None:
            self._reaching.cancel()
        if self._peer is not None:
            await self._peer.close()
            self._peer = None

    async def _reach(self) -> AgentPeer:
        # One that was killed can be connected to for a moment in which nobody answers any more.
        for _ in range(TRIES - 1):
            with contextlib.suppress(AgentCut):
                return await self._reach_once()
        return await self._reach_once()

    async def _reach_once(self) -> AgentPeer:
        peer = AgentPeer(await self._connect(), self._on_event, self._lost_early)
        try:
            await self._regained(peer)
            if peer.closed:
                raise AgentCut("the connection to the host agent was cut at once")
        except BaseException:
            await peer.close()
            raise
        self._peer = peer
        peer.on_lost = self._lost
        return peer

    def _lost_early(self) -> None:
        """Whoever is reaching the agent finds out."""

    def _reached(self, task: asyncio.Task[AgentPeer]) -> None:
        self._reaching = None
        if not task.cancelled():
            task.exception()  # a waiting request raises it; nobody else has to

    def _lost(self) -> None:
        self._peer = None
        if not self._closed:
            # At once: what runs must be watched again before it can die unseen.
            self._trouble(None)
            self.keep_trying()

    async def _reach_again(self) -> None:
        wait = 0.05
        while not self._closed and self._peer is None:
            try:
                await self.reach()
            except (OSError, AgentLost, AgentError, LaunchFailed, RuntimeError) as error:
                self._trouble(error)
                await asyncio.sleep(wait)
                wait = min(2 * wait, 5.0)
