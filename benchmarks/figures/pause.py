"""The longest time the server's loop stood still while 32 engines started and stopped."""

from __future__ import annotations

from ..client import seeing
from ..result import Result
from ..sides import SIDES, Ours, Stock, opened

ENGINES = 32


def once(kind: type[Ours] | type[Stock]) -> float:
    with opened(kind) as side:
        side.server.reset_probe()
        side.start(ENGINES)
        with seeing(side.home, ENGINES):
            pass
        side.stop()
        return float(side.server.probe()["longest"]) * 1000


def measure(repeats: int) -> list[Result]:
    runs = {kind.name: [once(kind) for _ in range(repeats)] for kind in SIDES}
    return [Result(f"longest pause of the server's loop, {ENGINES} engines start and stop", "ms", runs, goal=50)]
