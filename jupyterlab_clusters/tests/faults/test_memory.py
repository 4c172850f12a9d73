"""Memory runs out: the engine that took it is ended by the system, and the cause names that."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..realserver import RealServer, serving
from .conftest import LEAN, Alive, alive, running
from .plugin import Fault
from .test_engines import client
from .window import Window

CGROUPS = Path("/sys/fs/cgroup")
LIMIT = 900 << 20


@contextlib.contextmanager
def limited() -> Iterator[Path]:
    """A control group of its own for a server and all that it starts."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    own = next((path for _, names, path in lines if "memory" in names.split(",")), None)
    if own is not None:
        folder, limit = CGROUPS / "memory" / own.lstrip("/"), "memory.limit_in_bytes"
    else:
        folder, limit = CGROUPS / next(path for _, names, path in lines if not names).lstrip("/"), "memory.max"
    group = folder / f"jlc-faults-{os.getpid()}"
    group.mkdir()
    try:
        (group / limit).write_text(str(LIMIT))
        yield group
    finally:
        group.rmdir()


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    with limited() as group:
        join = f'echo $$ > {group}/cgroup.procs && exec "$@"'
        with serving(settings=LEAN, within=["sh", "-c", join, "sh"]) as server:
            yield server


@pytest.mark.fault("an engine takes more memory than there is (control group)")
def test_out_of_memory(server: RealServer, window: Window, fault: Fault) -> None:
    _, other = running(server, window, 2)
    with client(server, window) as user:
        fault.struck()
        user[0].apply_async(lambda: bytearray(b"x") * (2 << 30))
        window.until_cluster(lambda model: model["engines"]["lost"] == 1)
        fault.told()
    cause = window.until(lambda window: window.engines()[0]["cause"], "the cause")
    assert "memory ran out" in cause["sentence"]
    fault.lost = "what that engine held and did"
    server.order("scale", engines=2)
    window.until_cluster(lambda model: model["engines"]["registered"] == 2 and not model["degraded"])
    fault.mended(by_itself=False)
    assert other in alive(server).engines
    server.order("stop")
    server.await_state("stopped")
    assert alive(server) == Alive([], [])
