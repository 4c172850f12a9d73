"""What must survive a restart of the server: one file per cluster, written whole or not at all.

Promise: files are 0600 in folders that are 0700; a file that cannot be read
is passed over with a reason, never deleted. Blocking: call from an actor or
a thread, never on the server's loop. Holds no secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import socket
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..host.private import private_folder, read, write

VERSION = 1


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Names this run of the machine; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def here() -> dict[str, str]:
    """This machine in this run."""
    return {"host": socket.gethostname(), "boot_id": boot_id()}


class Registry:
    """The folder of all clusters' folders, below ``data_dir``."""

    def __init__(self, data_dir: Path) -> None:
        self._root = data_dir / "jupyterlab-clusters"

    def folder(self, key: str) -> Path:
        """The folder of one cluster: readable, and distinct also where file systems ignore case."""
        digest = hashlib.sha256(key.encode()).hexdigest()[:10]
        readable = key.replace(":", "-").strip("-")
        return self._root / f"{readable}-{digest}"

    def owner_file(self, key: str) -> Path:
        """What a server of this machine locks while it acts for a cluster."""
        return self.folder(key) / f"owner-{here()['host'].replace('/', '-')}"

    def log_folder(self, key: str) -> Path:
        """The folder of a cluster's logs, made 0700."""
        folder = self.folder(key) / "logs"
        for path in (self._root, folder.parent, folder):
            private_folder(path, mend=True)
        return folder

    def save(self, key: str, record: Mapping[str, Any]) -> None:
        """Write one cluster's record. Raises :class:`OSError` (disk full), and then the old record stands."""
        folder = self.log_folder(key).parent
        # Without an indent it is C that writes it: of a thousand engines Python would take long, many times over.
        text = json.dumps({"version": VERSION, "key": key, **record})
        write(folder / "cluster.json", text, sync=True)

    def records(self) -> Iterator[tuple[Path, dict[str, Any] | Exception]]:
        """Each record that is there, or why it cannot be read."""
        for path in self.files():
            try:
                yield path, self._read(path)
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                yield path, error

    def files(self) -> list[Path]:
        """Where records are."""
        return sorted(self._root.glob("*/cluster.json"))

    def file(self, key: str) -> Path:
        """Where its record is."""
        return self.folder(key) / "cluster.json"

    def record(self, key: str) -> dict[str, Any] | None:
        """One cluster's record, if it is there and can be read."""
        return self.at(self.file(key))

    def at(self, path: Path) -> dict[str, Any] | None:
        """As :meth:`record`, by its file."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            return self._read(path)
        return None

    def _read(self, path: Path) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(read(path))
        if record.get("version") != VERSION or self.folder(record["key"]) != path.parent:
            raise ValueError(f"not a record of version {VERSION} of this cluster")
        return record

    def forget(self, key: str) -> None:
        """Remove a cluster's record and logs."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder(key))
