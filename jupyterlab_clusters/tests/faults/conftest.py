"""A real server and a window on it, for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..realserver import RealServer, serving
from .window import Window, watching


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
