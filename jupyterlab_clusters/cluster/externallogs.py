"""What log files there are of a cluster that somebody else started.

Promise: reads only, and only files in its profile's own log folder; ipyparallel
names them, and removes them when what wrote them ends. Blocking.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..logs.file import Log
from ..logs.models import LogModel


class ExternalLogs:
    """``controller`` is the newest of the controller's; ``slot-0`` and so on are those of local engines, in the order
    of their numbers in the files' names."""

    def __init__(self, profile_dir: Path, cluster_id: str) -> None:
        self._folder = profile_dir / "log"
        name = f"-{re.escape(cluster_id)}" if cluster_id else "-?"
        self._controller = re.compile(rf"ipcontroller{name}-\d+\.log")
        self._engine = re.compile(rf"ipengine{name}-\d+(?:-\d+)*-(?P<number>\d+)\.log")

    def list(self, host: str | None) -> list[LogModel]:
        """As the wire has them."""
        return [
            LogModel(
                name=name,
                title="Controller" if slot is None else f"Slot {slot}",
                size=path.stat().st_size,
                slot=slot,
                host=host,
                live=True,
                path=str(path),
            )
            for name, (slot, path) in self._files().items()
        ]

    def log(self, name: str) -> Log | None:
        found = self._files().get(name)
        return Log(name, found[1]) if found is not None else None

    def _files(self) -> dict[str, tuple[int | None, Path]]:
        try:
            files = sorted(self._folder.iterdir(), key=lambda file: file.lstat().st_mtime)
        except OSError:
            return {}
        found: dict[str, tuple[int | None, Path]] = {}
        for file in files:
            if file.is_symlink() or not file.is_file():
                continue
            if self._controller.fullmatch(file.name):
                found["controller"] = (None, file)
            elif match := self._engine.fullmatch(file.name):
                found[f"slot-{match['number']}"] = (int(match["number"]), file)
        return dict(sorted(found.items(), key=lambda item: -1 if item[1][0] is None else item[1][0]))
