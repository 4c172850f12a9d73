"""What an engine costs: memory (PSS, so what is shared counts once) and CPU seconds until all are registered."""

from __future__ import annotations

from ..client import seeing
from ..cost import Cost, cost
from ..result import Result
from ..sides import SIDES, Ours, Stock, opened

ENGINES = 16


def once(kind: type[Ours] | type[Stock]) -> Cost:
    with opened(kind) as side:
        side.start(ENGINES)
        with seeing(side.home, ENGINES):
            return cost(side.home)


def measure(repeats: int) -> list[Result]:
    costs = {kind.name: [once(kind) for _ in range(repeats)] for kind in SIDES}
    memory = {name: [one.memory / ENGINES / 1e6 for one in all_] for name, all_ in costs.items()}
    cpu = {name: [one.cpu / ENGINES for one in all_] for name, all_ in costs.items()}
    return [
        Result(f"memory per engine (PSS), {ENGINES} engines", "MB", memory, goal=25),
        Result(f"CPU per engine until registered, {ENGINES} engines", "s", cpu),
    ]
