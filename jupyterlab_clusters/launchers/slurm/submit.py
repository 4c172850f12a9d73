"""Giving jobs to Slurm and taking them back.

Promise: a refusal is told with its cause and all that Slurm said; a job is gone
only when Slurm no longer lists it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...host.private import write
from ..base import LaunchFailed
from ..command import CommandFailed, Done, NotThere, run
from .listing import expanded, fields_of, listing
from .words import refused

#: How long Slurm may take to answer (seconds).
TIMEOUT = 30.0
#: How long a job may take to end after it was cancelled (seconds): sites let processes linger, and clean up after them.
GONE = 120.0
#: After this time Slurm only clears up after a job that it calls completing: its processes have ended (seconds).
CLEARING = 15.0
#: Waits between looks at what is left (seconds).
LOOKS = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
#: Most of a job's output that is handed on (bytes).
MOST_SAID = 64 * 1024

NO_SLURM = "Slurm's commands ({program}) are not installed on this machine."


async def submit(text: str, path: Path, env: Mapping[str, str], partition: str) -> str:
    """The number of the new job; its script is kept at ``path``. Raises :class:`LaunchFailed`."""
    await asyncio.to_thread(write, path, text)
    done = await asked("submit", ["sbatch", "--parsable", str(path)], env, partition)
    number = done.stdout.strip().splitlines()[-1].split(";")[0] if done.stdout.strip() else ""
    if not number.isdigit():
        raise LaunchFailed(
            "submit", "sbatch did not tell the number of the job.", command=done.argv, output=done.output
        )
    return number


async def joined(number: str, env: Mapping[str, str]) -> tuple[int, int | None]:
    """Nodes of an allocation, and the processors it has on each. Raises :class:`LaunchFailed`."""
    done = await asked("submit", ["scontrol", "show", "job", "-o", number], env)
    told = fields_of(done.stdout)
    if told.get("JobState") != "RUNNING":
        raise LaunchFailed(
            "submit",
            f"Slurm's job {number} does not run (it is {told.get('JobState', 'unknown')}).",
            hint="Only an allocation that runs can be joined.",
            command=done.argv,
            output=done.output,
        )
    nodes = len(expanded(told.get("NodeList", ""))) or int(told.get("NumNodes", "1").split("-")[0])
    width = int(told["NumCPUs"]) // nodes if told.get("NumCPUs", "").isdigit() else None
    return nodes, width or None


async def cancel(numbers: Sequence[str], env: Mapping[str, str], *, name: str = "", user: str = "") -> None:
    """Jobs that are gone already are no error; ``name`` finds one of ours whose number was never learned."""
    await asked("drain", ["scancel", *numbers], env, fine=("Invalid job id",))
    if name:
        await asked("drain", ["scancel", f"--user={user}", f"--name={name}"], env, fine=("Invalid job id",))


async def shrink(number: str, nodes: Sequence[str], env: Mapping[str, str]) -> None:
    """From now on the job has these nodes only. Raises :class:`LaunchFailed` where a site does not allow it."""
    await asked("drain", ["scontrol", "update", f"JobId={number}", f"NodeList={','.join(nodes)}"], env)


async def until_gone(numbers: Sequence[str], env: Mapping[str, str]) -> None:
    """Raises :class:`LaunchFailed` with those that are left."""
    began, looks = time.monotonic(), iter(LOOKS)
    while True:
        await asyncio.sleep(next(looks, LOOKS[-1]))
        listed = await listing(env)
        fine = ("COMPLETING",) if time.monotonic() - began > CLEARING else ()
        left = [one for one in numbers if listed is None or (one in listed and listed[one].state not in fine)]
        if not left:
            return
        if time.monotonic() - began > GONE:
            said = "Slurm does not answer" if listed is None else "Slurm still lists it as " + listed[left[0]].state
            raise LaunchFailed(
                "drain",
                f"Job {', '.join(left)} was cancelled but is not known to be gone: {said}.",
                hint="Try again later; `squeue --me` shows what is left.",
            )


async def asked(
    step: str, argv: Sequence[str], env: Mapping[str, str], partition: str = "", *, fine: Sequence[str] = ()
) -> Done:
    """Run a command of Slurm. Raises :class:`LaunchFailed`; ``fine`` are words of errors that are none."""
    try:
        done = await run(argv, timeout=TIMEOUT, env=env)
    except NotThere as error:
        hint = "JupyterLab must run on a machine from which jobs can be submitted."
        raise LaunchFailed(step, NO_SLURM.format(program=argv[0]), hint=hint, command=argv) from error
    except CommandFailed as error:
        raise LaunchFailed(
            step,
            "Slurm does not answer.",
            hint="Its controller (slurmctld) may be down for a moment; try again.",
            command=argv,
            output=error.output or str(error),
        ) from error
    if done.exit_code == 0 or any(word in done.output for word in fine):
        return done
    cause, hint = refused(done.output, partition) or (
        f"{argv[0]} was refused by Slurm.",
        "See what it said under Show output.",
    )
    raise LaunchFailed(step, cause, hint=hint, command=argv, exit_code=done.exit_code, output=done.output)
