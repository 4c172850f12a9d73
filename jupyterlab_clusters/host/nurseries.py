"""The agent's end of its nurseries: one for each (python, environment, modules to preload).

Promise: ``fork`` gives a pid or raises :class:`Unable` with the sentence why
not; a nursery that dies is replaced at the next call and takes no engine with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .messages import AGENT_VARIABLE, LINE_LIMIT, NURSERY_VARIABLE, decode, encode
from .processes import Reaper, kill, unfinished
from .start import program

#: Longest import of an engine's modules and of those to preload (seconds).
READY_TIME = 120.0
FORK_TIME = 20.0


class Unable(Exception):
    """Engines cannot be forked here; the text is a sentence."""


class Nursery:
    """One child process that forks engines."""

    def __init__(
        self, reaper: Reaper, argv: list[str], env: dict[str, str], log: int, known: Callable[[], set[int]]
    ) -> None:
        self._reaper, self._agent, self._known = reaper, env[AGENT_VARIABLE], known
        self.children: set[int] = set()
        self.why: str | None = None
        self.unfit = False
        self._forks: dict[int, asyncio.Future[int]] = {}
        self._numbers = itertools.count(1)
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Nobody may have asked yet when it fails.
        self.ready.add_done_callback(lambda done: done.cancelled() or done.exception())
        ours, theirs = socket.socketpair()
        with theirs:
            self.popen = subprocess.Popen(
                [*argv[:3], str(theirs.fileno()), *argv[3:]],
                env=env,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
        reaper.expect(self.popen.pid, self._died)
        self._socket = ours
        self._listening = asyncio.ensure_future(self._listen())

    async def fork(self, spec: Mapping[str, Any]) -> int:
        """Raises :class:`Unable`."""
        if self.why is not None:
            raise Unable(self.why)
        number = next(self._numbers)
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._forks[number] = answer
        try:
            self._writer.write(encode({**spec, "op": "fork", "id": number}))
            return await asyncio.wait_for(answer, FORK_TIME)
        except (ConnectionError, asyncio.TimeoutError) as error:
            raise Unable("The process that forks engines does not answer.") from error
        finally:
            self._forks.pop(number, None)

    def end(self) -> None:
        """Its engines go on as children of the agent."""
        self.why = self.why or "The process that forks engines was ended."
        with contextlib.suppress(ProcessLookupError):
            self.popen.send_signal(signal.SIGKILL)

    async def _listen(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=self._socket, limit=LINE_LIMIT)
        with contextlib.suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                self._take(decode(line))

    def _take(self, message: dict[str, Any]) -> None:
        event = message["event"]
        if event == "exit":
            self.children.discard(message["pid"])
            self._reaper.tell(message["pid"], message["status"])
        elif event == "halted":
            self._reaper.halt(message["pid"], message["halted"])
        elif event == "ready":
            self.ready.set_result(None)
        elif event == "unfit":
            self.unfit = True
            self._fail(message["why"])
        else:
            answer = self._forks.get(message["id"])
            if event == "forked":
                self.children.add(message["pid"])
            if answer is None or answer.done():
                return
            if event == "forked":
                answer.set_result(message["pid"])
            else:
                answer.set_exception(Unable(f"Engines cannot be forked: {message['why']}."))

    def _fail(self, why: str) -> None:
        self.why = self.why or why
        if not self.ready.done():
            self.ready.set_exception(Unable(self.why))
        for answer in self._forks.values():
            if not answer.done():
                answer.set_exception(Unable(self.why))

    def _died(self, status: int | None) -> None:
        """Told when it was reaped, so its children have come to us already (where the system does that)."""
        self.popen.returncode = os.waitstatus_to_exitcode(status) if status is not None else -1
        asyncio.ensure_future(self._bury())  # noqa: RUF006 - ends by itself: the other end is closed

    async def _bury(self) -> None:
        await self._listening  # what it said last still counts
        self._writer.close()
        await kill(unfinished(self._agent, self._known() | self.children))
        self._fail(f"The process that forks engines ended unexpectedly (status {self.popen.returncode}).")
        for pid in self.children:
            self._reaper.adopt(pid)


class Nurseries:
    """Finds or starts the nursery for what an engine needs."""

    def __init__(self, reaper: Reaper, log: int, agent: str) -> None:
        self._reaper = reaper
        self._log = log
        self._marks = {NURSERY_VARIABLE: "1", AGENT_VARIABLE: agent}
        self._by_needs: dict[tuple[Any, ...], Nursery] = {}

    def get(self, python: str | None, env: Mapping[str, str], preload: Sequence[str]) -> Nursery:
        """Starts one when there is none; does not wait for it. Raises :class:`Unable`."""
        if not sys.platform.startswith("linux"):
            raise Unable("Engines are forked only on Linux.")
        needs = (python or sys.executable, tuple(sorted(env.items())), tuple(preload))
        found = self._by_needs.get(needs)
        # An unfit one is kept, so that the reason is known at once the next time.
        if found is None or (found.why is not None and not found.unfit):
            found = self._begin(python or sys.executable, env, preload)
            self._by_needs[needs] = found
        return found

    def retire(self) -> None:
        """End those without a living engine."""
        for needs, nursery in list(self._by_needs.items()):
            if not nursery.children:
                nursery.end()
                del self._by_needs[needs]

    def end_all(self) -> None:
        for nursery in self._by_needs.values():
            nursery.end()

    def _known(self) -> set[int]:
        """Nurseries that live, and all of whose fork we were told."""
        living = {one.popen.pid for one in self._by_needs.values() if one.popen.returncode is None}
        return living.union(*(one.children for one in self._by_needs.values()))

    def _begin(self, python: str, env: Mapping[str, str], preload: Sequence[str]) -> Nursery:
        argv = [*program(python, "jupyterlab_clusters.host.nursery"), *preload]
        try:
            return Nursery(self._reaper, argv, {**env, **self._marks}, self._log, self._known)
        except (OSError, ValueError) as error:
            raise Unable(f"{python} could not be started: {error}.") from error


async def ready(nursery: Nursery, superseded: asyncio.Future[None]) -> None:
    """Wait for the nursery, but not longer than somebody wants it. Raises :class:`Unable`."""
    await asyncio.wait({nursery.ready, superseded}, timeout=READY_TIME, return_when=asyncio.FIRST_COMPLETED)
    if not nursery.ready.done():
        raise Unable("Importing the modules of an engine took too long.")
    nursery.ready.result()
