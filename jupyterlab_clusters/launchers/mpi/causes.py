"""Why an MPI program did not start, or ended, from what mpiexec said.

Promise: pure; an unknown failure is not dressed up as a known one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from signal import SIGABRT, SIGBUS, SIGKILL, SIGSEGV, SIGTERM

#: What was said, what it means, what to do. The first that matches wins.
REFUSED: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"not enough slots available in the system to satisfy the (\d+)"),
        "Open MPI has {slots}",
        "Ask for fewer engines, name hosts with more slots, or give mpiexec the argument --oversubscribe.",
    ),
    (
        re.compile(r"Unable to create step for job|More processors requested than permitted"),
        "The Slurm allocation has not as many processors as engines were asked for.",
        "Ask for fewer engines, take a larger allocation, or give srun the argument --overcommit.",
    ),
    (
        re.compile(r"attempt(?:ed)? to run(?: \S+)? as (?:the )?root|run as root", re.I),
        "Open MPI refuses to run as root.",
        "Run JupyterLab as an ordinary user; in a container, where root is all there is, set "
        "OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 before it starts.",
    ),
    (
        re.compile(
            r"unable to (?:launch|find).{0,200}executable|could not find (?:an )?executable|execvp error on file",
            re.I | re.S,
        ),
        "mpiexec did not find the Python that the engines should use.",
        "Name a Python that is there on every host in the options.",
    ),
    (
        re.compile(
            r"unrecognized (?:argument|option) ['\"]?(\S+?)['\"]?(?:$|\s)|unknown option[: ]+['\"]?(\S+?)['\"]?\s",
            re.I | re.M,
        ),
        "mpiexec does not know the argument {0}.",
        "Look at the arguments of mpiexec in the options and in the profile.",
    ),
    (
        re.compile(r"(?:hostfile|machinefile)[^\n]*(?:not found|could not|unable)|(?:open|find)[^\n]*host ?file", re.I),
        "mpiexec could not read the hosts file.",
        "Is its path right?",
    ),
    (
        re.compile(r"could not resolve|unknown host|Host key verification failed|Permission denied \(", re.I),
        "mpiexec could not reach one of its hosts.",
        "It uses ssh by itself: can you log in to each of them without a password?",
    ),
    (
        re.compile(
            r"PMI(?:x|2)?\b[^\n]*(?:not supported|unreachable|failed|error)|OPAL ERROR: (?:Unreachable|Error)", re.I
        ),
        "The engines found no way to MPI's process manager (PMI).",
        "Start them with the mpiexec of the MPI that mpi4py was built with, or with srun --mpi=pmix.",
    ),
)

SIGNALLED = re.compile(r"process rank (\d+) with PID (\d+) on node (\S+) exited on signal (\d+)")
STATUS = re.compile(r"Process name:\s*\[.*?[,@]\s*(?:\d+,)?(\d+)\]\s*Exit code:\s*(\d+)", re.S)
ABORTED = re.compile(r"MPI_ABORT was invoked on rank (\d+).*?errorcode (-?\d+)", re.S)
SRUN_CODE = re.compile(r"srun: error: \S+: tasks? (\d+)\S*: Exited with exit code (\d+)")
SRUN_SIGNAL = re.compile(r"srun: error: \S+: task (\d+): (Killed|Segmentation fault|Aborted|Bus error|Terminated)")
SRUN_ENDS_ALL = "Job step aborted"
HYDRA_ABORTED = re.compile(r"application called MPI_Abort\([^,]*, (-?\d+)\) - process (\d+)")
HYDRA_SIGNAL = re.compile(r"RANK (\d+) PID (\d+) RUNNING AT (\S+).*?KILLED BY SIGNAL: (\d+)", re.S)
HYDRA_BAD = re.compile(r"BAD TERMINATION.*?PID (\d+) RUNNING AT (\S+)\s*=\s*EXIT CODE: (\d+)", re.S)


#: As srun says it.
SIGNALS = {
    "Killed": SIGKILL,
    "Segmentation fault": SIGSEGV,
    "Aborted": SIGABRT,
    "Bus error": SIGBUS,
    "Terminated": SIGTERM,
}


@dataclass(frozen=True)
class Culprit:
    """The rank that ended first; ``rank`` None when only its pid was told. At most one of ``exit_code`` and ``signal``
    is set. Not ``sure``: Hydra may name one that it ended itself."""

    rank: int | None
    exit_code: int | None = None
    signal: int | None = None
    aborted: bool = False
    sure: bool = True


def culprit(said: str, rank_of_pid: Mapping[int, int]) -> Culprit | None:
    """Whom mpiexec blames."""
    if match := ABORTED.search(said):
        return Culprit(int(match[1]), exit_code=int(match[2]), aborted=True)
    if match := HYDRA_ABORTED.search(said):
        return Culprit(int(match[2]), exit_code=int(match[1]), aborted=True)
    if match := SRUN_CODE.search(said):
        return Culprit(int(match[1]), exit_code=int(match[2]))
    if match := SRUN_SIGNAL.search(said.partition(SRUN_ENDS_ALL)[0]):
        return Culprit(int(match[1]), signal=int(SIGNALS[match[2]]))
    if match := SIGNALLED.search(said):
        return Culprit(int(match[1]), signal=int(match[4]))
    if match := STATUS.search(said):
        return Culprit(int(match[1]), exit_code=int(match[2]))
    if match := HYDRA_SIGNAL.search(said):
        return Culprit(int(match[1]), signal=int(match[4]))
    if match := HYDRA_BAD.search(said):
        rank, code = rank_of_pid.get(int(match[1])), int(match[3])
        # Hydra tells a signal as a small code and in words beside it.
        signal = re.search(r"EXIT STRING: .*?\(signal (\d+)\)", said)
        if signal:
            return Culprit(rank, signal=int(signal[1]), sure=False)
        return Culprit(rank, exit_code=code, sure=False)
    return None


def of_code(rank: int, code: int) -> Culprit:
    """The rank that ended first, when mpiexec itself ended with this code: as in a shell, 128 and more is a signal."""
    return Culprit(rank, signal=code - 128) if 128 < code < 160 else Culprit(rank, exit_code=code)


def refused(said: str, slots: int | None) -> tuple[str, str] | None:
    """Cause and hint when mpiexec began nothing; ``slots`` is how many there are, where that is known."""
    for pattern, cause, hint in REFUSED:
        if match := pattern.search(said):
            found = next((group for group in match.groups() if group), "")
            there = f"only {slots} slot{'s' * (slots != 1)} here, {found} engines were asked for."
            if slots is None:
                there = f"fewer slots here than the {found} engines that were asked for."
            return cause.format(found, slots=there), hint
    return None
