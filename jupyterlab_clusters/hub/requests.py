"""Questions over one DEALER socket, each joined to its answer.

Promise: every question has a time limit. Must never wait for room to send.
"""

from __future__ import annotations

import asyncio
from typing import Any

import zmq

from ..timed import within
from .errors import HubRefused, HubSilent
from .inbox import Inbox
from .session import BadMessage, Message, Session


class Requests:
    """``whom`` names the other side in errors. To be made on the running loop."""

    def __init__(self, socket: zmq.Socket[bytes], session: Session, whom: str) -> None:
        self._socket = socket
        self._session = session
        self._whom = whom
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._inbox = Inbox(socket, self._answered)

    def tell(self, kind: str, content: dict[str, Any], *, to: bytes | None = None) -> str:
        """Send without waiting for an answer; the message's id. Raises :class:`HubSilent` when the other side
        has read nothing for so long that there is no more room."""
        msg_id, frames = self._session.message(kind, content, to=to)
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            raise HubSilent(f"{self._whom} reads nothing any more.") from None
        except zmq.ZMQError:
            raise HubSilent(f"{self._whom} is no longer listened to.") from None
        self._inbox.nudge()
        return msg_id

    async def ask(
        self, kind: str, content: dict[str, Any], *, timeout: float, to: bytes | None = None
    ) -> dict[str, Any]:
        """The content of the answer. ``timeout`` in seconds. Raises :class:`HubSilent`, :class:`HubRefused`."""
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        msg_id = self.tell(kind, content, to=to)
        self._waiting[msg_id] = answer
        try:
            message = await within(timeout, answer)
        except asyncio.TimeoutError:
            raise HubSilent(f"{self._whom} did not answer a {kind} within {timeout:g} s.") from None
        finally:
            self._waiting.pop(msg_id, None)
        return _checked(message)

    def close(self) -> None:
        """Give up all questions. What was sent still goes out."""
        self._inbox.close()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(HubSilent(f"{self._whom} is no longer listened to."))
        self._socket.close(linger=1000)

    def _answered(self, frames: list[bytes]) -> None:
        try:
            message = self._session.parse(frames)
        except BadMessage:
            return
        answer = self._waiting.get(message.parent.msg_id)
        if answer is not None and not answer.done():
            answer.set_result(message)


def _checked(message: Message) -> dict[str, Any]:
    try:
        content = message.content()
    except BadMessage as error:
        raise HubRefused(f"The answer cannot be read: {error}.") from error
    if content.get("status") == "error":
        raise HubRefused(f"{content.get('ename', 'Error')}: {content.get('evalue', '')}")
    return content
