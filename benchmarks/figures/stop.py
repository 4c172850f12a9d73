"""The stop of engines that are busy, from the request until none of their processes is left: some sleep, which an
interrupt would end, some hold Python's lock for ever, which only a kill does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil

from ..client import forget, seeing
from ..result import Result
from ..sides import SIDES, Ours, Stock, opened

ENGINES = 8
#: How long stock may need (seconds).
LIMIT = 120.0


def sleeping() -> None:
    import time

    time.sleep(3600)


def holding() -> None:
    """A regular expression that never comes to an end, and lets no other thread run."""
    import re

    re.match("(a+)+b", "a" * 60)


def once(kind: type[Ours] | type[Stock], task: Callable[[], None]) -> float:
    with opened(kind) as side:
        forget(side.home)
        side.start(ENGINES)
        with seeing(side.home, ENGINES) as client:
            pids = client[:].apply_sync(os.getpid)
            client[:].apply_async(task)
            time.sleep(1.0)
        engines = [psutil.Process(pid) for pid in pids]
        began = time.perf_counter()
        side.stop()
        while any(alive(engine) for engine in engines):
            if time.perf_counter() - began > LIMIT:
                return LIMIT
            time.sleep(0.02)
        return time.perf_counter() - began


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def measure(repeats: int) -> list[Result]:
    tasks = {"asleep": sleeping, "that hold Python's lock": holding}
    return [
        Result(
            f"stop of {ENGINES} engines {how}",
            "s",
            {kind.name: [once(kind, task) for _ in range(repeats)] for kind in SIDES},
        )
        for how, task in tasks.items()
    ]
