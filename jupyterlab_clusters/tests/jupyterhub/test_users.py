"""Two people on a real JupyterHub below a prefix, one of them with a space in her name."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from jupyterlab_clusters.tests.beds.jupyterhub import Hub, running
from jupyterlab_clusters.tests.cluster.conftest import processes_marked

pytestmark = [pytest.mark.timeout(240)]

#: An agent and its nursery wait a while for the next start.
STAY = ("host.agent", "host.nursery")


class Person:
    """With a token that opens only their own server."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.hub, self.name = hub, name
        self.home = hub.home(name)
        self.token = hub.add(name)

    def route(self, path: str) -> str:
        return f"user/{quote(self.name)}/jupyterlab-clusters/{path}"

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        return self.hub.ask(self.route(path), method, body, self.token)

    def order(self, verb: str, **body: object) -> Any:
        return self.ask(f"clusters/default%3A/{verb}", "POST", body)

    def becomes(self, state: str) -> Any:
        self.hub.until(lambda: self.ask("clusters/default%3A")["state"] == state, f"{self.name}'s is {state}", 30)
        return self.ask("clusters/default%3A")

    def engines(self) -> list[str]:
        """What of their clusters runs."""
        marked = processes_marked(self.home).values()
        return [name for name in marked if "jupyterlab_clusters.host" in name or "ipyparallel engine" in name]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running() as hub:
        yield hub


@pytest.fixture(scope="module")
def ada(hub: Hub) -> Person:
    return Person(hub, "ada lovelace")


@pytest.fixture(scope="module")
def bob(hub: Hub) -> Person:
    person = Person(hub, "bob")
    config = person.home / ".jupyter" / "jupyter_server_config.py"
    config.parent.mkdir(parents=True)
    config.write_text('c.Clusters.on_server_stop = "stop"\n')
    return person


def test_each_sees_only_their_own(hub: Hub, ada: Person, bob: Person) -> None:
    hub.start(ada.name, bob.name)
    ada.order("start", engines=2)
    assert ada.becomes("running")["connection_file"].startswith(str(ada.home))
    assert [(one["key"], one["state"]) for one in bob.ask("clusters")] == [("default:", "stopped")]
    for method, path in (("GET", "clusters"), ("POST", "clusters/default%3A/stop")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            hub.ask(ada.route(path), method, {} if method == "POST" else None, bob.token)
        assert refused.value.code == 403
    assert ada.ask("clusters/default%3A")["state"] == "running"


async def test_the_stream_comes_through_the_proxy(hub: Hub, ada: Person, bob: Person) -> None:
    url = f"{hub.url}/{ada.route('stream')}".replace("http:", "ws:")

    async def first(token: str) -> Any:
        request = HTTPRequest(url, headers={"Authorization": f"token {token}"})
        socket = await asyncio.wait_for(websocket_connect(request), 20)
        await socket.write_message('{"topics": ["clusters"]}')
        message = await asyncio.wait_for(socket.read_message(), 20)
        socket.close()
        return json.loads(message or "null")

    assert [one["state"] for one in (await first(ada.token))["snapshot"]] == ["running"]
    with pytest.raises(Exception, match="403"):
        await first(bob.token)


def test_the_command_line_in_a_terminal_of_the_server(hub: Hub, ada: Person) -> None:
    server = next(pid for pid, name in processes_marked(ada.home).items() if "singleuser" in name)
    pairs = (pair.partition("=") for pair in Path(f"/proc/{server}/environ").read_text().split("\0") if pair)
    words = [sys.executable, "-m", "jupyterlab_clusters.cli", "list", "--json"]
    environment = {name: value for name, _, value in pairs}
    done = subprocess.run(words, env=environment, cwd=ada.home, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == ada.ask("clusters")


def test_a_server_that_was_culled_finds_its_clusters_again(hub: Hub, ada: Person) -> None:
    before, engines = ada.ask("clusters/default%3A"), ada.ask("clusters/default%3A/engines")
    hub.cull(ada.name)
    assert all(os.path.exists(f"/proc/{engine['pid']}") for engine in engines)
    hub.start(ada.name)
    after = ada.becomes("running")
    assert (after["started_at"], after["engines"]["registered"]) == (before["started_at"], 2)
    pids = [engine["pid"] for engine in engines]
    assert [engine["pid"] for engine in ada.ask("clusters/default%3A/engines")] == pids
    ada.order("stop")
    ada.becomes("stopped")


def test_where_clusters_end_with_the_server_nothing_is_left(hub: Hub, bob: Person) -> None:
    bob.order("start", engines=2)
    bob.becomes("running")
    assert len(bob.engines()) > 2
    hub.cull(bob.name)
    assert [name for name in bob.engines() if not any(one in name for one in STAY)] == []
