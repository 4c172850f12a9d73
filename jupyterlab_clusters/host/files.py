"""What an agent reads, makes and removes for its peers.

Promise: blocking, to be called in a thread; removes only what an agent or its
processes put there, and what it is told by name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .group import read_journal
from .private import private_folder

#: Most that is read of a file for a peer (characters).
MOST_READ = 1 << 20


def made_and_read(folders: list[Path], journal: Path | None) -> list[dict[str, Any]]:
    """Make the folders; the exits that the journal tells."""
    if journal is not None:
        folders = [journal.parent, *folders]
    for folder in folders:
        private_folder(folder, mend=True)
    return read_journal(journal) if journal is not None else []


def texts(paths: Iterable[str]) -> dict[str, str | None]:
    """Small files, whole; None for one that is not there."""
    found: dict[str, str | None] = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                found[path] = file.read(MOST_READ)
        except OSError:
            found[path] = None
    return found


def remove_logs(folder: Path) -> None:
    """Only what an agent itself puts there."""
    remove([*folder.glob("*.log"), folder / "exits.jsonl", folder / "index"])
    with contextlib.suppress(OSError):
        folder.rmdir()


def remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
