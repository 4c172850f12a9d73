"""ipyparallel's hub, told of deaths by whoever reaped the engine, and lighter with many engines.

Promise: the same messages as ever. Must never write a file for each of many
engines that come at once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from .lean import hub as stock

#: How long changes of the engines state file are gathered (seconds).
STATE_GATHERED = 0.5
#: From this number of engines on, a line in the log for each message is too much.
MANY_ENGINES = 200


#: When a new client is told once more what has changed since it asked (seconds).
AGAIN = (0.3, 1.0, 3.0)


class Hub(stock.Hub):  # type: ignore[misc]
    """The hub of our controller."""

    def __init__(self, **kwargs: Any) -> None:
        self._halted: dict[bytes, Any] = {}
        super().__init__(**kwargs)

    _state_due = False
    #: When a task was last queued or running, or an engine came (by the loop's clock).
    active_at = 0.0

    def handle_stopped_heart(self, heart: bytes) -> None:
        """An engine whose heart stops may only have been stopped for a while: it is known again when it beats."""
        connector = self.engines.get(self.hearts.get(heart))
        super().handle_stopped_heart(heart)
        if connector is not None:
            self._halted[heart] = connector

    def handle_new_heart(self, heart: bytes) -> None:
        connector = self._halted.pop(heart, None)
        if connector is not None and heart not in self.incoming_registrations and connector.id not in self.engines:
            self.log.info("engine %s (%s) is back", connector.id, connector.uuid)
            connector.stallback, connector.registration_started = None, time.monotonic()
            self.incoming_registrations[heart] = connector
        super().handle_new_heart(heart)

    def died(self, uuid: str) -> None:
        """An engine's process is gone: unregister it now."""
        heart = uuid.encode()
        self._halted.pop(heart, None)
        found = self.by_ident.get(heart)
        if found is None and (connector := self.incoming_registrations.get(heart)):
            found = connector.id
        if found is not None:
            self.log.info("engine %s (%s) has died", found, uuid)
            self.unregister_engine(heart, {"content": {"id": found}})

    def connection_request(self, client_id: Any, msg: dict[str, Any]) -> None:
        super().connection_request(client_id, msg)
        # ipyparallel's client subscribes to news only after this answer, and would never learn of engines
        # that come in between: with engines that are quick, that is no rare moment.
        answered = {eid: connector.uuid for eid, connector in self.engines.items()}
        for wait in AGAIN:
            self.loop.call_later(wait, self._tell_again, answered)

    def _tell_again(self, answered: dict[int, str]) -> None:
        """What is known already is passed over by every client."""
        if not self.notifier:
            return
        present = {eid: connector.uuid for eid, connector in self.engines.items()}
        for eid, uuid in present.items() - answered.items():
            self.session.send(self.notifier, "registration_notification", content={"id": eid, "uuid": uuid})
        for eid in answered.keys() - present.keys():
            content = {"id": eid, "uuid": answered[eid]}
            self.session.send(self.notifier, "unregistration_notification", content=content)

    def dispatch_monitor_traffic(self, msg: list[bytes]) -> None:
        # ipykernel 7 greets each new subscriber of an engine's output; the greeting has no topic, which
        # the stock hub logs as an error for every engine.
        if not any(b'"iopub_welcome"' in part for part in msg[1:5]):
            before = self.busy
            super().dispatch_monitor_traffic(msg)
            if before or self.busy:
                self.active_at = self.loop.time()

    def unregister_engine(self, ident: Any, msg: dict[str, Any]) -> None:
        super().unregister_engine(ident, msg)
        # Otherwise the dead count as targets for ever.
        with contextlib.suppress(KeyError, TypeError):
            if (gone := msg["content"]["id"]) not in self.engines:
                self.ids.discard(gone)

    def _handle_stranded_msgs(self, eid: int, uuid: str) -> None:
        # What a dead engine was to do is given up: it was work until now.
        if self.busy:
            self.active_at = self.loop.time()
        super()._handle_stranded_msgs(eid, uuid)

    def finish_registration(self, heart: bytes) -> None:
        super().finish_registration(heart)
        self.active_at = self.loop.time()
        if len(self.engines) == MANY_ENGINES and self.log.level == logging.INFO:
            self.log.warning("%s engines: only warnings are logged from here on", MANY_ENGINES)
            self.log.setLevel(logging.WARNING)

    @property
    def busy(self) -> bool:
        """Whether any task is queued or running."""
        return bool(self.pending or self.unassigned)

    def _save_engine_state(self) -> None:
        if self.engine_state_file and not self._state_due:
            self._state_due = True
            self.loop.call_later(STATE_GATHERED, self._write_engine_state)

    def _write_engine_state(self) -> None:
        self._state_due = False
        engines = {eid: connector.uuid for eid, connector in self.engines.items()}
        new = Path(f"{self.engine_state_file}.{os.getpid()}.new")
        try:
            new.write_text(json.dumps({"engines": engines, "next_id": self._idcounter}))
            new.replace(self.engine_state_file)
        except OSError as error:
            self.log.error("the engines state file could not be written: %s", error)
