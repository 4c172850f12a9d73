"""What the system tells of its processes (Linux ``/proc``).

Promise: reads only; a process that is gone is ``None`` or left out, never an
error. Elsewhere than on Linux every answer is empty.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")

#: How far computed create times may differ where nothing better is known (seconds).
SAME_WITHIN = 3.0


class Stat(NamedTuple):
    """One line of /proc/PID/stat; ``cpu`` in seconds, of the process and the children it has waited for. Number and
    ``start_ticks`` (since the machine was started) name a process for as long as the machine runs: create times move
    when the clock is set."""

    state: str
    parent: int
    group: int
    session: int
    cpu: float
    start_ticks: int


def stat(pid: int) -> Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    cpu = sum(map(int, fields[11:15])) / TICKS
    return Stat(fields[0], int(fields[1]), int(fields[2]), int(fields[3]), cpu, int(fields[19]))


def boot_time() -> float:
    """Unix seconds, by the machine's present clock."""
    try:
        for line in Path("/proc/stat").read_text().splitlines():
            if line.startswith("btime "):
                return float(line.split()[1])
    except OSError:
        pass
    return 0.0


def create_time(pid: int) -> float | None:
    """Unix seconds, as psutil tells it; None when there is no such process."""
    found = stat(pid)
    return None if found is None else boot_time() + found.start_ticks / TICKS


def created_now(pid: int) -> float:
    """Create time of a process just begun, where nothing better is known: now."""
    return create_time(pid) or time.time()


def ticks(pid: int) -> int | None:
    """When it was started, by the machine's own count; None when there is no such process."""
    found = stat(pid)
    return None if found is None else found.start_ticks


def lives(pid: int, started: int | None) -> bool:
    """Whether this very process (by :func:`ticks`) is there and no zombie."""
    found = stat(pid)
    return found is not None and found.state not in "ZX" and found.start_ticks == started


def ticks_of(pid: int, created: float) -> int | None:
    """Of a process of which only the create time is known; None when it is not there."""
    found = stat(pid)
    if found is None or abs(boot_time() + found.start_ticks / TICKS - created) >= SAME_WITHIN:
        return None
    return found.start_ticks


def table() -> dict[int, Stat]:
    """Every process that is not dead."""
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return {}
    found = {pid: stat(pid) for pid in pids}
    return {pid: line for pid, line in found.items() if line is not None and line.state not in "ZX"}


def descendants(roots: Iterable[int], processes: dict[int, Stat]) -> set[int]:
    """Children, their children and so on, without the roots."""
    children: dict[int, list[int]] = {}
    for pid, line in processes.items():
        children.setdefault(line.parent, []).append(pid)
    found: set[int] = set()
    queue = list(roots)
    while queue:
        new = [child for child in children.get(queue.pop(), ()) if child not in found]
        found.update(new)
        queue += new
    return found


def environment_has(pid: int, entry: bytes) -> bool:
    """Whether the environment the process was started with has this ``NAME=value`` (or begins with ``NAME=``)."""
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return entry in entries if not entry.endswith(b"=") else any(e.startswith(entry) for e in entries)


def environment(pid: int) -> dict[str, str]:
    """The environment that the process was started with; empty when it may not be read."""
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(entry.partition("=")[::2] for entry in entries if entry)


def command(pid: int) -> str:
    """Its command line, or the title that it gave itself."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
