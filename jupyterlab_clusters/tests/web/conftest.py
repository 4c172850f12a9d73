"""A Jupyter server with the extension, in folders of its own.

``fake`` puts a collection behind the routes that can be slow on purpose; what
is checked with it is the routes, never a cluster.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tornado.httpclient import HTTPClientError, HTTPResponse

from jupyterlab_clusters.cluster.models import ClusterModel, Connection, EngineModel
from jupyterlab_clusters.errors import NotFound, WrongState
from jupyterlab_clusters.feed import Feed
from jupyterlab_clusters.launchers.base import LauncherModel, Preview
from jupyterlab_clusters.logs.file import Log
from jupyterlab_clusters.logs.models import LogModel
from jupyterlab_clusters.tests.wire.samples import IDLE, RUNNING, STOPPED
from jupyterlab_clusters.web.resource import PARTS, Parts

ROOT = "jupyterlab-clusters"


class FakeCluster:
    """Runs nothing; ``slow`` makes every order wait until ``released``."""

    def __init__(self, key: str, folder: Path) -> None:
        self.key = key
        self.folder = folder
        self.state = "stopped"
        self.calls: list[tuple[Any, ...]] = []
        self.slow = False
        self.released = threading.Event()

    def model(self) -> ClusterModel:
        shown = RUNNING if self.state == "running" else STOPPED
        return msgspec.structs.replace(shown, key=self.key, profile=self.key.partition(":")[0])

    def engines(self) -> list[EngineModel]:
        self._wait()
        return [IDLE]

    def kept(self) -> ClusterModel:
        return self.model()

    def _wait(self) -> None:
        if self.slow:
            self.released.wait(10)

    def _order(self, *call: Any) -> Any:
        self.calls.append(call)
        self._wait()
        return self.model()

    def start(self, engines: int | None, options: Any) -> Any:
        if engines == 13:
            raise WrongState("Not thirteen.", reason="use-scale", field="engines")
        if engines == 14:
            raise RuntimeError("a bug, on purpose: secret-of-the-bug")
        if engines == 15:
            raise OSError(28, "No space left on device", "/registry")
        self.state = "running"
        return self._order("start", engines, options)

    def scale(self, engines: int, restart: bool) -> Any:
        return self._order("scale", engines, restart)

    def stop(self) -> Any:
        return self._order("stop")

    def interrupt(self) -> Any:
        return self._order("interrupt")

    def stop_engine(self, slot: int) -> Any:
        return self._order("stop_engine", slot)

    def restart_engine(self, slot: int) -> Any:
        return self._order("restart_engine", slot)

    def interrupt_engine(self, slot: int) -> Any:
        return self._order("interrupt_engine", slot)

    async def preview(self, engines: int, options: Any) -> Preview:
        return Preview(commands=[["ipcontroller"], ["ipengine"] * engines])

    def connection(self, *, key: bool) -> Connection:
        self.calls.append(("connection", key))
        content = "{}" if key else None
        return Connection(host="laptop", user="ada", sshserver="ada@laptop", path="/x-client.json", content=content)

    def logs(self) -> list[LogModel]:
        self._wait()
        return []

    def log(self, name: str) -> Log:
        self._wait()
        path = self.folder / f"{name}.log"
        if "/" in name or not path.exists():
            raise NotFound(f"There is no log {name!r}.", field="log")
        return Log(name, path)


class FakeClusters:
    def __init__(self, folder: Path) -> None:
        self.known = {"default:": FakeCluster("default:", folder)}
        self.folder = folder

    def all(self) -> list[FakeCluster]:
        return list(self.known.values())

    def get(self, key: str) -> FakeCluster:
        if key not in self.known:
            raise NotFound(f"There is no cluster {key!r}.", field="key")
        return self.known[key]

    async def preview(self, key: str, engines: int | None, launcher: Any, options: Any) -> Preview:
        return await self.get(key).preview(engines or 0, options)

    def define(self, profile: str, cluster_id: str, launcher: Any, options: Any, engines: Any) -> FakeCluster:
        key = f"{profile}:{cluster_id}"
        if key in self.known:
            raise WrongState("There is one already.", reason="defined")
        self.known[key] = FakeCluster(key, self.folder)
        return self.known[key]

    async def clear(self, key: str, mark: str | None) -> FakeCluster:
        self.get(key).calls.append(("clear", mark))
        return self.get(key)

    async def save(self, cluster: FakeCluster) -> None:
        pass

    async def forget(self, key: str) -> None:
        self.get(key)
        del self.known[key]

    def launchers(self) -> list[LauncherModel]:
        return []

    async def close(self) -> list[str]:
        return ["cluster 'default:' with 4 engines"]


@pytest.fixture(autouse=True)
def ipython_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Profiles of its own for each test."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path / "ipython"


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {
        "ServerApp": {
            "jpserver_extensions": {"jupyterlab_clusters": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
        }
    }


@pytest.fixture
def real_parts(jp_serverapp: Any) -> Parts:
    """What the extension joined."""
    found: Parts = jp_serverapp.web_app.settings[PARTS]
    return found


@pytest.fixture
def fake(jp_serverapp: Any, real_parts: Parts, tmp_path: Path) -> Iterator[FakeClusters]:
    """The routes with a collection that runs nothing, and a feed to which only the test puts."""
    clusters = FakeClusters(tmp_path)
    feed = Feed(real_parts.feed.loop)
    jp_serverapp.web_app.settings[PARTS] = replace(real_parts, clusters=clusters, feed=feed)  # type: ignore[arg-type]
    yield clusters
    for cluster in clusters.all():
        cluster.released.set()


@pytest.fixture
def parts(jp_serverapp: Any, fake: FakeClusters) -> Parts:
    """What the routes see beside the fake."""
    found: Parts = jp_serverapp.web_app.settings[PARTS]
    return found


@pytest.fixture
def call(jp_fetch: Any) -> Any:
    """``await call("POST", "clusters/default%3A/start", {...})`` -> status, headers, body as JSON."""

    async def inner(method: str, path: str, body: Any = None, **options: Any) -> SimpleNamespace:
        raw = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
        if method in ("POST", "PUT") and raw is None:
            raw = ""
        response = await fetched(jp_fetch, method, path, raw, **options)
        told = json.loads(response.body) if response.body else None
        return SimpleNamespace(status=response.code, headers=response.headers, body=told)

    return inner


async def fetched(jp_fetch: Any, method: str, path: str, raw: Any, **options: Any) -> HTTPResponse:
    """The answer, whatever its status."""
    try:
        return await jp_fetch(
            ROOT, *path.split("/"), method=method, body=raw, allow_nonstandard_methods=True, **options
        )
    except HTTPClientError as error:
        assert error.response is not None, error
        return error.response
