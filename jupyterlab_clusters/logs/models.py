"""Logs as the wire tells them. Promise: plain data."""

from __future__ import annotations

import msgspec


class LogModel(msgspec.Struct, frozen=True, kw_only=True):
    """One log of a cluster: ``name`` is ``controller``, ``slot-0`` …, ``submit``, ``job`` or ``all``;
    ``size`` in bytes."""

    name: str
    title: str
    size: int
    slot: int | None
    host: str | None
    live: bool
    path: str | None


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line without its end: ``offset`` is the byte offset of its first byte; ``time`` ISO 8601 UTC with ``Z``."""

    offset: int
    text: str
    slot: int | None = None
    time: str | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Lines around a place; ``start`` and ``end`` are the byte offsets of the page, ``size`` the log's."""

    lines: list[Line]
    start: int
    end: int
    size: int


class Match(msgspec.Struct, frozen=True, kw_only=True):
    offset: int
    text: str


class Matches(msgspec.Struct, frozen=True, kw_only=True):
    """``next`` is where to go on searching, ``None`` at the end."""

    matches: list[Match]
    next: int | None
