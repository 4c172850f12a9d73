"""The ssh that a server left which was killed: it lives for as long as engines use the ports it forwards, and nobody
else gets them.

Promise: only an ssh of our user that was begun with the very control socket asked for is ended; elsewhere than on
Linux nothing is. Blocking.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

#: How long it may take to end when it was asked to (seconds).
PATIENCE = 2.0


def end_former(control: Path) -> None:
    """Whoever connects with the same socket next takes its place, as at the other end."""
    for pid in list(_with(control)):
        _signal(pid, signal.SIGTERM)
        end = time.monotonic() + PATIENCE
        while pid in _with(control):
            if time.monotonic() > end:
                _signal(pid, signal.SIGKILL)
                break
            time.sleep(0.02)


def _with(control: Path) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    ours = entry.stat().st_uid == os.getuid() and b"-O" not in words
                    if ours and (b"-S", os.fsencode(control)) in itertools.pairwise(words):
                        yield int(entry.name)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
