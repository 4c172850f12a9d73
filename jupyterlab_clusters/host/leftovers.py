"""What agents leave: the folders of those that have ended, and copies of this package that nobody uses any more.

Promise: a folder whose agent lives, or is being started, is never touched; nor is
anything in it that no agent puts there. A copy that was in use within ``UNUSED`` stays.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from .private import opened
from .start import LIFE_LOCK, LOG, SOCKET, START_LOCK, try_lock

#: The last one is the first that others look for.
OURS = (SOCKET, LOG, LIFE_LOCK, START_LOCK)

#: How long a copy is kept that nobody uses (seconds); its last file says when somebody did.
UNUSED = 30 * 86400.0
COPY, WHOLE = re.compile("[0-9a-f]{16}"), "whole"


def take_away(folder: Path) -> None:
    """To be called with both locks held."""
    for name in OURS:
        with contextlib.suppress(OSError):
            (folder / name).unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()


def sweep(above: Path) -> None:
    """Take away what dead agents left in folders of ``above``, which is private."""
    for folder in above.iterdir():
        if folder.is_symlink() or not (folder / LIFE_LOCK).is_file():
            continue
        with _held(folder / START_LOCK) as nobody_starts, _held(folder / LIFE_LOCK) as nobody_lives:
            if nobody_starts and nobody_lives:
                take_away(folder)


def in_use(copy: Path) -> None:
    """``copy`` runs: it is not to be pruned for a while. Nothing where it is no copy but an installation."""
    with contextlib.suppress(OSError):
        os.utime(copy / WHOLE)


def prune(copy: Path) -> None:
    """Take away other copies beside ``copy`` that have not been used for long; nothing where it is none itself."""
    if not (copy / WHOLE).is_file() or not COPY.fullmatch(copy.name):
        return
    for other in copy.parent.iterdir():
        if other != copy and COPY.fullmatch(other.name) and not other.is_symlink():
            with contextlib.suppress(OSError):
                last = other / WHOLE
                used = (last if last.exists() else other).stat().st_mtime
                if time.time() - used > UNUSED:
                    shutil.rmtree(other)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[bool]:
    try:
        fd = opened(path, os.O_RDWR | os.O_CREAT)
    except OSError:
        yield False
        return
    try:
        yield try_lock(fd)
    finally:
        os.close(fd)
