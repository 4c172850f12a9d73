"""How a process ended, in a sentence that a student understands."""

from __future__ import annotations

import signal as signals

from ..launchers.base import Exit
from .models import Cause

_MEANINGS: dict[int, str] = {
    signals.SIGKILL: "perhaps out of memory: the system ends the largest process when memory runs short",
    signals.SIGSEGV: "a compiled library touched memory it must not",
    signals.SIGBUS: "a compiled library touched memory it must not, or a disk is full",
    signals.SIGABRT: "a compiled library gave up, usually after printing why",
    signals.SIGFPE: "a compiled library divided by zero",
    signals.SIGILL: "a compiled library uses instructions that this processor does not have",
    signals.SIGTERM: "somebody or something asked it to end",
    signals.SIGINT: "interrupted from the keyboard or by another program",
    signals.SIGHUP: "its terminal or session was closed",
    signals.SIGXCPU: "its limit of processor time was reached",
}


def signal_name(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:
        return "unknown signal"


def sentence(exit: Exit) -> str:
    """One sentence on how a process ended, without a full stop before a colon's explanation ends."""
    if exit.oom:
        return "killed by the system because memory ran out (out-of-memory killer, SIGKILL)"
    if exit.asked:
        return "stopped as asked"
    if exit.because is not None:
        return exit.because
    if exit.signal is not None:
        meaning = _MEANINGS.get(exit.signal)
        said = f"killed by signal {exit.signal} ({signal_name(exit.signal)})"
        return f"{said}, {meaning}" if meaning else said
    if exit.exit_code is None:
        return "ended while nobody was watching, so how is not known"
    if exit.exit_code == 0:
        return "ended by itself, without an error"
    return f"ended by itself with exit code {exit.exit_code}; its log may tell why"


def cause_of(exit: Exit) -> Cause:
    return Cause(signal=exit.signal, exit_code=exit.exit_code, sentence=sentence(exit))
