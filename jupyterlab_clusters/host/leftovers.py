"""Folders of agents that have ended: those for a while only are taken away, at the end or by whoever comes next.

Promise: a folder whose agent lives, or is being started, is never touched; nor is
anything in it that no agent puts there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from .start import LIFE_LOCK, LOG, SOCKET, START_LOCK, try_lock

#: The last one is the first that others look for.
OURS = (SOCKET, LOG, LIFE_LOCK, START_LOCK)


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


@contextlib.contextmanager
def _held(path: Path) -> Iterator[bool]:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield False
        return
    try:
        yield try_lock(fd)
    finally:
        os.close(fd)
