"""The extension with its real parts: what a fresh server answers, settings, and the words at the end."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from typing import Any

import pytest
from traitlets import TraitError
from traitlets.config import Config

from jupyterlab_clusters.config import Clusters
from jupyterlab_clusters.web.resource import Parts

from .conftest import FakeClusters


async def test_a_fresh_server(call: Any, real_parts: Parts) -> None:
    clusters = await call("GET", "clusters")
    assert [(one["key"], one["state"]) for one in clusters.body] == [("default:", "stopped")]
    assert (await call("GET", "clusters/default:/engines")).body == []
    assert {one["name"] for one in (await call("GET", "launchers")).body} >= {"local"}
    stopped = await call("POST", "clusters/default:/stop", {})
    assert (stopped.status, stopped.body["state"]) == (202, "stopped")
    scaled = await call("POST", "clusters/default:/scale", {"engines": 2})
    assert (scaled.status, bool(scaled.body["message"])) == (409, True)


async def put(call: Any, profile: dict[str, Any]) -> list[int]:
    """The statuses of the answers: a slow order goes on, and is to be asked again."""
    statuses = []
    while not statuses or statuses[-1] == 503:
        answer = await call("PUT", "profiles/study", profile)
        assert answer.status != 503 or answer.body["reason"] == "slow"
        statuses.append(answer.status)
    return statuses


async def test_profiles_are_read_in_the_background(call: Any, real_parts: Parts) -> None:
    written = await put(call, {"settings": {"Cluster.n": 3}})
    assert written == [201] or (len(written) > 1 and written[-1] in (200, 201))
    assert (await put(call, {"settings": {"Cluster.n": 4}}))[-1] == 200
    told: dict[str, Any] = {"loading": True}
    while told["loading"]:
        await asyncio.sleep(0.05)
        answer = await call("GET", "profiles")
        told = next(one for one in answer.body if one["name"] == "study")
    assert [(one["name"], one["value"]) for one in told["settings"]] == [("Cluster.n", 4)]
    keys = [one["key"] for one in (await call("GET", "clusters")).body]
    assert keys == ["default:", "study:"]


async def test_choices_saved_in_a_profile_are_what_its_own_cluster_starts_with(call: Any, real_parts: Parts) -> None:
    defined = {"profile": "study", "launcher": "local", "options": {"threads": 2}}
    assert (await call("POST", "clusters", defined)).status == 201
    saved = {"launcher": "mpi", "options": {"mpi_args": ["-v"]}, "settings": {"Cluster.n": 3}}
    assert (await put(call, saved))[-1] in (200, 201)
    model: dict[str, Any] = {"launcher": "local"}
    while model["launcher"] == "local":
        await asyncio.sleep(0.05)
        model = (await call("GET", "clusters/study:")).body
    assert (model["launcher"], model["wanted"]) == ("mpi", 3)
    profile = next(one for one in (await call("GET", "profiles")).body if one["name"] == "study")
    assert profile["options"] == {"mpi_args": ["-v"]}
    preview = (await call("POST", "clusters/study:/preview", {})).body
    assert preview["commands"][1][1:4] == ["-n", "3", "-v"]


async def test_define_forget_and_define_again(call: Any, real_parts: Parts) -> None:
    for _ in range(2):
        assert (await call("POST", "clusters", {"profile": "default", "cluster_id": "b"})).status == 201
        assert (await call("POST", "clusters", {"profile": "default", "cluster_id": "b"})).status == 409
        assert (await call("DELETE", "clusters/default:b")).status == 204
    assert (await call("GET", "clusters/default:b")).status == 404


async def test_it_says_what_goes_on_running(
    jp_serverapp: Any, fake: FakeClusters, parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    (app,) = jp_serverapp.extension_manager.extension_apps["jupyterlab_clusters"]
    app.parts = parts
    # Not every version of traitlets passes what is logged on to the root.
    app.log.addHandler(caplog.handler)
    with caplog.at_level(logging.INFO, logger=app.log.name):
        await app.stop_extension()
    app.log.removeHandler(caplog.handler)
    assert "Goes on running: cluster 'default:' with 4 engines" in caplog.text


def test_settings_become_the_policy() -> None:
    config = Config({"Clusters": {"max_engines": 8, "allowed_launchers": ["local"], "on_server_stop": "stop"}})
    policy = Clusters(config=config).policy()
    assert (policy.max_engines, policy.allowed_launchers, policy.on_server_stop) == (8, ("local",), "stop")
    assert Clusters().policy().allowed_launchers is None
    for wrong in ({"max_engines": 0}, {"on_server_stop": "perhaps"}, {"stop_grace": -1.0}):
        with pytest.raises(TraitError):
            Clusters(config=Config({"Clusters": wrong}))


def test_loading_imports_nothing_of_ipyparallel() -> None:
    code = (
        "import sys, jupyterlab_clusters; assert 'jupyter_server' not in sys.modules;"
        "import jupyterlab_clusters.extension;"
        "print([name for name in sys.modules if name.split('.')[0] in ('ipyparallel', 'numpy', 'ipykernel')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "[]"
