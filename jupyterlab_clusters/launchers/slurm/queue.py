"""One squeue for all clusters of this server, told to each cluster on its own loop.

Promise: at most one question every five seconds, fewer when nothing changes,
none when no job of ours is queued or runs. A Slurm that does not answer tells
nothing: jobs stay as they were last seen, and only a job that Slurm itself no
longer lists has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from ..command import CommandFailed, run
from .words import out_of_reach

#: Least time between two questions, and when nothing has changed for a while (seconds).
INTERVAL, CALM_INTERVAL = 5.0, 10.0
#: How long after a change it is calm again (seconds).
CALM = 20.0
#: How long Slurm may take to answer (seconds).
TIMEOUT = 30.0

#: More time than any site gives (seconds).
ENDLESS = 300 * 86400.0

FORMAT = "%i|%T|%P|%L|%S|%D|%N|%r"
SQUEUE = ["squeue", "--me", "-h", "-o", FORMAT]

#: States in which a job may still come to run, or runs.
WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"})
ENDED = frozenset(
    {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}
    | {"PREEMPTED", "DEADLINE", "BOOT_FAIL", "REVOKED"}
)


@dataclass(frozen=True)
class Seen:
    """A job as Slurm last told it. ``asked`` = when, in unix seconds; ``silent`` = Slurm did not answer since."""

    id: str
    state: str
    partition: str | None = None
    time_left: float | None = None
    start: str | None = None
    nodes_asked: int = 0
    nodes: tuple[str, ...] = ()
    reason: str = "None"
    exit_code: str | None = None
    asked: float = 0.0
    silent: bool = False

    @property
    def waiting(self) -> bool:
        return self.state in WAITING

    @property
    def over(self) -> bool:
        return self.state.split()[0] in ENDED if self.state else True


Told = Callable[[Seen], None]


class Queue:
    """Jobs are watched from any thread; news come on the loop that asked for them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._watched: dict[str, tuple[asyncio.AbstractEventLoop, Told]] = {}
        self._seen: dict[str, Seen] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._asked = 0.0
        self._changed = 0.0

    def watch(self, job: str, told: Told) -> None:
        """``told`` is called at every answer of Slurm until the job is over, or let go of."""
        with self._lock:
            self._watched[job] = (asyncio.get_running_loop(), told)
            self._changed = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="slurm queue", daemon=True)
                self._thread.start()
        self._hurry.set()

    def forget(self, job: str) -> None:
        with self._lock:
            self._watched.pop(job, None)
            self._seen.pop(job, None)
        self._hurry.set()

    def soon(self) -> None:
        """Something happened: ask as soon as may be asked again."""
        self._changed = time.monotonic()
        self._hurry.set()

    # -- the thread -----------------------------------------------------------

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._watched:
                    self._thread = None
                    return
            now = time.monotonic()
            interval = INTERVAL if now - self._changed < CALM else max(INTERVAL, CALM_INTERVAL)
            rest = self._asked + interval - now
            if rest > 0:
                # Hurry shortens calm, never the least time between two questions.
                self._hurry.wait(rest)
                self._hurry.clear()
                continue
            self._hurry.clear()
            self._asked = time.monotonic()
            asyncio.run(self._ask())

    async def _ask(self) -> None:
        with self._lock:
            watched = dict(self._watched)
        listed = await listing(self._environment)
        for job, (loop, told) in watched.items():
            before = self._seen.get(job)
            if listed is None:
                news = replace(before, silent=True) if before else Seen(job, "UNKNOWN", silent=True)
            elif job in listed:
                news = listed[job]
            else:
                last = await after_the_end(job, self._environment)
                if last is None:
                    continue
                news = last
            if before is None or (before.state, before.reason) != (news.state, news.reason):
                self._changed = time.monotonic()
            with self._lock:
                if self._watched.get(job, (None, None))[1] is not told:
                    continue
                self._seen[job] = news
                if news.over:
                    self._watched.pop(job, None)
                    self._seen.pop(job, None)
            # A cluster that was closed meanwhile has nobody left to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(told, news)


@lru_cache(maxsize=8)
def _queue(conf: str, path: str) -> Queue:
    return Queue({**os.environ, "SLURM_CONF": conf} if conf else os.environ)


def queue_of(environment: Mapping[str, str]) -> Queue:
    """The one of the Slurm that this environment leads to."""
    return _queue(environment.get("SLURM_CONF", ""), environment.get("PATH", ""))


async def listing(environment: Mapping[str, str]) -> dict[str, Seen] | None:
    """All jobs of this user that Slurm lists; ``None`` when it does not answer."""
    try:
        done = await run(SQUEUE, timeout=TIMEOUT, env=environment)
    except CommandFailed:
        return None
    if done.exit_code != 0:
        return None
    now = time.time()
    return {seen.id: seen for line in done.stdout.splitlines() if (seen := parsed(line, now)) is not None}


def parsed(line: str, now: float) -> Seen | None:
    """One line of squeue."""
    fields = line.split("|", 7)
    if len(fields) != 8:
        return None
    job, state, partition, left, start, nodes, names, reason = (field.strip() for field in fields)
    return Seen(
        id=job,
        state=state,
        partition=partition or None,
        time_left=limited(seconds(left)) if state == "RUNNING" else None,
        start=when(start),
        nodes_asked=int(nodes) if nodes.isdigit() else 0,
        nodes=tuple(expanded(names)),
        reason=reason.strip("()") or "None",
        asked=now,
    )


async def after_the_end(job: str, environment: Mapping[str, str]) -> Seen | None:
    """How a job ended that is no longer listed; ``None`` when Slurm does not answer now."""
    try:
        done = await run(["scontrol", "show", "job", "-o", job], timeout=TIMEOUT, env=environment)
        if done.exit_code == 0 and (told := fields_of(done.stdout)).get("JobState"):
            if told["JobState"] not in ENDED:
                return None
            return Seen(
                id=job,
                state=told["JobState"],
                partition=told.get("Partition"),
                nodes=tuple(expanded(told.get("NodeList", ""))),
                reason=told.get("Reason", "None"),
                exit_code=told.get("ExitCode"),
                asked=time.time(),
            )
        if done.exit_code != 0 and out_of_reach(done.output):
            return None
        # Slurm's memory is short (MinJobAge); its accounts remember for longer, where they are kept.
        done = await run(
            ["sacct", "-n", "-P", "-X", "-j", job, "-o", "State,ExitCode"], timeout=TIMEOUT, env=environment
        )
    except CommandFailed as error:
        return None if out_of_reach(str(error)) else Seen(id=job, state="", asked=time.time())
    state, _, code = done.stdout.strip().partition("|") if done.exit_code == 0 else ("", "", "")
    return Seen(id=job, state=state, exit_code=code or None, asked=time.time())


def fields_of(text: str) -> dict[str, str]:
    """``Name=value`` as scontrol writes them on one line; the first of each name."""
    found: dict[str, str] = {}
    for match in re.finditer(r"(?:^|\s)([A-Za-z][\w:/]*)=(\S*)", text):
        found.setdefault(match[1], match[2])
    return found


def seconds(text: str) -> float | None:
    """``1-02:03:04``, ``2:03:04``, ``3:04``; ``None`` for what has no end."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)??(?:(\d+):)?(\d+)", text)
    if match is None:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + rest)


def limited(left: float | None) -> float | None:
    """Slurm says a year where there is no limit."""
    return None if left is None or left > ENDLESS else left


def when(text: str) -> str | None:
    """Slurm's local time as ISO 8601 in UTC."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        return None
    return local.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def expanded(names: str) -> list[str]:
    """``node[1-3,7],big`` one by one."""
    found: list[str] = []
    for match in re.finditer(r"([^,\[\]]+)(?:\[([^\]]*)\])?([^,\[\]]*)", names):
        head, ranges, tail = match[1].strip(), match[2], match[3]
        if head in ("", "(null)", "(None)"):
            continue
        for part in (ranges or "").split(",") if ranges else [""]:
            first, _, last = part.partition("-")
            if first.isdigit() and (last or first).isdigit():
                found += [f"{head}{n:0{len(first)}d}{tail}" for n in range(int(first), int(last or first) + 1)]
            else:
                found.append(head + part + tail)
    return found


def as_dict(seen: Seen) -> dict[str, Any]:
    """JSON."""
    return {**vars(seen), "nodes": list(seen.nodes)}
