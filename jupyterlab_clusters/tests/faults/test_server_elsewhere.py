"""The Jupyter server goes in the middle of a start, a scale and a stop of engines in hosts, queues and programs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipyparallel
import psutil
import pytest

from ..cluster.backends import back_end, name_own
from ..realserver import MARK, RealServer, serving, until
from .conftest import LEAN
from .plugin import Fault
from .window import Window, watching

KEY = "default:any"
#: Where a local launcher of ours is not the one that counts processes: what belongs to a person's cluster.
WORDS = ("host.controller", "ipcontroller", "ipengine", "ipyparallel engine", "host.engine", "host.rank", "mpiexec")

pytestmark = [pytest.mark.timeout(600)]


@pytest.fixture(params=["ssh", "mpi", "slurm", "stock"])
def launcher(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def options(launcher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What a person would choose, with the real back end up."""
    with back_end(launcher, tmp_path, monkeypatch, engines=(2, 2)) as options:
        yield options


@pytest.fixture
def server(launcher: str, options: dict[str, Any]) -> Iterator[RealServer]:
    with serving(settings=LEAN) as server:
        if launcher == "stock":
            name_own(server.home / "ipython")
            until(lambda: server.ask("profiles")[0]["launcher"] == "stock", "the profile is read")
        marked = {"environment": {MARK: str(server.home)}} if launcher == "ssh" else {}
        asked = {"profile": "default", "cluster_id": "any", "launcher": launcher, "options": {**options, **marked}}
        server.ask("clusters", "POST", asked)
        yield server


@pytest.fixture
def window(server: RealServer) -> Iterator[Window]:
    with watching(server, "clusters", f"engines/{KEY}") as window:
        yield window


def cut(server: RealServer, window: Window, step: str | None, later: float) -> None:
    """The server goes as soon as that step is shown, and so much later."""
    if step is not None:
        at_rest = ("running", "stopped")
        window.until_cluster(lambda model: model["step"] == step or model["state"] in at_rest, key=KEY)
    time.sleep(later)
    server.kill()
    server.start()
    until(server.answers, "the server answers again", 60)


def reached(server: RealServer, state: str, engines: int) -> dict[str, Any]:
    def there() -> dict[str, Any] | None:
        model = server.cluster(KEY)
        registered = model["engines"]["registered"] == model["engines"]["launched"] == engines
        return model if model["state"] == state and registered and not model["degraded"] else None

    try:
        return until(there, f"{state} with {engines}", 60)
    except AssertionError as error:
        raise AssertionError(f"{error}: {server.cluster(KEY)}") from None


def people_reach(server: RealServer, engines: int) -> set[int]:
    """The engines as a client sees them: each one once, and none that nobody asked for."""
    one = ipyparallel.Client(server.cluster(KEY)["connection_file"], timeout=20)
    try:
        one.wait_for_engines(engines, timeout=20)
        time.sleep(1.0)
        assert len(one.ids) == engines
        return set(one[:].apply_sync(os.getpid))
    finally:
        one.close()


def left(server: RealServer) -> list[str]:
    commands = []
    for process in server.processes():
        try:
            commands.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return [command for command in commands if any(word in command for word in WORDS)]


@pytest.mark.fault("the server is killed in the middle of what was asked ({launcher})", long=True)
def test_cut(server: RealServer, window: Window, launcher: str, fault: Fault) -> None:
    live = launcher in ("ssh", "slurm")
    fault.struck()
    seen: set[int] = set()
    for step, later in (("controller", 0.0), ("engines", 0.0), ("engines", 0.5)):
        server.order("start", KEY, engines=2)
        cut(server, window, step, later)
        reached(server, "running", 2)
        seen |= people_reach(server, 2)
        if (step, later) != ("engines", 0.5):
            server.order("stop", KEY)
            server.await_state("stopped", KEY)
    for engines, later in ((3, 0.0), (1, 0.0), (3, 0.4)):
        server.order("scale", KEY, engines=engines, restart=not live)
        cut(server, window, None, later)
        reached(server, "running", engines)
        seen |= people_reach(server, engines)
    server.order("stop", KEY)
    cut(server, window, None, 0.05)
    server.await_state("stopped", KEY, timeout=60)
    until(lambda: not left(server), f"nothing is left: {left(server)}", 10)
    assert not [pid for pid in seen if psutil.pid_exists(pid)]
    fault.mended()
