"""A tab left alone: how many requests it makes in a minute with the sidebar open, and how much it loads at the start.

Both are counted by the server, for a real JupyterLab in Chromium. What is loaded at the start is counted with
the layout of a first visit, so with the sidebar closed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ..result import Result
from ..server import FRONTS, ROOT, Server
from ..sides import SIDES, Ours, Stock, opened

SIDEBAR = {"ours": "jupyterlab-clusters-sidebar", "stock": "ipp-cluster-launcher"}
FRONT = {"ours": FRONTS["jupyterlab_clusters"], "stock": FRONTS["ipyparallel"]}
SETTLED = 15.0
KB = 1000


@contextmanager
def tab(server: Server, workspace: str = "") -> Iterator[None]:
    chromium = subprocess.check_output([ROOT / "scripts" / "find-chromium"], text=True).strip()
    with tempfile.TemporaryDirectory(prefix="jlcb-tab-") as folder:
        browser = subprocess.Popen(
            [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}",
             f"{server.url}/lab{workspace}?token={server.token}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield
        finally:
            family = psutil.Process(browser.pid).children(recursive=True)
            browser.terminate()
            browser.wait(30)
            # Its helpers write into the folder a little longer.
            for one in psutil.wait_procs(family, timeout=10)[1]:
                one.kill()
            psutil.wait_procs(family, timeout=10)


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


def with_sidebar(server: Server, name: str) -> str:
    """Saves a layout that has the sidebar open; gives its place in the address."""
    left = {"collapsed": False, "visible": True, "current": SIDEBAR[name], "widgets": [SIDEBAR[name]]}
    layout = {"main": {"dock": None}, "left": left, "relativeSizes": [0.3, 0.7, 0]}
    body = {"data": {"layout-restorer:data": layout}, "metadata": {"id": "open"}}
    server.ask("lab/api/workspaces/open", "PUT", body)
    return "/workspaces/open"


def loaded(kind: type[Ours] | type[Stock]) -> tuple[float, float]:
    """kB loaded at the start, and the rest."""
    with opened(kind, lab=True) as side, tab(side.server):
        await_loaded(side.server)
        seen = {path.rpartition("/")[2] for path in paths(side.server) if f"/{FRONT[kind.name]}/" in path}
    scripts = static(kind.name)
    at_start = sum(size for name, size in scripts.items() if name in seen)
    return at_start / KB, (sum(scripts.values()) - at_start) / KB


def minutes(kind: type[Ours] | type[Stock], repeats: int) -> list[float]:
    """Requests in each of ``repeats`` minutes."""
    found = []
    with opened(kind, lab=True) as side, tab(side.server, with_sidebar(side.server, kind.name)):
        await_loaded(side.server)
        for _ in range(repeats):
            side.server.reset_probe()
            time.sleep(60)
            found.append(float(sum(map(own(kind.name), paths(side.server)))))
    return found


def measure(repeats: int) -> list[Result]:
    asked = {kind.name: minutes(kind, repeats) for kind in SIDES}
    sizes = {kind.name: loaded(kind) for kind in SIDES}
    return [
        Result("requests of an idle tab in a minute, sidebar open", "", asked, goal=0),
        Result("loaded by the browser at the start", "kB", {name: [one[0]] for name, one in sizes.items()}, goal=60),
        Result("loaded when first needed", "kB", {name: [one[1]] for name, one in sizes.items()}),
    ]
