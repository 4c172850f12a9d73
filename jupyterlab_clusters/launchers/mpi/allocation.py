"""Inside a Slurm allocation: its own srun starts the ranks, where it and mpi4py understand each other.

Promise: chosen only when srun says that it can, for the MPI that mpi4py belongs to;
ended in bounded time. Submits nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from ..base import Plan
from ..command import CommandFailed, run
from ..commandline import environment

#: How long srun, and mpi4py's Python, may take to answer (seconds).
ANSWER = 10.0

#: Whose mpi4py it is; nothing of MPI is begun for that.
ASK = "import mpi4py; mpi4py.rc.initialize = False; from mpi4py import MPI; print(MPI.get_vendor()[0])"

#: By which interface the ranks of an MPI find each other under srun; both are named by ``srun --mpi=list``.
INTERFACES = {"Open MPI": "pmix", "MPICH": "pmi2", "Intel MPI": "pmi2"}

#: The steps of an allocation share it; what the server knows, ranks know; the end of one is the end of all.
WORDS = ("--overlap", "--export=ALL", "--kill-on-bad-exit=1")


def inside(env: Mapping[str, str]) -> bool:
    """Whether we were started in a job."""
    return bool(env.get("SLURM_JOB_ID"))


def tasks(env: Mapping[str, str]) -> int | None:
    """How many it is for, where that is known."""
    told = env.get("SLURM_NTASKS", "")
    return int(told) if told.isdigit() else None


async def srun(plan: Plan) -> list[str] | None:
    """The first words of a command that starts ranks; None where mpiexec has to."""
    env = environment(plan)
    if not inside(env):
        return None
    python = str(plan.options.get("python") or sys.executable)
    try:
        vendor = await run([python, "-c", ASK], timeout=ANSWER, env=env)
        listed = await run(["srun", "--mpi=list"], timeout=ANSWER, env=env)
    except CommandFailed:
        return None
    interface = INTERFACES.get(vendor.stdout.strip())
    # Older versions say it on the error output, each behind the program's name.
    if interface is None or interface not in listed.output.split():
        return None
    return ["srun", f"--mpi={interface}", *WORDS]
