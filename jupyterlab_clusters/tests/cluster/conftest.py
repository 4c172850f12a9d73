"""A real collection of clusters in folders of its own, with everything ended at the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.cluster.clusters import Clusters
from jupyterlab_clusters.cluster.models import ClusterModel
from jupyterlab_clusters.cluster.policy import Policy
from jupyterlab_clusters.feed import Feed
from jupyterlab_clusters.profiles import Profiles
from jupyterlab_clusters.tests.beds.sshd import Sshd, first_in_path
from jupyterlab_clusters.tests.fair import clock


def processes_marked(root: Path) -> dict[int, str]:
    """Processes whose command line or environment names a folder of this test."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            marked = str(root).encode() in command + (entry / "environ").read_bytes()
            zombie = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if marked and not zombie:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short path (sockets), with every folder that Jupyter and IPython use below it."""
    root = Path(tempfile.mkdtemp(prefix="jlc"))
    monkeypatch.setenv("IPYTHONDIR", str(root / "ipython"))
    monkeypatch.setenv("JUPYTERLAB_CLUSTERS_TEST", str(root))
    (root / "ipython").mkdir()
    yield root
    for pid in processes_marked(root):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(root, ignore_errors=True)


class Site:
    """One run of a server, as far as clusters go."""

    def __init__(self, home: Path, **policy: Any) -> None:
        self.home = home
        self.run = home / "run"
        self.policy = Policy(**{"register_timeout": 20.0, **policy})
        self.clusters: Clusters = None  # type: ignore[assignment]
        self.feed: Feed = None  # type: ignore[assignment]

    async def open(self) -> Site:
        self.feed = Feed(asyncio.get_running_loop())
        profiles = Profiles(
            ipython_dir=self.home / "ipython",
            on_change=lambda name: self.clusters.profile_read(name) if self.clusters else None,
        )
        self.clusters = Clusters(
            feed=self.feed,
            profiles=profiles,
            policy=self.policy,
            data_dir=self.home / "data",
            runtime_dir=self.run,
            log=logging.getLogger("test"),
        )
        await self.clusters.open()
        return self

    async def close(self) -> None:
        await self.clusters.close()


def controller_says(cluster: Cluster) -> str:
    try:
        return "\n".join(line.text for line in cluster.log("controller").page(None, 25, 0).lines)
    except OSError as error:
        return str(error)


async def until(cluster: Cluster, condition: Callable[[ClusterModel], bool], *, within: float = 30.0) -> ClusterModel:
    """Wait for a state that must come; fails with the model that was there instead."""
    end = clock() + within
    while True:
        model = cluster.model()
        if condition(model):
            return model
        assert clock() < end, f"not within {within} s: {model}\n{cluster.engines()}\n{controller_says(cluster)}"
        await asyncio.sleep(0.01)


@pytest.fixture
def site(home: Path, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Site]:
    site = jp_asyncio_loop.run_until_complete(Site(home).open())
    yield site

    async def end() -> None:
        for cluster in site.clusters.all():
            cluster.stop()
        for cluster in site.clusters.all():
            await until(cluster, lambda model: model.state in ("stopped", "failed"))
        await site.close()

    jp_asyncio_loop.run_until_complete(end())


def lines(cluster: Cluster, log: str) -> str:
    """The last lines of that log."""
    return "\n".join(line.text for line in cluster.log(log).page(None, 100, 0).lines)


@pytest.fixture
def sshd(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    with first_in_path(home / "ssh", monkeypatch) as bed:
        yield bed
