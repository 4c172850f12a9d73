"""A job as the window shows it.

Promise: pure; what Slurm does not know is left out, and a Slurm that does not
answer is said together with when it last did.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import msgspec

from ..base import Job
from .accounts import Accounts
from .facts import Facts
from .job import SlurmJob
from .words import waiting


def told(job: SlurmJob, facts: Facts, accounts: Accounts, options: Mapping[str, Any]) -> Job:
    """Of the job that a person waits for, or that runs."""
    seen = job.seen
    nodes = sorted(job.nodes) or (list(seen.nodes) if seen is not None else [])
    if seen is None:
        return Job(id=job.id, state=job.state, partition=options.get("partition"), nodes=nodes)
    name = seen.partition or options.get("partition")
    explanation = None
    if job.state == "PENDING":
        partition = facts.partition(name)
        used = (partition.in_use, partition.nodes) if partition is not None else None
        limit = accounts.limit(seen.reason, seen.account, seen.qos)
        explanation = waiting(seen.reason, name, used, limit)
    if seen.silent:
        explanation = (
            f"asked at {clock(seen.asked)}, Slurm is not answering" if seen.asked else "Slurm is not answering"
        )
    return Job(
        id=job.id,
        state=job.state,
        reason=None if seen.reason == "None" else seen.reason,
        explanation=explanation,
        expected_start=seen.start if job.state == "PENDING" else None,
        time_left=seen.time_left,
        time_limit=seen.time_limit,
        partition=name,
        nodes=nodes,
        asked_at=iso(seen.asked) if seen.asked else None,
    )


def ends_with(job: Job, leading: SlurmJob | None) -> Job:
    """Engines are of no use without their controller: the time that is left is that of its job, if that is less."""
    seen = leading.seen if leading is not None else None
    if seen is None or seen.time_left is None or job.state != "RUNNING" or job.id == seen.id:
        return job
    if job.time_left is not None and job.time_left <= seen.time_left:
        return job
    return msgspec.structs.replace(job, time_left=seen.time_left, time_limit=seen.time_limit)


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock(seconds: float) -> str:
    """The time of day here."""
    return datetime.fromtimestamp(seconds, timezone.utc).astimezone().strftime("%H:%M")
