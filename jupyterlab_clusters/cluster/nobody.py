"""Somebody who is told, and does nothing.

Promise: takes every word of a watcher of a launcher, and of a listener to a hub.
"""

from __future__ import annotations

from collections.abc import Callable


class Nobody:
    """For who starts nothing, or only ends something, or only asks whether somebody is there."""

    async def keep(self) -> None:
        """Nothing is kept."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: None
