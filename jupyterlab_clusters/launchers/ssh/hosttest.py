"""Whether engines could run on a host: what stands in the way, each with its cause and hint.

Promise: one connection as the launcher's own are, which leaves nothing behind
here or there; done in bounded time; a step that could not be tried is not told
as good or bad. Must never accept a key or ask for anything.
"""

from __future__ import annotations

import asyncio
import functools
import json
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from ...host.messages import READY
from ..command import CommandFailed, TimedOut, run
from . import probe
from .causes import lacking, recognised
from .connection import begun
from .doorbell import Door
from .hostkey import ALONE, NotKept, known_of, others_known, shown_by, words
from .hosts import Host
from .models import CHECKS, CheckName, HostCheck, HostTest
from .parcel import program

#: Within which a host is done (seconds), and what of it the connection may take.
WITHIN, CONNECTION = 4.8, 4.4

#: Most of what ssh said that is passed on (characters).
MOST_SAID = 16 * 1024

PACKAGES = ("ipyparallel", "ipykernel")

NO_KEY = re.compile(r"Host key verification failed|REMOTE HOST IDENTIFICATION|No \S+ host key is known for")
NO_LOGIN = re.compile(r"Permission denied|Too many authentication failures")
#: What ssh tells on the way, by its option -v.
KEY_SHOWN = re.compile(r"^debug1: Server host key: (\S+) (\S+)", re.MULTILINE)
USER = re.compile(r"^debug1: Authenticating to .* as '([^']*)'", re.MULTILINE)
LOGGED_IN = re.compile(r"^(?:debug1: Authentication succeeded|Authenticated to )", re.MULTILINE)
FORWARDED = re.compile(r"^Allocated port \d+ for remote forward", re.MULTILINE)
#: Not told to a person as what ssh said.
CHATTER = re.compile(r"^(?:debug\d: |OpenSSH_|Authenticated to |Allocated port |Transferred: |Bytes per second: )")

CHANGED = (
    "The key of {host} is not the one that is known: it was set up anew, or somebody stands between.",
    "Ask whoever runs it; if the change is right, remove the old key with `ssh-keygen -R`.",
)
UNKNOWN = (
    "The key of {host} is not known yet.",
    "Compare its fingerprint with what whoever runs {host} tells you, and accept it if they are the same.",
)
SLOW = (
    "Python on {host} did not begin in time.",
    "A login script or a slow home folder may hold it up; test again, it is often quicker then.",
)
NOT_FORWARDED = (
    "{host} does not let its engines reach the controller through ssh.",
    "Its sshd may forbid forwarding (AllowTcpForwarding); then choose direct addresses in the options.",
)


@dataclass(frozen=True)
class Terms:
    """What goes for all hosts of a test; ``door`` is where they ring when they are to come by address."""

    environment: Mapping[str, str]
    python: str = "python3"
    login_script: str | None = None
    door: Door | None = None


@dataclass(frozen=True)
class Said:
    """What came of the connection; ``exit_code`` of None = it was ended by us."""

    answer: dict[str, Any] | None
    errors: str
    exit_code: int | None

    @property
    def plain(self) -> str:
        """As ssh talks to people."""
        lines = [line for line in self.errors.splitlines() if not CHATTER.match(line)]
        return "\n".join(lines).strip()[-MOST_SAID:]


async def tested(host: Host, terms: Terms) -> HostTest:
    """All there is to tell of one host, within ``WITHIN`` seconds."""
    end = asyncio.get_running_loop().time() + WITHIN
    said = await _said(host, terms)
    step = _failed_at(said)
    if step is None:
        return _done(host, _good(said) + _found(host, terms, said), said)
    cause, hint = _why(host, terms, step, said)
    fingerprint = key_type = None
    if step == "host-key" and "CHANGED" not in said.errors:
        left = max(end - asyncio.get_running_loop().time(), 0.3)
        fingerprint, key_type, changed = await _offered(host, terms.environment, left)
        if changed or fingerprint:
            cause, hint = (text.format(host=host.name) for text in (CHANGED if changed else UNKNOWN))
    checks = [*_good(said, until=step), HostCheck(name=step, ok=False, cause=cause, hint=hint)]
    return _done(host, checks, said, fingerprint, key_type)


def untested(host: Host, cause: str) -> HostTest:
    """One that could not even be tried."""
    return _done(host, [HostCheck(name="reached", ok=False, cause=cause)], Said(None, "", None))


async def _said(host: Host, terms: Terms) -> Said:
    question = {
        "mark": READY.decode(),
        "packages": PACKAGES,
        "bell": terms.door.question() if terms.door else None,
        "seconds": CONNECTION / 2,
    }
    argv = ["ssh", "-v", "-T", *words(ALONE)]
    if terms.door is None:
        # The same question to the sshd there as when engines are to reach their controller: may a port lead here?
        argv += ["-R", "127.0.0.1:0:127.0.0.1:9"]
    argv += [*host.destination(), begun(host.python or terms.python, terms.login_script)]
    stdin = program(_source()) + json.dumps(question).encode() + b"\n"
    try:
        done = await run(argv, timeout=CONNECTION, env=terms.environment, stdin=stdin)
    except TimedOut as error:
        return Said(_answer(error.stdout), error.stderr, None)
    except (CommandFailed, ValueError) as error:
        return Said(None, str(error), 255)
    return Said(_answer(done.stdout), done.stderr, done.exit_code)


@functools.cache
def _source() -> str:
    return Path(probe.__file__).read_text("utf-8")


def _answer(stdout: str) -> dict[str, Any] | None:
    """The line that counts; what login scripts print is passed over."""
    for line in stdout.splitlines():
        _, mark, rest = line.partition(READY.decode())
        if mark:
            try:
                told: dict[str, Any] = json.loads(rest)
            except ValueError:
                return None
            return told
    return None


def _failed_at(said: Said) -> CheckName | None:
    """The step at which the connection ended; None when the host answered."""
    if said.answer is not None:
        return None
    if NO_KEY.search(said.plain):
        return "host-key"
    if said.exit_code == 255 or said.exit_code is None:
        if NO_LOGIN.search(said.plain):
            return "login"
        if said.exit_code is None and LOGGED_IN.search(said.errors):
            return "python"
        return "login" if KEY_SHOWN.search(said.errors) and not _proxied(said) else "reached"
    return "python"


def _proxied(said: Said) -> bool:
    # Then the words of the jump host's ssh stand among those of ours.
    return "Executing proxy command" in said.errors


def _why(host: Host, terms: Terms, step: CheckName, said: Said) -> tuple[str, str]:
    if step == "python" and said.exit_code is None:
        cause, hint = SLOW
        return cause.format(host=host.name), hint
    otherwise = "did not answer in time" if said.exit_code is None else ""
    cause, hint = recognised(host.name, f"{said.plain}\n{otherwise}")
    if step == "python" and not cause.startswith(f"{host.name} has no program"):
        python = host.python or terms.python
        cause = f"{python} on {host.name} ended before it had begun (exit code {said.exit_code})."
        hint = "Is it a Python, and does the login script end well? What was said is shown below."
    return cause, hint


def _good(said: Said, until: CheckName | None = None) -> list[HostCheck]:
    """The steps on the way to Python that went well."""
    keys, users = KEY_SHOWN.findall(said.errors), USER.findall(said.errors)
    values = {"host-key": keys[-1][1] if keys else None, "login": users[-1] if users else None}
    steps = CHECKS[: CHECKS.index(until or "python")]
    return [HostCheck(name=name, ok=True, value=values.get(name)) for name in steps]


def _found(host: Host, terms: Terms, said: Said) -> list[HostCheck]:
    """What the Python there told."""
    answer = said.answer or {}
    checks = [_python(host, answer)]
    if "versions" in answer:
        checks.append(_ipyparallel(host, answer))
    for name in ("cores", "memory"):
        checks.append(HostCheck(name=name, ok=True, value=answer.get(name)))
    checks.append(_rang(host, terms.door, answer) if terms.door else _forwarded(host, said))
    return checks


def _python(host: Host, answer: Mapping[str, Any]) -> HostCheck:
    there, here = str(answer.get("python")), platform.python_version()
    if "versions" not in answer:
        oldest = ".".join(map(str, probe.OLDEST))
        return HostCheck(
            name="python",
            ok=False,
            value=there,
            cause=f"Python {there} on {host.name} is too old; {oldest} or newer is needed.",
            hint="Name another Python in the options, or a login script that brings it.",
        )
    differs = there.split(".")[:2] != here.split(".")[:2]
    hint = f"Here it is {here}: functions that are sent there may not be understood." if differs else None
    return HostCheck(name="python", ok=True, value=there, hint=hint)


def _ipyparallel(host: Host, answer: Mapping[str, Any]) -> HostCheck:
    versions = answer["versions"]
    there = versions.get("ipyparallel")
    ours = {name: metadata.version(name) for name in PACKAGES}
    if wrong := lacking(host.name, versions, str(answer.get("executable")), ours):
        return HostCheck(name="ipyparallel", ok=False, value=there, cause=wrong[0], hint=wrong[1])
    hint = f"Here it is {ours['ipyparallel']}." if there != ours["ipyparallel"] else None
    return HostCheck(name="ipyparallel", ok=True, value=there, hint=hint)


def _forwarded(host: Host, said: Said) -> HostCheck:
    if FORWARDED.search(said.errors):
        return HostCheck(name="controller", ok=True, value="ssh")
    cause, hint = NOT_FORWARDED
    return HostCheck(name="controller", ok=False, value="ssh", cause=cause.format(host=host.name), hint=hint)


def _rang(host: Host, door: Door, answer: Mapping[str, Any]) -> HostCheck:
    bell = answer.get("bell") or {}
    if bell.get("heard") == door.hear:
        return HostCheck(name="controller", ok=True, value="direct")
    hint = "Choose the way through the ssh connection in the options; then only sshd must be reachable."
    if bell.get("unknown"):
        cause = f"{host.name} does not know this machine by its name {door.location}."
    elif "heard" in bell:
        cause = f"{host.name} reaches another machine when it looks for {door.location}."
    else:
        cause = f"{host.name} cannot open a connection to this machine ({door.location}): {bell.get('error')}."
    return HostCheck(name="controller", ok=False, value="direct", cause=cause, hint=hint)


async def _offered(host: Host, env: Mapping[str, str], left: float) -> tuple[str | None, str | None, bool]:
    """Fingerprint and sort of a key that may be accepted, and whether other keys stand against it."""
    key = await shown_by(host, env, timeout=left)
    if key is None:
        return None, None, False
    try:
        others = await others_known(key, await known_of(host, env), env)
    except (CommandFailed, NotKept):
        return None, None, False
    return (None, None, True) if others else (key.fingerprint, key.key_type, False)


def _done(
    host: Host,
    checks: Sequence[HostCheck],
    said: Said,
    fingerprint: str | None = None,
    key_type: str | None = None,
) -> HostTest:
    """With every check in its place; those that could not be tried have no result."""
    known = {check.name: check for check in checks}
    every = [known.get(name) or HostCheck(name=name) for name in CHECKS]
    ok = all(check.ok for check in every)
    return HostTest(
        host=host.name,
        state="done",
        ok=ok,
        checks=every,
        fingerprint=fingerprint,
        key_type=key_type,
        output=None if ok else said.plain or None,
    )
