"""Agents that dial back: a real dialer and a real agent, over a real connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
import zmq.asyncio

from jupyterlab_clusters.host import dialer as dialer_module
from jupyterlab_clusters.host.private import write
from jupyterlab_clusters.host.start import program
from jupyterlab_clusters.launchers.agent import AgentLost, AgentPeer
from jupyterlab_clusters.launchers.slurm import dialback
from jupyterlab_clusters.launchers.slurm.dialback import DialBack

pytestmark = [pytest.mark.timeout(60)]


class Server:
    """One run of a server's end, and what it was told."""

    def __init__(self, folder: Path) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.end = DialBack(folder, "run1", **{what: self._hear(what) for what in ("came", "fell_silent", "ending")})

    def _hear(self, what: str):
        return lambda job, node: self.told.append((what, job, node))

    async def until(self, what: str, within: float = 15) -> None:
        end = asyncio.get_running_loop().time() + within
        while what not in [told[0] for told in self.told]:
            assert asyncio.get_running_loop().time() < end, self.told
            await asyncio.sleep(0.02)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="jlcd") as name:
        monkeypatch.setenv("TMPDIR", name)
        yield Path(name) / "slurm"


@pytest.fixture
def server(folder: Path, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Server]:
    one = Server(folder)
    jp_asyncio_loop.run_until_complete(one.end.open())
    yield one
    jp_asyncio_loop.run_until_complete(one.end.close(remove=True))


@contextlib.contextmanager
def dialled(folder: Path, job: str = "7") -> Iterator[subprocess.Popen[bytes]]:
    argv = [*program(sys.executable, "jupyterlab_clusters.host.dialer"), str(folder / "node.key")]
    env = {**os.environ, "SLURM_JOB_ID": job, "SLURMD_NODENAME": "node1"}
    process = subprocess.Popen(argv, env=env)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


async def hello(server: Server) -> dict[str, object]:
    peer = AgentPeer(await server.end.connect("7", "node1"), lambda event: None, lambda: None)
    try:
        return await peer.request("hello", protocol=1)
    finally:
        await peer.close()


async def test_an_agent_is_reached_and_ends_with_its_dialer(server: Server, folder: Path) -> None:
    with pytest.raises(AgentLost):
        await server.end.connect("7", "node1")
    with dialled(folder) as process:
        await server.until("came")
        found = server.end.found("7", "node1")
        assert found is not None and found["executable"] == sys.executable
        agent = int((await hello(server))["pid"])
        assert int((await hello(server))["pid"]) == agent, "a new connection, the same agent"
        process.send_signal(signal.SIGTERM)
        await server.until("ending")
        await asyncio.to_thread(process.wait, 10)
    assert not Path(f"/proc/{agent}").exists()
    assert list(Path(os.environ["TMPDIR"]).glob("jupyterlab-clusters-*/job-*")) == []


async def test_a_long_answer_comes_whole(server: Server, folder: Path) -> None:
    with dialled(folder):
        await server.until("came")
        peer = AgentPeer(await server.end.connect("7", "node1"), lambda event: None, lambda: None)
        env = {f"NAME_{number}": "x" * 1000 for number in range(3000)}
        with pytest.raises(Exception, match="does not exist"):
            await peer.request("spawn", group="g", env=env, cwd="/no/such/folder", processes=[])
        await peer.close()


async def test_a_new_server_is_dialled_by_itself(server: Server, folder: Path) -> None:
    with dialled(folder):
        await server.until("came")
        agent = (await hello(server))["pid"]
        await server.end.close()
        again = Server(folder)
        await again.end.open()
        await again.until("came")
        assert (await hello(again))["pid"] == agent
        await again.end.end("7")
        await again.end.close()


async def test_a_node_that_falls_silent_and_comes_back(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialback, "SILENT", 2.0)
    with dialled(folder) as process:
        await server.until("came")
        await hello(server)
        process.send_signal(signal.SIGSTOP)
        await server.until("fell_silent")
        with pytest.raises(AgentLost):
            await server.end.connect("7", "node1")
        server.told.clear()
        process.send_signal(signal.SIGCONT)
        await server.until("came")
        await hello(server)


async def test_a_stranger_is_not_let_in(server: Server, folder: Path) -> None:
    keys = json.loads((folder / "node.key").read_text())
    public, secret = zmq.curve_keypair()
    keys.update(node_public=public.decode(), node_secret=secret.decode())
    stranger = folder / "stranger"
    stranger.mkdir()
    write(stranger / "node.key", json.dumps(keys))
    with dialled(stranger):
        await asyncio.sleep(3)
        assert server.told == []


async def test_nobody_else_is_dialled(server: Server, folder: Path) -> None:
    """Whoever takes over the port without the server's key hears nothing."""
    keys = json.loads((folder / "node.key").read_text())
    context = zmq.asyncio.Context()
    impostor = context.socket(zmq.ROUTER)
    _, secret = zmq.curve_keypair()
    impostor.setsockopt(zmq.CURVE_SERVER, 1)
    impostor.setsockopt(zmq.CURVE_SECRETKEY, secret)
    keys["port"] = impostor.bind_to_random_port("tcp://127.0.0.1")
    keys["addresses"] = ["127.0.0.1"]
    write(folder / "node.key", json.dumps(keys))
    with dialled(folder):
        assert await impostor.poll(3000) == 0
    impostor.close(linger=0)
    context.term()


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    path.write_text("{}")
    path.chmod(0o640)
    with pytest.raises(PermissionError):
        dialer_module.read_key(path)
    path.chmod(0o600)
    assert dialer_module.read_key(path) == {}
