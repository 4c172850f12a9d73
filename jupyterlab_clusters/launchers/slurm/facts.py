"""What this Slurm has: partitions with their limits.

Promise: asked in the background and kept for a while; what is not known yet is
empty, and nobody waits for it but a launch. An answer that cannot be understood
is left out.
"""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base import LaunchFailed
from ..command import CommandFailed, run
from .listing import seconds
from .script import Shape, bytes_of, cpus

#: How long what was learned is good (seconds).
KEPT = 300.0
#: How long one question may take (seconds).
TIMEOUT = 15.0

SINFO = ["sinfo", "-h", "-o", "%P|%a|%l|%D|%c|%m|%T|%s|%f"]
IN_USE = ("alloc", "mix", "comp")


@dataclass(frozen=True)
class Partition:
    """``limit`` in seconds (``None``: none); ``cpus`` and ``memory`` (bytes) are those of its largest node; ``most``
    nodes go to one job (``None``: all); ``features`` may stand in a constraint."""

    name: str
    default: bool
    up: bool
    limit: float | None
    nodes: int
    in_use: int
    cpus: int
    memory: int
    most: int | None = None
    features: tuple[str, ...] = ()

    def described(self) -> str:
        """``short: up to 10 min, 3 nodes with 8 processors``"""
        time = "no time limit" if self.limit is None else f"up to {spoken(self.limit)}"
        return f"{self.name}: {time}, {self.nodes} nodes with {self.cpus} processors" + ("" if self.up else ", down")


@dataclass(frozen=True)
class Facts:
    partitions: tuple[Partition, ...] = ()
    said: str = ""
    asked: float = float("-inf")

    def partition(self, name: str | None) -> Partition | None:
        """That one, or the one that is used when none is named."""
        return next((one for one in self.partitions if (one.name == name if name else one.default)), None)


def spoken(limit: float) -> str:
    """A time limit in words."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if limit >= 2 * size or (limit >= size and limit % size == 0):
            return f"{limit / size:g} {unit}"
    return f"{limit:g} s"


_known: dict[str, Facts] = {}
_asking: set[str] = set()
_lock = threading.Lock()


def _key(environment: Mapping[str, str]) -> str:
    return environment.get("SLURM_CONF", "")


def known(environment: Mapping[str, str]) -> Facts:
    """What is known by now; asks in the background when that is old."""
    key = _key(environment)
    with _lock:
        facts = _known.get(key, Facts())
        if time.monotonic() - facts.asked > KEPT and key not in _asking and shutil.which("sinfo"):
            _asking.add(key)
            env = dict(environment)
            threading.Thread(target=lambda: asyncio.run(_refresh(key, env)), name="slurm facts", daemon=True).start()
    return facts


async def fresh(environment: Mapping[str, str], *, within: float = KEPT) -> Facts:
    """Not older than that, unless Slurm does not answer."""
    key = _key(environment)
    with _lock:
        facts = _known.get(key, Facts())
        if time.monotonic() - facts.asked <= within or (key in _asking and facts.partitions):
            return facts
        _asking.add(key)
    return await _refresh(key, environment)


async def _refresh(key: str, environment: Mapping[str, str]) -> Facts:
    try:
        facts = await _ask(environment)
        with _lock:
            if facts is not None:
                _known[key] = facts
            return _known.get(key, Facts())
    finally:
        with _lock:
            _asking.discard(key)


async def _ask(environment: Mapping[str, str]) -> Facts | None:
    try:
        done = await run(SINFO, timeout=TIMEOUT, env=environment)
    except CommandFailed:
        return None
    if done.exit_code != 0:
        return None
    return Facts(partitions(done.stdout), done.stdout.strip(), time.monotonic())


def partitions(text: str) -> tuple[Partition, ...]:
    """From the lines of sinfo: one for each partition and state of its nodes."""
    found: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 9:
            continue
        name, up, limit, nodes, width, memory, state, size, features = fields
        one = found.setdefault(
            name.rstrip("*"),
            {"default": name.endswith("*"), "up": up == "up", "limit": seconds_of_limit(limit), "nodes": 0, "in_use": 0,
             "cpus": 0, "memory": 0, "most": _most(size), "features": set()},
        )  # fmt: skip
        count = _number(nodes)
        one["nodes"] += count
        one["in_use"] += count if state.startswith(IN_USE) else 0
        one["cpus"] = max(one["cpus"], _number(width))
        one["memory"] = max(one["memory"], _number(memory) << 20)
        one["features"] |= {feature for feature in features.split(",") if feature not in ("", "(null)")}
    return tuple(Partition(name, **{**one, "features": tuple(sorted(one["features"]))}) for name, one in found.items())


def _most(size: str) -> int | None:
    """The end of ``1-infinite``, ``1-2`` or ``4``."""
    last = size.rpartition("-")[2]
    return int(last) if last.isdigit() else None


def _number(text: str) -> int:
    digits = text.rstrip("+*")
    return int(digits) if digits.isdigit() else 0


def seconds_of_limit(text: str) -> float | None:
    return None if text in ("infinite", "UNLIMITED", "n/a") else seconds(text)


def seconds_asked(text: str) -> float | None:
    """A time limit as a person writes it: a bare number is minutes, and so is what follows no day and has one colon."""
    if text == "UNLIMITED":
        return None
    if "-" in text:
        days, _, rest = text.partition("-")
        parts = [int(part) for part in rest.split(":")] + [0, 0]
        return float(int(days) * 86400 + parts[0] * 3600 + parts[1] * 60 + parts[2])
    parts = [int(part) for part in text.split(":")]
    if len(parts) < 3:
        parts = [0, *parts, *([0] if len(parts) == 1 else [])]
    return float(parts[0] * 3600 + parts[1] * 60 + parts[2])


def check(shape: Shape, options: Mapping[str, Any], facts: Facts) -> None:
    """Raises :class:`LaunchFailed` for a job that its partition can never run."""
    name = str(options.get("partition") or "")
    if "," in name or not facts.partitions:
        return
    one = facts.partition(name or None)
    if one is None:
        return  # Slurm says it better: it may be one that is hidden from this person
    cause = hint = None
    if shape.nodes > one.nodes:
        cause = f"The partition {one.name} has {one.nodes} nodes, and {shape.nodes} are needed."
        hint = "Ask for fewer engines, or for more of them on a node."
    elif one.most is not None and shape.nodes > one.most:
        cause = f"The partition {one.name} gives at most {one.most} nodes to one job, and {shape.nodes} are needed."
        hint = "Ask for fewer engines, or for more of them on a node."
    elif (width := cpus(shape, options)) > one.cpus > 0:
        cause = f"The nodes of {one.name} have {one.cpus} processors, and {width} are needed on each."
        hint = "Ask for more nodes, or for fewer processors per engine."
    elif (memory := options.get("memory")) and bytes_of(str(memory)) * shape.per_node > one.memory > 0:
        cause = f"The nodes of {one.name} have {one.memory >> 20} MB of memory, which is less than the engines ask for."
        hint = "Ask for less memory for each engine, or for more nodes."
    elif (limit := options.get("time")) and one.limit is not None:
        asked = seconds_asked(str(limit))
        if asked is None or asked > one.limit:
            cause = f"The partition {one.name} gives at most {spoken(one.limit)}, and {limit} was asked for."
            hint = "Ask for less time, or choose a partition that gives more."
    if cause is not None:
        raise LaunchFailed("submit", cause, hint=hint, command=SINFO, exit_code=0, output=facts.said)
