"""A server extension for benchmarks: the longest pause of the server's loop, and which requests came.

Promise: measures inside the server, by a call that asks to run again every 2 ms.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

EVERY = 0.002


class Probe:
    """``longest`` in seconds since the last ``reset``; ``paths`` of the requests since then."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.longest = 0.0
        self.paths: list[str] = []
        self._last = time.perf_counter()

    def begin(self) -> None:
        asyncio.get_running_loop().call_later(EVERY, self._tick)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last - EVERY)
        self._last = now
        self.begin()


class ProbeHandler(APIHandler):
    @property
    def probe(self) -> Probe:
        return self.settings["bench_probe"]

    @web.authenticated
    def get(self) -> None:
        self.finish({"longest": self.probe.longest, "paths": self.probe.paths})

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
