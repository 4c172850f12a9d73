"""One question to a host over one connection, and at which step it failed.

Promise: as the launcher's own connections are made, but alone, soon over, and
without a trace here or there; ended after its time with all that was said until
then. Must never accept a key or ask for anything.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...host.messages import READY
from ..command import CommandFailed, TimedOut, run
from . import probe
from .connection import begun
from .doorbell import Door
from .hostkey import ALONE, words
from .hosts import Host
from .models import CheckName
from .parcel import program

#: What the question may take, and what of it a ring at our door may (seconds).
ANSWER, RING = 4.4, 2.5

#: Most of what ssh said that is passed on (characters).
MOST_SAID = 4 * 1024

PACKAGES = ("ipyparallel", "ipykernel")

NO_KEY = re.compile(r"Host key verification failed|REMOTE HOST IDENTIFICATION|No \S+ host key is known for")
NO_LOGIN = re.compile(r"Permission denied|Too many authentication failures")
#: What ssh tells on the way, by its option -v.
KEY_SHOWN = re.compile(r"^debug1: Server host key: (\S+) (\S+)", re.MULTILINE)
MET = re.compile(r"^debug1: Authenticating to (\S+) as ", re.MULTILINE)
PROXIED = "Executing proxy command"
USER = re.compile(r"^debug1: Authenticating to .* as '([^']*)'", re.MULTILINE)
LOGGED_IN = re.compile(r"^(?:debug1: Authentication succeeded|Authenticated to )", re.MULTILINE)
FORWARDED = re.compile(r"^Allocated port \d+ for remote forward", re.MULTILINE)
#: Not told to a person as what ssh said.
CHATTER = re.compile(r"^(?:debug\d: |OpenSSH_|Authenticated to |Allocated port |Transferred: |Bytes per second: )")


@dataclass(frozen=True)
class Terms:
    """What goes for all hosts of a test; ``door`` is where they ring when they are to come by address."""

    environment: Mapping[str, str]
    python: str = "python3"
    login_script: str | None = None
    door: Door | None = None


@dataclass(frozen=True)
class Said:
    """What came of it; ``exit_code`` of None = it was ended by us."""

    answer: dict[str, Any] | None
    errors: str
    exit_code: int | None

    @property
    def plain(self) -> str:
        """As ssh talks to people."""
        lines = [line for line in self.errors.splitlines() if not CHATTER.match(line)]
        return "\n".join(lines).strip()[-MOST_SAID:]

    @property
    def changed(self) -> bool:
        """Whether the key is not the known one; some have set their ssh to go on all the same."""
        return "REMOTE HOST IDENTIFICATION HAS CHANGED" in self.errors

    @property
    def key(self) -> str | None:
        """The fingerprint that was shown; behind a jump host, the last of those that were."""
        shown = KEY_SHOWN.findall(self.errors)
        return shown[-1][1] if shown else None

    @property
    def jump(self) -> str | None:
        """The jump host that was spoken with last, if any."""
        met = MET.findall(self.errors)
        return met[-1] if met and PROXIED in self.errors else None

    @property
    def user(self) -> str | None:
        """Who logged in there."""
        users = USER.findall(self.errors)
        return users[-1] if users else None

    @property
    def forwarded(self) -> bool:
        """Whether a port there may lead here."""
        return FORWARDED.search(self.errors) is not None

    @property
    def failed_at(self) -> CheckName | None:
        """The step at which the connection ended; None when the host answered."""
        if self.answer is not None:
            return None
        if NO_KEY.search(self.plain):
            return "host-key"
        if self.exit_code not in (255, None):
            return "python"
        if NO_LOGIN.search(self.plain):
            return "login"
        if self.exit_code is None and LOGGED_IN.search(self.errors):
            return "python"
        # Behind a jump host, the words of its ssh stand among those of ours.
        return "login" if self.key and PROXIED not in self.errors else "reached"


async def said_by(host: Host, terms: Terms) -> Said:
    """Ask it."""
    question = {
        "mark": READY.decode(),
        "packages": PACKAGES,
        "bell": terms.door.question() if terms.door else None,
        "seconds": RING,
    }
    argv = ["ssh", "-v", "-T", *words(ALONE)]
    if terms.door is None:
        # The same question to the sshd there as when engines are to reach their controller: may a port lead here?
        argv += ["-R", "127.0.0.1:0:127.0.0.1:9"]
    argv += [*host.destination(), begun(host.python or terms.python, terms.login_script)]
    stdin = program(source()) + json.dumps(question).encode() + b"\n"
    try:
        done = await run(argv, timeout=ANSWER, env=terms.environment, stdin=stdin)
    except TimedOut as error:
        return Said(_answer(error.stdout), error.stderr, None)
    except CommandFailed as error:
        return Said(None, str(error), 255)
    return Said(_answer(done.stdout), done.stderr, done.exit_code)


@functools.cache
def source() -> str:
    """The program that is sent over."""
    return Path(probe.__file__).read_text("utf-8")


def _answer(stdout: str) -> dict[str, Any] | None:
    """The lines that count, together; what login scripts print is passed over."""
    answer: dict[str, Any] = {}
    for line in stdout.splitlines():
        _, mark, rest = line.partition(READY.decode())
        if mark:
            try:
                answer.update(json.loads(rest))
            except ValueError:
                break  # cut off in the middle
    return answer or None
