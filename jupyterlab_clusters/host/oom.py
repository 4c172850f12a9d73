"""Whether the out-of-memory killer has been at work.

Promise: reads two counters of the system; where there are none it never says yes.
"""

from __future__ import annotations

from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


class OutOfMemory:
    """Counts kills since the last look, in our control group if it counts, else on the machine."""

    def __init__(self) -> None:
        self._counters = list(_counters())
        self._seen = self._count()

    def struck(self) -> bool:
        now = self._count()
        grown, self._seen = now > self._seen, now
        return grown

    def _count(self) -> int:
        return sum(_counter(path, name) for path, name in self._counters)


def _counters() -> list[tuple[Path, str]]:
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found = CGROUPS / path.lstrip("/") / "memory.events"
        elif "memory" in controllers.split(","):
            found = CGROUPS / "memory" / path.lstrip("/") / "memory.oom_control"
        else:
            continue
        if _has(found, "oom_kill"):
            return [(found, "oom_kill")]
    return [(Path("/proc/vmstat"), "oom_kill")]


def _has(path: Path, name: str) -> bool:
    return any(line.startswith(f"{name} ") for line in _read(path).splitlines())


def _counter(path: Path, name: str) -> int:
    for line in _read(path).splitlines():
        if line.startswith(f"{name} "):
            return int(line.split()[1])
    return 0


def _read(path: Path | str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
