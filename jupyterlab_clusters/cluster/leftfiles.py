"""Files by which others find clusters, in a profile's ``security`` folder: what is there, and taking one away.

Promise: regular files of our own user only, in that very folder; no link is ever followed, and nothing is
removed that is not as it was seen. Blocking.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NAME = r"(?:-(?P<id>[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}))?"
CLIENT = re.compile(rf"ipcontroller{NAME}-client\.json", re.ASCII)
CLUSTER = re.compile(r"cluster-(?P<id>(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?)\.json", re.ASCII)

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

#: Most that such a file may hold (bytes).
MOST = 1 << 20


@dataclass(frozen=True)
class Found:
    """One such file as it was when it was looked at; ``mark`` becomes another with every change of it."""

    key: str
    kind: Literal["client", "cluster"]
    path: Path
    mark: str
    written: float


def found(profile: str, security: Path) -> Iterator[Found]:
    """What is there of one profile."""
    with contextlib.suppress(OSError), _inside(security) as folder:
        for name in sorted(os.listdir(folder)):
            client = CLIENT.fullmatch(name)
            match = client or CLUSTER.fullmatch(name)
            if match is None or (status := _status(folder, name)) is None:
                continue
            kind: Literal["client", "cluster"] = "client" if client else "cluster"
            yield Found(f"{profile}:{match['id'] or ''}", kind, security / name, _mark(status), status.st_mtime)


def content(file: Found) -> bytes:
    """What stands in it. Raises :class:`OSError`."""
    with _inside(file.path.parent) as folder, os.fdopen(os.open(file.path.name, FILE, dir_fd=folder), "rb") as text:
        return text.read(MOST)


def unchanged(file: Found) -> bool:
    with contextlib.suppress(OSError), _inside(file.path.parent) as folder:
        return _is_as_seen(folder, file)
    return False


def remove(file: Found) -> bool:
    """Take it away, if it is still the one that was seen. Raises :class:`OSError`."""
    with _inside(file.path.parent) as folder:
        if not _is_as_seen(folder, file):
            return False
        os.unlink(file.path.name, dir_fd=folder)
        return True


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[int]:
    """A descriptor of the folder. Raises :class:`OSError`, also where it is a link."""
    fd = os.open(folder, FOLDER)
    try:
        yield fd
    finally:
        os.close(fd)


def _is_as_seen(folder: int, file: Found) -> bool:
    status = _status(folder, file.path.name)
    return status is not None and _mark(status) == file.mark


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid() else None


def _mark(status: os.stat_result) -> str:
    return f"{status.st_dev:x}-{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"
