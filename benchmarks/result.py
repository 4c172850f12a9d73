"""One line of the results."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Result:
    """``runs`` maps a column (``ours``, ``stock``, a floor's name) to its measurements; absent: not measured,
    and ``notes`` may say in that column's place why. ``goal`` is the most that ours should need."""

    name: str
    unit: str
    runs: dict[str, list[float]]
    notes: dict[str, str] = field(default_factory=dict)
    goal: float | None = None

    def median(self, column: str) -> float | None:
        runs = self.runs.get(column)
        return statistics.median(runs) if runs else None


COLUMNS = ("ours", "stock", "ProcessPoolExecutor", "dask LocalCluster")


def shown(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cell(result: Result, column: str) -> str:
    runs, middle = result.runs.get(column), result.median(column)
    if runs is None or middle is None:
        return result.notes.get(column, "")
    spread = f" ({shown(min(runs))}–{shown(max(runs))})" if len(runs) > 1 and min(runs) != max(runs) else ""
    return f"{shown(middle)}{spread}"


def times(result: Result) -> str:
    ours, stock = result.median("ours"), result.median("stock")
    return f"{stock / ours:.1f}" if ours and stock else ""


def verdict(result: Result) -> str:
    ours = result.median("ours")
    if result.goal is None or ours is None:
        return ""
    return f"≤ {shown(result.goal)} {'met' if ours <= result.goal else '**missed**'}"


def table(results: Sequence[Result]) -> str:
    head = ["", "unit", *COLUMNS, "stock / ours", "goal"]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for one in results:
        cells = [one.name, one.unit, *(cell(one, column) for column in COLUMNS), times(one), verdict(one)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
