"""ipyparallel's controller, imported without what it may never need.

Promise: everything works as after a plain import; numpy, which costs a tenth of
a second at each start and serves one scheme of the task scheduler, is imported
when that scheme asks for it.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from typing import Any


class Later:
    """A module that is imported when something of it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)


@contextlib.contextmanager
def _without_numpy() -> Iterator[None]:
    if "numpy" in sys.modules:
        yield
        return
    # The documented way to have an import fail.
    sys.modules["numpy"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["numpy"]


with _without_numpy():
    from ipyparallel.controller import app, heartmonitor, hub, task_scheduler

if getattr(task_scheduler, "numpy", None) is None:
    task_scheduler.numpy = Later("numpy")

__all__ = ["app", "heartmonitor", "hub", "task_scheduler"]
