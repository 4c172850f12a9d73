"""The command that starts the ranks: which MPI it belongs to, and its words.

Promise: lists of words, never a shell string; nothing secret among them (the
connection goes by environment).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ..base import Plan
from ..commandline import engine_args

Flavour = Literal["openmpi", "hydra", "srun", "unknown"]

#: How ``mpiexec --version`` names itself.
NAMES: tuple[tuple[str, Flavour], ...] = (
    (r"Open MPI|OpenRTE|prte|PRRTE", "openmpi"),
    (r"HYDRA|MPICH|Intel\(R\) MPI", "hydra"),
    (r"^slurm", "srun"),
)

#: What engines on other hosts need of their environment; Open MPI passes on only what is named.
PASSED_ON = (
    "IPP_CONNECTION_INFO",
    "IPP_CLUSTER_ID",
    "IPP_PROFILE_DIR",
    "JUPYTERLAB_CLUSTERS_RANKS",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONPATH",
)

HOSTFILE: Mapping[Flavour, str] = {
    "openmpi": "--hostfile",
    "hydra": "-f",
    "srun": "--nodefile",
    "unknown": "-machinefile",
}


def words(plan: Plan) -> list[str]:
    """The program as the person or the profile names it, else ``mpiexec``. Raises ValueError for an open quote."""
    if chosen := str(plan.options.get("mpiexec") or ""):
        return shlex.split(chosen)
    return ["mpiexec"]


def found(program: Sequence[str], environment: Mapping[str, str]) -> str | None:
    return shutil.which(program[0], path=environment.get("PATH")) if program else None


def flavour(version: str) -> Flavour:
    """Whose it is, by what ``--version`` prints."""
    return next((name for pattern, name in NAMES if re.search(pattern, version, re.M)), "unknown")


def argv(plan: Plan, engines: int, kind: Flavour, starter: Sequence[str] | None = None) -> list[str]:
    """The whole command for that many ranks; ``starter`` are its first words where they are not :func:`words`."""
    options = plan.options
    command = [*(starter or words(plan)), "-n", str(engines)]
    if hostfile := str(options.get("hostfile") or ""):
        command += [HOSTFILE[kind], os.path.expanduser(hostfile)]
        if kind == "openmpi":
            for name in (*PASSED_ON, *options.get("environment", {})):
                command += ["-x", name]
    command += map(str, options.get("mpi_args", []))
    return [*command, *program(plan)]


def program(plan: Plan) -> list[str]:
    """What each rank runs."""
    ours = [str(plan.options.get("python") or sys.executable), "-m", "jupyterlab_clusters.host.rank"]
    args = engine_args(plan, None)
    # All ranks are started together: none has to wait for its turn.
    return [*ours, *args, "--mpi", "--IPEngine.mpi_registration_delay=0"]


def slots(options: Mapping[str, Any]) -> int | None:
    """How many ranks Open MPI starts here without being told to crowd them; None when it cannot be told."""
    if hostfile := options.get("hostfile"):
        return _slots_of(Path(str(hostfile)).expanduser())
    return _cores()


def _slots_of(hostfile: Path) -> int | None:
    try:
        lines = [line.partition("#")[0].split() for line in hostfile.read_text().splitlines()]
    except OSError:
        return None
    told = (re.search(r"slots=(\d+)", " ".join(line)) for line in lines if line)
    return sum(int(one[1]) if one else 1 for one in told)


def _cores() -> int | None:
    """Open MPI counts cores, not the threads of each."""
    seen = set()
    for topology in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology"):
        try:
            seen.add(((topology / "physical_package_id").read_text(), (topology / "core_id").read_text()))
        except OSError:
            return None
    return len(seen) or None
