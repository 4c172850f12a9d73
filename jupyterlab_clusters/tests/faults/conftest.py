"""A real server and a window on it, for each test."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

import psutil
import pytest

from ..realserver import RealServer, serving
from .window import Window, watching

#: Settings of a server that starts sooner: no more extensions than are needed.
LEAN = [
    "--ServerApp.jpserver_extensions="
    "{'jupyterlab': False, 'notebook_shim': False, 'jupyter_lsp': False, 'jupyter_server_terminals': False}"
]


@contextlib.contextmanager
def lean() -> Iterator[RealServer]:
    """For tests that share one; each leaves the cluster stopped."""
    with serving(settings=LEAN) as server:
        yield server


@pytest.fixture
def server() -> Iterator[RealServer]:
    with serving() as server:
        yield server


@pytest.fixture
def window(server: RealServer) -> Iterator[Window]:
    with watching(server) as window:
        yield window


def running(server: RealServer, window: Window, engines: int, key: str = "default:") -> list[int]:
    """Start so many; their process numbers."""
    server.order("start", key, engines=engines)
    window.until_cluster(lambda model: model["state"] == "running", key=key)
    window.until(lambda _: all(engine["pid"] for engine in window.engines(key)), "every engine has a pid")
    return [engine["pid"] for engine in window.engines(key)]


class Alive(NamedTuple):
    """Process numbers of what a person would call a controller or an engine, whoever knows of it."""

    controllers: list[int]
    engines: list[int]


def alive(server: RealServer) -> Alive:
    """What runs of this server's clusters, told by the system and by nobody of ours."""
    found = Alive([], [])
    for process in server.processes():
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if "host.controller" in command and process.pid == os.getsid(process.pid):
                found.controllers.append(process.pid)
            elif command.startswith("ipyparallel engine ") or "host.engine" in command:
                found.engines.append(process.pid)
    return Alive(sorted(found.controllers), sorted(found.engines))


def stopped_to_nothing(server: RealServer) -> None:
    """Told, and true."""
    server.order("stop")
    server.await_state("stopped", timeout=15)
    assert alive(server) == Alive([], [])
