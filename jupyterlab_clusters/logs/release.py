"""Gives the head of a file back to the disk while its offsets stay.

Promise: ``release`` either leaves a hole (which the file system itself
records, see ``spans.kept_from``) or changes nothing. Never moves or shortens
a file: a process may be appending to it.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

KEEP_SIZE, PUNCH_HOLE = 0x01, 0x02
NO_FOLLOW = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def release(path: Path, before: int) -> int:
    """Release whole blocks before offset ``before``; how many bytes of the head are gone now. 0 where the system or
    the file system cannot. OSError when the file cannot be opened."""
    fd = os.open(path, NO_FOLLOW)
    try:
        status = os.fstat(fd)
        whole = before >= status.st_size
        block = max(4096, status.st_blksize)
        length = status.st_size if whole else before - before % block
        return length if length and _punch(fd, length) else 0
    finally:
        os.close(fd)


def _punch(fd: int, length: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    fallocate = getattr(libc, "fallocate64", None) or getattr(libc, "fallocate", None)
    if fallocate is None:
        return False
    fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    done: int = fallocate(fd, KEEP_SIZE | PUNCH_HOLE, 0, length)
    return done == 0
