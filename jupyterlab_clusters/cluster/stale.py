"""Whether a file by which others find a cluster is stale: nothing answers for it any more.

Promise: only asks, in bounded time; signals nothing, writes nothing. What cannot be known from
here, because it is of another host or because something is silent there, is never called stale.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import psutil

from ..hub.connection import ConnectionInfo, is_of_this_machine
from ..hub.errors import HubError
from ..hub.monitor import HubMonitor
from ..timed import within
from . import leftfiles
from .leftfiles import Found
from .nobody import Nobody
from .registry import here

#: How long a connection may take, and a hub's answer (seconds).
CONNECT, ANSWER = 1.0, 3.0
#: A cluster that has no connection file yet may be starting, here or on another machine, for so long (seconds).
YOUNG = 90.0
#: By so much may clocks of files and processes differ (seconds).
SLACK = 3.0

#: In command lines of controllers and engines; how launchers are called that begin them on this machine; programs that
#: may lead to a hub elsewhere.
PARALLEL = ("ipyparallel", "ipcontroller", "ipcluster", "ipengine", "jupyterlab_clusters")
LOCAL = ("local", "mpi")
LEADING = ("ssh", "autossh", "socat", "docker-proxy", "rootlessport")

What = Literal["answers", "stale", "unreachable", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """``sentence`` tells a person why; ``unreachable`` = it is of another host, ``unknown`` = perhaps it is stale."""

    what: What
    sentence: str = ""


async def judge(file: Found, *, asked: bool = False, of_here: bool = False) -> Verdict:
    """Ask whatever can be asked of it, on any loop; ``asked`` = its hub just was, in vain; ``of_here`` = it is known to
    be of this machine."""
    beside = await asyncio.to_thread(file_beside, file)
    client = file if file.kind == "client" else beside
    verdict = await _client(client, asked) if client is not None else None
    if verdict is not None and verdict.what == "stale":
        named = beside if file.kind == "client" else file
        if named is not None and (runs := await asyncio.to_thread(_running, named, "controller")):
            name = client.path.name if client is not None else ""
            return Verdict("unknown", f"{name}: nothing answers, but its controller runs (process {runs[0]}).")
    if file.kind == "client":
        return verdict or Verdict("unknown")
    if verdict is not None and verdict.what != "stale":
        # Where the controller is, its connection file tells; this one says only what it was begun as.
        return Verdict(verdict.what, verdict.sentence)
    return await asyncio.to_thread(_cluster, file, beside is not None or of_here)


def file_beside(file: Found) -> Found | None:
    """The other file of the same cluster."""
    profile = file.key.partition(":")[0]
    others = leftfiles.found(profile, file.path.parent)
    return next((one for one in others if one.key == file.key and one.kind != file.kind), None)


# -- a connection file ------------------------------------------------------------------


async def deserted(info: ConnectionInfo) -> bool:
    """Whether it is sure, and at once, that nobody listens where it says."""
    return await _is_here(info) and not await _listens(info)


async def _client(file: Found, asked: bool) -> Verdict:
    name = file.path.name
    try:
        info = ConnectionInfo.parse(await asyncio.to_thread(leftfiles.content, file))
    except (HubError, OSError):
        return Verdict("unknown", f"{name} cannot be read as a connection file.")
    if not await _is_here(info):
        if not asked and await _answers(info):
            return Verdict("answers", f"The hub of {name} answers.")
        return Verdict("unreachable", _elsewhere(name, info))
    if not await _listens(info):
        return Verdict("stale", f"{name} was left behind: nothing answers at its hub.")
    if not asked and await _answers(info):
        return Verdict("answers", f"The hub of {name} answers.")
    if stranger := await asyncio.to_thread(_stranger_at, info.registration, file.written):
        return Verdict("stale", f"{name} was left behind: another program ({stranger}) has the port of its hub now.")
    return Verdict("unknown", f"{name}: something listens at its hub's port, but does not answer.")


async def _is_here(info: ConnectionInfo) -> bool:
    """Whether its controller was begun on this machine, at an address that this machine still has."""
    try:
        address = await within(CONNECT, info.reachable_address())
    except (HubError, OSError, asyncio.TimeoutError):
        return False
    if info.location and info.location not in (here()["host"], "localhost"):
        return False
    return info.transport == "ipc" or is_of_this_machine(address)


def _elsewhere(name: str, info: ConnectionInfo) -> str:
    host = _plain(info.location or info.address)
    if info.ssh:
        return (
            f"{name} is of a cluster on {host} that is reached by ssh through {_plain(info.ssh)}: "
            "from here it is not followed, and whether it runs is not known."
        )
    return f"{name} is of a cluster on {host}, which is not reachable from here: whether it runs is not known."


def _plain(word: str) -> str:
    """Out of a file that anybody may have written."""
    return "".join(one if one.isprintable() else "?" for one in word[:80])


async def _listens(info: ConnectionInfo) -> bool:
    """False only where it is sure that nobody does."""
    try:
        if info.transport == "ipc":
            path = info.url(info.registration).removeprefix("ipc://")
            _, writer = await within(CONNECT, asyncio.open_unix_connection(path))
        else:
            address = await info.reachable_address()
            _, writer = await within(CONNECT, asyncio.open_connection(address, info.registration))
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    except (OSError, HubError, ValueError, OverflowError, asyncio.TimeoutError):
        return True
    writer.close()
    return True


async def _answers(info: ConnectionInfo) -> bool:
    monitor = HubMonitor(info, Nobody())
    try:
        await monitor.start(ANSWER)
    except (HubError, OSError, ValueError):
        return False
    await monitor.close()
    return True


def _stranger_at(port: int, written: float) -> str | None:
    """The program that listens there, if it is sure that it is not the hub that wrote the file (blocking)."""
    try:
        sockets = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return None
    listening = {
        one.pid for one in sockets if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port
    }
    strangers = [name for pid in listening if pid is not None and (name := _stranger(pid, written)) is not None]
    return strangers[0] if strangers and len(strangers) == len(listening) else None


def _stranger(pid: int, written: float) -> str | None:
    try:
        process = psutil.Process(pid)
        name, command, created = process.name(), " ".join(process.cmdline()), process.create_time()
    except psutil.Error:
        return None
    leads = any(name == one for one in LEADING) or any(word in command for word in PARALLEL)
    return None if leads or not command or created <= written + SLACK else name


# -- ipyparallel's own file -------------------------------------------------------------


def _cluster(file: Found, of_here: bool) -> Verdict:
    name, controller, engines = file.path.name, _named(file, "controller"), _named(file, "engines")
    if not of_here and time.time() - file.written < YOUNG:
        return Verdict("unknown", f"{name}: its controller may still be starting.")
    if not controller or engines is None:
        return Verdict("unknown", f"{name} names processes that cannot be looked for from here.")
    if runs := [*_running(file, "controller"), *_running(file, "engines")]:
        return Verdict("unknown", f"{name}: of its processes {', '.join(map(str, runs))} run.")
    reused = psutil.pid_exists(controller[0])
    became = "is another program now" if reused else "has ended"
    return Verdict("stale", f"{name} was left behind: its controller, process {controller[0]}, {became}.")


def _named(file: Found, part: Literal["controller", "engines"]) -> list[int] | None:
    """Processes of this machine that it names; None where they are elsewhere, or it cannot be read."""
    try:
        told = msgspec.json.decode(leftfiles.content(file))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    of = told.get(part) if isinstance(told, dict) else None
    pids = list(_pids(of))
    local = isinstance(of, dict) and str(of.get("class")).rpartition(".")[2].lower().startswith(LOCAL)
    return pids if local or not pids else None


def _pids(of: Any) -> Iterator[int]:
    if isinstance(of, dict):
        pid = of.get("pid")
        if isinstance(pid, int) and 1 < pid < 1 << 22:
            yield pid
        for inside in of.values():
            yield from _pids(inside)


def _running(file: Found, part: Literal["controller", "engines"]) -> list[int]:
    """Of these, those that may still be what the file means: begun before it was written, and of this trade."""
    return [pid for pid in _named(file, part) or () if _is_of_it(pid, file.written)]


def _is_of_it(pid: int, written: float) -> bool:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        command = " ".join(process.cmdline())
        return process.create_time() <= written + SLACK and any(word in command for word in PARALLEL)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True  # it is there, and more is not told
