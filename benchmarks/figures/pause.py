"""The longest time the server's loop stood still while 32 engines started and stopped,
and how long in that pause its thread was ready and waited for a processor, as there are more processes than cores."""

from __future__ import annotations

from ..client import seeing
from ..result import Result
from ..sides import SIDES, Ours, Stock, opened

ENGINES = 32


def once(kind: type[Ours] | type[Stock]) -> tuple[float, float]:
    with opened(kind) as side:
        side.server.reset_probe()
        side.start(ENGINES)
        with seeing(side.home, ENGINES):
            pass
        side.stop()
        told = side.server.probe()
        return float(told["longest"]) * 1000, float(told["waited"]) * 1000


def measure(repeats: int) -> list[Result]:
    runs = {kind.name: [once(kind) for _ in range(repeats)] for kind in SIDES}
    longest = {name: [run[0] for run in of] for name, of in runs.items()}
    waited = {name: [run[1] for run in of] for name, of in runs.items()}
    return [
        Result(f"longest pause of the server's loop, {ENGINES} engines start and stop", "ms", longest, goal=50),
        Result("of which waiting for a processor", "ms", waited),
    ]
