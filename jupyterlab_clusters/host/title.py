"""The name under which a forked process is seen in ps and top.

Promise: best effort, never an error; a process that keeps its old name works as well.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path

PR_SET_NAME = 15


def set_title(short: str, title: str) -> None:
    """``short``: 15 characters, for top; ``title``: for ps, cut to the room that the old arguments take."""
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError, ValueError, IndexError):
        ctypes.CDLL(None).prctl(PR_SET_NAME, short.encode()[:15], 0, 0, 0)
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = int(fields[45]), int(fields[46])
        if 0 < start < end:
            text = title.encode()[: end - start - 1]
            ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)
