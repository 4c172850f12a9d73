"""Hosts as a person names them: where they are, and how many engines each takes.

Promise: pure; a name is what OpenSSH takes as a destination and never an
option; the number of a slot decides its host for good.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: ``user@host``, ``host:port``, a name of ~/.ssh/config, ``[::1]:22``; never beginning with a dash.
DESTINATION = re.compile(
    r"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.\\+-]*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*)"
    r"(?::(?P<port>[0-9]{1,5}))?"
)


@dataclass(frozen=True)
class Host:
    """``name`` as the person wrote it; ``engines`` = how many before others get more than theirs."""

    name: str
    engines: int
    python: str | None = None
    engine_args: tuple[str, ...] = ()

    def destination(self) -> list[str]:
        """Words for ssh. Raises ValueError for a name that cannot be meant."""
        match = DESTINATION.fullmatch(self.name)
        if match is None:
            raise ValueError(f"{self.name!r} is no name of a host: write host, user@host or user@host:port.")
        port = ["-p", match["port"]] if match["port"] else []
        host = match["host"].strip("[]")
        return [*port, "--", f"{match['user']}@{host}" if match["user"] else host]

    @property
    def tag(self) -> str:
        """Short and safe in paths."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:10]


def hosts_of(options: Mapping[str, Any]) -> list[Host]:
    """The hosts of the launcher's options; one that is named twice counts once, with both its numbers."""
    found: dict[str, Host] = {}
    for given in options.get("hosts", ()):
        name, engines = str(given["host"]), int(given.get("engines") or 1)
        before = found[name].engines if name in found else 0
        args = tuple(map(str, given.get("engine_args") or ()))
        found[name] = Host(name, before + engines, given.get("python") or None, args)
    return list(found.values())


def engine_count(hosts: Sequence[Mapping[str, Any]]) -> int:
    """How many engines these hosts, as the options have them, take."""
    return sum(int(host.get("engines") or 1) for host in hosts)


def host_of_slot(slot: int, hosts: Sequence[Host]) -> Host:
    """Each host in turn up to its number; more engines than that go round and round in the same proportion."""
    total = sum(host.engines for host in hosts)
    place = slot % total
    for host in hosts:
        if place < host.engines:
            return host
        place -= host.engines
    raise ValueError("no hosts")
