"""Many cycles, and random commands by several people at once: nothing is left, nothing grows, all show the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psutil
import pytest

from ..realserver import RealServer, serving
from .conftest import LEAN, Alive, alive, running
from .plugin import Fault
from .soaking import soak
from .test_agent import parts
from .window import Window, watching

RANDOM = "random commands by three people at once, engines, controller and server killed"
#: What the server says of each request that it answered.
ANSWERED = re.compile(r"\b[2-5]\d\d (?:GET|POST) \S*/jupyterlab-clusters/\S+ .* ([\d.]+)ms")


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    with serving(settings=[*LEAN, "--ServerApp.log_level=DEBUG"]) as server:
        yield server


# -- cycles -----------------------------------------------------------------------------------------------------------


def held(server: RealServer) -> dict[str, int]:
    """What server and agent hold that could grow."""
    (agent,) = parts(server, "agent")
    own = psutil.Process(server.process.pid)
    return {
        "server's handles": own.num_fds(),
        "agent's handles": agent.num_fds(),
        "server's threads": own.num_threads(),
        "server's megabytes": own.memory_info().rss >> 20,
        "agent's megabytes": agent.memory_info().rss >> 20,
    }


def cycles(server: RealServer, window: Window, count: int) -> None:
    for _ in range(count):
        running(server, window, 2)
        for engines in (4, 1):
            server.order("scale", engines=engines)
            window.until_cluster(
                lambda model, engines=engines: model["engines"]["registered"] == model["engines"]["launched"] == engines
            )
        server.order("stop")
        server.await_state("stopped")
        assert alive(server) == Alive([], [])


def flat(server: RealServer, window: Window, warm: int, count: int) -> None:
    cycles(server, window, warm)
    before = held(server)
    cycles(server, window, count)
    after = held(server)
    print(before, after)
    # The first cycles fill caches; a leak of one handle a cycle would show.
    assert all(after[name] <= before[name] + max(4, count // 10) for name in before), (before, after)


@pytest.mark.timeout(1200)
@pytest.mark.fault("100 cycles of start, scale up, scale down, stop", long=True)
def test_hundred_cycles(server: RealServer, window: Window, fault: Fault) -> None:
    fault.struck()
    flat(server, window, 10, 90)
    fault.mended()


# -- random commands --------------------------------------------------------------------------------------------------


def soaked(server: RealServer, seconds: float) -> None:
    with watching(server) as one, watching(server) as two, watching(server) as three:
        print(f"{soak(server, [one, two, three], seconds)} runs")
    took = sorted(float(ms) for ms in ANSWERED.findall(server.log.read_text(errors="replace")))
    assert took, "the server tells how long it took"
    print(f"{len(took)} answers, median {took[len(took) // 2]:.0f} ms, longest {took[-1]:.0f} ms")
    # A machine that others load as well may make one or the other late.
    assert took[int(0.95 * len(took))] < 200, took[-20:]


@pytest.mark.fault(f"{RANDOM}, for 12 s")
def test_soak(server: RealServer, fault: Fault) -> None:
    fault.struck()
    soaked(server, 12)
    fault.lost = "nothing that was not killed"
    fault.mended()


@pytest.mark.timeout(1200)
@pytest.mark.fault(f"{RANDOM}, for 10 min", long=True)
def test_long_soak(server: RealServer, fault: Fault) -> None:
    fault.struck()
    soaked(server, 600)
    fault.lost = "nothing that was not killed"
    fault.mended()
