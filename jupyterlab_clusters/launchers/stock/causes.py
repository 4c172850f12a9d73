"""Why one of ipyparallel's launchers could not start, or what became of it, in words.

Promise: pure; what is not known is told as the launcher told it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..base import LaunchFailed
from ..mpi.causes import refused as refused_by_mpi
from ..slurm.words import refused as refused_by_slurm
from ..ssh.causes import known as known_to_ssh

#: A batch system says so of a job that has ended already: nothing is left to do.
GONE = ("invalid job id", "unknown job", "does not exist", "has finished", "already finished", "no matching job")


def not_begun(part: str, facts: Mapping[str, Any], said: str) -> LaunchFailed:
    """``facts`` as the launcher's program told them, ``said`` = all that was printed."""
    message, kind = str(facts.get("message") or ""), str(facts.get("kind") or "an error")
    command, output = facts.get("command"), str(facts.get("output") or "") or said or None
    whole = f"{message}\n{output or ''}"
    if kind == "FileNotFoundError" and facts.get("file"):
        cause = f"{facts['file']} was not found on this machine."
        hint: str | None = "The profile names a launcher that needs it: install it, or start JupyterLab where it is."
    elif known := refused(whole, by=str(command[0]) if command else ""):
        cause, hint = known
    elif command:
        first = next((line.strip() for line in (output or "").splitlines() if line.strip()), "")
        word = f"failed with code {facts.get('exit_code')}"
        cause = f"{command[0]} {word}{f': {first[:200]}' if first else ''}".rstrip(".") + "."
        hint = "See all that it said under Show output."
    else:
        cause, hint = f"ipyparallel's launcher of the {part} failed: {kind}: {message[:500]}.", None
    return LaunchFailed(
        part,
        cause,
        hint=hint,
        command=command,
        exit_code=facts.get("exit_code"),
        output=output,
        log="controller" if part == "controller" else "job",
    )


def refused(said: str, *, by: str = "") -> tuple[str, str | None] | None:
    """Cause and hint for what is known of the tools that launchers use; ``by`` = the one that said it, if known."""
    of_ssh = known_to_ssh("the host", said)
    if by.rpartition("/")[2] in ("ssh", "scp"):
        return of_ssh
    return refused_by_slurm(said) or refused_by_mpi(said, None) or of_ssh


def left(facts: Mapping[str, Any], job: str | None) -> LaunchFailed | None:
    """What a launcher could not end; None when that was gone already."""
    said = f"{facts.get('message') or ''}\n{facts.get('output') or ''}"
    if any(word in said.lower() for word in GONE):
        return None
    what = f"The job {job}" if job else "What was started"
    command = facts.get("command")
    return LaunchFailed(
        "drain",
        f"{what} could not be ended by ipyparallel's launcher.",
        hint="End it by hand, then press Stop again.",
        command=command,
        exit_code=facts.get("exit_code"),
        output=said.strip() or None,
        log="job",
    )
