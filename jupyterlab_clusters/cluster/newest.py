"""Writes of one file in threads, of which none overtakes a newer one.

Promise: a write whose task is given up goes on in its thread, as threads do; what
was asked for later stands in the end.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable
from typing import Any


class Newest:
    """For any loop."""

    def __init__(self) -> None:
        self._writing = threading.Lock()
        self._numbers = itertools.count(1)
        self._written = 0

    async def write(self, function: Callable[..., object], *args: Any) -> None:
        """Have ``function(*args)`` called in a thread (it may also remove the file), unless a newer one was before it.
        Raises what it raises; then what was asked for before may still stand."""
        await asyncio.to_thread(self._write, next(self._numbers), function, args)

    def _write(self, number: int, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        with self._writing:
            if number > self._written:
                function(*args)
                self._written = number
