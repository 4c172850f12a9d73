"""Engines die, hang, and starve."""

from __future__ import annotations

import os
import signal

import pytest

from ..realserver import RealServer
from .conftest import running
from .plugin import Fault
from .window import Window


@pytest.mark.fault("an engine is killed (SIGKILL)")
def test_killed(server: RealServer, window: Window, fault: Fault) -> None:
    victim, other = running(server, window, 2)
    os.kill(victim, signal.SIGKILL)
    fault.struck()
    window.until_cluster(lambda model: model["engines"]["lost"] == 1)
    fault.told()
    lost = window.until(lambda window: window.engines()[0]["cause"], "the cause")
    assert lost["signal"] == signal.SIGKILL
    fault.lost = "what that engine held and did"
    server.order("scale", engines=2)
    window.until_cluster(lambda model: model["engines"]["registered"] == 2 and not model["degraded"])
    fault.mended(by_itself=False)
    assert other in [engine["pid"] for engine in window.engines()]
