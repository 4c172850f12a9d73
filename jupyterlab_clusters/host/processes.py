"""Starting, reaping and ending processes.

Promise: an exit is told once, with its status where the system gives it;
ending escalates from SIGTERM to SIGKILL and says what is left. Must never
signal a process that is not the one it was begun as.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from . import proc
from .messages import (
    AGENT_VARIABLE,
    ENGINE_VARIABLE,
    GROUP_VARIABLE,
    NURSERY_VARIABLE,
    Record,
    Refused,
    Role,
    started_line,
)
from .private import opened

#: How long a process may take to vanish after SIGKILL before it counts as left (seconds).
KILL_TIME = 5.0
#: How long one that was asked to end keeps the next from being asked (seconds); a busy one ends later.
TURN = 0.05
#: How long it may take until the end of a process that is gone is told (seconds).
TELL_TIME = 5.0


@dataclass
class Process:
    """A process of a group and what is needed to end it."""

    record: Record
    role: Role
    popen: subprocess.Popen[bytes] | None = None
    deaths: int | None = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def running(self) -> bool:
        return self.record.state == "running"


def open_log(path: str, name: str) -> int:
    """A descriptor to append to, private to the user, with the line that heads this run. Raises :class:`Refused`."""
    log = None
    try:
        log = opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, started_line(name, time.time()))
    except OSError as error:
        if log is not None:
            os.close(log)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Refused("log", f"The disk is full: the log {path} cannot be written.") from error
        raise Refused("log", f"The log {path} cannot be written: {error.strerror}.") from error
    return log


def start_plain(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: str, log: int, inherit: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Begin a process in a session of its own, both outputs to ``log``. Raises :class:`Refused`."""
    try:
        return subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=tuple(inherit),
        )
    except (OSError, ValueError) as error:
        program = argv[0] if argv else "a program without a name"
        raise Refused("spawn-failed", f"{program} could not be started in {cwd}: {error}.", str(error)) from error


class Reaper:
    """Waits for children, ours and those that came to us when their parent died."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._expected: dict[int, tuple[Callable[[int | None], None], bool]] = {}
        self._halts: dict[int, Callable[[bool], None]] = {}
        self._loop = loop
        loop.add_signal_handler(signal.SIGCHLD, self.reap)

    def expect(self, pid: int, told: Callable[[int | None], None], *, with_group: bool = False) -> None:
        """``told`` gets the wait status, or None when nobody knows it; ``with_group`` kills what the process leaves."""
        self._expected[pid] = (told, with_group)

    def on_halt(self, pid: int, told: Callable[[bool], None]) -> None:
        """``told`` gets True when a signal stops the process, and False when it goes on."""
        self._halts[pid] = told

    def halt(self, pid: int, halted: bool) -> None:
        """Learned here or in another way."""
        if (told := self._halts.get(pid)) is not None:
            told(halted)

    def tell(self, pid: int, status: int | None) -> None:
        """An exit learned in another way."""
        self._halts.pop(pid, None)
        told, _ = self._expected.pop(pid, (None, False))
        if told is not None:
            told(status)

    def watch(self, pid: int, told: Callable[[int | None], None]) -> None:
        """A process that is not our child: its status stays unknown."""
        self.expect(pid, told)
        try:
            fd = os.pidfd_open(pid)
        except (OSError, AttributeError):
            self._loop.call_soon(self._look, pid)
            return
        self._loop.add_reader(fd, self._ended, pid, fd)

    def adopt(self, pid: int) -> None:
        """A process whose parent died without telling of its end; now it may be our child, or anybody's."""
        if pid in self._expected:
            self.watch(pid, self._expected[pid][0])

    def reap(self) -> None:
        self._look_for_halts()
        while True:
            try:
                # Seen before it is taken away: as long as it is a zombie its number cannot go to a stranger.
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            _, with_group = self._expected.get(found.si_pid, (None, False))
            if with_group:
                with contextlib.suppress(OSError):
                    os.killpg(found.si_pid, signal.SIGKILL)
            os.waitpid(found.si_pid, 0)
            # The status as it was before the group was killed: some kernels let that signal overwrite it.
            self.tell(found.si_pid, found.si_status << 8 if found.si_code == os.CLD_EXITED else found.si_status)

    def _look_for_halts(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while found := os.waitid(os.P_ALL, 0, os.WSTOPPED | os.WCONTINUED | os.WNOHANG):
                self.halt(found.si_pid, found.si_code != os.CLD_CONTINUED)

    def _ended(self, pid: int, fd: int) -> None:
        self._loop.remove_reader(fd)
        os.close(fd)
        self.reap()
        self.tell(pid, None)

    def _look(self, pid: int) -> None:
        """Without pidfd (old kernels): ask twice a second."""
        try:
            os.kill(pid, 0)
        except OSError:
            self.tell(pid, None)
        else:
            self._loop.call_later(0.5, self._look, pid)


async def end(
    processes: Sequence[Process], grace: float, agent: str, group: str, others: Collection[int] = ()
) -> list[int]:
    """End these processes and all that comes from them, but for the ``others``, which have names of their own; the
    numbers of those that could not be ended."""
    victims = _with_descendants(processes, agent, group, others)
    await _ask_to_end([process for process in processes if process.running])
    own = {process.record.pid for process in processes}
    for pid, started in victims.items():
        if pid not in own:
            _signal(pid, started, signal.SIGTERM)
    await wait_gone(victims, grace)
    left = await kill(
        _with_descendants(processes, agent, group, others) | {p: c for p, c in victims.items() if proc.lives(p, c)}
    )
    await wait_told([process for process in processes if process.record.pid not in left])
    return left


async def _ask_to_end(processes: Iterable[Process]) -> None:
    """SIGTERM to each, a few at a time: many that clean up at once would keep the processor from everybody else."""
    gate = asyncio.Semaphore(max(4, 2 * (os.cpu_count() or 1)))

    async def ask(process: Process) -> None:
        async with gate:
            process.record.asked = True
            _signal_group(process.record, signal.SIGTERM)
            await wait_gone({process.record.pid: process.record.ticks}, TURN)

    await asyncio.gather(*map(ask, processes))


async def wait_told(processes: Iterable[Process]) -> None:
    """The end of a forked process is known here a moment after it is over, when its nursery has told."""
    waits = [asyncio.ensure_future(process.gone.wait()) for process in processes if process.running]
    if waits:
        _, late = await asyncio.wait(waits, timeout=TELL_TIME)
        for wait in late:
            wait.cancel()


async def kill(victims: Mapping[int, int | None]) -> list[int]:
    """SIGKILL to these (number -> ticks); what is left after a while."""
    for pid, started in victims.items():
        _signal(pid, started, signal.SIGKILL)
    await wait_gone(victims, KILL_TIME)
    return [pid for pid, started in victims.items() if proc.lives(pid, started)]


def marks(agent: str, group: str, uuid: str | None = None) -> dict[str, str]:
    """What a process of the group carries in its environment; ``agent`` is the agent's folder."""
    return {AGENT_VARIABLE: agent, GROUP_VARIABLE: group, **({ENGINE_VARIABLE: uuid} if uuid else {})}


def title(name: str, group: str, uuid: str | None) -> str:
    """What a forked process carries instead: its environment, as the system tells it, is its nursery's."""
    return f"ipyparallel engine {name} ({group}) {uuid or ''}".rstrip()


def marked(agent: str, group: str) -> dict[int, int]:
    """Every process of the group, by its marks, except ourselves."""
    pids = (pid for pid in proc.table() if pid != os.getpid())
    return _started(pid for pid in pids if _bears(pid, agent, group))


def unfinished(agent: str, known: Collection[int] = ()) -> dict[int, int]:
    """What a nursery left behind that ended while it forked, and nurseries of an agent that ended."""
    pids = (pid for pid in proc.table() if pid not in known and "jupyterlab_clusters.host.nursery" in proc.command(pid))
    of_agent = (pid for pid in pids if proc.environment(pid).get(AGENT_VARIABLE) == agent)
    return _started(pid for pid in of_agent if proc.environment_has(pid, f"{NURSERY_VARIABLE}=".encode()))


def strays(agent: str, group: str, uuids: Collection[str]) -> dict[str, int]:
    """Engines that were begun by somebody who could not tell of it: uuid -> number."""
    found: dict[str, list[tuple[int, int]]] = {}
    for pid, line in _orphans(proc.table()).items():
        for uuid in uuids:
            if _bears(pid, agent, group, (uuid,)):
                found.setdefault(uuid, []).append((line.start_ticks, pid))
    return {uuid: min(pids)[1] for uuid, pids in found.items()}


def _orphans(table: Mapping[int, proc.Stat]) -> dict[int, proc.Stat]:
    """Whose parent has ended comes to us, or to whoever takes orphans where an agent before us ended too."""
    return {pid: line for pid, line in table.items() if line.parent in (1, os.getpid(), os.getppid())}


def _bears(pid: int, agent: str, group: str, uuids: Collection[str] | None = None) -> bool:
    """Whether it has the marks of that group (and of one of these engines)."""
    found = proc.environment(pid)
    if found.get(AGENT_VARIABLE) != agent:
        return False
    if found.get(GROUP_VARIABLE) == group:
        return uuids is None or found.get(ENGINE_VARIABLE) in uuids
    if NURSERY_VARIABLE not in found:
        return False
    words = proc.command(pid)
    return f" ({group}) " in words and (uuids is None or words.rpartition(" ")[2] in uuids)


async def wait_gone(victims: Mapping[int, int | None], seconds: float) -> None:
    """Return as soon as none of them lives, or after ``seconds``."""
    waits = [asyncio.ensure_future(_gone(pid)) for pid, started in victims.items() if proc.lives(pid, started)]
    if not waits:
        return
    _, late = await asyncio.wait(waits, timeout=seconds)
    for wait in late:
        wait.cancel()
    await asyncio.gather(*late, return_exceptions=True)


async def _gone(pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (OSError, AttributeError):
        while proc.stat(pid) is not None:  # noqa: ASYNC110 - no pidfd here
            await asyncio.sleep(0.02)
        return
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def over() -> None:
        if not ended.done():
            ended.set_result(None)

    loop.add_reader(fd, over)
    try:
        await ended
    finally:
        loop.remove_reader(fd)
        os.close(fd)


def _with_descendants(processes: Sequence[Process], agent: str, group: str, others: Collection[int]) -> dict[int, int]:
    """The processes that live, their children, whatever is in their sessions, and daemons that left all that."""
    table = proc.table()
    alive = {p.record.pid for p in processes if p.running and proc.lives(p.record.pid, p.record.ticks)}
    found = alive | proc.descendants(alive, table)
    sessions = {p.record.pid for p in processes}
    for pid, line in table.items():
        if line.session in sessions and (line.session in alive or _ours(pid, line, table)):
            found.add(pid)
    uuids = {p.record.uuid for p in processes if p.record.uuid}
    daemons = {pid for pid in _orphans(table).keys() - found - set(others) if _bears(pid, agent, group, uuids)}
    return _started(found | daemons | proc.descendants(daemons, table))


def _ours(pid: int, line: proc.Stat, table: Mapping[int, proc.Stat]) -> bool:
    """A member of a session whose leader is dead: its environment must name us, as numbers are used again."""
    if line.session in table:
        return False
    return any(proc.environment_has(pid, f"{name}=".encode()) for name in (GROUP_VARIABLE, NURSERY_VARIABLE))


def _started(pids: Iterable[int]) -> dict[int, int]:
    found = {pid: proc.ticks(pid) for pid in pids}
    return {pid: started for pid, started in found.items() if started is not None}


def _signal(pid: int, started: int | None, number: int) -> None:
    if proc.lives(pid, started):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _signal_group(record: Record, number: int) -> None:
    if not proc.lives(record.pid, record.ticks):
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(record.pid) == record.pid:
            os.killpg(record.pid, number)
        else:
            os.kill(record.pid, number)
