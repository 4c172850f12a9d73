"""What a program of this run wrote into its log, for the causes of its failure.

Promise: blocking file access, to be called in a thread; a log that is not there is empty.
"""

from __future__ import annotations

import os
from pathlib import Path

#: Most that is read for causes (bytes).
MOST_SAID = 64 * 1024


def size(path: Path) -> int:
    """Of a file; 0 when there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def log_end(path: Path, begin: int) -> str:
    """What was written from that offset on: the end of it, if it is much."""
    try:
        with path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(begin, end - MOST_SAID))
            return log.read().decode(errors="replace").strip()
    except OSError:
        return ""
