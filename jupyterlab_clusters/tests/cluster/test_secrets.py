"""Keys and tokens are where they belong, and nowhere else: looked for in everything that others get to see.

Promise: what is looked for is what runs at that moment, and it is found where it does belong, so that a search
that finds nothing is no accident.
"""

from __future__ import annotations

import asyncio
import json
import os
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.websocket import websocket_connect

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.launchers.slurm.keys import NODE_FILE, SERVER_FILE
from jupyterlab_clusters.tests.beds.sshd import Sshd
from jupyterlab_clusters.tests.realserver import RealServer, serving

from .conftest import Site, until
from .overssh import defined, running
from .queued import for_one_test, slurm_up

pytestmark = [pytest.mark.timeout(180)]

LOOKS = ("clusters", "launchers", "profiles")
OF_CLUSTER = (
    "",
    "/engines",
    "/logs",
    "/connection?content=no",
    "/logs/controller",
    "/logs/all",
    "/logs/slot-0",
)


def secrets_of(security: Path) -> set[str]:
    """What the connection files of a profile hold: the signing key, or the key of the server."""
    found = set()
    for file in security.glob("ipcontroller*.json"):
        info = json.loads(file.read_text())
        found |= {info["key"], info.get("curve_serverkey")}
    return {one for one in found if one}


def command_lines() -> str:
    """Of every process of this machine, whosever it is."""
    told = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            told.append(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    assert any("jupyterlab_clusters" in line for line in told)
    return "\n".join(told)


def written(*folders: Path) -> Iterator[tuple[Path, str]]:
    """Every file below, but for those that are there to hold a key."""
    for folder in folders:
        for path in folder.rglob("*"):
            holds = path.name.startswith("ipcontroller") and path.suffix == ".json"
            if path.is_file() and not holds and path.name not in (SERVER_FILE, NODE_FILE):
                yield path, path.read_bytes().decode(errors="replace")


def nowhere(secrets: set[str], texts: dict[str, str]) -> None:
    assert secrets and all(len(secret) >= 16 for secret in secrets)
    for where, text in texts.items():
        for secret in secrets:
            assert secret not in text, f"a secret stands in {where}"


@pytest.fixture
def server() -> Iterator[RealServer]:
    with serving() as one:
        yield one


async def heard(server: RealServer, work: Any) -> str:
    """All that a window gets by its socket while ``work`` goes on; it tells who it is as a browser can."""
    socket = await websocket_connect(f"ws://127.0.0.1:{server.port}/jupyterlab-clusters/stream?token={server.token}")
    topics = ["clusters", "engines/default:", "load/default:", "logs/default:/controller@0", "logs/default:/slot-0@0"]
    told: list[str] = []

    async def listen() -> None:
        while (message := await socket.read_message()) is not None:
            told.append(str(message))
            if '"error"' in told[-1]:
                await asyncio.sleep(0.2)

    async def ask() -> None:
        while True:  # logs are there only after a while
            await socket.write_message(json.dumps({"topics": topics[:3]}))
            await socket.write_message(json.dumps({"topics": topics}))
            await asyncio.sleep(0.5)

    tasks = [asyncio.ensure_future(listen()), asyncio.ensure_future(ask())]
    try:
        await asyncio.to_thread(work)
        await asyncio.sleep(1.5)
    finally:
        for task in tasks:
            task.cancel()
        socket.close()
    assert any('"lines"' in one for one in told) and any('"registered"' in one for one in told)
    return "\n".join(told)


async def test_of_a_cluster_on_this_machine(server: RealServer) -> None:
    security = server.home / "ipython" / "profile_default" / "security"
    found: dict[str, str] = {}
    secrets: set[str] = {server.token}

    def life() -> None:
        server.order("start", engines=2)
        server.await_state("running")
        secrets.update(secrets_of(security))
        found["command lines"] = command_lines()
        for route in (*LOOKS, *(f"clusters/default%3A{path}" for path in OF_CLUSTER)):
            try:
                found[route] = json.dumps(server.ask(route))
            except urllib.error.HTTPError as error:
                found[route] = error.read().decode()
        found["preview"] = json.dumps(server.order("preview", engines=2))
        # Its end is told with the end of its log.
        controllers = (one for one in server.processes() if "host.controller" in " ".join(one.cmdline()))
        next(one for one in controllers if os.getpgid(one.pid) == one.pid).kill()
        found["failure"] = json.dumps(server.await_state("failed"))
        server.order("stop")
        server.await_state("stopped")

    found["the stream"] = await heard(server, life)
    assert len(secrets) >= 2
    found.update({str(path): text for path, text in written(server.home)})
    assert any(name.endswith("slot-0.log") for name in found) and str(server.log) in found
    # The runtime folder is Jupyter's own: its files are how other programs of the same user find the server.
    nowhere(secrets, {name: text for name, text in found.items() if "/runtime/jpserver-" not in name})


def told_of(cluster: Cluster) -> str:
    return repr((cluster.model(), cluster.engines(), cluster.record()))


async def test_of_engines_on_other_machines(site: Site, sshd: Sshd, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    cluster = defined(site, sshd, [1])
    await running(cluster, 1)
    secrets = secrets_of(cluster.profile_dir / "security")
    texts = {"command lines": command_lines(), "models": told_of(cluster), "calls of ssh": sshd.calls.read_text()}
    texts["preview"] = repr(await cluster.preview(1, None))
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped")
    nowhere(secrets, {**texts, "the log": caplog.text, **{str(p): t for p, t in written(site.home, sshd.folder)}})


async def test_of_engines_in_a_queue(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with slurm_up() as bed:
        for_one_test(bed, monkeypatch)
        cluster = site.clusters.define("default", "q", "slurm", {"engines_per_node": 1})
        await running(cluster, 1)
        secrets = secrets_of(cluster.profile_dir / "security")
        for file in (path for name in (SERVER_FILE, NODE_FILE) for path in site.home.rglob(name)):
            keys = json.loads(file.read_text())
            secrets |= {value for name, value in keys.items() if name.endswith(("_secret", "_public"))}
        assert len(secrets) >= 4, "with those by which nodes dial back"
        texts = {"command lines": command_lines(), "models": told_of(cluster)}
        texts["preview"] = repr(await cluster.preview(1, None))
        cluster.stop()
        await until(cluster, lambda model: model.state == "stopped", within=30)
        nowhere(secrets, {**texts, "the log": caplog.text, **{str(p): t for p, t in written(site.home)}})
