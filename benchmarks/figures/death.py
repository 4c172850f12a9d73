"""From ``kill -9`` of an engine to the word of it: on our socket; for stock, which tells no window, in its client."""

from __future__ import annotations

import os
import signal
import statistics
import time
from typing import Any

from ..client import await_ids, seeing
from ..result import Result
from ..sides import KEY, Ours, Stock, opened
from ..stream import Stream


def _lost(message: dict[str, Any]) -> bool:
    return any(one.get("state") == "lost" for one in message.get("changes", []))


def ours(repeats: int) -> list[float]:
    found = []
    with opened(Ours) as side:
        for _ in range(repeats):
            side.start(2)
            with seeing(side.home, 2) as client:
                pid = client[client.ids[-1]].apply_sync(os.getpid)
                stream = Stream(side.server, f"engines/{KEY}")
                began = time.time()
                os.kill(pid, signal.SIGKILL)
                found.append((stream.await_(_lost) - began) * 1000)
                stream.close()
            side.stop()
    return found


def stock(repeats: int) -> list[float]:
    found = []
    with opened(Stock) as side:
        side.start(repeats + 1)
        with seeing(side.home, repeats + 1) as client:
            for left in range(repeats, 0, -1):
                pid = client[client.ids[-1]].apply_sync(os.getpid)
                began = time.time()
                os.kill(pid, signal.SIGKILL)
                await_ids(client, left)
                found.append((time.time() - began) * 1000)
    return found


def measure(repeats: int) -> list[Result]:
    client = statistics.median(stock(repeats))
    notes = {"stock": f"never in its window; {client:.0f} in a client"}
    return [Result("engine killed → on the socket", "ms", {"ours": ours(repeats)}, notes, goal=250)]
