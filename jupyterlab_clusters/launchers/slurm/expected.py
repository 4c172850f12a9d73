"""When a job would start, if it were submitted now: asked of Slurm, which starts nothing for that.

Promise: nothing is submitted and nothing written, as the script goes by standard
input. An answer that comes too late is kept for the next who asks for the same
script; nobody waits for it any longer than they said.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ..command import CommandFailed, run
from .listing import when
from .words import out_of_reach, refused

TEST = ["sbatch", "--test-only"]
#: How long Slurm may take to answer (seconds).
TIMEOUT = 15.0
#: How long an answer may be told again instead of asking anew, and shown while a newer one is waited for (seconds).
FRESH, KEPT = 3.0, 300.0
#: What begins within this time begins now (seconds).
SOON = 30
#: Most answers that are kept.
MOST = 50

START = re.compile(r"to start at (\S+)")
#: Each run of a cluster has a name of its own, on which nothing depends here.
NAME = re.compile(r"^#SBATCH --job-name=.*$", re.M)

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """``start`` as ISO 8601, or ``refusal``: why the job would not be taken; neither: no answer of use."""

    start: str | None = None
    refusal: str | None = None
    asked: float = 0.0

    def note(self) -> str:
        """A sentence for a person."""
        if self.start:
            return f"Would start at {spoken(self.start)}."
        return f"Slurm would not take this: {self.refusal}" if self.refusal else NOT_YET


def spoken(start: str) -> str:
    """The time here, with the day when it is not today's."""
    then, now = datetime.fromisoformat(start.replace("Z", "+00:00")).astimezone(), datetime.now().astimezone()
    if then - now < timedelta(seconds=SOON):
        return "once"
    return then.strftime("%H:%M" if then.date() == now.date() else "%H:%M on %d %B %Y")


NOT_YET = "The queue has not answered yet when this would start."

_answers: dict[tuple[str, str], Answer] = {}
_tasks: set[asyncio.Future[Any]] = set()


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T | None:
    """What comes of it by then; it is not given up."""
    task = asyncio.ensure_future(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    done, _ = await asyncio.wait([task], timeout=max(seconds, 0.0))
    return task.result() if done else None


async def expected(script: str, env: Mapping[str, str], partition: str, *, patience: float) -> Answer:
    """Waits for so many seconds at most."""
    key = (env.get("SLURM_CONF", ""), NAME.sub("", script))
    before = _answers.get(key)
    if before is None or time.monotonic() - before.asked > FRESH:
        await within(patience, _ask(key, script, dict(env), partition))
    found = _answers.get(key)
    return found if found is not None and time.monotonic() - found.asked < KEPT else Answer()


async def _ask(key: tuple[str, str], script: str, env: Mapping[str, str], partition: str) -> None:
    try:
        done = await run(TEST, timeout=TIMEOUT, env=env, stdin=script)
    except CommandFailed:
        return
    if done.exit_code != 0 and out_of_reach(done.output):
        return
    _answers.pop(key, None)
    _answers[key] = answer(done.exit_code, done.output, partition)
    while len(_answers) > MOST:
        del _answers[next(iter(_answers))]


def answer(exit_code: int, output: str, partition: str = "") -> Answer:
    """From what sbatch said."""
    now = time.monotonic()
    if match := START.search(output):
        return Answer(start=when(match[1]), asked=now)
    if exit_code == 0:
        return Answer(asked=now)
    known = refused(output, partition)
    said = (
        known[0] if known is not None else output.strip().splitlines()[-1] if output.strip() else "it does not say why."
    )
    return Answer(refusal=said, asked=now)
