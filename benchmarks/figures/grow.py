"""One more engine on a running cluster, as a plain client sees it."""

from __future__ import annotations

import time

from ..client import await_ids, seeing
from ..result import Result
from ..sides import SIDES, Ours, Stock, opened


def runs(kind: type[Ours] | type[Stock], repeats: int) -> list[float]:
    found = []
    with opened(kind) as side:
        side.start(2)
        with seeing(side.home, 2) as client:
            for n in range(3, 3 + repeats):
                began = time.perf_counter()
                side.grow(n)
                await_ids(client, n)
                found.append(time.perf_counter() - began)
    return found


def measure(repeats: int) -> list[Result]:
    return [Result("one more engine", "s", {kind.name: runs(kind, repeats) for kind in SIDES}, goal=0.2)]
