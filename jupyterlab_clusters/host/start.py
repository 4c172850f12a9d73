"""Reaching the agent of this machine, and starting it when there is none.

Promise: any number of callers at the same time get the same agent. The starter
binds and listens before the agent runs, so a connection has to be tried twice
only where an agent was killed at that moment: its threads end one after the
other, and until the last has ended the system accepts for it. Must never use
a folder that others could write to.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .private import opened, private_folder, same_user

SOCKET, LIFE_LOCK, START_LOCK, LOG = "agent.sock", "agent.lock", "start.lock", "agent.log"

#: The folder our package lies in; an agent need not find it by itself.
ROOT = Path(__file__).resolve().parent.parent.parent


def ensure_agent(
    folder: str | os.PathLike[str],
    python: str = sys.executable,
    *,
    idle: float = 15.0,
    timeout: float = 20.0,
    fleeting: bool = False,
) -> socket.socket:
    """A connected, blocking socket to the agent of ``folder``; starts one with ``python`` when there is none.

    ``idle``: seconds after which a new agent without process and peer ends; ``fleeting``: it then takes the folder
    away. Raises PermissionError for a folder that is not private, TimeoutError, OSError.
    """
    path = Path(folder)
    private_folder(path)
    deadline = time.monotonic() + timeout
    # Held also while connecting: an agent that is about to end takes it first, so nobody connects to one that leaves.
    with _locked(path / START_LOCK, deadline):
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            return connect(path)
        with _locked(path / LIFE_LOCK, deadline) as life:
            return _start(path, python, life, idle, fleeting)


@contextlib.contextmanager
def address(folder: Path) -> Iterator[str]:
    """The agent's address; through a descriptor where the path is too long for the system (108 bytes)."""
    path = folder / SOCKET
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{SOCKET}"
    finally:
        os.close(fd)


def connect(folder: Path) -> socket.socket:
    """Raises FileNotFoundError or ConnectionRefusedError when nobody listens, PermissionError when a stranger does."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with address(folder) as where:
            sock.connect(where)
        if not same_user(sock):
            raise PermissionError(f"another user listens at {folder / SOCKET}")
    except OSError:
        sock.close()
        raise
    return sock


def program(python: str, module: str, root: str = str(ROOT)) -> list[str]:
    """Arguments that run ``main()`` of a module of this package as it lies in ``root``, whatever else is installed."""
    # Only the package itself is taken from there: what lies beside it must not hide other modules.
    package = f"import sys; sys.path.insert(0, {root!r}); import jupyterlab_clusters; del sys.path[0]"
    return [python, "-c", f"{package}; from {module} import main; main()"]


def _start(folder: Path, python: str, life: int, idle: float, fleeting: bool) -> socket.socket:
    # The last agent may have been killed: what listens is decided by the lock, never by the file.
    with contextlib.suppress(FileNotFoundError):
        (folder / SOCKET).unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with address(folder) as where:
            listener.bind(where)
        (folder / SOCKET).chmod(0o600)
        listener.listen(128)
        log = opened(folder / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            agent = subprocess.Popen(
                [
                    *program(python, "jupyterlab_clusters.host.agent"),
                    f"--folder={folder.resolve()}",
                    f"--listen-fd={listener.fileno()}",
                    f"--lock-fd={life}",
                    f"--idle={idle:g}",
                    *(["--fleeting"] if fleeting else []),
                ],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(listener.fileno(), life),
            )
        finally:
            os.close(log)
        # The agent leaves this process tree by a fork; what we started ends at once and must be waited for.
        threading.Thread(target=agent.wait, name="agent-start", daemon=True).start()
        return connect(folder)


@contextlib.contextmanager
def _locked(path: Path, deadline: float) -> Iterator[int]:
    fd = _lock(path, deadline)
    try:
        yield fd
    finally:
        os.close(fd)


def _lock(path: Path, deadline: float) -> int:
    while True:
        # An agent that has just ended may have taken the folder away.
        private_folder(path.parent)
        with contextlib.suppress(FileNotFoundError):
            fd = opened(path, os.O_RDWR | os.O_CREAT)
            try:
                if try_lock(fd) and _is_at(path, fd):
                    return fd
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)
        if time.monotonic() > deadline:
            raise TimeoutError(f"another process holds {path}")
        time.sleep(0.005)


def try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, fd: int) -> bool:
    """Whether what we hold is still what others would open."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False
