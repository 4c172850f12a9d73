"""Encryption by CURVE: who has the connection file talks, an intruder without it gets nothing."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest
import zmq
import zmq.asyncio

from jupyterlab_clusters.cluster.cluster import Cluster
from jupyterlab_clusters.hub.session import Session
from jupyterlab_clusters.tests.beds.sshd import Sshd

from .backends import OWN
from .conftest import Site, until
from .overssh import defined, running, work_of

pytestmark = [pytest.mark.timeout(120)]


def files(cluster: Cluster) -> list[dict[str, Any]]:
    security = cluster.profile_dir / "security"
    name = f"ipcontroller-{cluster.definition.cluster_id}".removesuffix("-")
    return [json.loads((security / f"{name}-{kind}.json").read_text()) for kind in ("client", "engine")]


async def answer(info: dict[str, Any], serverkey: bytes | None, *kinds: str) -> list[bytes]:
    """The first that an intruder hears who says all this to the hub."""
    context: zmq.asyncio.Context = zmq.asyncio.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.setsockopt(zmq.LINGER, 0)
    if serverkey is not None:
        dealer.curve_publickey, dealer.curve_secretkey = zmq.curve_keypair()
        dealer.curve_serverkey = serverkey
    dealer.connect(f"tcp://127.0.0.1:{info['registration']}")
    try:
        session = Session(info["key"].encode(), info["signature_scheme"])
        for kind in kinds:
            await dealer.send_multipart(session.message(kind, {})[1])
        return await dealer.recv_multipart() if await dealer.poll(1500) else []
    finally:
        dealer.close()
        context.term()


async def is_closed_to_intruders(cluster: Cluster) -> None:
    client, engine = files(cluster)
    assert client["curve_serverkey"] and engine["curve_serverkey"] == client["curve_serverkey"]
    for serverkey in (None, zmq.curve_keypair()[0]):
        # The signing key is empty under CURVE: what keeps him out is that he does not know the server's.
        assert await answer(client, serverkey, "connection_request", "shutdown_request") == []
    assert cluster.model().state == "running", "nobody followed the order to end"
    assert await answer(client, client["curve_serverkey"].encode(), "connection_request")


async def test_chosen_on_this_machine(site: Site) -> None:
    cluster = site.clusters.define("default", "", "local", {"enable_curve": True})
    await running(cluster, 2)
    await work_of(cluster, 2)
    victim = cluster.engines()[1].pid
    os.kill(victim or 0, signal.SIGKILL)
    await until(cluster, lambda model: model.engines.lost == 1, within=5)
    cluster.scale(3, False)
    await until(cluster, lambda model: model.engines.registered == 3)
    await work_of(cluster, 3)
    await is_closed_to_intruders(cluster)


async def test_as_a_matter_of_course_where_engines_are_elsewhere(site: Site, sshd: Sshd) -> None:
    cluster = defined(site, sshd, [1, 1])
    await running(cluster, 2)
    await work_of(cluster, 2)
    await is_closed_to_intruders(cluster)
    await site.close()
    await site.open()
    again = site.clusters.get("default:far")
    await until(again, lambda model: model.state == "running" and model.engines.registered == 2)
    await work_of(again, 2)


async def test_the_controllers_own_file_has_the_last_word(site: Site, sshd: Sshd) -> None:
    profile = site.home / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipcontroller_config.py").write_text("c.IPController.enable_curve = False\n")
    cluster = defined(site, sshd, [1])
    await running(cluster, 1)
    assert not files(cluster)[0]["curve_serverkey"] and files(cluster)[0]["key"]


async def test_switched_off(site: Site, sshd: Sshd) -> None:
    cluster = defined(site, sshd, [1], enable_curve=False)
    await running(cluster, 1)
    assert not files(cluster)[0]["curve_serverkey"] and files(cluster)[0]["key"]


@pytest.mark.parametrize("where", ["Cluster", "IPController", "ControllerLauncher"])
async def test_a_profile_that_is_run_as_written_is_taken_at_its_word(
    site: Site, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site.home / "own_launcher.py").write_text(OWN)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site.home), os.environ.get("PYTHONPATH")])))
    profile = site.home / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    settings: dict[str, Any] = {"Cluster": {"engine_launcher_class": "own_launcher.OwnEngineSetLauncher"}}
    word: dict[str, Any] = {"controller_args": ["--IPController.enable_curve=True"]}
    settings.setdefault(where, {}).update({"enable_curve": True} if where == "IPController" else word)
    (profile / "ipcluster_config.json").write_text(json.dumps(settings))
    cluster = site.clusters.get("default:")
    await cluster.parts.profiles.refresh("default")
    await running(cluster, 1)
    assert cluster.model().launcher == "stock"
    await is_closed_to_intruders(cluster)


@pytest.mark.parametrize(("hostfile", "encrypted"), [("/home/me/hosts", True), ("", False)])
async def test_ranks_of_other_hosts(site: Site, hostfile: str, encrypted: bool) -> None:
    cluster = site.clusters.define("default", "ranks", "mpi", {"hostfile": hostfile})
    assert cluster.plan(cluster.definition.options, make=False).encrypt is encrypted
