"""What a test of hosts tells, as it stands on the wire.

Promise: plain data. ``ok`` of ``None`` = not known yet, or not to be known because something before it failed.
"""

from __future__ import annotations

from typing import Literal

import msgspec

CheckName = Literal["reached", "host-key", "login", "python", "ipyparallel", "cores", "memory", "controller"]

#: In the order in which they are shown; up to ``python`` each needs the one before it.
CHECKS: tuple[CheckName, ...] = (
    "reached",
    "host-key",
    "login",
    "python",
    "ipyparallel",
    "cores",
    "memory",
    "controller",
)


class HostCheck(msgspec.Struct, frozen=True, kw_only=True):
    """``value`` is what was found: a version, a fingerprint, a number of cores, free memory in bytes.
    ``cause`` is why it is not well, ``hint`` what to do; a hint alone is worth knowing and no failure."""

    name: CheckName
    ok: bool | None = None
    value: str | int | None = None
    cause: str | None = None
    hint: str | None = None


class HostTest(msgspec.Struct, frozen=True, kw_only=True):
    """``fingerprint`` and ``key_type`` are those of a key that is not known yet and may be accepted; a key that
    has changed has none. ``output`` is what ssh said, where something is not well."""

    host: str
    state: Literal["testing", "done"] = "testing"
    ok: bool | None = None
    checks: list[HostCheck] = []
    fingerprint: str | None = None
    key_type: str | None = None
    output: str | None = None


class HostTests(msgspec.Struct, frozen=True, kw_only=True):
    """One test of all hosts of a form."""

    id: str
    hosts: list[HostTest]
