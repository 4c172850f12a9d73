"""From an engine's ``print`` to the line on our socket. Stock shows no log."""

from __future__ import annotations

import time
from typing import Any

from ..client import seeing
from ..result import Result
from ..sides import KEY, Ours, opened
from ..stream import Stream


def speak(word: str) -> float:
    import time

    now = time.time()
    print(word, flush=True)
    return now


def _says(word: str) -> Any:
    return lambda message: any(word in line["text"] for line in message.get("lines", []))


def measure(repeats: int) -> list[Result]:
    found = []
    with opened(Ours) as side:
        side.start(1)
        with seeing(side.home, 1) as client:
            stream = Stream(side.server, f"logs/{KEY}/slot-0")
            for number in range(max(repeats, 10)):
                word = f"line-{number}-{time.time_ns()}"
                asked = client[0].apply_async(speak, word)
                arrived = stream.await_(_says(word))
                found.append((arrived - asked.get()) * 1000)
            stream.close()
    return [Result("log line written → on the socket", "ms", {"ours": found}, {"stock": "never shown"}, 250)]
