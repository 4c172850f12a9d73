"""Time as it would be if the machine had nothing else to do."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path


def clock() -> float:
    """Seconds, without those for which this thread waited for a processor (the kernel's run delay)."""
    delay = 0
    with contextlib.suppress(OSError, IndexError):
        delay = int(Path("/proc/thread-self/schedstat").read_text().split()[1])
    return time.monotonic() - delay / 1e9
