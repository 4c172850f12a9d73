"""The logs of one cluster on disk: which there are, and how many bytes of them are kept.

Promise: looks only at plain files directly in its folder whose names it
knows (no links, no paths); gives back disk space without moving an offset;
what it removes shows as a gap in the log ``all``. Never touches a file that
is live except to release its head.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import os
import re
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .file import Log
from .index import TimeIndex
from .merged import MergedLog
from .models import LogModel
from .release import release

NAME = re.compile(r"controller|submit|job|slot-(?P<slot>0|[1-9][0-9]{0,5})")
ORDER = {"controller": 0, "submit": 2, "job": 3}
TITLES = {"controller": "Controller", "submit": "Submission", "job": "Job", "all": "All"}
DAY = 86400.0
# Of the share of a live log, how much stays when its head is released: not each trim has to release again.
STAYS = 0.75

Live = Callable[[str], bool]


@dataclass(slots=True, frozen=True)
class LogFile:
    """``octets`` are those on disk, ``size`` those ever written; ``gone``: none of them is kept."""

    name: str
    slot: int | None
    path: Path
    size: int
    octets: int
    changed: float
    gone: bool


@functools.lru_cache(maxsize=64)
def _index(folder: Path) -> TimeIndex:
    """One index for all who read a folder: it is costly to read and its records for uncovered bytes must agree."""
    return TimeIndex(folder)


class LogFolder:
    """``folder`` need not exist yet. All methods read disk: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self, live: Live, host: str | None) -> list[LogModel]:
        """The logs there are, in the order of the wire; ``all`` last, when there are any."""
        files = self._files()
        logs = [self._model(file, live, host) for file in files if not file.gone]
        if logs:
            alive = any(log.live for log in logs)
            size = self._merged().size()
            logs.append(
                LogModel(name="all", title=TITLES["all"], size=size, slot=None, host=host, live=alive, path=None)
            )
        return logs

    def log(self, name: str) -> Log | MergedLog:
        """KeyError when there is no such log. ``controller`` and ``all`` are known before they are written."""
        if name == "all":
            return self._merged()
        match = NAME.fullmatch(name)
        if match is None:
            raise KeyError(name)
        path = self.folder / f"{name}.log"
        if name != "controller" and not _plain(path):
            raise KeyError(name)
        slot = match["slot"]
        source = 0 if name == "controller" else int(slot) + 1 if slot is not None else None
        return Log(name, path, _index(self.folder), source)

    def remove(self) -> None:
        """Remove all logs and the index; nothing else that may be in the folder."""
        for file in self._files():
            file.path.unlink(missing_ok=True)
        if not (self.folder / "index").is_dir():
            (self.folder / "index").unlink(missing_ok=True)
        _index(self.folder).forget()

    def trim(self, max_bytes: int, max_age_days: float, live: Live) -> builtins.list[str]:
        """Release dead logs not written to for ``max_age_days``, then the oldest dead ones while there are more than
        ``max_bytes`` on disk, then the heads of live ones beyond their equal share. Names what was released. A live
        log on a file system without holes stays as it is: cutting it would lose lines and move offsets."""
        everything = self._files()
        files = [file for file in everything if not file.gone]
        alive = [file for file in everything if live(file.name)]
        dead = sorted((file for file in files if file not in alive), key=lambda file: file.changed)
        total = sum(file.octets for file in files)
        oldest = time.time() - max_age_days * DAY
        released: builtins.list[str] = []
        for file in dead:
            if file.changed < oldest or total > max_bytes:
                _drop(file)
                released.append(file.name)
                total -= file.octets
        if everything and not alive and len(released) == len(files):
            self.remove()
        if total > max_bytes:
            released += [file.name for file in alive if _behead(file, max_bytes // len(alive))]
        return released

    def _merged(self) -> MergedLog:
        return MergedLog(_index(self.folder), self._sources)

    def _sources(self) -> dict[int, Path]:
        files = [file for file in self._files() if file.slot is not None or file.name == "controller"]
        return {0 if file.slot is None else file.slot + 1: file.path for file in files}

    @staticmethod
    def _model(file: LogFile, live: Live, host: str | None) -> LogModel:
        title = TITLES.get(file.name, f"Slot {file.slot}")
        return LogModel(
            name=file.name,
            title=title,
            size=file.size,
            slot=file.slot,
            host=host,
            live=live(file.name),
            path=str(file.path),
        )

    def _files(self) -> builtins.list[LogFile]:
        found: builtins.list[LogFile] = []
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(self.folder) as entries:
            for entry in entries:
                match = NAME.fullmatch(entry.name.removesuffix(".log")) if entry.name.endswith(".log") else None
                if match and (file := _file(entry, match)) is not None:
                    found.append(file)
        return sorted(found, key=lambda file: (ORDER.get(file.name, 1), file.slot or 0))


def _file(entry: os.DirEntry[str], match: re.Match[str]) -> LogFile | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    slot = match["slot"]
    octets = min(status.st_size, status.st_blocks * 512)
    number = int(slot) if slot is not None else None
    path = Path(entry.path)
    # Some file systems count blocks late: only a hole up to the end proves that nothing is kept.
    gone = octets == 0 < status.st_size and Log(match[0], path).kept_from() == status.st_size
    return LogFile(match[0], number, path, status.st_size, octets, status.st_mtime, gone)


def _plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _drop(file: LogFile) -> None:
    """A hole keeps the offsets of what the same slot writes later; without holes the file goes."""
    if not release(file.path, file.size):
        file.path.unlink(missing_ok=True)


def _behead(file: LogFile, share: int) -> bool:
    return file.octets > share and release(file.path, file.size - int(share * STAYS)) > 0
