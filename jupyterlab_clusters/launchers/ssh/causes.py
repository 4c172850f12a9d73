"""Why a host cannot be used, in a sentence, from what OpenSSH and the shell there said.

Promise: pure; an unknown failure is not dressed up as a known one.
"""

from __future__ import annotations

import re
from signal import SIGSEGV

CLOSED = re.compile(r"Connection (?:closed|reset) by|Broken pipe|kex_exchange_identification")

#: What was said, what it means for ``{host}``, what to do. The first that matches wins.
KNOWN: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED"),
        "The key of {host} is not the one that is known: it was set up anew, or somebody stands between.",
        "Ask whoever runs it; if the change is right, remove the old key with `ssh-keygen -R`.",
    ),
    (
        re.compile(r"Host key verification failed|No \S+ host key is known for"),
        "The key of {host} is not known yet.",
        "Connect once with `ssh` in a terminal, compare the fingerprint, and accept it.",
    ),
    (
        re.compile(r"Permission denied \(([^)]*)\)|Too many authentication failures"),
        "{host} does not let you in: no key that it accepts was offered.",
        "Put your public key there (`ssh-copy-id`), and load the key here with `ssh-add` if it has a passphrase.",
    ),
    (
        re.compile(r"Could not resolve hostname|Name or service not known"),
        "The name {host} is not known.",
        "Look for a typing error; a name of ~/.ssh/config counts as well.",
    ),
    (re.compile(r"Connection refused"), "{host} refuses the connection: no sshd listens there.", "Is the port right?"),
    (
        re.compile(r"No route to host|Network is unreachable"),
        "There is no way through the network to {host}.",
        "Is the machine up, and are you in its network (VPN)?",
    ),
    (
        re.compile(r"Connection timed out|Operation timed out|did not answer in time"),
        "{host} does not answer.",
        "Is the machine up, and does a firewall let you through?",
    ),
    (
        re.compile(r"(\S+): (?:command )?not found|(\S+): No such file or directory|exec: (\S+): not found"),
        "{host} has no program {detail}.",
        "Name the Python to use there in the options, or a login script that brings it.",
    ),
    (
        CLOSED,
        "{host} closed the connection.",
        "It may allow only few connections at a time; try again.",
    ),
)


#: ssh says this when its way through a jump host ended before the host itself had said a word …
ENDED_ON_THE_WAY = "Connection closed by UNKNOWN port"
#: … but this when the jump host did not reach it: then what was said is of the host.
NOT_REACHED_FROM_THERE = "stdio forwarding failed"
#: Where ssh names whom it speaks of.
NAMED = re.compile(
    r"connect to host (\S+) port|^(?:\S+@)?(\S+): Permission denied|Host key for (\S+) has changed", re.M
)


def known(host: str, said: str, jump: str | None = None) -> tuple[str, str] | None:
    """Cause and hint, if it is anything known. ``jump``: the jump host that was spoken with last, if that is known."""
    for pattern, cause, hint in KNOWN:
        if match := pattern.search(said):
            detail = next((group for group in match.groups() if group), "").strip("'\"`:")
            whom = host if pattern is CLOSED else _of_whom(host, said, jump)
            return _begun(cause.format(host=whom, detail=detail)), hint
    return None


def recognised(host: str, said: str, jump: str | None = None) -> tuple[str, str]:
    """Cause and hint."""
    if found := known(host, said, jump):
        return found
    return f"The connection to {host} could not be made.", "See what ssh said under Show output."


def _of_whom(host: str, said: str, jump: str | None) -> str:
    if ENDED_ON_THE_WAY not in said or NOT_REACHED_FROM_THERE in said:
        return host
    if jump is None and (match := NAMED.search(said)):
        jump = next(group for group in match.groups() if group)
    on_the_way = f"the jump host on the way to {host}"
    return f"{jump}, {on_the_way}," if jump else on_the_way


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:] if sentence.startswith("the ") else sentence


def lacking(host: str, versions: dict[str, str | None], python: str, ours: dict[str, str]) -> tuple[str, str] | None:
    """What keeps engines from running there, or from understanding us; ``ours`` are the versions here."""
    for package in ("ipyparallel", "ipykernel"):
        there = versions.get(package)
        if there is None:
            return (
                f"{package} is missing in the Python of {host} ({python}).",
                f"Install it there: `python -m pip install {package}=={ours[package]}`.",
            )
    mine, theirs = ours["ipyparallel"], str(versions["ipyparallel"])
    if mine.split(".")[0] != theirs.split(".")[0]:
        return (
            f"{host} has ipyparallel {theirs}, here it is {mine}: they would not understand each other.",
            f"Install the same there: `python -m pip install ipyparallel=={mine}`.",
        )
    return None


def crashed(signal: int | None, there: str, here: str) -> str | None:
    """Why an engine of another Python was killed: the code of a function, which is sent as it was compiled, is
    for one Python alone, and another one does not look before it runs it."""
    theirs, ours = there.split(".")[:2], here.split(".")[:2]
    if signal != SIGSEGV or not there or theirs == ours:
        return None
    return (
        f"killed by signal {SIGSEGV:d} (SIGSEGV), probably by a function that was sent from Python {'.'.join(ours)} "
        f"to its Python {'.'.join(theirs)}, which cannot run it: use the same Python at both ends, or send code as text"
    )
