"""What the list holds is what the stream tells, whoever looked first."""

from __future__ import annotations

import asyncio
import json
import time

from jupyterlab_clusters.cluster import clusters, neighbours
from jupyterlab_clusters.profiles import Profiles

from .conftest import Site, until


def told(site: Site) -> list[str]:
    """Keys that a window would be given now."""
    message, _ = site.feed.tell("clusters", None, always=True)
    assert message is not None
    return [model["key"] for model in json.loads(message)["snapshot"]]


async def test_a_row_that_a_request_made_is_told_too(site: Site) -> None:
    assert told(site) == ["default:"]
    (site.home / "ipython" / "profile_new").mkdir()
    assert [cluster.key for cluster in site.clusters.all()] == ["default:", "new:"]
    assert told(site) == ["default:", "new:"]


async def test_a_forgotten_cluster_leaves_the_row_of_its_profile(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(neighbours, "LOOK", 0.0)
    await site.clusters.save(site.clusters.define("default"))
    site.clusters.all()
    await site.clusters.forget("default:")
    for _ in range(2):
        assert [cluster.key for cluster in site.clusters.all()] == ["default:"]
        assert told(site) == ["default:"], "it was forgotten here, and by nobody else"


async def test_a_cluster_forgotten_while_folders_are_looked_at_ends_no_looking(site: Site, monkeypatch) -> None:
    monkeypatch.setattr(clusters, "PROFILES_LOOK", 0.0)
    names = Profiles.names
    monkeypatch.setattr(Profiles, "names", lambda self: (time.sleep(0.05), names(self))[1])
    site.clusters.define("default", "x")
    reader = site.feed.subscribe("clusters")
    await asyncio.sleep(0.02)
    await site.clusters.forget("default:x")
    await asyncio.sleep(0.3)  # that round is over
    (site.home / "ipython" / "profile_late").mkdir()
    await until(site.clusters.get("default:"), lambda _: "late:" in told(site), within=5)
    reader.close()
