"""The stream's messages, as types; one source for OpenAPI document, server and tests.

Promise: plain data. What the feed writes in bytes has these shapes (a test
reads it back).
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..logs.models import Line
from .errors import ErrorModel


class Subscribe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Client -> server: the whole wanted set of topics; ``since`` by topic, valid in ``epoch`` only."""

    topics: list[str]
    epoch: str | None = None
    since: dict[str, int] = {}


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    epoch: str
    topic: str
    seq: int
    snapshot: list[dict[str, Any]]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """``{"key"|"slot": x, changed fields…}`` or ``{"key"|"slot": x, "gone": true}``; of ``load/…`` whole points."""

    epoch: str
    topic: str
    seq: int
    changes: list[dict[str, Any]]


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """``seq`` is the byte offset after the last line."""

    epoch: str
    topic: str
    seq: int
    lines: list[Line]


class Lagged(msgspec.Struct, frozen=True, kw_only=True):
    """You fell behind: what is before ``lagged`` and was not sent can be read as pages; lines go on from there."""

    epoch: str
    topic: str
    seq: int
    lagged: int


class TopicError(msgspec.Struct, frozen=True, kw_only=True):
    """This topic cannot be had (the empty topic: your message cannot be meant)."""

    epoch: str
    topic: str
    error: ErrorModel
