"""What is told of a cluster before it is started, and what a client on another machine is given."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterlab_clusters.errors import BadInput, NotAllowed, NotFound, WrongState
from jupyterlab_clusters.tests.beds.sshd import Sshd, first_in_path

from .conftest import Site, until
from .test_real import started

pytestmark = [pytest.mark.timeout(120)]


def everything(home: Path) -> set[Path]:
    return set(home.rglob("*"))


async def test_a_cluster_can_be_previewed_before_it_is_defined(site: Site) -> None:
    before = everything(site.home)
    hosts = {"hosts": [{"host": "ada@node1", "engines": 2}, {"host": "node2:2222"}]}
    preview = await site.clusters.preview("new:far", 3, "ssh", hosts)
    assert [command[0] for command in preview.commands[1:]] == ["ssh", "ssh"]
    assert "ada@node1: 2 engines" in preview.notes[0]
    assert all(cluster.key != "new:far" for cluster in site.clusters.all())
    assert everything(site.home) == before, "nothing was written"
    with pytest.raises(NotFound):
        await site.clusters.preview("new:far", 3)


async def test_another_launcher_can_be_previewed_for_a_cluster_that_is_there(site: Site) -> None:
    preview = await site.clusters.preview("default:", 3, "mpi", {"mpi_args": ["--oversubscribe"]})
    assert "--oversubscribe" in preview.commands[1]
    assert site.clusters.get("default:").model().launcher == "local"


async def test_a_preview_counts_what_the_profile_says(site: Site) -> None:
    profile = site.home / "ipython" / "profile_many"
    profile.mkdir(parents=True)
    (profile / "ipcluster_config.py").write_text("c = get_config()\nc.Cluster.n = 7\n")
    preview = await site.clusters.preview("many:", None, "local")
    assert any("7 times" in note for note in preview.notes)


@pytest.mark.parametrize(
    ("key", "launcher", "options", "field"),
    [
        ("../x:", "local", {}, "profile"),
        ("x:../y", "local", {}, "cluster_id"),
        ("x:", "ssh", {"hosts": [{"host": "-oProxyCommand=x"}]}, "options.hosts.0.host"),
    ],
)
async def test_what_cannot_be_meant_is_named(
    site: Site, key: str, launcher: str, options: dict[str, object], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        await site.clusters.preview(key, 1, launcher, options)
    assert refused.value.field == field


async def test_the_number_that_was_chosen_is_kept_without_a_start(site: Site, home: Path) -> None:
    cluster = site.clusters.define("default", "later", "local", {}, 3)
    await site.clusters.save(cluster)
    assert (cluster.model().state, cluster.model().wanted) == ("stopped", 3)
    again = await Site(home).open()
    assert again.clusters.get("default:later").model().wanted == 3
    await again.close()
    assert cluster.start(None, None).wanted == 3
    await until(cluster, lambda model: model.state == "running")


@contextlib.contextmanager
def logged_in(bed: Sshd, user: str) -> Iterator[None]:
    """A connection that others share. Without one, pyzmq's `ssh -f` on a terminal that closes may get the hangup
    before it has left that terminal, which is nothing of ours."""
    with bed.config.open("a") as config:
        config.write(f"  ControlPath {bed.folder}/%n-%r\n")
    master = subprocess.Popen(["ssh", "-M", "-N", f"{user}@far0"])
    try:
        end = time.monotonic() + 10
        while not (bed.folder / f"far0-{user}").exists():
            assert time.monotonic() < end, "no connection"
            time.sleep(0.02)
        yield
    finally:
        master.terminate()
        master.wait(10)


async def test_a_client_elsewhere_computes_over_ssh(
    site: Site, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = await started(site, 1)
    told = await asyncio.to_thread(cluster.connection)
    assert told.sshserver == f"{told.user}@{told.host}"
    assert told.content is not None
    assert cluster.connection(key=False).content is None
    assert json.loads(told.content) == json.loads(Path(told.path).read_text())
    assert json.loads(told.content)["key"] not in repr(told)
    with first_in_path(home / "ssh", monkeypatch) as bed, logged_in(bed, told.user):
        (tmp_path / "client.json").write_text(told.content)
        lines = [
            "import ipyparallel as ipp",
            f'rc = ipp.Client("client.json", sshserver="{told.user}@far0", timeout=60)',
            'print("sum", rc[:].apply_sync(sum, [20, 22]))',
        ]
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", "\n".join(lines)],
            cwd=tmp_path,
            env={**os.environ, "IPYTHONDIR": str(tmp_path / "elsewhere")},
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert "sum [42]" in done.stdout, done.stderr
        forwarded = [line for line in bed.calls.read_text().splitlines() if "-O forward" in line]
        assert len(forwarded) == 7, "every way of the client went over ssh"


async def test_a_connection_is_told_only_while_it_runs(site: Site) -> None:
    cluster = site.clusters.get("default:")
    with pytest.raises(WrongState) as refused:
        cluster.connection()
    assert refused.value.reason == "stopped"


async def test_a_site_that_only_lets_look_still_previews(site: Site, home: Path) -> None:
    await site.close()
    closed = await Site(home, read_only=True).open()
    with pytest.raises(NotAllowed):
        closed.clusters.define("default", "x", "local", {}, 1)
    assert (await closed.clusters.preview("default:x", 1, "local")).commands
    await closed.close()
