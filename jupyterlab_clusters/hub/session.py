"""Jupyter messages: signed when sent, checked when received.

Promise: what :meth:`Session.parse` returns was signed with the cluster's key.
Must never unpack anything but JSON: an engine runs a stranger's code.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import msgspec

DELIMITER = b"<IDS|MSG>"


class BadMessage(ValueError):
    """Not a message, or not signed with our key."""


class Header(msgspec.Struct, frozen=True):
    msg_id: str = ""
    msg_type: str = ""


@dataclass(frozen=True)
class Message:
    """``topic`` is the first frame before the delimiter; ``body`` the packed content."""

    topic: bytes
    header: Header
    parent: Header
    body: bytes

    def content(self) -> dict[str, Any]:
        """The content, unpacked. Raises :class:`BadMessage`."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadMessage(str(error)) from error


class Session:
    """One client's side of the talk: its name and its key (an empty key signs nothing, as under CURVE)."""

    def __init__(self, key: bytes, scheme: str = "hmac-sha256") -> None:
        digest = scheme.partition("-")[2]
        self._hmac = hmac.new(key, digestmod=getattr(hashlib, digest)) if key else None
        self.name = uuid.uuid4().hex
        self._sent = 0
        self._header = msgspec.json.Decoder(Header)

    def sign(self, frames: list[bytes]) -> bytes:
        if self._hmac is None:
            return b""
        signature = self._hmac.copy()
        for frame in frames:
            signature.update(frame)
        return signature.hexdigest().encode()

    def message(self, kind: str, content: dict[str, Any], *, to: bytes | None = None) -> tuple[str, list[bytes]]:
        """The frames of a new message, and its id. ``to`` is the identity of an engine behind a router."""
        self._sent += 1
        msg_id = f"{self.name}_{os.getpid()}_{self._sent}"
        header = {
            "msg_id": msg_id,
            "msg_type": kind,
            "username": "jupyterlab-clusters",
            "session": self.name,
            "date": datetime.now(timezone.utc).isoformat(),
            "version": "5.3",
        }
        parts = [msgspec.json.encode(part) for part in (header, {}, {}, content)]
        address = [to] if to is not None else []
        return msg_id, [*address, DELIMITER, self.sign(parts), *parts]

    def parse(self, frames: list[bytes]) -> Message:
        """The message in ``frames``. Raises :class:`BadMessage`."""
        try:
            at = frames.index(DELIMITER)
        except ValueError:
            raise BadMessage("no delimiter") from None
        signature, parts = frames[at + 1 : at + 2], frames[at + 2 : at + 6]
        if len(parts) < 4:
            raise BadMessage("too few parts")
        if not hmac.compare_digest(self.sign(parts), signature[0] if self._hmac else b""):
            raise BadMessage("not signed with this cluster's key")
        try:
            header, parent = self._header.decode(parts[0]), self._header.decode(parts[1])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadMessage(str(error)) from error
        return Message(frames[0] if at else b"", header, parent, parts[3])
