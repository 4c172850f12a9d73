"""A tab left alone: how many requests it makes in a minute, and how much of ours it loads at the start.

Both are counted by the server, for a real JupyterLab in the system's Chromium.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..result import Result
from ..server import ROOT, Server
from ..sides import Ours, Stock, opened

FRONT = {"ours": "jupyterlab-clusters", "stock": "ipyparallel-labextension"}
SETTLED = 15.0
KB = 1000


@contextmanager
def tab(server: Server) -> Iterator[None]:
    chromium = subprocess.check_output([ROOT / "scripts" / "find-chromium"], text=True).strip()
    with tempfile.TemporaryDirectory(prefix="jlcb-tab-") as folder:
        browser = subprocess.Popen(
            [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}",
             f"{server.url}/lab?token={server.token}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield
        finally:
            browser.terminate()
            browser.wait(30)


def paths(server: Server) -> list[str]:
    found: list[str] = server.probe()["paths"]
    return found


def await_loaded(server: Server) -> None:
    end = time.monotonic() + 120
    while not any(path.startswith("/lab/api/settings") or "/lab/api/workspaces" in path for path in paths(server)):
        if time.monotonic() > end:
            raise TimeoutError("JupyterLab did not load")
        time.sleep(0.2)
    time.sleep(SETTLED)


def own(name: str) -> Callable[[str], bool]:
    route = {"ours": "/jupyterlab-clusters/", "stock": "/ipyparallel/"}[name]
    return lambda path: path.startswith(route)


def static(name: str) -> dict[str, int]:
    """Each script of the extension and its size in bytes."""
    base = Path(sys.prefix) / "share" / "jupyter" / "labextensions" / FRONT[name] / "static"
    return {file.name: file.stat().st_size for file in base.glob("*.js")}


def watch(kind: type[Ours] | type[Stock], repeats: int) -> tuple[list[float], float, float]:
    """Requests in each of ``repeats`` minutes; kB loaded at the start, and the rest."""
    with opened(kind, lab=True) as side, tab(side.server):
        await_loaded(side.server)
        scripts = static(kind.name)
        loaded = {path.rpartition("/")[2] for path in paths(side.server) if f"/{FRONT[kind.name]}/" in path}
        minutes = []
        for _ in range(repeats):
            side.server.reset_probe()
            time.sleep(60)
            minutes.append(float(sum(map(own(kind.name), paths(side.server)))))
    at_start = sum(size for name, size in scripts.items() if name in loaded)
    return minutes, at_start / KB, (sum(scripts.values()) - at_start) / KB


def measure(repeats: int) -> list[Result]:
    ours, stock = watch(Ours, repeats), watch(Stock, repeats)
    return [
        Result("requests of an idle tab in a minute", "", {"ours": ours[0], "stock": stock[0]}, goal=0),
        Result("loaded by the browser at the start, minified", "kB", {"ours": [ours[1]], "stock": [stock[1]]}, goal=60),
        Result("loaded when first needed, minified", "kB", {"ours": [ours[2]], "stock": [stock[2]]}),
    ]
