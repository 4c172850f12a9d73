"""The socket: one a tab, telling state and logs of the topics it asked for.

Promise: the newest message of the client is the whole wanted set; topics it
holds go on undisturbed. A client that does not read is dropped, never waited
for; what is wrong with one topic never closes the socket.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from ..errors import BadInput, ClustersError
from ..feed import Pump, Reader
from ..timed import within
from .body import LIMIT, decode
from .errors import answer
from .messages import Subscribe, TopicError
from .origin import OwnOrigin
from .resource import AUTH_RESOURCE, PARTS, Parts
from .soon import Slow
from .topics import MOST_TOPICS, Asked, LogSource, parse, resolve

#: Seconds that looking up a topic may take before it is told to be slow.
PATIENCE = 5.0


class Stream(OwnOrigin, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """``WS stream``."""

    auth_resource = AUTH_RESOURCE

    def initialize(self) -> None:
        self._held: dict[str, Reader | LogSource] = {}

    @property
    def parts(self) -> Parts:
        """The parts the extension joined."""
        return cast(Parts, self.settings[PARTS])

    @property
    def max_message_size(self) -> int:
        return LIMIT

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the socket for whoever may look at clusters."""
        allowed = await ensure_async(self.authorizer.is_authorized(self, self.current_user, "read", AUTH_RESOURCE))
        if not allowed:
            raise web.HTTPError(403, f"You may not read {AUTH_RESOURCE}.")
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        super().open(*args, **kwargs)
        self.set_nodelay(True)
        self._pump = Pump(self._write, self._drop)
        self._pump.start()

    async def on_message(self, message: str | bytes) -> None:
        """Tornado reads the next message after this one."""
        raw = message.encode("utf-8", "replace") if isinstance(message, str) else message
        try:
            asked = decode(raw or b" ", Subscribe)
            if len(asked.topics) > MOST_TOPICS:
                raise BadInput(f"At most {MOST_TOPICS} topics.", reason="too-many", field="topics")
        except BadInput as error:
            if error.reason == "not-json":
                self.close(1003, "not JSON")
            else:
                await self._say(TopicError(epoch=self.parts.feed.epoch, topic="", error=answer(error)[1]))
            return
        await self._want(asked)

    def on_close(self) -> None:
        for name in list(self._held):
            self._let_go(name)
        self._pump.close()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        status, model = answer(error, status_code)
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(msgspec.json.encode(model))

    async def _want(self, asked: Subscribe) -> None:
        wanted: dict[str, Asked] = {}
        for topic in asked.topics:
            try:
                one = parse(topic)
                wanted.setdefault(one.name, one)
            except BadInput as error:
                await self._refuse(topic, error)
        for name in self._held.keys() - wanted.keys():
            self._let_go(name)
        fresh = [one for name, one in wanted.items() if name not in self._held]
        await asyncio.gather(*(self._hold(one, asked) for one in fresh))

    async def _hold(self, one: Asked, asked: Subscribe) -> None:
        log = None
        try:
            if one.key:
                log = await within(PATIENCE, asyncio.to_thread(resolve, self.parts, one))
        except asyncio.TimeoutError:
            await self._refuse(one.name, Slow("This takes longer than usual; ask again."))
            return
        except (ClustersError, OSError) as error:
            await self._refuse(one.name, error)
            return
        if self.ws_connection is None:
            return  # it went away meanwhile, and nobody would let go again
        if log is not None:
            self._held[one.name] = LogSource(self.parts, self._pump, one, log)
            return
        reader = self.parts.feed.subscribe(one.name, asked.epoch, asked.since.get(one.name))
        reader.ready = lambda: self._pump.offer(reader)
        self._held[one.name] = reader
        self._pump.offer(reader)

    def _let_go(self, name: str) -> None:
        source = self._held.pop(name)
        source.close()
        self._pump.withdraw(source)

    async def _refuse(self, topic: str, error: Exception) -> None:
        model = answer(error, 503)[1]
        await self._say(TopicError(epoch=self.parts.feed.epoch, topic=topic[:300], error=model))

    async def _say(self, message: TopicError) -> None:
        # By the pump, as everything else: its order and its limit hold for errors too.
        self._pump.offer(_Once(msgspec.json.encode(message)))

    async def _write(self, message: bytes) -> None:
        try:
            await self.write_message(message)
        except WebSocketClosedError as error:
            raise ConnectionError from error

    def _drop(self) -> None:
        self.log.info("A window does not read what it asked for; its socket is closed.")
        if self.ws_connection is not None and self.ws_connection.stream is not None:
            self.ws_connection.stream.close()


class _Once:
    """A source with one message."""

    def __init__(self, message: bytes) -> None:
        self._message: bytes | None = message

    def take(self) -> bytes | None:
        message, self._message = self._message, None
        return message
