"""What is left of clusters that others started: which files are stale, and clearing one of them.

Promise: a file goes only when a person asks for that very one, after it was asked anew
whether anything answers; never one that changed, or of another host, or of a cluster of ours.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import WrongState
from . import leftfiles
from .leftfiles import Found
from .models import LeftFile
from .stale import Verdict, file_beside, judge

#: After how long a file is looked at again; and one of which perhaps something lives (seconds).
AGAIN, SOON = 30.0, 5.0

#: Why a file cannot be cleared, by what was found.
REASONS = {"answers": "answers", "unreachable": "elsewhere", "unknown": "not-known"}


@dataclass(frozen=True)
class _Judged:
    file: Found
    verdict: Verdict
    at: float

    def model(self, more: int) -> LeftFile:
        others = f" {more} more like it." if more else ""
        return LeftFile(path=str(self.file.path), sentence=self.verdict.sentence + others, mark=self.file.mark)


class Left:
    """``changed`` is called, from any thread, when what is left has changed."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._judged: dict[Path, _Judged] = {}
        #: Marks of files that are of this machine: their controller was, as its connection file told.
        self._of_here: set[str] = set()
        self._lock = threading.Lock()

    def is_of_here(self, file: Found) -> None:
        """Its controller is known to run on this machine."""
        self._of_here.add(file.mark)

    def due(self, file: Found) -> bool:
        """Whether it has to be looked at: it is new, has changed, or the last look was long ago."""
        known = self._judged.get(file.path)
        if known is None or known.file.mark != file.mark:
            return True
        return time.monotonic() - known.at > (SOON if known.verdict.what == "unknown" else AGAIN)

    def keep(self, present: Iterable[Found]) -> None:
        """These files are there; of others nothing is left."""
        paths = {file.path for file in present}
        self._drop([path for path in self._judged if path not in paths])

    def forget(self, key: str) -> None:
        """A cluster runs there."""
        self._drop([path for path, judged in self._judged.items() if judged.file.key == key])

    async def judge(self, file: Found, counts: Callable[[Verdict], bool], *, asked: bool = False) -> Verdict:
        """Look at one, of which the hub was perhaps just ``asked``; what is found is kept only if it ``counts`` when
        it is known."""
        verdict = await judge(file, asked=asked, of_here=file.mark in self._of_here)
        if counts(verdict):
            with self._lock:
                before = self._judged.get(file.path)
                self._judged[file.path] = _Judged(file, verdict, time.monotonic())
            if before is None or (before.verdict, before.file.mark) != (verdict, file.mark):
                self._changed()
        return verdict

    def of(self, key: str, others: Collection[str]) -> tuple[LeftFile | None, LeftFile | None]:
        """A stale file, and one of another host, to be shown with a cluster: its own, and with a profile's own cluster
        those of names that are not among ``others``."""
        mine = [judged for judged in self._all() if _row(judged.file.key, others) == key]
        stale = [judged for judged in mine if judged.verdict.what == "stale"]
        away = [judged for judged in mine if judged.verdict.what == "unreachable"]
        return (
            stale[0].model(len(stale) - 1) if stale else None,
            away[0].model(len(away) - 1) if away else None,
        )

    def shown(self, path: str) -> Found | None:
        judged = self._judged.get(Path(path))
        return judged.file if judged is not None else None

    async def clear(self, file: Found, at_rest: Callable[[Callable[[], bool]], bool]) -> None:
        """Take it away; ``at_rest`` runs the last step, unless a cluster of ours has come to life under that name.

        Raises :class:`WrongState` with the reason, :class:`OSError`."""
        if not await asyncio.to_thread(leftfiles.unchanged, file):
            raise self._has_changed(file)
        verdict = await self.judge(file, lambda _: True)
        if verdict.what != "stale":
            raise WrongState(f"It was not removed. {verdict.sentence}", reason=REASONS[verdict.what])
        beside = await asyncio.to_thread(file_beside, file)
        if not await asyncio.to_thread(at_rest, lambda: leftfiles.remove(file)):
            raise self._has_changed(file)
        if beside is not None:
            self.is_of_here(beside)
        self._drop([file.path])

    def _has_changed(self, file: Found) -> WrongState:
        self._drop([file.path])
        return WrongState(f"{file.path.name} has changed since it was shown; it was not removed.", reason="changed")

    def _all(self) -> list[_Judged]:
        with self._lock:
            # A connection file is what clients stumble over, so it comes first.
            return sorted(self._judged.values(), key=lambda one: (one.file.key, one.file.kind != "client"))

    def _drop(self, paths: Collection[Path]) -> None:
        with self._lock:
            gone = [self._judged.pop(path, None) for path in paths]
        if any(one is not None and one.verdict.what in ("stale", "unreachable") for one in gone):
            self._changed()


def _row(key: str, others: Collection[str]) -> str:
    return key if key in others else f"{key.partition(':')[0]}:"
