"""The two sides of every comparison, with the same few verbs.

Promise: each goes the way its own window goes, by requests to a Jupyter server;
only where stock's has no route (one more engine) its Python class is used.
A side's ``start`` returns at once; what follows is watched from outside.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import ipyparallel

from .home import Home
from .server import Server

KEY = "default:"


class Side(Protocol):
    name: str
    home: Home
    server: Server

    def start(self, n: int) -> None: ...
    def grow(self, n: int) -> None:
        """One more, to ``n``."""

    def stop(self) -> None:
        """Returns when it is stopped and forgotten."""

    def state(self) -> object:
        """What it tells its own window."""


class Ours:
    name = "ours"

    def __init__(self, *, lab: bool = False) -> None:
        self.home = Home()
        self.server = Server(self.home, "jupyterlab_clusters", lab=lab)
        self._route = f"jupyterlab-clusters/clusters/{quote(KEY, safe='')}"

    def define(self, launcher: str, options: dict[str, object]) -> None:
        """The default cluster is from now on one of that launcher."""
        asked = {"profile": "default", "cluster_id": "", "launcher": launcher, "options": options}
        self.server.ask("jupyterlab-clusters/clusters", "POST", asked)

    def start(self, n: int) -> None:
        self.server.ask(f"{self._route}/start", "POST", {"engines": n})

    def grow(self, n: int) -> None:
        self.server.ask(f"{self._route}/scale", "POST", {"engines": n})

    def stop(self) -> None:
        self.server.ask(f"{self._route}/stop", "POST", {})
        while self.server.ask(self._route)["state"] != "stopped":
            time.sleep(0.02)

    def state(self) -> object:
        return self.server.ask(self._route)


class Stock:
    name = "stock"

    def __init__(self, *, lab: bool = False) -> None:
        self.home = Home()
        self.server = Server(self.home, "ipyparallel", lab=lab)
        self._route = f"ipyparallel/clusters/{quote(KEY, safe='')}"
        self._starting: threading.Thread | None = None

    def start(self, n: int) -> None:
        self.server.ask("ipyparallel/clusters", "POST", {"profile": "default", "cluster_id": "", "n": n})
        # Stock answers only when all has been launched; ours at once. Neither is waited for.
        self._starting = threading.Thread(target=self.server.ask, args=(self._route, "POST", {"n": n}))
        self._starting.start()

    def grow(self, n: int) -> None:
        file = next(self.home.ipython.glob("profile_default/security/cluster-*.json"))
        ipyparallel.Cluster.from_file(str(file)).start_engines_sync(n=1)

    def stop(self) -> None:
        if self._starting is not None:
            self._starting.join()
        self.server.ask(self._route, "DELETE")

    def state(self) -> object:
        return self.server.ask(self._route)


SIDES = (Ours, Stock)


def profile_folder(home: Home) -> Path:
    return home.ipython / "profile_default"


@contextlib.contextmanager
def opened(kind: type[Ours] | type[Stock], *, lab: bool = False) -> Iterator[Ours | Stock]:
    side = kind(lab=lab)
    try:
        yield side
    except TimeoutError:
        print(side.name, "says:", side.state(), flush=True)
        raise
    finally:
        with contextlib.suppress(RuntimeError, OSError):
            side.stop()
        side.server.close()
        side.home.close()
