"""All launchers by name: what they are called, what they can do, what may be chosen, whether they are here."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .base import Capabilities, Launcher, LauncherModel, LauncherName, Plan, Preset, Watcher
from .local import CAPABILITIES as LOCAL
from .local import LocalLauncher
from .mpi import CAPABILITIES as MPI
from .mpi import MpiLauncher
from .options import IDLE, common_options, encryption, local_options, mpi_options, ssh_options
from .slurm import CAPABILITIES as SLURM
from .slurm import SlurmLauncher
from .slurm.options import slurm_options
from .ssh import CAPABILITIES as SSH
from .ssh import SshLauncher
from .stock import CAPABILITIES as STOCK
from .stock import StockLauncher

TITLES: dict[LauncherName, str] = {
    "local": "This machine",
    "ssh": "Other machines by SSH",
    "mpi": "MPI",
    "slurm": "Slurm queue",
    "stock": "As the profile says",
}

NO_SSH = "OpenSSH's client (ssh) is not installed on this machine."
NO_SLURM = "No sbatch here: JupyterLab must run on a machine from which jobs can be submitted."
NO_MPI = "No mpiexec here: install Open MPI or MPICH, or load its module before JupyterLab starts."


def capabilities_of(name: LauncherName, as_written: str | None = None) -> Capabilities:
    """``as_written`` = why the profile is run by ipyparallel's own launchers, if it is."""
    if as_written:
        return STOCK
    return {"local": LOCAL, "ssh": SSH, "mpi": MPI, "slurm": SLURM}.get(name, STOCK)


def options_of(name: LauncherName, partitions: Sequence[str] | None = None) -> dict[str, Any]:
    """JSON schema of what may be chosen; ``partitions`` = those that the site allows."""
    if name == "slurm":
        common = {**common_options("where the Jupyter server was started"), **encryption(default=True)}
        return slurm_options(common, partitions)
    schemas = {"local": local_options, "ssh": ssh_options, "mpi": mpi_options}
    return schemas[name]() if name in schemas else {"type": "object", "properties": IDLE}


def missing(name: LauncherName) -> str | None:
    """Why this launcher cannot be used here."""
    if name == "local":
        return None
    if name == "ssh":
        return None if shutil.which("ssh") else NO_SSH
    if name == "mpi":
        return None if shutil.which("mpiexec") or shutil.which("mpirun") else NO_MPI
    if name == "slurm":
        return None if shutil.which("sbatch") else NO_SLURM
    return None  # what the profile's launcher needs, it tells itself


def all_launchers(
    allowed: Sequence[str] | None,
    partitions: Sequence[str] | None = None,
    presets: Mapping[str, Sequence[Preset]] | None = None,
) -> list[LauncherModel]:
    """Every launcher, with what the site offers of it; those that are not here say why."""
    models = []
    for name, title in TITLES.items():
        reason = missing(name)
        if allowed is not None and name not in allowed:
            reason = "This site does not allow it."
        models.append(
            LauncherModel(
                name=name,
                title=title,
                options=options_of(name, partitions),
                capabilities=capabilities_of(name),
                available=reason is None,
                reason=reason,
                presets=list((presets or {}).get(name, ())),
            )
        )
    return models


def make(name: LauncherName, plan: Plan, watcher: Watcher, *, runtime_dir: Path) -> Launcher:
    """The launcher of that name, or ipyparallel's own for a plan that is run as written."""
    if name == "stock" or plan.as_written:
        return StockLauncher(plan, watcher, name=name, runtime_dir=runtime_dir)
    if name == "local":
        return LocalLauncher(plan, watcher, runtime_dir=runtime_dir)
    if name == "ssh":
        return SshLauncher(plan, watcher, runtime_dir=runtime_dir)
    if name == "mpi":
        return MpiLauncher(plan, watcher, runtime_dir=runtime_dir)
    return SlurmLauncher(plan, watcher, runtime_dir=runtime_dir)
