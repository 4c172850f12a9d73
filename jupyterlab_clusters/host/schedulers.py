"""ipyparallel's task scheduler, which may be told twice of an engine.

Promise: the same choices as ever. Our hub repeats its news for clients that were
just connecting; the stock scheduler would count such an engine twice, and go on
giving it work when it is dead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .lean import task_scheduler as stock

NEEDED = ("_register_engine", "_unregister_engine", "targets")


def fits() -> bool:
    """Whether ipyparallel's scheduler is as this module needs it."""
    return all(hasattr(stock.TaskScheduler, name) for name in NEEDED)


def pass_over_repeats() -> None:
    """For schedulers that are forked from here on."""
    scheduler = stock.TaskScheduler
    scheduler._register_engine = _once(scheduler._register_engine, known=False)
    scheduler._unregister_engine = _once(scheduler._unregister_engine, known=True)


def _once(change: Callable[[Any, bytes], None], *, known: bool) -> Callable[[Any, bytes], None]:
    def changed(self: Any, uid: bytes) -> None:
        if (uid in self.targets) is known:
            change(self, uid)

    return changed
