"""From the request to start, to all engines registered as a plain client sees it; from nothing, so in a new home."""

from __future__ import annotations

import time

from ..client import forget, seeing
from ..result import Result
from ..sides import Ours, Stock, opened

#: Engines, and the seconds that ours should need at most.
GOALS = {4: 1.0, 16: 1.5, 32: 2.0, 128: 5.0}
TOO_LONG_FOR_STOCK = 128


def once(kind: type[Ours] | type[Stock], n: int) -> float:
    with opened(kind) as side:
        began = time.perf_counter()
        side.start(n)
        with seeing(side.home, n):
            return time.perf_counter() - began


def again(kind: type[Ours] | type[Stock], n: int) -> float:
    """The second start on one server."""
    with opened(kind) as side:
        side.start(n)
        with seeing(side.home, n):
            pass
        side.stop()
        forget(side.home)
        began = time.perf_counter()
        side.start(n)
        with seeing(side.home, n):
            return time.perf_counter() - began


def measure(repeats: int) -> list[Result]:
    results = []
    for n, goal in GOALS.items():
        runs = {"ours": [once(Ours, n) for _ in range(repeats)]}
        notes = {}
        if n == TOO_LONG_FOR_STOCK:
            notes["stock"] = "not run"
        else:
            runs["stock"] = [once(Stock, n) for _ in range(repeats)]
        results.append(Result(f"start, {n} engines, all registered", "s", runs, notes, goal))
    runs = {kind.name: [again(kind, 4) for _ in range(repeats)] for kind in (Ours, Stock)}
    return [*results, Result("start again on the same server, 4 engines", "s", runs)]
