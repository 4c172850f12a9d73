"""Ends a cluster whose engines have had nothing to do for as long as its profile allows.

Promise: counts from the end of the last task, the coming of the last engine or the last wish to keep it, whichever was
latest; a task that is queued or running stops the clock, and so does a cluster without engines, which may wait in a
queue. Needs no server: whoever asks the hub is told how it stands. Nothing is polled.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from .hub import Hub


class Idleness:
    """``over`` is called once, after ``seconds`` without work."""

    def __init__(self, hub: Hub, seconds: float, over: Callable[[], None], log: logging.Logger) -> None:
        self._hub, self._seconds, self._over, self._log = hub, seconds, over, log
        hub.query_handlers["idle_request"] = self._tell
        hub.query_handlers["keep_request"] = self._keep
        self._look_in(seconds)

    @property
    def lasting(self) -> float | None:
        """Seconds without work so far; None while there is some, or nobody to do it."""
        if self._hub.busy or not self._hub.engines:
            return None
        return float(self._hub.loop.time() - self._hub.active_at)

    def _look_in(self, seconds: float) -> None:
        self._hub.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        lasting = self.lasting
        left = self._seconds - (lasting or 0.0)
        if left > 0:
            # Work that ends meanwhile has its full time, as it begins later.
            self._look_in(left)
            return
        self._log.warning("no busy engine for %g seconds: shutting down", self._seconds)
        self._over()

    def _tell(self, client: list[bytes], message: dict[str, Any]) -> None:
        content = {"status": "ok", "timeout": self._seconds, "lasting": self.lasting}
        self._hub.session.send(self._hub.query, "idle_reply", content=content, parent=message, ident=client)

    def _keep(self, client: list[bytes], message: dict[str, Any]) -> None:
        self._hub.active_at = self._hub.loop.time()
        self._tell(client, message)
