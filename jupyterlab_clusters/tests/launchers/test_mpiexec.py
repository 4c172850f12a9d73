"""What mpiexec says, read: texts of real runs of Open MPI 4.1 and MPICH 4.0; of Open MPI 5 and Intel MPI from their
sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterlab_clusters.launchers.asked import options_of
from jupyterlab_clusters.launchers.base import Plan
from jupyterlab_clusters.launchers.mpi import causes, mpiexec
from jupyterlab_clusters.launchers.mpi.causes import Culprit

SLOTS = """\
--------------------------------------------------------------------------
There are not enough slots available in the system to satisfy the 64
slots that were requested by the application:

  /usr/bin/python

Either request fewer slots for your application, or make more slots
available for use.
"""

ROOT = """\
--------------------------------------------------------------------------
mpiexec has detected an attempt to run as root.

Running as root is *strongly* discouraged as any mistake (e.g., in
defining TMPDIR) or bug can result in catastrophic damage to the OS
"""

KILLED = """\
--------------------------------------------------------------------------
Primary job  terminated normally, but 1 process returned
a non-zero exit code. Per user-direction, the job has been aborted.
--------------------------------------------------------------------------
--------------------------------------------------------------------------
mpiexec noticed that process rank 2 with PID 0 on node vm exited on signal 9 (Killed).
"""

STATUS = """\
mpiexec detected that one or more processes exited with non-zero status, thus causing
the job to be terminated. The first process to do so was:

  Process name: [[48412,1],1]
  Exit code:    3
"""

STATUS_5 = """\
prterun detected that one or more processes exited with non-zero status,
thus causing the job to be terminated. The first process to do so was:

   Process name: [prterun-vm-1234@1,3] Exit code:    9
"""

ABORT = """\
MPI_ABORT was invoked on rank 1 in communicator MPI_COMM_WORLD
with errorcode 7.
"""

HYDRA = """\
===================================================================================
=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
=   PID 4711 RUNNING AT node1
=   EXIT CODE: 9
=   CLEANING UP REMAINING PROCESSES
=   YOU CAN IGNORE THE BELOW CLEANUP MESSAGES
===================================================================================
YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)
"""

HYDRA_ABORT = "Abort(7) on node 1 (rank 1 in comm 0): application called MPI_Abort(MPI_COMM_WORLD, 7) - process 1\n"

HYDRA_NO_PYTHON = """\
[proxy:0:0@vm] HYDU_create_process (utils/launch/launch.c:73): execvp error on file /no/such/python (No such file or \
directory)
"""

INTEL = """\
===================================================================================
=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
=   RANK 2 PID 4712 RUNNING AT node1
=   KILLED BY SIGNAL: 11 (Segmentation fault)
===================================================================================
"""


@pytest.mark.parametrize(
    "said, who",
    [
        (KILLED, Culprit(2, signal=9)),
        (STATUS, Culprit(1, exit_code=3)),
        (STATUS_5, Culprit(3, exit_code=9)),
        (ABORT, Culprit(1, exit_code=7, aborted=True)),
        (ABORT + STATUS, Culprit(1, exit_code=7, aborted=True)),
        (HYDRA, Culprit(5, signal=9, sure=False)),
        (HYDRA_ABORT, Culprit(1, exit_code=7, aborted=True)),
        (INTEL, Culprit(2, signal=11)),
        ("something else went wrong", None),
    ],
)
def test_who_ended_first(said: str, who: Culprit | None) -> None:
    assert causes.culprit(said, {4711: 5}) == who


def test_what_was_refused() -> None:
    assert causes.refused(SLOTS, 2) == (
        "Open MPI has only 2 slots here, 64 engines were asked for.",
        "Ask for fewer engines, name hosts with more slots, or give mpiexec the argument --oversubscribe.",
    )
    assert causes.refused(SLOTS, 1)[0] == "Open MPI has only 1 slot here, 64 engines were asked for."  # type: ignore[index]
    assert causes.refused(SLOTS, None)[0] == "Open MPI has fewer slots here than the 64 engines that were asked for."  # type: ignore[index]
    assert causes.refused(ROOT, None)[0] == "Open MPI refuses to run as root."  # type: ignore[index]
    assert causes.refused(KILLED, 2) is None
    assert causes.refused(HYDRA_NO_PYTHON, 2)[0] == "mpiexec did not find the Python that the engines should use."  # type: ignore[index]


@pytest.mark.parametrize(
    "version, kind",
    [
        ("mpiexec (OpenRTE) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/\n", "openmpi"),
        ("mpirun (Open MPI) 5.0.3\n", "openmpi"),
        ("HYDRA build details:\n    Version:   4.1.2\n", "hydra"),
        ("Intel(R) MPI Library for Linux* OS, Version 2021.9\n", "hydra"),
        ("slurm-wlm 22.05.8\n", "srun"),
        ("", "unknown"),
    ],
)
def test_whose_mpiexec_it_is(version: str, kind: str) -> None:
    assert mpiexec.flavour(version) == kind


def plan(tmp_path: Path, settings: dict[str, object] | None = None, **options: object) -> Plan:
    said = options_of("mpi", settings or {})
    return Plan("default:", "default", tmp_path, "", tmp_path, options={**said, **options}, settings=settings or {})


def test_the_command(tmp_path: Path) -> None:
    words = mpiexec.argv(plan(tmp_path, mpi_args=["--bind-to", "core"], engine_args=["--debug"]), 4, "openmpi")
    assert words[:5] == ["mpiexec", "-n", "4", "--bind-to", "core"]
    assert "-m" in words and "jupyterlab_clusters.host.rank" in words and "--mpi" in words and "--debug" in words
    assert "-x" not in words, "on this machine the environment is inherited"


def test_other_hosts_are_given_the_environment_by_name(tmp_path: Path) -> None:
    words = mpiexec.argv(plan(tmp_path, hostfile="hosts", environment={"SCRATCH": "/scratch"}), 4, "openmpi")
    assert words[3:5] == ["--hostfile", "hosts"]
    assert "IPP_CONNECTION_INFO" in words and "SCRATCH" in words and "/scratch" not in words
    assert "-x" not in mpiexec.argv(plan(tmp_path, hostfile="hosts"), 4, "hydra")
    assert mpiexec.argv(plan(tmp_path, hostfile="~/hosts"), 4, "hydra")[4] == str(Path.home() / "hosts")


def test_what_the_profile_says(tmp_path: Path) -> None:
    settings = {"MPILauncher.mpi_cmd": ["mpirun.site"], "MPIEngineSetLauncher.mpi_args": ["--map-by", "node"]}
    assert mpiexec.argv(plan(tmp_path, settings), 2, "openmpi")[:5] == ["mpirun.site", "-n", "2", "--map-by", "node"]
    chosen = plan(tmp_path, settings, mpiexec="srun --mpi=pmix")
    assert mpiexec.argv(chosen, 2, "srun")[:4] == ["srun", "--mpi=pmix", "-n", "2"]


def test_slots_of_a_hosts_file(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("node1 slots=4\nnode2 slots=3 max_slots=8 # fast\n\n# none\nnode3\n")
    assert mpiexec.slots({"hostfile": str(hosts)}) == 8
    assert mpiexec.slots({"hostfile": str(tmp_path / "missing")}) is None
