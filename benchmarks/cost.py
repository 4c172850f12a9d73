"""What the processes of a cluster's engines cost.

Promise: the same rule on both sides: every process of the home that is neither
the Jupyter server, nor the controller or its schedulers, nor the benchmark, was
begun for engines and is counted: engines, their nannies, our agent and nursery.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import psutil

from .home import Home


@dataclass(frozen=True)
class Cost:
    """``memory`` is PSS in bytes, ``cpu`` seconds of all counted processes."""

    memory: int
    cpu: float


def _server(process: psutil.Process) -> bool:
    return any("jupyter_server" in word for word in process.cmdline()[:4])


def _controller(process: psutil.Process) -> bool:
    """The controller, or a scheduler it began."""
    return any("controller" in word for one in (process, *process.parents()) for word in one.cmdline()[:4])


def engine_processes(home: Home) -> list[psutil.Process]:
    found = []
    for process in home.processes():
        with contextlib.suppress(psutil.Error):
            if not _server(process) and not _controller(process):
                found.append(process)
    return found


def cost(home: Home) -> Cost:
    memory, cpu = 0, 0.0
    for process in engine_processes(home):
        with contextlib.suppress(psutil.Error):
            memory += process.memory_full_info().pss
            cpu += sum(process.cpu_times()[:4])
    return Cost(memory, cpu)
