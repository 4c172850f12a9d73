"""A server extension for benchmarks: the longest pause of the server's loop, and which requests came.

Promise: measures inside the server, by a call that asks to run again every 2 ms; how much of a pause the thread was
ready but had no processor is the kernel's figure (``/proc/thread-self/schedstat``, Linux only). So it is for the other
threads of the server, for one of which the loop may have waited: it had Python's lock, and no processor.
"""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

EVERY = 0.002
#: How often the other threads are looked at, which costs more (seconds), and for pauses of what length.
OTHERS_EVERY, OTHERS_FROM = 0.05, 0.02


def queued(thread: str = "thread-self") -> float:
    """Seconds that a thread has been ready to run without a processor so far."""
    try:
        return int(Path("/proc", thread, "schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def queued_all() -> dict[int, float]:
    """As :func:`queued`, of each thread of Python's."""
    ids = [thread.native_id for thread in threading.enumerate() if thread.native_id is not None]
    return {number: queued(f"self/task/{number}") for number in ids}


class Probe:
    """``longest`` in seconds since the last ``reset``, in ``waited`` what the thread itself had to wait for a
    processor in that pause; ``own`` the longest without such waits of any thread; ``paths`` of the requests since."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.longest = self.waited = self.own = 0.0
        self._queued, self._all = queued(), queued_all()
        self._looked = time.perf_counter()
        self.paths: list[str] = []
        self._last = time.perf_counter()

    def begin(self) -> None:
        asyncio.get_running_loop().call_later(EVERY, self._tick)

    def _tick(self) -> None:
        now, ready = time.perf_counter(), queued()
        pause = now - self._last - EVERY
        waited = max(0.0, min(pause, ready - self._queued))
        if pause > self.longest:
            self.longest, self.waited = pause, waited
        if pause - waited > OTHERS_FROM or now - self._looked > OTHERS_EVERY:
            before, self._all, self._looked = self._all, queued_all(), now
            if pause - waited > OTHERS_FROM:
                waited = sum(after - before.get(number, after) for number, after in self._all.items())
        self.own = max(self.own, pause - waited)
        self._last, self._queued = time.perf_counter(), queued()
        self.begin()


class ProbeHandler(APIHandler):
    @property
    def probe(self) -> Probe:
        probe: Probe = self.settings["bench_probe"]
        return probe

    @web.authenticated
    def get(self) -> None:
        probe = self.probe
        self.finish({"longest": probe.longest, "waited": probe.waited, "own": probe.own, "paths": probe.paths})

    @web.authenticated
    def post(self) -> None:
        self.probe.reset()
        self.set_status(204)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "benchmarks.probe"}]


def _load_jupyter_server_extension(server: Any) -> None:
    probe = Probe()
    settings = server.web_app.settings
    settings["bench_probe"] = probe
    log = settings.get("log_function")

    def count(handler: web.RequestHandler) -> None:
        probe.paths.append(handler.request.path)
        if log:
            log(handler)

    settings["log_function"] = count
    server.web_app.add_handlers(".*$", [(url_path_join(settings["base_url"], "bench/probe"), ProbeHandler)])
    server.io_loop.add_callback(probe.begin)
