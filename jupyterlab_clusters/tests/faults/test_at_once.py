"""Two servers of one person, two tabs on each, and everybody presses at once: it does what one would."""

from __future__ import annotations

import contextlib
import json
import sys
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ..realserver import RealServer
from .conftest import LEAN, Alive, alive, lean
from .plugin import Fault
from .window import Window, watching

KEY = "default:"

#: What a press is refused with that came too late: another tab's, or another server's, was first.
LATE = {"external", "stopping", "use-scale", "starting", "running", "stopped"}


@pytest.fixture
def servers() -> Iterator[list[RealServer]]:
    with lean() as first:
        second = RealServer(first.home, sys.executable, {}, LEAN, ())
        try:
            second.await_answer()
            yield [first, second]
        finally:
            second.end()


def pressed(press: tuple[RealServer, str]) -> str | None:
    """Why it was refused, if it was."""
    server, verb = press
    try:
        server.order(verb, KEY, **({"engines": 2} if verb == "start" else {}))
    except urllib.error.HTTPError as error:
        return str(json.loads(error.read())["reason"])
    return None


def at_once(*presses: tuple[RealServer, str]) -> None:
    with ThreadPoolExecutor(len(presses)) as hands:
        refused = {reason for reason in hands.map(pressed, presses) if reason is not None}
    assert refused <= LATE


def settled(model: dict[str, Any]) -> bool:
    """Whether it rests, or runs as it was started."""
    up = model["state"] == "running" and model["step"] is None and model["engines"]["registered"] == 2
    return up or model["state"] == "stopped"


def all_show(windows: list[Window], *states: str) -> str:
    for _ in range(3):  # what one waits for, another may change meanwhile
        for window in windows:
            window.until_cluster(lambda model: settled(model) and model["state"] in states)
        shown = {window.cluster(KEY)["state"] for window in windows}
        if len(shown) == 1:
            return str(shown.pop())
    raise AssertionError(f"they do not show the same: {[window.cluster(KEY) for window in windows]}")


@pytest.mark.fault("Start and Stop pressed at once in two tabs of two servers")
def test_everybody_presses(servers: list[RealServer], fault: Fault) -> None:
    first, second = servers
    with contextlib.ExitStack() as stack:
        windows = [stack.enter_context(watching(server)) for server in (first, first, second, second)]
        all_show(windows, "stopped")
        for _ in range(2):
            fault.struck()
            at_once((first, "start"), (second, "start"), (first, "start"), (second, "start"))
            all_show(windows, "running")
            fault.told()
            found = alive(first)
            assert (len(found.controllers), len(found.engines)) == (1, 2)
            at_once((first, "stop"), (second, "start"), (second, "stop"), (first, "start"))
            all_show(windows, "running", "stopped")
            at_once((second, "stop"), (first, "stop"))
            all_show(windows, "stopped")
            assert all(window.cluster(KEY)["failure"] is None for window in windows)
            assert alive(first) == Alive([], [])
