"""Why a command could not be done, and the exit code that tells a script.

Promise: the codes are documented in ``docs/command-line.md`` and stay.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    #: The cluster failed, or what was asked was refused.
    FAILED = 1
    #: The command was not understood.
    USAGE = 2
    #: There is no such cluster or log.
    NOT_FOUND = 3
    #: No way to the Jupyter server, or it does not let us in.
    NO_SERVER = 4
    #: Not within ``--timeout``; it goes on.
    TOO_LATE = 5
    INTERRUPTED = 130


class Problem(Exception):
    """``message`` and ``hint`` are sentences for a person."""

    def __init__(self, message: str, code: Exit = Exit.FAILED, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.code, self.hint = message, code, hint
