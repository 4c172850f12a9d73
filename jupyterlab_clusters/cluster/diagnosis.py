"""Why a start failed, in a sentence, from what the processes said in their logs.

Promise: an unknown failure is never dressed up as a known one; the end of the
log is always handed on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..launchers.base import Exit, LaunchFailed
from ..profiles.models import ProfileModel
from .causes import sentence
from .engineset import EngineSet
from .models import Failure

if TYPE_CHECKING:
    from .cluster import Cluster

#: What a launcher makes of what an engine said.
Known = Callable[[str], tuple[str, str] | None]

#: How many lines of a log are handed on with a failure.
LINES = 60

#: What programs say, what it means, what to do. The first that matches wins.
KNOWN: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"Address already in use(?:.*?(?:tcp://)?[\w.*]+:(\d+))?", re.I),
        "A port that the controller was told to use is taken by another program{}.",
        "Choose another port in the profile, or end the program that uses it.",
    ),
    (
        re.compile(r"No space left on device|Disk quota exceeded", re.I),
        "The disk is full{}.",
        "Make room and try again.",
    ),
    (
        re.compile(r"Cannot assign requested address(?:.*?(?:tcp://)?([\w.]+):\d+)?", re.I),
        "The controller was told to use an address that this machine does not have{}.",
        "Look at Cluster.controller_ip and IPController.ip in the profile.",
    ),
    (
        re.compile(r"mpi4py sees \d+ of \d+ ranks: it belongs to another MPI(.*?) than"),
        "mpi4py belongs to another MPI than mpiexec{}: each engine would be alone.",
        "Use the mpiexec of that MPI, or install mpi4py for the one that is used.",
    ),
    (
        re.compile(r"cannot load MPI library|libmpi[^\n]*cannot open shared object"),
        "mpi4py does not find the library of MPI{}.",
        "Load the module of MPI before JupyterLab starts, or set LD_LIBRARY_PATH in the options.",
    ),
    (
        re.compile(r"No module named '?([\w.]+)'?"),
        "A Python module is missing{}.",
        "Install it into the Python environment that the engines use.",
    ),
    (
        re.compile(r"MemoryError|Cannot allocate memory"),
        "There is not enough memory{}.",
        "Start fewer engines, or end something else first.",
    ),
    (
        re.compile(r"Too many open files"),
        "The limit of open files is too low for so many engines{}.",
        "Raise it (ulimit -n) before starting JupyterLab, or start fewer engines.",
    ),
    (
        re.compile(r"TraitError: (.{1,200})"),
        "The profile's configuration has a value that does not fit{}.",
        "Correct the setting in the profile.",
    ),
)


#: What our controller says when one of its own processes died.
PART_ENDED = re.compile(r"(\S+), a part of the controller, has ended \(([^)]*)\)")


def recognised(text: str) -> tuple[str, str] | None:
    """Cause and hint for what a program said; ``None`` when it is nothing known."""
    for pattern, cause, hint in KNOWN:
        if match := pattern.search(text):
            detail = next((group for group in match.groups() if group), None)
            return cause.format(f" ({detail.strip()})" if detail else ""), hint
    return None


class Tail:
    """The end of a cluster's logs."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @property
    def engine_set(self) -> EngineSet:
        return self._cluster.engine_set

    async def of(self, name: str) -> str:
        """The last lines of that log since the process began; empty when there is none."""
        return await asyncio.to_thread(self._read, name)

    def _read(self, name: str) -> str:
        try:
            page = self._cluster.log_folder().log(name).page(None, LINES, 0)
        except (KeyError, OSError):
            return ""
        lines = [line.text for line in page.lines]
        begins = [at for at, text in enumerate(lines) if re.match(rf"--- {re.escape(name)} started ", text)]
        return "\n".join(lines[begins[-1] + 1 :] if begins else lines)


async def controller_failed(exit: Exit | None, tail: Tail, *, was_running: bool = False) -> LaunchFailed:
    """The controller ended (or, with ``exit`` of ``None``, never got ready)."""
    output = await tail.of("controller")
    known = recognised(output) if not was_running else None
    if known is not None:
        cause, hint = known
    elif exit is None:
        cause, hint = "The controller did not get ready in time.", "Its log may tell what it waits for."
    elif part := PART_ENDED.search(output):
        cause = f"The controller ended, because a part of it did: {part[1]} ({part[2]})."
        hint = "The end of its log may tell more. Start again to get a new controller and new engines."
    elif was_running:
        cause = f"The controller {sentence(exit)}." if exit.because else f"The controller ended: {sentence(exit)}."
        hint = "Start again to get a new controller and new engines; engines still at work end by themselves."
    else:
        cause, hint = f"The controller could not start: {sentence(exit)}.", "Read its log."
    return LaunchFailed(
        "controller",
        cause,
        hint=hint,
        exit_code=exit.exit_code if exit is not None else None,
        output=output or None,
        log="controller",
    )


async def none_registered(wanted: int, waited: float, tail: Tail, known_better: Known) -> LaunchFailed:
    """No engine at all registered: the first one's log tells most."""
    ended = [slot for slot in tail.engine_set if slot.state in ("lost", "exited")]
    name = f"slot-{ended[0].number if ended else 0}"
    output = await tail.of(name)
    subject = "The engine did not register" if wanted == 1 else f"None of the {wanted} engines registered"
    known = known_better(output) or recognised(output)
    if known is not None:
        cause, hint = known
    elif ended and ended[0].cause is not None:
        cause = f"{subject}: {'it' if wanted == 1 else 'the first'} {was(ended[0].cause.sentence)}."
        hint = "Read the log of the engine."
    else:
        cause = f"{subject} within {waited:.0f} s."
        hint = "Read the log of an engine: it tells whether it could reach the controller."
    return LaunchFailed("engines", cause, hint=hint, output=output or None, log=name)


async def some_missing(registered: int, wanted: int, waited: float, tail: Tail, known_better: Known) -> Failure:
    """Some registered, some did not."""
    ended = [slot for slot in tail.engine_set if slot.state in ("lost", "exited")]
    missing, hint = wanted - registered, "Scale to the wanted number to try again."
    if ended and ended[0].cause is not None:
        cause = f"{missing} of {wanted} engines did not start; one {was(ended[0].cause.sentence)}."
        name = f"slot-{ended[0].number}"
    else:
        cause = f"{missing} of {wanted} engines did not register within {waited:.0f} s."
        waiting = [slot for slot in tail.engine_set if not slot.registered]
        name = f"slot-{waiting[0].number}" if waiting else "controller"
    output = await tail.of(name)
    if (known := known_better(output)) is not None:
        cause, hint = f"{missing} of {wanted} engines did not register. {known[0]}", known[1]
    return Failure(step="engines", cause=cause, hint=hint, output=output if known else None, log=name)


def was(text: str) -> str:
    """``killed by …`` needs a verb before it, ``ended by itself …`` has one."""
    return text if text.startswith("ended") else f"was {text}"


def profile_broken(model: ProfileModel) -> LaunchFailed | None:
    """A profile whose cluster configuration cannot be read must not be started with half of it."""
    if not model.errors:
        return None
    error = model.errors[0]
    where = f" in {error.file}" if error.file else ""
    where += f", line {error.line}" if error.line else ""
    return LaunchFailed(
        "controller",
        f"The profile's configuration has an error{where}: {error.message}",
        hint="Correct the file and try again; it is read anew at each start.",
        output="\n".join(problem.message for problem in model.errors),
    )
