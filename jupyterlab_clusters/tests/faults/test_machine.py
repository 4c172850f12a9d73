"""The machine is restarted, its clock is set, a process number is used again: nobody is taken for somebody else."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ..realserver import RealServer, serving, until
from .conftest import LEAN, Alive, alive, running
from .plugin import Fault
from .test_agent import parts
from .window import Window

BOOT_ID, STAT = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/stat")


class Machine(RealServer):
    """A server to which the system tells another boot id and another clock: two files are mounted over its own."""

    facts: Path

    def restarted(self) -> None:
        """Everything ends, and the machine is another run of itself."""
        for process in [self.process, *self.processes()]:
            process.kill()
        self.process.wait(20)
        until(lambda: not self.processes(), "all gone")
        (self.facts / "boot_id").write_text("00000000-0000-4000-8000-000000000000\n")

    def clock_set(self, seconds: int) -> None:
        lines = STAT.read_text().splitlines(keepends=True)
        moved = [f"btime {int(line.split()[1]) + seconds}\n" if line.startswith("btime ") else line for line in lines]
        (self.facts / "stat").write_text("".join(moved))


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="jlcf-", dir="/tmp") as folder:
        facts = Path(folder)
        for file in (BOOT_ID, STAT):
            (facts / file.name).write_text(file.read_text())
        mount = f'mount --bind "$0/{BOOT_ID.name}" {BOOT_ID} && mount --bind "$0/{STAT.name}" {STAT} && exec "$@"'
        with serving(settings=LEAN, within=["unshare", "-m", "sh", "-c", mount, folder]) as server:
            server.__class__ = Machine
            assert isinstance(server, Machine)
            server.facts = facts
            yield server


@pytest.fixture
def server(machine: Machine) -> Machine:
    return machine


def again(server: RealServer, window: Window) -> None:
    server.start()
    until(server.answers, "the server answers again", 60)
    window.until(lambda window: window.connected.is_set(), "connected again")


def files(server: RealServer) -> list[str]:
    security = server.home / "ipython" / "profile_default" / "security"
    return [path.name for path in security.iterdir() if path.suffix == ".json"]


def record(server: RealServer) -> Path:
    (path,) = (server.home / "data").glob("jupyterlab-clusters/*/cluster.json")
    return path


@pytest.mark.fault("the machine is restarted")
def test_restarted(server: Machine, window: Window, fault: Fault) -> None:
    running(server, window, 2)
    until(lambda: len(files(server)) >= 3, "also the file by which ipyparallel finds it")
    server.restarted()
    with contextlib.suppress(OSError):
        server.process.wait(1)
    fault.lost = "the cluster, not its logs"
    again(server, window)
    fault.struck()
    model = window.until_cluster(lambda model: model["state"] == "failed" and model)
    fault.told()
    assert model["failure"]["cause"] == "The machine was restarted, and the cluster ended with it."
    assert model["engines"] == {"launched": 0, "registered": 0, "busy": 0, "lost": 0}
    until(lambda: not [name for name in files(server) if name != "ipcontroller-engines.json"], f"{files(server)}", 5)
    assert alive(server) == Alive([], [])
    running(server, window, 1)
    fault.mended(by_itself=False)
    server.order("stop")
    server.await_state("stopped")


@pytest.mark.parametrize("hours", [-5])
@pytest.mark.fault("the clock is set by {hours} hours")
def test_clock(server: Machine, window: Window, fault: Fault, hours: int) -> None:
    before = running(server, window, 2)
    server.clock_set(hours * 3600)
    fault.struck()
    # Whoever comes anew must know everybody again: another server, another agent.
    server.kill()
    for agent in parts(server, "agent"):
        agent.kill()
    again(server, window)
    window.until_cluster(lambda model: model["state"] == "running" and model["engines"]["registered"] == 2)
    assert sorted(engine["pid"] for engine in window.engines()) == alive(server).engines == sorted(before)
    server.order("scale", engines=1)
    window.until_cluster(lambda model: model["engines"]["launched"] == 1)
    until(lambda: len(alive(server).engines) == 1, f"{alive(server)}", 10)
    server.clock_set(0)
    server.order("stop")
    server.await_state("stopped", timeout=15)
    assert alive(server) == Alive([], [])
    fault.mended()


@pytest.mark.fault("the process numbers of the controller and of an engine are used again by strangers")
def test_number_used_again(server: Machine, window: Window, fault: Fault) -> None:
    running(server, window, 2)
    server.kill()
    for process in [*parts(server, "agent"), *parts(server, "controller"), *map(psutil.Process, alive(server).engines)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    strangers = [subprocess.Popen(["sleep", "600"]) for _ in range(2)]
    try:
        kept = json.loads(record(server).read_text())
        for process, stranger in zip(kept["processes"]["processes"], strangers, strict=False):
            process["pid"] = stranger.pid
        record(server).write_text(json.dumps(kept))
        again(server, window)
        fault.struck()
        model = window.until_cluster(lambda model: model["state"] == "failed" and model)
        fault.told()
        assert "controller ended" in model["failure"]["cause"]
        fault.lost = "the cluster"
        server.order("stop")
        server.await_state("stopped", timeout=15)
        assert all(stranger.poll() is None for stranger in strangers)
        running(server, window, 1)
        fault.mended(by_itself=False)
        server.order("stop")
        server.await_state("stopped", timeout=15)
        assert all(stranger.poll() is None for stranger in strangers)
    finally:
        for stranger in strangers:
            stranger.kill()
            stranger.wait()
