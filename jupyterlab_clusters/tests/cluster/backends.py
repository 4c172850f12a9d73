"""The real back end of each launcher, brought up for one test, and what a person would choose for it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.tests.beds.sshd import first_in_path

from .queued import for_one_test, slurm_up

#: A launcher of somebody else.
OWN = """
from ipyparallel.cluster.launcher import LocalEngineSetLauncher

class OwnEngineSetLauncher(LocalEngineSetLauncher):
    pass
"""


@contextmanager
def back_end(
    launcher: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, engines: Sequence[int] = (2, 1)
) -> Iterator[dict[str, Any]]:
    """Options for that launcher; ``engines`` = how many on each of the hosts that ssh reaches. For ``stock`` a profile
    has to name the launcher (:func:`name_own`)."""
    if launcher == "ssh":
        with first_in_path(folder / "ssh", monkeypatch) as bed:
            hosts = [{"host": bed.host(number), "engines": count} for number, count in enumerate(engines)]
            yield {"hosts": hosts, "python": sys.executable, "profile_dir": str(folder / "there")}
    elif launcher == "mpi":
        assert shutil.which("mpiexec"), "Open MPI is missing"
        for name in ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"):
            monkeypatch.setenv(name, "1")
        yield {"mpi_args": ["--oversubscribe"]}
    elif launcher == "stock":
        own = folder / "own"
        own.mkdir()
        (own / "own_launcher.py").write_text(OWN)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(own), os.environ.get("PYTHONPATH")])))
        yield {}
    elif launcher == "slurm":
        with slurm_up() as bed:
            for_one_test(bed, monkeypatch)
            yield {"engines_per_node": 2}
    else:
        yield {}


def name_own(ipython_dir: Path) -> None:
    """The default profile names the launcher of somebody else."""
    profile = ipython_dir / "profile_default"
    profile.mkdir(parents=True)
    setting = {"Cluster": {"engine_launcher_class": "own_launcher.OwnEngineSetLauncher"}}
    (profile / "ipcluster_config.json").write_text(json.dumps(setting))
