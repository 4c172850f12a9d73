"""The host agent: starts, watches and ends the processes of one machine for whoever connects.

Promise: one for each user and folder; outlives the server; no polling while
nothing happens; ends by itself when it has neither a process nor a peer.
Must never wait for a peer that does not read, and never serve another user.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import fcntl
import getpass
import os
import platform
import select
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from . import files, former, leftovers, proc
from .group import Group
from .logindex import LogIndex
from .messages import LINE_LIMIT, PROTOCOL, Refused, decode, encode
from .mirror import Mirror
from .nurseries import Nurseries, Unable
from .oom import OutOfMemory
from .private import opened, same_user
from .processes import Reaper, kill, unfinished
from .start import LOG, SOCKET, START_LOCK
from .usage import Usage

VERSION = "1"

#: A peer that has let this much pile up (bytes) does not read any more.
MOST_UNREAD = 2 * LINE_LIMIT

#: A nursery without engines is kept for the next start this long (seconds).
NURSERY_KEPT = 60.0

#: How long whoever is connected already gets to be noticed, before the agent ends (seconds).
LAST_LOOK = 0.05

PR_SET_CHILD_SUBREAPER = 36


class Peer:
    """One connection: requests in, answers and events out."""

    def __init__(self, agent: Agent, writer: asyncio.StreamWriter) -> None:
        self._agent = agent
        self._writer = writer
        self._tasks: set[asyncio.Task[None]] = set()
        self.watched: dict[str, asyncio.Task[None]] = {}
        self.mirrors: dict[str, Mirror] = {}

    def send(self, message: Mapping[str, Any]) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(encode(message))
        if self._writer.transport.get_write_buffer_size() > MOST_UNREAD:
            self._writer.transport.abort()

    def hang_up(self) -> None:
        """Whoever this was has come again by another way."""
        if pid := former.peer_pid(self._writer.get_extra_info("socket")):
            former.end_connection(pid)
        self._writer.transport.abort()

    async def drained(self) -> None:
        """Returns when what was sent is on its way."""
        await self._writer.drain()

    async def serve(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                request = decode(line)
                # Each in its own task, so that a slow one delays nobody; they begin in the order in which they came.
                task = asyncio.ensure_future(self._answer(request))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (ConnectionError, ValueError):
            pass
        finally:
            # What was asked is done even when nobody waits for the answer any more.
            for group in self._agent.groups.values():
                group.listeners.discard(self.send)
            for task in self.watched.values():
                task.cancel()
            for mirror in self.mirrors.values():
                mirror.end()
            self._writer.close()

    async def _answer(self, request: dict[str, Any]) -> None:
        try:
            answer: dict[str, Any] = {"ok": await self._agent.do(self, request)}
        except Refused as error:
            answer = {"error": {"reason": error.reason, "message": str(error), "output": error.output}}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            answer = {"error": {"reason": "bad-request", "message": f"The request was not understood: {error!r}."}}
        except OSError as error:
            answer = {"error": {"reason": "system", "message": f"The system refused: {error}."}}
        self.send({"re": request.get("id"), **answer})


class Agent:
    """All groups of this machine and the peers that care for them."""

    def __init__(self, folder: Path, listener: socket.socket, idle: float, log: int) -> None:
        loop = asyncio.get_running_loop()
        self.groups: dict[str, Group] = {}
        self._folder, self._listener, self._idle_time = folder, listener, idle
        self._reaper = Reaper(loop)
        self._nurseries = Nurseries(self._reaper, log, str(folder))
        self._oom = OutOfMemory()
        self._index = LogIndex(loop)
        self._index.grown = self._grown
        self._peers: set[Peer] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._over = loop.create_future()
        self._ops: dict[str, Callable[[Peer, dict[str, Any]], Awaitable[Any]]] = {
            name: getattr(self, f"op_{name}") for name in OPS
        }

    async def run(self) -> None:
        # What a former agent had half begun has no story to tell; what it had begun is found by its name.
        await kill(unfinished(str(self._folder)))
        server = await asyncio.start_unix_server(self._connected, sock=self._listener, limit=LINE_LIMIT)
        self._rest()
        await self._over
        server.close()
        self._nurseries.end_all()

    async def do(self, peer: Peer, request: dict[str, Any]) -> Any:
        op = self._ops.get(request.get("op", ""))
        if op is None:
            raise Refused("unknown-op", f"This agent does not know how to {request.get('op')}.")
        return await op(peer, request)

    # -- ops ------------------------------------------------------------------

    async def op_hello(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("protocol") != PROTOCOL:
            raise Refused("protocol", f"This agent speaks protocol {PROTOCOL}, not {request.get('protocol')}.")
        return {
            "protocol": PROTOCOL,
            "version": VERSION,
            "pid": os.getpid(),
            "create_time": proc.created_now(os.getpid()),
            "host": platform.node(),
            "boot_id": proc.boot_id(),
            "user": getpass.getuser(),
            "python": platform.python_version(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        }

    async def op_attach(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        journal = Path(request["journal"]) if request.get("journal") else None
        folders = list(map(Path, request.get("folders") or ()))
        exits = await asyncio.to_thread(files.made_and_read, folders, journal)
        group = self._group(request)
        if request.get("alone"):
            for other in [one for one in self._peers if one is not peer and one.send in group.listeners]:
                other.hang_up()
        group.set_up(request.get("journal"), request.get("index"), request.get("leader"))
        group.listeners.add(peer.send)
        return {"processes": group.records(), "exits": exits}

    async def op_detach(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        self._group(request).listeners.discard(peer.send)
        return {}

    async def op_warm(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        """Begin importing for engines that will be asked for; answers at once."""
        try:
            env = {str(k): str(v) for k, v in request["env"].items()}
            self._nurseries.get(request.get("python"), env, request.get("preload") or [])
        except Unable as error:
            return {"why_plain": str(error)}
        self._rest()
        return {"why_plain": None}

    async def op_spawn(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        group = self._group(request)
        try:
            return {"processes": await group.spawn(request)}
        finally:
            self._rest()

    async def op_stop(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        return {"left": await self._group(request).stop(request.get("names"), float(request.get("grace", 2.0)))}

    async def op_signal(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        return {"reached": self._group(request).signal(request.get("names"), int(request["signal"]))}

    async def op_adopt(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        return {"processes": self._group(request).adopt(request["processes"])}

    async def op_forget(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        group = self._group(request)
        done = group.forget()
        if done and not group.listeners:
            self.groups.pop(group.name, None)
        if done and (logs := request.get("logs")):
            if mirror := peer.mirrors.pop(group.name, None):
                mirror.end()
            await asyncio.to_thread(files.remove_logs, Path(logs))
        if done and (more := request.get("files")):
            await asyncio.to_thread(files.remove, list(map(Path, more)))
        return {}

    async def op_read(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        """Small files of our user, whole; None for one that is not there."""
        return {"texts": await asyncio.to_thread(files.texts, list(map(str, request["paths"])))}

    async def op_watch(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        group = self._group(request)
        await self.op_unwatch(peer, request)
        period = max(0.1, float(request.get("period", 1.0)))
        peer.watched[group.name] = asyncio.ensure_future(self._sample(peer, group, period))
        return {}

    async def op_unwatch(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        if task := peer.watched.pop(str(request["group"]), None):
            task.cancel()
        return {}

    async def op_mirror(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        """Send what is in the group's logs from these offsets on, and all that will be written."""
        group = self._group(request)
        if previous := peer.mirrors.pop(group.name, None):
            previous.end()
        offsets = {str(name): int(offset) for name, offset in (request.get("offsets") or {}).items()}
        peer.mirrors[group.name] = Mirror(group.name, Path(request["folder"]), offsets, peer.send, peer.drained)
        return {}

    async def op_settle(self, peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
        """Answers when all that stands in the logs has been sent."""
        if mirror := peer.mirrors.get(str(request["group"])):
            await mirror.caught_up()
        return {}

    # -- life -----------------------------------------------------------------

    def _group(self, request: Mapping[str, Any]) -> Group:
        name = str(request["group"])
        if name not in self.groups:
            group = Group(str(self._folder), name, self._reaper, self._nurseries, self._oom, self._index)
            group.ended = self._rest
            self.groups[name] = group
        return self.groups[name]

    def _grown(self, path: Path) -> None:
        for peer in self._peers:
            for mirror in peer.mirrors.values():
                mirror.grown(path)

    async def _sample(self, peer: Peer, group: Group, period: float) -> None:
        usage = Usage()
        loop = asyncio.get_running_loop()
        while True:
            # /proc tells PSS by walking a process's pages: off the loop.
            used = await asyncio.to_thread(usage.sample, group.pids())
            peer.send({"event": "usage", "group": group.name, "usage": used, "time": round(time.time(), 3)})
            await asyncio.sleep(period - loop.time() % period)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not same_user(writer.get_extra_info("socket")):
            writer.close()
            return
        peer = Peer(self, writer)
        self._peers.add(peer)
        self._rest()
        try:
            await peer.serve(reader)
        finally:
            self._peers.discard(peer)
            self._rest()

    def _rest(self) -> None:
        """Something began or ended: set or clear the two timers of idleness."""
        engines = any(group.alive for group in self.groups.values())
        self._timer("nurseries", NURSERY_KEPT, self._retire, wanted=not engines)
        self._timer("life", self._idle_time, self._end_if_alone, wanted=not engines and not self._peers)

    def _timer(self, name: str, seconds: float, due: Callable[[], None], *, wanted: bool) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()
        if wanted:
            self._timers[name] = asyncio.get_running_loop().call_later(seconds, due)

    def _retire(self) -> None:
        if not any(group.alive for group in self.groups.values()):
            self._nurseries.retire()

    def _end_if_alone(self) -> None:
        """Nobody connects without this lock, so nobody can be left with an agent that ends."""
        try:
            lock = opened(self._folder / START_LOCK, os.O_RDWR | os.O_CREAT)
        except OSError:
            # The folder was taken away, as a system does with what a user leaves: nobody can find us any more.
            self._over.set_result(None)
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            self._rest()
            return
        # A connection made before we took the lock may still wait to be accepted, or to be served.
        asyncio.get_running_loop().call_later(LAST_LOOK, self._end_if_still_alone, lock)

    def _end_if_still_alone(self, lock: int) -> None:
        if _has_waiting(self._listener) or self._peers or any(group.alive for group in self.groups.values()):
            os.close(lock)
            self._rest()
            return
        with contextlib.suppress(OSError):
            (self._folder / SOCKET).unlink()
        self._over.set_result(None)


OPS = (
    "read",
    "mirror",
    "settle",
    "hello",
    "attach",
    "detach",
    "warm",
    "spawn",
    "stop",
    "signal",
    "adopt",
    "forget",
    "watch",
    "unwatch",
)


def _has_waiting(listener: socket.socket) -> bool:
    return bool(select.select([listener.fileno()], [], [], 0)[0])


def become_subreaper() -> None:
    """Engines of a nursery that died become our children: their exit codes are not lost."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main() -> None:
    """Serve on the socket that was handed over; ``--lock-fd`` is held for life."""
    parser = argparse.ArgumentParser(description="Starts and watches the processes of clusters on this machine.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--lock-fd", type=int, required=True)
    parser.add_argument("--idle", type=float, default=15.0, help="seconds to live without process and peer")
    parser.add_argument("--fleeting", action="store_true", help="take the folder away at the end")
    asked = parser.parse_args()
    # Out of the starter's process tree: what ends that tree must not end us.
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    os.set_inheritable(asked.lock_fd, False)
    listener = socket.socket(fileno=asked.listen_fd)
    os.set_inheritable(asked.listen_fd, False)
    become_subreaper()
    log = opened(asked.folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    asyncio.run(_run(asked.folder, listener, asked.idle, log))
    if asked.fleeting:
        leftovers.take_away(asked.folder)


async def _run(folder: Path, listener: socket.socket, idle: float, log: int) -> None:
    await Agent(folder, listener, idle, log).run()


if __name__ == "__main__":
    main()
