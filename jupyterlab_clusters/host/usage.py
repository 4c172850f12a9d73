"""CPU and memory of processes and of the children they started.

Promise: reads /proc once a sample; memory is PSS, which shares forked pages
fairly, or RSS where the kernel keeps no PSS. Runs on any thread, one sample
at a time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from . import proc

PAGE = os.sysconf("SC_PAGE_SIZE")


class Used(TypedDict):
    """``cpu`` in cores in use, ``memory`` in bytes."""

    cpu: float
    memory: int


class Usage:
    """Remembers the last sample, as CPU in use is a difference."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, dict[int, float]]] = {}

    def sample(self, processes: Mapping[str, int]) -> dict[str, Used]:
        """Name -> pid in, name -> usage out; the first sample of a name has ``cpu`` 0.0."""
        table = proc.table()
        used = {name: self._one(name, pid, table) for name, pid in processes.items() if pid in table}
        self._before = {name: seen for name, seen in self._before.items() if name in used}
        return used

    def _one(self, name: str, pid: int, table: dict[int, proc.Stat]) -> Used:
        family = {pid, *proc.descendants([pid], table)}
        now = time.monotonic()
        spent = {member: table[member].cpu for member in family if member in table}
        before, spent_before = self._before.get(name, (now, spent))
        self._before[name] = (now, spent)
        # Each member by itself: one that ended must not make the sum go back.
        cpu = sum(max(0.0, seconds - spent_before.get(member, 0.0)) for member, seconds in spent.items())
        elapsed = now - before
        return Used(
            cpu=round(cpu / elapsed, 3) if elapsed > 0 else 0.0, memory=sum(memory_of(member) for member in family)
        )


def memory_of(pid: int) -> int:
    """PSS in bytes, RSS where there is no PSS, 0 when the process is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
