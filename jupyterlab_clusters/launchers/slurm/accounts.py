"""What Slurm's accounts say of a person: which accounts and QOS they may use, and where the limits are.

Promise: asked of slurmdbd and never of slurmctld; where no accounts are kept, or
nobody answers, nothing is known.
"""

from __future__ import annotations

import asyncio
import getpass
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..command import CommandFailed, run
from .words import LIMIT, THINGS

#: How long what was learned is good (seconds).
KEPT = 3600.0
#: How long one question may take (seconds).
TIMEOUT = 15.0

SHOW = ["sacctmgr", "-n", "-P", "show"]
#: What is limited, by the word in a reason, as the accounts name it.
NAMES = {"Cpu": "cpu", "CPU": "cpu", "Node": "node", "Mem": "mem", "Memory": "mem", "GRES": "gres/gpu"}


@dataclass(frozen=True)
class Accounts:
    """``limits`` = by reason's kind (``Assoc Grp``, ``QOS Max``), then account or QOS, then what is limited."""

    accounts: tuple[str, ...] = ()
    qos: tuple[str, ...] = ()
    limits: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    asked: float = float("-inf")

    def limit(self, reason: str, account: str | None, qos: str | None) -> str | None:
        """``8 CPUs``, for a reason that names a limit; ``None`` when its number is not known."""
        match = LIMIT.fullmatch(reason)
        if match is None or match["what"] not in NAMES:
            return None
        whose = qos if match["whose"] == "QOS" else account
        number = self.limits.get((f"{match['whose']} {match['kind']}", whose or "", NAMES[match["what"]]))
        return f"{number} {'of ' if NAMES[match['what']] == 'mem' else ''}{THINGS[match['what']]}" if number else None


_known: dict[str, Accounts] = {}
_asking: set[str] = set()
_lock = threading.Lock()


def known(environment: Mapping[str, str]) -> Accounts:
    """What is known by now; asks in the background when that is old."""
    key, env = environment.get("SLURM_CONF", ""), dict(environment)

    def learn() -> None:
        found = asyncio.run(ask(env))
        with _lock:
            _known[key] = found
            _asking.discard(key)

    with _lock:
        accounts = _known.get(key, Accounts())
        if time.monotonic() - accounts.asked > KEPT and key not in _asking and shutil.which(SHOW[0]):
            _asking.add(key)
            threading.Thread(target=learn, name="slurm accounts", daemon=True).start()
    return accounts


async def ask(environment: Mapping[str, str]) -> Accounts:
    """All there is to know."""
    mine = await _rows(["assoc", f"user={getpass.getuser()}", "format=account,qos,maxtres"], environment)
    accounts = sorted({row[0] for row in mine if row[0]})
    if not accounts:
        return Accounts(asked=time.monotonic())
    groups, qualities = await asyncio.gather(
        _rows(["assoc", f"account={','.join(accounts)}", "user=", "format=account,grptres"], environment),
        _rows(["qos", "format=name,grptres,maxtrespu"], environment),
    )
    limits: dict[tuple[str, str, str], str] = {}
    for kind, rows, column in (
        ("Assoc Max", mine, 2),
        ("Assoc Grp", groups, 1),
        ("QOS Grp", qualities, 1),
        ("QOS Max", qualities, 2),
    ):
        limits.update(((kind, row[0], thing), number) for row in rows for thing, number in _numbers(row[column]))
    qos = sorted({one for row in mine for one in row[1].split(",") if one})
    return Accounts(tuple(accounts), tuple(qos), limits, time.monotonic())


async def _rows(words: Sequence[str], environment: Mapping[str, str]) -> list[list[str]]:
    columns = words[-1].count(",") + 1
    try:
        done = await run([*SHOW, *words], timeout=TIMEOUT, env=environment)
    except CommandFailed:
        return []
    rows = [line.split("|") for line in done.stdout.splitlines()] if done.exit_code == 0 else []
    return [row for row in rows if len(row) == columns]


def _numbers(text: str) -> list[tuple[str, str]]:
    """``cpu=8,mem=16G``"""
    pairs = [part.partition("=") for part in text.split(",")]
    return [(name, number) for name, _, number in pairs if number]
