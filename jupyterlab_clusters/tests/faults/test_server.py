"""The Jupyter server goes, at any moment of what it was asked to do: what was begun is brought to its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from ..realserver import RealServer, until
from .conftest import Alive, alive, lean, running
from .plugin import Fault
from .window import Window

#: What is asked, of how many engines, and what must come of it in the end.
WORK = {"start": (0, 3), "scale up": (1, 4), "scale down": (4, 1), "stop": (2, 0)}
#: How long each takes about, undisturbed (seconds): the moments are spread over it.
TAKES = {"start": 1.2, "scale up": 0.4, "scale down": 0.4, "stop": 0.6}


@dataclass(frozen=True)
class Moment:
    """When the server goes: as soon as the window shows ``step``, and ``later`` seconds."""

    step: str | None
    later: float

    def await_in(self, window: Window) -> None:
        if self.step is not None:
            window.until_cluster(lambda model: model["step"] == self.step or model["state"] in ("running", "stopped"))
        time.sleep(self.later)


def spread(work: str, count: int) -> list[Moment]:
    return [Moment(None, TAKES[work] * at / count) for at in range(count)]


QUICK = {
    "killed": [
        ("start", Moment("engines", 0.0)),
        ("scale up", Moment(None, 0.02)),
        ("scale down", Moment("drain", 0.0)),
        ("stop", Moment("drain", 0.0)),
    ],
    "stopped": [("start", Moment("engines", 0.0))],
}
#: A clean stop writes down where it stands: fewer moments differ.
MOMENTS = {"killed": 40, "stopped": 8}


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    with lean() as server:
        yield server


def told(work: str) -> Callable[[dict[str, object]], bool]:
    _, wanted = WORK[work]
    if work == "stop":
        return lambda model: model["state"] == "stopped"
    return lambda model: (
        model["state"] == "running"
        and model["wanted"] == wanted
        and model["engines"]["registered"] == wanted  # type: ignore[index]
        and not model["degraded"]
    )


def go_through(server: RealServer, window: Window, work: str, moment: Moment, gone: Callable[[], None]) -> Fault:
    """From nothing to nothing, with one end of the server in between."""
    before, wanted = WORK[work]
    if before:
        running(server, window, before)
    verb = work.split()[0]
    server.order(verb, **({} if verb == "stop" else {"engines": wanted}))
    answered = time.monotonic()
    moment.await_in(window)
    fault = Fault("")
    gone()
    fault.struck()
    if not heard(server, work):
        # On a machine that is overloaded the answer does not wait until the disk has it.
        assert time.monotonic() - answered < 1.0, "asked long ago, and not written down"
        server.start()
        until(server.answers, "the server answers again", 60)
        server.order(verb, **({} if verb == "stop" else {"engines": wanted}))
    else:
        server.start()
    until(server.answers, "the server answers again", 60)
    window.until(lambda window: window.connected.is_set(), "connected again")
    until(lambda: told(work)(server.cluster()), f"{work}: {server.cluster()}", 20)
    fault.mended()
    found = until(lambda: settled(server, wanted if work != "stop" else 0), f"{alive(server)}", 10)
    assert len(found.controllers) == (work != "stop")
    window.until(lambda window: shown(window) == found.engines, f"the engines {found.engines}", 10)
    if work != "stop":
        server.order("stop")
        server.await_state("stopped")
    assert alive(server) == Alive([], [])
    return fault


def heard(server: RealServer, work: str) -> bool:
    """Whether what was asked had been written down when the server went."""
    (record,) = (server.home / "data").glob("jupyterlab-clusters/*/cluster.json")
    kept = json.loads(record.read_text())
    state = {"start": ("starting", "running"), "stop": ("stopping", "stopped")}.get(work, ("running",))
    return kept["state"] in state and (work == "stop" or kept["wanted"] == WORK[work][1])


def shown(window: Window) -> list[int]:
    return sorted(engine["pid"] or 0 for engine in window.engines())


def settled(server: RealServer, engines: int) -> Alive | None:
    found = alive(server)
    return found if len(found.engines) == engines else None


@pytest.mark.parametrize("how", ["killed", pytest.param("stopped", marks=pytest.mark.long)])
@pytest.mark.fault("the server is {how} in the middle of what was asked")
def test_quick(server: RealServer, window: Window, fault: Fault, how: str) -> None:
    worst(server, window, fault, how, QUICK[how])


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("work", list(WORK))
@pytest.mark.parametrize("how", ["killed", "stopped"])
@pytest.mark.fault("the server is {how} at many moments of a {work}", long=True)
def test_sweep(server: RealServer, window: Window, fault: Fault, how: str, work: str) -> None:
    worst(server, window, fault, how, [(work, moment) for moment in spread(work, MOMENTS[how])])


def worst(server: RealServer, window: Window, fault: Fault, how: str, moments: list[tuple[str, Moment]]) -> None:
    took = []
    for work, moment in moments:
        print(work, moment, flush=True)
        one = go_through(server, window, work, moment, server.kill if how == "killed" else server.end)
        took.append(one.mended_after or 0.0)
    fault.mended_after = max(took)
