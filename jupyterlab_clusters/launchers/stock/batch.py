"""The job in a batch system that one of ipyparallel's launchers submitted, watched where we know how.

Promise: Slurm's is watched in its queue, in the one question that all clusters
share; of other systems nothing is claimed but the job's number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from ..base import Job, LaunchFailed, Plan, Watcher
from ..slurm import accounts, facts, words
from ..slurm.job import SlurmJob
from ..slurm.listing import Seen
from ..slurm.queue import queue_of
from ..slurm.submit import cancel, until_gone
from ..slurm.tell import told
from ..slurm.terms import Terms


class BatchJob:
    """At most one job at a time. ``over`` is called with cause and the end of a sentence when it ends unasked."""

    def __init__(self, plan: Plan, watcher: Watcher, over: Callable[[LaunchFailed, str], None]) -> None:
        self.job: str | None = None
        self.asked_to_end = False
        self._watcher, self._over = watcher, over
        self._env, self._least = Terms(plan, "").env, plan.poll_interval
        self._slurm: SlurmJob | None = None
        self._shown = True

    def saved(self) -> dict[str, Any]:
        """What :meth:`watch` takes."""
        return {"job": self.job, "slurm": self._slurm is not None}

    def watch(self, job: str | None, *, slurm: bool) -> None:
        """From now on; None = the launcher has none, ``slurm`` = it is Slurm's."""
        self.job, self.asked_to_end = job, False
        if job is None:
            return
        if not slurm:
            self._watcher.job_changed(Job(id=job, state="SUBMITTED"))
            return
        self._slurm = SlurmJob(job, 1, 1)
        self._show()
        queue_of(self._env).watch(job, self._seen, self._least)

    def hide(self) -> None:
        """Another job is the one to show."""
        self._shown = False

    async def gone(self, *, again: bool) -> None:
        """Wait until it is; ``again`` = nobody has told the batch system yet. Raises :class:`LaunchFailed`."""
        job, slurm, self.job, self._slurm = self.job, self._slurm, None, None
        if job is None or slurm is None:
            return
        queue_of(self._env).forget(job)
        if again:
            await cancel([job], self._env)
        await until_gone([job], self._env)

    def close(self) -> None:
        if self.job is not None:
            queue_of(self._env).forget(self.job)

    def _seen(self, seen: Seen) -> None:
        if self._slurm is None or seen.id != self.job:
            return
        self._slurm.seen = seen
        if not seen.silent:
            self._slurm.state = seen.state
        self._show()
        if seen.over and not seen.silent and not self.asked_to_end:
            cause, hint = words.ended(seen.id, seen.state, seen.exit_code)
            self.job = self._slurm = None
            self._over(LaunchFailed("engines", cause, hint=hint, log="job"), words.because(seen.id, seen.state))

    def _show(self) -> None:
        if self._slurm is not None and self._shown:
            with contextlib.suppress(LookupError):
                self._watcher.job_changed(told(self._slurm, facts.known(self._env), accounts.known(self._env), {}))
