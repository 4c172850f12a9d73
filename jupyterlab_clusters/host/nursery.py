"""The nursery: imports an engine's modules once, then forks engines in a millisecond each.

Promise: one thread, no event loop, no zmq socket, no application object before
the fork, so that a child has nothing of its parent to trip over. A module
that starts threads makes the nursery unfit, and it says so instead of forking.
Must never go on in a child: the child unwinds to ``main`` and becomes an engine.

Lines in:  {"op": "fork", "id", "name", "title", "args", "env", "cwd", "log"}
Lines out: {"event": "ready"} | {"event": "unfit", "why"} | {"event": "forked", "id", "pid"} |
           {"event": "refused", "id", "why"} | {"event": "exit", "pid", "status"} |
           {"event": "halted", "pid", "halted"}
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from .messages import decode, encode
from .private import opened

#: What an engine imports late, found by comparing sys.modules of a live engine with the nursery's:
#: each one missing here costs every engine its import time and memory.
LATE_IMPORTS = (
    "ipyparallel.engine.app",
    "jupyterlab_clusters.host.engine",
    "ipykernel.debugger",
    "ipykernel.control",
    "ipykernel.subshell_manager",
    "tornado.platform.asyncio",
    "tornado.queues",
    "tornado.locks",
    "IPython.core.completerlib",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "encodings.idna",
    "jupyterlab_clusters.host.title",
    "bdb",
    "sqlite3",
)


class Child(Exception):
    """Raised in a forked child to leave every frame of the nursery."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec["name"])
        self.spec = spec


class Unfit(Exception):
    """This process cannot fork safely; the text is the sentence for a person."""


class Nursery:
    """The agent's lines in, forks and exits out."""

    def __init__(self, agent: socket.socket) -> None:
        self.agent = agent
        self.wake_r, self.wake_w = os.pipe()
        for fd in (self.wake_r, self.wake_w):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self.wake_w, warn_on_full_buffer=False)
        self._pending = b""

    def say(self, **message: Any) -> None:
        self.agent.sendall(encode(message))

    def serve(self) -> None:
        """Until the agent hangs up. Raises :class:`Child` in every child."""
        poll = select.poll()
        poll.register(self.agent.fileno(), select.POLLIN)
        poll.register(self.wake_r, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self.wake_r in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wake_r, 4096)
                self.reap()
            if self.agent.fileno() in ready:
                received = self.agent.recv(1 << 20)
                if not received:
                    return
                for line in self._lines(received):
                    self.fork(decode(line))
                    self.reap()

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if os.WIFSTOPPED(status) or os.WIFCONTINUED(status):
                self.say(event="halted", pid=pid, halted=os.WIFSTOPPED(status))
            else:
                self.say(event="exit", pid=pid, status=status)

    def fork(self, spec: dict[str, Any]) -> None:
        try:
            assert_single()
            pid = os.fork()
        except (Unfit, OSError) as error:
            self.say(event="refused", id=spec["id"], why=str(error))
            return
        if pid == 0:
            raise Child(spec)
        self.say(event="forked", id=spec["id"], pid=pid)

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        self.agent.close()
        os.close(self.wake_r)
        os.close(self.wake_w)

    def _lines(self, received: bytes) -> Iterator[bytes]:
        *lines, self._pending = (self._pending + received).split(b"\n")
        yield from lines


def assert_single() -> None:
    """Raises :class:`Unfit` when a second thread or a GPU is in use: neither survives a fork."""
    try:
        threads = len(os.listdir("/proc/self/task"))
        devices = [os.readlink(f"/proc/self/fd/{fd}") for fd in _open_fds()]
    except OSError as error:
        raise Unfit(f"this system does not tell a process's threads ({error})") from error
    if threads > 1:
        raise Unfit("a loaded module has started threads, which a fork would lose")
    if any(device.startswith("/dev/nvidia") for device in devices):
        raise Unfit("a loaded module uses the GPU, which a fork would break")


def _open_fds() -> list[str]:
    def is_open(fd: str) -> bool:
        return os.path.lexists(f"/proc/self/fd/{fd}")

    return [fd for fd in os.listdir("/proc/self/fd") if is_open(fd)]


def load(preload: list[str]) -> None:
    """Import everything, checking after each that the process is still fit to fork. Raises :class:`Unfit`."""
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    for module in LATE_IMPORTS:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    assert_single()
    for module in preload:
        try:
            importlib.import_module(module)
            assert_single()
        except Unfit:
            raise Unfit(f"Importing {module} starts threads or uses the GPU, so engines cannot be forked.") from None
        except Exception as error:
            raise Unfit(f"{module} could not be imported beforehand: {type(error).__name__}: {error}.") from error


def reset_signals() -> None:
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN if number == signal.SIGPIPE else signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def settle(spec: dict[str, Any]) -> None:
    """Make the child a process of its own: session, log, environment, folder, random numbers."""
    reset_signals()
    os.setsid()
    redirect(spec["log"])
    os.environ.clear()
    os.environ.update(spec["env"])
    os.chdir(spec["cwd"])
    importlib.invalidate_caches()
    # A second engine with the same legacy random numbers would be silently wrong science.
    if numpy := sys.modules.get("numpy.random"):
        numpy.seed()


def redirect(log: str) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    out = opened(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(null, 0)
    for fd in (1, 2):
        os.dup2(out, fd)
    for fd in (null, out):
        if fd > 2:
            os.close(fd)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # type: ignore[misc] # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", buffering=1, closefd=False)  # type: ignore[misc] # noqa: SIM115
    err = open(2, "w", buffering=1, closefd=False, errors="backslashreplace")  # noqa: SIM115
    sys.stderr = sys.__stderr__ = err  # type: ignore[misc]


def become_engine(spec: dict[str, Any]) -> NoReturn:
    try:
        settle(spec)
    except OSError as error:
        os.write(2, f"the engine could not be settled: {error}\n".encode())
        os._exit(1)
    from . import engine
    from .title import set_title

    set_title(f"ipengine-{spec['name'].removeprefix('slot-')}", spec["title"])
    sys.argv = ["ipengine", *spec["args"]]
    gc.enable()
    engine.run(spec["args"])
    sys.exit(0)


def main() -> None:
    """``argv``: the descriptor of the agent's socket, then the modules to import beforehand."""
    agent = socket.socket(fileno=int(sys.argv[1]))
    agent.set_inheritable(False)
    gc.disable()
    try:
        load(sys.argv[2:])
    except Unfit as unfit:
        agent.sendall(encode({"event": "unfit", "why": str(unfit)}))
        os._exit(0)
    gc.collect()
    gc.freeze()
    child = _serve(Nursery(agent))
    if child is None:
        os._exit(0)
    become_engine(child)


def _serve(nursery: Nursery) -> dict[str, Any] | None:
    """What this process has to become, or None: the nursery has done its work."""
    try:
        nursery.say(event="ready")
        nursery.serve()
    except Child as child:
        nursery.close()
        return child.spec
    except ConnectionError:
        pass
    return None


if __name__ == "__main__":
    main()
