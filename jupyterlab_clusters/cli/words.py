"""Clusters and log lines as text on a terminal.

Promise: pure; nothing that a log or a failure holds reaches the terminal as a command to it, colours excepted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..cluster.models import ClusterModel
from ..logs.models import Line

#: Control characters, but for a tab and the marks of colours.
CONTROL = re.compile(r"(\x1b\[[0-9;]{0,30}m)|[\x00-\x08\x0a-\x1f\x7f-\x9f]")

TITLES = ("CLUSTER", "STATE", "ENGINES", "LAUNCHER", "HOST", "JOB", "")


def plain(text: str) -> str:
    """Control characters are shown as such."""
    return CONTROL.sub(lambda found: found[1] or f"\\x{ord(found[0]):02x}", text)


def table(clusters: Sequence[ClusterModel]) -> str:
    rows = [TITLES, *(_row(one) for one in clusters)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(TITLES) - 1)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(row[:-1], widths, strict=True)), row[-1]]).rstrip()
        for row in rows
    )


def _row(one: ClusterModel) -> tuple[str, ...]:
    job = f"{one.job.id} {one.job.state}" if one.job is not None else ""
    return tuple(map(plain, (one.key, one.state, engines(one), one.launcher, one.host or "", job, remark(one))))


def engines(one: ClusterModel) -> str:
    """``3 of 4, 2 busy``."""
    if one.state in ("stopped", "failed") and not one.engines.launched:
        return ""
    busy = f", {one.engines.busy} busy" if one.engines.busy else ""
    return f"{one.engines.registered} of {one.wanted}{busy}"


def remark(one: ClusterModel) -> str:
    """What is worth a word: who started it, what went wrong, why it waits."""
    said = ["external"] if one.origin == "external" else []
    if one.failure is not None:
        said.append(one.failure.cause)
    elif one.degraded:
        said.append("degraded")
    if one.step == "queue" and one.job is not None and one.job.explanation:
        said.append(one.job.explanation)
    return "; ".join(said)


def progress(one: ClusterModel) -> str:
    """One line while somebody waits."""
    if one.state == "starting":
        if one.step == "queue":
            waits = one.job.explanation if one.job is not None else None
            return f"{one.key} waits in the queue{f': {plain(waits)}' if waits else ''}"
        if one.step == "engines":
            return f"{one.key} is starting: {one.engines.registered} of {one.wanted} engines"
        return f"{one.key} is starting"
    return outcome(one)


def outcome(one: ClusterModel) -> str:
    if one.state == "running":
        count = f"{one.engines.registered} engine{'' if one.engines.registered == 1 else 's'}"
        few = f" of {one.wanted}" if one.engines.registered < one.wanted else ""
        return f"{one.key} is running with {count}{few}"
    return f"{one.key} {'has failed' if one.state == 'failed' else f'is {one.state}'}"


def line(one: Line) -> str:
    """A line of a merged log says whose it is."""
    return plain(one.text) if one.slot is None else f"[{one.slot}] {plain(one.text)}"
