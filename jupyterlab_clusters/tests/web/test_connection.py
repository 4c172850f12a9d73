"""The route that hands out a cluster's key: to whom, when, and that nobody keeps it."""

from __future__ import annotations

from typing import Any

from jupyterlab_clusters.web.resource import Parts

from .conftest import FakeClusters


async def test_it_is_told_and_kept_by_nobody(call: Any, fake: FakeClusters) -> None:
    answer = await call("GET", "clusters/default:/connection")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert (answer.body["sshserver"], answer.body["content"]) == ("ada@laptop", "{}")


async def test_where_it_is_can_be_asked_without_the_key(call: Any, fake: FakeClusters) -> None:
    answer = await call("GET", "clusters/default:/connection", params={"content": "no"})
    assert (answer.body["path"], answer.body["content"]) == ("/x-client.json", None)


async def test_a_stopped_cluster_has_none(call: Any, real_parts: Parts) -> None:
    answer = await call("GET", "clusters/default:/connection")
    assert (answer.status, answer.body["reason"]) == (409, "stopped")
