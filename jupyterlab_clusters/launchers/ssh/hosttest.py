"""Whether engines could run on a host: what stands in the way, each with its cause and hint.

Promise: done in bounded time, whatever the host does; a step that could not be
tried is not told as good or bad.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from ...timed import within
from ..command import CommandFailed
from . import probe
from .asking import PACKAGES, Said, Terms, said_by
from .causes import lacking, recognised
from .doorbell import Door
from .hostkey import NotKept, known_of, others_known, shown_by
from .hosts import Host
from .models import CHECKS, CheckName, HostCheck, HostTest

#: Within which a host is done (seconds).
WITHIN = 4.8

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


async def tested(host: Host, terms: Terms) -> HostTest:
    """All there is to tell of one host, within ``WITHIN`` seconds."""
    end = asyncio.get_running_loop().time() + WITHIN
    said = await said_by(host, terms)
    step = said.failed_at
    if step is None:
        return _done(host, _way(host, said) + _found(host, terms, said), said)
    cause, hint = _why(host, terms, step, said)
    fingerprint = key_type = None
    if step == "host-key" and not said.changed:
        left = max(end - asyncio.get_running_loop().time(), 0.3)
        fingerprint, key_type, changed = await _offered(host, terms.environment, left)
        if changed or fingerprint:
            cause, hint = (text.format(host=host.name) for text in (CHANGED if changed else UNKNOWN))
    checks = [*_way(host, said, until=step), HostCheck(name=step, ok=False, cause=cause, hint=hint)]
    return _done(host, checks, said, fingerprint, key_type)


def untested(host: Host, cause: str) -> HostTest:
    """One that could not even be tried."""
    return _done(host, [HostCheck(name="reached", ok=False, cause=cause)], Said(None, "", None))


def _why(host: Host, terms: Terms, step: CheckName, said: Said) -> tuple[str, str]:
    if step == "python" and said.exit_code is None:
        cause, hint = SLOW
        return cause.format(host=host.name), hint
    otherwise = "did not answer in time" if said.exit_code is None else ""
    cause, hint = recognised(host.name, f"{said.plain}\n{otherwise}", said.jump)
    if step == "python" and not cause.startswith(f"{host.name} has no program"):
        python = host.python or terms.python
        cause = f"{python} on {host.name} ended before it had begun (exit code {said.exit_code})."
        hint = "Is it a Python, and does the login script end well? What was said is shown below."
    return cause, hint


def _way(host: Host, said: Said, until: CheckName | None = None) -> list[HostCheck]:
    """The steps on the way to Python that were gone."""
    values = {"host-key": said.key, "login": said.user}
    steps = CHECKS[: CHECKS.index(until or "python")]
    checks = [HostCheck(name=name, ok=True, value=values.get(name)) for name in steps]
    if said.changed and "host-key" in steps:
        cause, hint = (text.format(host=host.name) for text in CHANGED)
        checks[1] = HostCheck(name="host-key", ok=False, value=said.key, cause=cause, hint=hint)
    return checks


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
    hint = (
        f"Here it is {here}: functions that are sent there can crash the engine; code as text (%px) is understood."
        if differs
        else None
    )
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
    if said.forwarded:
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
        why = bell.get("error") or "no answer in time"
        cause = f"{host.name} cannot open a connection to this machine ({door.location}): {why}."
    return HostCheck(name="controller", ok=False, value="direct", cause=cause, hint=hint)


async def _offered(host: Host, env: Mapping[str, str], left: float) -> tuple[str | None, str | None, bool]:
    """Fingerprint and sort of a key that may be accepted, and whether other keys stand against it."""

    async def look() -> tuple[str | None, str | None, bool]:
        key = await shown_by(host, env, timeout=left)
        if key is None:
            return None, None, False
        if await others_known(key, await known_of(host, env), env):
            return None, None, True
        return key.fingerprint, key.key_type, False

    try:
        return await within(left, look())
    except (CommandFailed, NotKept, asyncio.TimeoutError):
        return None, None, False


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
