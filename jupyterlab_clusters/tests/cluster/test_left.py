"""Files that clusters of others left behind: which are stale, and that only that very file can be cleared."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.errors import NotAllowed, WrongState

from ..fair import clock
from ..faults.plugin import Fault
from .conftest import Site, processes_marked
from .theirs import KEY, has_two, named, seen, shown, theirs

pytestmark = [pytest.mark.timeout(120)]

ROW = "theirs:"
NAME = "ipcontroller-cli-client.json"


@pytest.fixture
def security(site: Site) -> Path:
    folder = site.home / "ipython" / "profile_theirs" / "security"
    folder.mkdir(parents=True)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write(security: Path, name: str = NAME, **other: Any) -> Path:
    """A connection file as a controller writes it."""
    content = {
        "interface": "tcp://127.0.0.1",
        "location": socket.gethostname(),
        "ssh": "",
        "registration": free_port(),
        "notification": 1,
        "iopub": 1,
        "control": 1,
        "key": "x",
    }
    file = security / name
    file.write_text(json.dumps({**content, **other}))
    return file


async def stale(site: Site, key: str = ROW, name: str = NAME) -> Cluster:
    return await shown(
        site, key, lambda model: model is not None and model.stale is not None and model.stale.path.endswith(f"/{name}")
    )


async def refused(site: Site, mark: str | None = None, key: str = ROW) -> WrongState:
    with pytest.raises(WrongState) as error:
        await site.clusters.clear(key, mark)
    return error.value


async def test_a_file_that_was_left_is_named_and_cleared(site: Site, security: Path) -> None:
    file, beside = write(security), security / "ipcontroller-cli-engine.json"
    beside.write_text("{}")
    model = (await stale(site)).model()
    assert KEY not in [one.key for one in await asyncio.to_thread(site.clusters.all)]
    assert (model.state, model.stale.path) == ("stopped", str(file))
    assert model.stale.sentence == f"{NAME} was left behind: nothing answers at its hub."
    begun = clock()
    assert (await site.clusters.clear(ROW, model.stale.mark)).model().stale is None
    assert clock() - begun < 0.2
    assert list(security.iterdir()) == [beside]
    assert (await refused(site)).reason == "not-stale"


async def test_of_several_one_is_cleared_at_a_time(site: Site, security: Path) -> None:
    for name in ("one", "two"):
        write(security, f"ipcontroller-{name}-client.json")
    both = await shown(site, ROW, lambda model: model.stale is not None and "1 more" in model.stale.sentence)
    first = both.model().stale
    assert first is not None
    await site.clusters.clear(ROW, first.mark)
    # Whoever pressed the button twice meant the first.
    assert (await refused(site, first.mark)).reason == "changed"
    assert [file.name for file in security.iterdir()] == ["ipcontroller-two-client.json"]


async def test_a_cluster_of_that_name_shows_its_own(site: Site, security: Path) -> None:
    write(security)
    await stale(site)
    own = await asyncio.to_thread(site.clusters.define, "theirs", "cli", "local", {})
    assert own.model().stale is not None
    assert site.clusters.get(ROW).model().stale is None


@pytest.mark.fault("the controller of a cluster of ipcluster is killed (SIGKILL)", long=True)
async def test_what_was_killed_leaves_a_file_that_is_stale(site: Site, fault: Fault) -> None:
    async with theirs(site) as folder:
        await seen(site, has_two)
        security = folder / "security"
        pids = named(security)
        # The engines are left: ipcluster can still end them by its file, which is not stale before they have gone.
        for pid, command in processes_marked(site.home).items():
            if "ipyparallel.controller" in command or "ipyparallel.cluster" in command:
                os.kill(pid, signal.SIGKILL)
        fault.struck()
        await stale(site)
        fault.told()
        assert fault.told_after is not None
        assert fault.told_after < 8
        await site.clusters.clear(ROW)
        fault.mended(by_itself=False)
        await asyncio.sleep(1.5)
        assert (await refused(site)).reason == "not-stale"
        assert all(psutil.pid_exists(pid) for name, pid in pids.items() if name != "controller")
        assert (security / "cluster-cli.json").exists()


@pytest.mark.fault("a cluster of ipcluster is stopped (SIGSTOP), and continued", long=True)
async def test_a_hub_that_is_stopped_is_not_stale(site: Site, fault: Fault) -> None:
    async with theirs(site) as folder:
        await seen(site, has_two)
        everybody = [pid for pid, command in processes_marked(site.home).items() if "ipyparallel" in command]
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        fault.struck()
        try:
            await site.close()
            await site.open()
            file = folder / "security" / NAME
            end = time.monotonic() + 15
            while (judged := site.clusters._finding.left._judged.get(file)) is None:
                assert time.monotonic() < end
                await asyncio.to_thread(site.clusters.all)
                await asyncio.sleep(0.1)
            assert judged.verdict.what == "unknown"
            assert "does not answer" in judged.verdict.sentence
            assert (await refused(site)).reason == "not-stale"
        finally:
            for pid in everybody:
                os.kill(pid, signal.SIGCONT)
        await seen(site, has_two)
        fault.mended()


async def test_what_came_to_life_meanwhile_is_not_cleared(site: Site, security: Path) -> None:
    """The same file, but now something listens where it says; it is silent, as a hub that hangs."""
    port = free_port()
    file = write(security, registration=port)
    model = (await stale(site)).model()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        # It was there before the file was written, as far as can be told.
        later = time.time() + 1
        os.utime(file, (later, later))
        assert model.stale is not None
        assert (await refused(site, model.stale.mark)).reason == "changed"
        await shown(site, ROW, lambda one: one.stale is None)
        await shown(site, ROW, lambda _: site.clusters._finding.left.shown(str(file)) is not None)
        assert file.exists()


@contextlib.contextmanager
def stranger(port: int) -> Iterator[int]:
    """A program that has nothing to do with clusters has got the port of a hub that ended."""
    argv = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < end
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


async def test_another_program_at_its_port_is_told(site: Site, security: Path) -> None:
    port = free_port()
    file = write(security, registration=port)
    long_ago = time.time() - 3600
    os.utime(file, (long_ago, long_ago))
    with stranger(port) as pid:
        model = (await stale(site)).model()
        assert model.stale is not None
        assert "another program" in model.stale.sentence
        await site.clusters.clear(ROW)
        assert psutil.pid_exists(pid)
    assert not file.exists()


async def test_of_another_host_nothing_is_called_stale(site: Site, security: Path) -> None:
    file = write(security, location="node7.example", ssh="ada@\x1b[1mgate")
    cluster = await shown(site, ROW, lambda one: one is not None and one.unreachable is not None)
    model = cluster.model()
    assert model.stale is None
    assert model.unreachable is not None
    assert "node7.example" in model.unreachable.sentence
    assert "by ssh through ada@?[1mgate" in model.unreachable.sentence
    assert (await refused(site)).reason == "elsewhere"
    assert file.exists()


async def test_a_link_is_never_followed(site: Site, security: Path) -> None:
    target = site.home / "precious.json"
    write(site.home, "precious.json")
    (security / NAME).symlink_to(target)
    elsewhere = site.home / "ipython" / "profile_linked"
    elsewhere.mkdir()
    outside = site.home / "outside"
    outside.mkdir()
    write(outside)
    (elsewhere / "security").symlink_to(outside)
    for _ in range(5):
        for cluster in await asyncio.to_thread(site.clusters.all):
            assert cluster.model().stale is None
        await asyncio.sleep(0.5)
    assert target.exists()


async def test_a_file_that_became_a_link_is_not_cleared(site: Site, security: Path) -> None:
    file, target = write(security), site.home / "precious.json"
    await stale(site)
    file.rename(target)
    file.symlink_to(target)
    assert (await refused(site)).reason == "changed"
    assert target.exists()
    assert file.is_symlink()


async def test_where_clusters_may_only_be_looked_at_nothing_is_cleared(site: Site, home: Path) -> None:
    await site.close()
    folder = home / "ipython" / "profile_theirs" / "security"
    folder.mkdir(parents=True)
    file = write(folder)
    closed = await Site(home, read_only=True).open()
    await stale(closed)
    with pytest.raises(NotAllowed):
        await closed.clusters.clear(ROW)
    assert file.exists()
    await closed.close()


# -- the number of a process that is now somebody else ------------------------------------


def at_pid(pid: int, command: list[str]) -> subprocess.Popen[bytes]:
    """Start a program under this very process id, which its last bearer has left."""
    end = time.monotonic() + 20
    while True:
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        process = subprocess.Popen(command)
        if process.pid == pid:
            return process
        process.kill()
        process.wait()
        assert time.monotonic() < end, "others were faster each time"


@pytest.mark.skipif(not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK), reason="the system gives no chosen pids")
@pytest.mark.fault("a cluster of ipcluster is killed, and a stranger gets the number of its controller")
async def test_a_stranger_who_has_the_number_of_the_controller_is_left_alone(site: Site, fault: Fault) -> None:
    async with theirs(site) as folder:
        await seen(site, has_two)
        security = folder / "security"
        controller = named(security)["controller"]
        for pid, command in processes_marked(site.home).items():
            if "ipyparallel" in command:
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            psutil.Process(controller).wait(10)
        other = await asyncio.to_thread(at_pid, controller, ["sleep", "600"])
        fault.struck()
        try:
            first = (await stale(site)).model().stale
            fault.told()
            assert first is not None
            await site.clusters.clear(ROW, first.mark)
            second = await shown(
                site, ROW, lambda one: one.stale is not None and "another program" in one.stale.sentence
            )
            assert KEY not in [one.key for one in await asyncio.to_thread(site.clusters.all)]
            await site.clusters.clear(ROW)
            fault.mended(by_itself=False)
            assert second.model().stale is None
            assert not (security / "cluster-cli.json").exists()
            assert other.poll() is None
        finally:
            other.kill()
            other.wait()
