"""What a site allows is kept to wherever it is asked for, and refused with a sentence that names what is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from traitlets import TraitError
from traitlets.config import Config

from jupyterlab_clusters.cluster.actor import Actor
from jupyterlab_clusters.cluster.external import External
from jupyterlab_clusters.cluster.policy import Policy
from jupyterlab_clusters.cluster.wish import Definition
from jupyterlab_clusters.config import Clusters
from jupyterlab_clusters.errors import BadInput, NotAllowed

from .conftest import Site, until

NARROW = Policy(partitions=("short", "debug"))


@pytest.mark.parametrize(
    "options",
    [
        {"partition": "long"},
        {"partition": "short,long"},
        {"controller": "job", "partition": "short", "controller_partition": "long"},
        {"extra": ["--partition=long"]},
        {"extra": ["--part=long"]},
        {"extra": ["-plong"]},
        {"extra": ["-Hp long"]},
        {"extra": ["#SBATCH --exclusive -p long"]},
    ],
)
def test_partitions_that_are_not_allowed(options: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed, match="This site") as refused:
        NARROW.check("slurm", options)
    assert str(refused.value.field).startswith("options.")
    Policy().check("slurm", options)


@pytest.mark.parametrize("options", [{}, {"partition": "debug"}, {"extra": ["--exclusive", "-A p"]}, {"job_id": "7"}])
def test_what_is_allowed_passes(options: dict[str, Any]) -> None:
    NARROW.check("slurm", NARROW.completed("slurm", options))


def test_slurms_own_default_is_not_taken_where_others_are_allowed() -> None:
    assert NARROW.completed("slurm", {})["partition"] == "short"
    assert "partition" not in NARROW.completed("slurm", {"job_id": "7"})
    assert NARROW.completed("local", {}) == {}


async def site_with(site: Site, **policy: Any) -> Site:
    await site.close()
    return await Site(site.home, **policy).open()


async def test_every_way_to_a_start_is_the_same(site: Site) -> None:
    narrow = await site_with(site, partitions=("short",), allowed_launchers=("slurm", "local"), max_engines=2)
    clusters = narrow.clusters
    for refused in (
        lambda: clusters.define("default", "a", "slurm", {"partition": "long"}),
        lambda: clusters.define("default", "a", "ssh", {"hosts": [{"host": "a"}]}),
    ):
        with pytest.raises(NotAllowed):
            refused()
    with pytest.raises(NotAllowed):
        await clusters.preview("default:a", 1, "slurm", {"partition": "long"})
    queued = clusters.define("default", "b", "slurm", {})
    with pytest.raises(NotAllowed):
        queued.start(1, {"partition": "long"})
    with pytest.raises(BadInput, match="from 0 to 2"):
        clusters.get("default:").start(3, None)
    assert queued.model().state == "stopped"
    script = (await clusters.preview("default:b", 1)).script
    assert script is not None and "#SBATCH --partition=short" in script
    await narrow.close()
    await site.open()


async def test_a_profile_does_not_lead_round_it(site: Site) -> None:
    """Neither by its settings, written by hand, nor by launchers that it names itself."""
    for name, settings in {
        "byhand": {
            "Cluster": {"engine_launcher_class": "slurm"},
            "SlurmEngineSetLauncher": {"queue": "long"},
        },
        "controller": {"Cluster": {"controller_launcher_class": "ssh"}, "SSHControllerLauncher": {"hostname": "a"}},
    }.items():
        folder = site.home / "ipython" / f"profile_{name}"
        folder.mkdir(parents=True)
        (folder / "ipcluster_config.json").write_text(json.dumps(settings))
    narrow = await site_with(site, partitions=("short",), allowed_launchers=("slurm", "local"))
    for name in ("byhand", "controller"):
        cluster = narrow.clusters.get(f"{name}:")
        # Before its profile was read, nobody can tell: then the start itself fails, and starts nothing.
        cluster.start(1, None)
        model = await until(cluster, lambda model: model.state == "failed", within=20)
        assert model.failure is not None and "his site" in model.failure.cause, model.failure
        assert model.engines.launched == 0
        with pytest.raises(NotAllowed):
            cluster.start(1, None)
    await narrow.close()
    await site.open()


def test_what_a_site_offers_is_shown() -> None:
    preset = {"name": "Small", "launcher": "slurm", "engines": 8, "options": {"partition": "short", "time": "2:00:00"}}
    settings = {"presets": [preset], "partitions": ["short"], "allowed_launchers": ["slurm"], "poll_interval": 30}
    policy = Clusters(config=Config({"Clusters": settings})).policy()
    assert (policy.poll_interval, policy.partitions) == (30.0, ("short",))
    from jupyterlab_clusters.launchers.catalog import all_launchers

    models = {one.name: one for one in all_launchers(policy.allowed_launchers, policy.partitions, policy.presets)}
    assert [(one.name, one.engines, one.options["time"]) for one in models["slurm"].presets] == [
        ("Small", 8, "2:00:00")
    ]
    assert "This site allows short" in models["slurm"].options["properties"]["partition"]["description"]
    assert models["slurm"].options["properties"]["partition"]["examples"] == ["short"]
    assert (models["local"].available, models["local"].reason) == (False, "This site does not allow it.")


@pytest.mark.parametrize(
    "preset",
    [
        {"name": "x", "launcher": "pbs"},
        {"name": "x", "launcher": "local", "options": {"threads": 0}},
        {"name": "x", "launcher": "local", "option": {}},
        {"launcher": "local"},
        {"name": "x", "launcher": "slurm", "options": {"partition": "a\nb"}},
    ],
)
def test_a_preset_that_could_not_be_started_is_refused_when_it_is_read(preset: dict[str, Any]) -> None:
    with pytest.raises(TraitError):
        Clusters(config=Config({"Clusters": {"presets": [preset]}})).policy()


async def test_the_model_says_beforehand_what_would_be_refused(site: Site) -> None:
    cluster = site.clusters.define("default", "x", "local", {})
    assert (cluster.model().no_start, cluster.model().no_stop) == (None, None)
    cluster.start(1, None)
    await until(cluster, lambda model: model.state == "running")
    narrow = await site_with(site, allowed_launchers=("ssh",), max_engines=3)
    cluster = narrow.clusters.get("default:x")
    model = await until(cluster, lambda model: model.state == "running")
    assert (model.no_start, model.no_stop) == ("This site does not allow the launcher 'local'.", None)
    assert model.max_engines == 3
    with pytest.raises(NotAllowed):
        cluster.scale(2, False)
    cluster.stop()
    await until(cluster, lambda model: model.state == "stopped")
    await narrow.close()
    looking = await site_with(site, read_only=True)
    model = looking.clusters.get("default:x").model()
    assert model.no_start == model.no_stop == "This server lets clusters only be looked at."
    await looking.close()
    await site.open()


async def test_what_others_started_is_begun_by_no_launcher_of_ours(site: Site) -> None:
    narrow = await site_with(site, allowed_launchers=("ssh",))
    parts = narrow.clusters.get("default:").parts
    actor = Actor("external")
    external = External(Definition("default", "theirs"), parts, site.home / "none.json", actor, lambda _: None)
    assert (external.model().no_start, external.model().no_stop) == (None, None)
    actor.close()
    await narrow.close()
    await site.open()
