"""Which server acts for a cluster: of several of one person on one machine, one at a time.

Promise: decided by a lock that ends with its process, never by what stands in a file. Where the disk
knows no locks, a server takes itself to be alone. Blocking, for as long as a file takes to open.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from pathlib import Path

from ..host.private import opened, private_folder


class Owner:
    """``file`` is one for each cluster and machine."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: int | None = None
        self._alone = False
        self._lock = threading.Lock()

    @property
    def held(self) -> bool:
        return self._held is not None or self._alone

    def take(self, patience: float = 0.0) -> bool:
        """Act for it from now on; False: another server does, and after ``patience`` seconds still."""
        end = time.monotonic() + patience
        while not (taken := self._take()) and time.monotonic() < end:
            time.sleep(0.01)
        return taken

    def _take(self) -> bool:
        with self._lock:
            if self.held:
                return True
            try:
                for folder in (self._file.parent.parent, self._file.parent):
                    private_folder(folder, mend=True)
                fd = opened(self._file, os.O_RDWR | os.O_CREAT)
            except OSError:
                self._alone = True
                return True
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                return False
            except OSError:
                os.close(fd)
                self._alone = True
                return True
            self._held = fd
            return True

    def let_go(self) -> None:
        with self._lock:
            self._alone = False
            if self._held is not None:
                with contextlib.suppress(OSError):
                    os.close(self._held)
                self._held = None
