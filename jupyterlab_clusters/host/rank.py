"""One rank of an MPI program that becomes an engine: with a log of its own, and announced by a file.

Promise: a plain process as mpiexec made it, never forked; where the folder of
the logs is not there (another machine without a shared file system) it says so
in mpiexec's own output and goes on. Run as ``python -m jupyterlab_clusters.host.rank ARGS``.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import private, proc
from .messages import RANKS_VARIABLE, Refused
from .nursery import redirect
from .processes import open_log
from .title import set_title

#: Who tells a process its rank: Open MPI, Hydra (MPICH, Intel MPI), PMIx, Slurm's srun.
RANK_VARIABLES = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID")


def rank_of(environment: Mapping[str, str]) -> int:
    """Raises :class:`LookupError` outside of an MPI program."""
    for name in RANK_VARIABLES:
        if environment.get(name, "").isdigit():
            return int(environment[name])
    raise LookupError("the program that starts ranks has given none (no OMPI_COMM_WORLD_RANK, PMI_RANK, …)")


def announce(folder: Path, rank: int) -> None:
    """Whole or not at all: somebody reads it at once."""
    about = {
        "rank": rank,
        "host": platform.node(),
        "pid": os.getpid(),
        "create_time": proc.created_now(os.getpid()),
        "ticks": proc.ticks(os.getpid()),
    }
    private.write(folder / f"{rank}.json", json.dumps(about))


def arguments(mine: Mapping[str, Any]) -> list[str]:
    """What tells this engine from the others."""
    own = [f"--ident={mine['uuid']}"]
    return own if mine.get("id") is None else [*own, f"--IPEngine.id={mine['id']}"]


def join(size: int) -> None:
    """Become part of the program; leave with the reason when that is not the one that was started."""
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    if MPI.COMM_WORLD.size != size:
        sys.exit(
            f"mpi4py sees {MPI.COMM_WORLD.size} of {size} ranks: it belongs to another MPI "
            f"({MPI.Get_library_version().splitlines()[0].strip()}) than the mpiexec that started it"
        )


def main() -> None:
    """Be the engine of this rank until it is ended."""
    # What the user's code starts needs none of this.
    ranks = json.loads(os.environ.pop(RANKS_VARIABLE))
    rank = rank_of(os.environ)
    mine = ranks["engines"][rank]
    os.environ["JUPYTERLAB_CLUSTERS_SLOT"] = str(mine["slot"])
    log = str(Path(ranks["logs"]) / f"slot-{mine['slot']}.log")
    try:
        os.close(open_log(log, f"slot-{mine['slot']}"))
        redirect(log)
        announce(Path(ranks["announcements"]), rank)
    except (Refused, OSError) as error:
        print(f"rank {rank} on {platform.node()} has no log of its own: {error}", file=sys.stderr, flush=True)
    join(len(ranks["engines"]))
    from . import engine

    set_title(f"ipengine-{mine['slot']}", f"ipyparallel engine, rank {rank}")
    engine.run([*sys.argv[1:], *arguments(mine)])


if __name__ == "__main__":
    main()
