"""Files, folders and sockets that belong to one user alone.

Promise: what is opened here is looked at through its descriptor, so that nobody can exchange it in
between: a plain file, of our user, that nobody else can write to (nor read, when it holds a secret), and no link.
Must never make anything that others can read. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import stat
import struct
from pathlib import Path

#: What others may never do with a file of ours, and with one that holds a secret.
WRITE, ANYTHING = 0o022, 0o077


def private_folder(path: Path, *, mend: bool = False) -> None:
    """Make the folder, or raise PermissionError when it is a link, another's, or open to others.

    ``mend``: one that others can only look into is closed instead.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700, parents=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise PermissionError(f"{path} is not a folder of its own (a link?)")
    if found.st_uid != os.geteuid():
        raise PermissionError(f"{path} belongs to another user")
    if found.st_mode & ANYTHING:
        if not mend or found.st_mode & WRITE:
            raise PermissionError(f"{path} is open to others (mode {stat.S_IMODE(found.st_mode):o}, must be 700)")
        path.chmod(0o700)


def opened(path: str | os.PathLike[str], flags: int, *, secret: bool = False) -> int:
    """A descriptor, not inherited; a file that is made is 0600. Raises PermissionError for one that is not ours."""
    # Without waiting: somebody could have put a pipe there.
    flags |= os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise _refused("it is no plain file (a link?)", path) from None
        raise
    try:
        check(fd, path, secret=secret)
    except BaseException:
        os.close(fd)
        raise
    return fd


def check(fd: int, path: str | os.PathLike[str], *, secret: bool = False) -> None:
    """Raises PermissionError."""
    found = os.fstat(fd)
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        raise _refused("it is no plain file", path)
    if found.st_uid != os.geteuid():
        raise _refused("it belongs to another user", path)
    if mode & (ANYTHING if secret else WRITE):
        what = "be read or written" if secret else "be written"
        raise _refused(f"it can {what} by others (mode {mode:o}, must be 600)", path)


def read(path: str | os.PathLike[str], *, secret: bool = False) -> str:
    """The text of a file. Raises OSError, PermissionError."""
    with open(opened(path, os.O_RDONLY, secret=secret), encoding="utf-8") as file:
        return file.read()


def write(path: Path, text: str, *, sync: bool = False) -> None:
    """0600 from its first moment, whole or not at all. Raises OSError, and then what was there stands."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(opened(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w", encoding="utf-8") as file:
            file.write(text)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def same_user(sock: socket.socket) -> bool:
    """Whether the other end runs as our user; where the system cannot tell, the folder's mode has to do."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == os.geteuid())


def _refused(why: str, path: str | os.PathLike[str]) -> PermissionError:
    return PermissionError(errno.EACCES, why, os.fspath(path))
