"""The ranks of one MPI program: told to the watcher one by one, their end as one event.

Promise: mpiexec ends all when one ends; what is then told names the rank that
was the first. Runs on the actor's loop.
"""

from __future__ import annotations

import asyncio
import signal as signals
from collections.abc import Mapping, Sequence
from typing import Any

from ..base import Exit, Job, LaunchFailed, Process, Usage, Watcher
from .causes import Culprit

#: How long after a rank's end mpiexec may take to say whose fault it was (seconds).
MPIEXEC_SAYS = 8.0


class RankWatcher:
    """Between the agent, which sees processes, and the watcher: holds the ends of ranks back until it is known why."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._alive: dict[int, tuple[str, Process]] = {}
        self._held: dict[int, tuple[str, Exit, asyncio.TimerHandle]] = {}
        self._why: tuple[Culprit | None, str] | None = None

    def begin(self) -> None:
        """A new program is about to start."""
        self._why = None

    def ranks_by_pid(self) -> dict[int, int]:
        """Slots are ranks."""
        return {process.pid: slot for slot, (_, process) in self._alive.items()}

    def first_ended(self) -> int | None:
        """The slot whose end was seen before all others."""
        return next(iter(self._held), None)

    def slots(self) -> list[int]:
        """Those that have not ended, or of which that was not told yet."""
        return list(self._alive)

    def elsewhere(self, host: str) -> list[int]:
        """The slots on other machines than this."""
        return [slot for slot, (_, process) in self._alive.items() if process.host != host]

    def saved(self) -> list[dict[str, Any]]:
        return [{"slot": slot, "uuid": uuid, **vars(process)} for slot, (uuid, process) in self._alive.items()]

    def program_ended(self, culprit: Culprit | None, sentence: str, *, asked: bool) -> None:
        """mpiexec is over, and with it all that has not been told yet."""
        self._why = (culprit, sentence)
        for slot, (uuid, exit, timer) in list(self._held.items()):
            timer.cancel()
            self._release(slot, uuid, exit)
        for slot, (uuid, _) in list(self._alive.items()):
            self._release(slot, uuid, Exit(asked=asked))

    # -- the watcher's part ---------------------------------------------------

    def engine_launched(self, slot: int, uuid: str, process: Process) -> None:
        self._alive[slot] = (uuid, process)
        self._watcher.engine_launched(slot, uuid, process)

    def engine_exited(self, slot: int, uuid: str, exit: Exit) -> None:
        if exit.asked or self._why is not None:
            self._release(slot, uuid, exit)
            return
        loop = asyncio.get_running_loop()
        self._held[slot] = (uuid, exit, loop.call_later(MPIEXEC_SAYS, self._release, slot, uuid, exit))

    def controller_launched(self, process: Process) -> None:
        self._watcher.controller_launched(process)

    def controller_exited(self, exit: Exit) -> None:
        self._watcher.controller_exited(exit)

    def halted(self, slot: int | None, uuid: str, halted: bool) -> None:
        self._watcher.halted(slot, uuid, halted)

    def usage(self, by_slot: Mapping[int, Usage]) -> None:
        self._watcher.usage(by_slot)

    def job_changed(self, job: Job | None) -> None:
        self._watcher.job_changed(job)

    async def keep(self) -> None:
        await self._watcher.keep()

    def failed(self, why: LaunchFailed) -> None:
        self._watcher.failed(why)

    def cut_off(self, place: str, slots: Sequence[int] | None, why: LaunchFailed) -> None:
        self._watcher.cut_off(place, slots, why)

    def regained(self, place: str, slots: Sequence[int] | None) -> None:
        self._watcher.regained(place, slots)

    def _release(self, slot: int, uuid: str, exit: Exit) -> None:
        self._held.pop(slot, None)
        self._alive.pop(slot, None)
        if not exit.asked and self._why is not None:
            exit = self._explained(slot, exit)
        self._watcher.engine_exited(slot, uuid, exit)

    def _explained(self, slot: int, exit: Exit) -> Exit:
        assert self._why is not None
        culprit, sentence = self._why
        if culprit is None:
            return Exit(exit_code=exit.exit_code, signal=exit.signal, because=sentence)
        if culprit.rank != slot:
            return Exit(because=f"ended by MPI, as {told(culprit)}")
        because = f"ended with code {culprit.exit_code} by MPI_Abort" if culprit.aborted else None
        return Exit(exit_code=culprit.exit_code, signal=culprit.signal, because=because)


def told(culprit: Culprit) -> str:
    """``rank 2 ended with code 3``."""
    who = "one rank" if culprit.rank is None else f"rank {culprit.rank}"
    if not culprit.sure:
        return f"{who} seems to have been the first to end"
    if culprit.signal is not None:
        try:
            name = signals.Signals(culprit.signal).name
        except ValueError:
            name = "unknown"
        return f"{who} was killed by signal {culprit.signal} ({name})"
    how = "called MPI_Abort with code" if culprit.aborted else "ended with code"
    return f"{who} {how} {culprit.exit_code}"
