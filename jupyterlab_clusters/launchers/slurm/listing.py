"""What Slurm tells of jobs: those that it lists, and how one ended that it lists no more.

Promise: an answer that cannot be understood is left out; no answer is ``None`` and
tells nothing of any job.
"""

from __future__ import annotations

import pwd
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from ..command import CommandFailed, run
from .words import out_of_reach

#: How long Slurm may take to answer (seconds).
TIMEOUT = 30.0

#: More time than any site gives (seconds).
ENDLESS = 300 * 86400.0

FORMAT = "%i|%T|%P|%L|%l|%S|%D|%N|%a|%q|%r"
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
    time_limit: float | None = None
    start: str | None = None
    nodes_asked: int = 0
    nodes: tuple[str, ...] = ()
    account: str | None = None
    qos: str | None = None
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
    fields = line.split("|", 10)
    if len(fields) != 11:
        return None
    job, state, partition, left, limit, start, nodes, names, account, qos, reason = (field.strip() for field in fields)
    return Seen(
        id=job,
        state=state,
        partition=partition or None,
        time_left=limited(seconds(left)) if state == "RUNNING" else None,
        time_limit=limited(seconds(limit)),
        start=when(start),
        nodes_asked=int(nodes) if nodes.isdigit() else 0,
        nodes=tuple(expanded(names)),
        account=account,
        qos=qos,
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
            by = await _who(job, environment) if told["JobState"] == "CANCELLED" else ""
            return Seen(
                id=job,
                state=told["JobState"] + by,
                partition=told.get("Partition"),
                nodes=tuple(expanded(told.get("NodeList", ""))),
                reason=told.get("Reason", "None"),
                exit_code=told.get("ExitCode"),
                asked=time.time(),
            )
        if done.exit_code != 0 and out_of_reach(done.output):
            return None
        # Slurm's memory is short (MinJobAge); its accounts remember for longer, where they are kept.
        state, code = await _accounted(job, environment)
    except CommandFailed as error:
        return None if out_of_reach(str(error)) else Seen(id=job, state="", asked=time.time())
    return Seen(id=job, state=state, exit_code=code or None, asked=time.time())


async def _accounted(job: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """State and exit code; empty where no accounts are kept. Raises :class:`CommandFailed`."""
    argv = ["sacct", "-n", "-P", "-X", "-j", job, "-o", "State,ExitCode"]
    done = await run(argv, timeout=TIMEOUT, env=environment)
    state, _, code = done.stdout.strip().partition("|") if done.exit_code == 0 else ("", "", "")
    return named(state), code


async def _who(job: str, environment: Mapping[str, str]) -> str:
    """`` by anna``, of a job that was cancelled; only the accounts know."""
    try:
        state, _ = await _accounted(job, environment)
    except CommandFailed:
        return ""
    return state.removeprefix("CANCELLED") if state.startswith("CANCELLED by ") else ""


def named(state: str) -> str:
    """``CANCELLED by 1000`` with the name of that user."""
    head, by, uid = state.partition(" by ")
    if not by or not uid.isdigit():
        return state
    try:
        return f"{head} by {pwd.getpwuid(int(uid)).pw_name}"
    except KeyError:
        return f"{head} by user {uid}"


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
