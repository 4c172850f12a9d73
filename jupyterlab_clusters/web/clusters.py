"""Routes of clusters. Promise: only names what to call; see ``resource.py`` for the rules."""

from __future__ import annotations

import asyncio

from ..cluster.models import ClusterModel, Connection, LoadModel, Preview
from ..feed import POINTS
from .body import Clear, Define, Nothing, PreviewOf, Scale, Start, check_name, number
from .resource import Order, Resource, operation


class ClustersHandler(Resource):
    @operation("read", list[ClusterModel])
    def get(self) -> list[ClusterModel]:
        """All clusters."""
        return [cluster.model() for cluster in self.parts.clusters.all()]

    @operation("write", ClusterModel, takes=Define, status=201)
    async def post(self, asked: Define) -> ClusterModel:
        """Define a cluster."""
        check_name(asked.profile, "profile")
        if asked.cluster_id:
            check_name(asked.cluster_id, "cluster_id")
        clusters = self.parts.clusters
        self.check_count(asked.engines)
        cluster = await asyncio.to_thread(
            clusters.define, asked.profile, asked.cluster_id, asked.launcher, asked.options, asked.engines
        )
        await clusters.save(cluster)
        return cluster.model()

    def meanwhile(self, asked: Define) -> ClusterModel:
        return self.cluster(f"{asked.profile}:{asked.cluster_id}").model()


class ClusterHandler(Resource):
    @operation("read", ClusterModel)
    def get(self, key: str) -> ClusterModel:
        """One cluster."""
        return self.cluster(key).model()

    @operation("write", status=204)
    async def delete(self, key: str) -> None:
        """Forget a stopped cluster; its profile stays."""
        await self.parts.clusters.forget(key)

    def meanwhile(self, key: str) -> None:
        """Whether it may be forgotten is known at once; only removing the logs can take long."""


class StartHandler(Order):
    @operation("execute", ClusterModel, takes=Start, status=202)
    def post(self, key: str, asked: Start) -> ClusterModel:
        """Start a cluster."""
        self.check_count(asked.engines)
        cluster = self.cluster(key)
        cluster.start(asked.engines, asked.options)
        return cluster.kept()


class ScaleHandler(Order):
    @operation("execute", ClusterModel, takes=Scale, status=202)
    def post(self, key: str, asked: Scale) -> ClusterModel:
        """Ask for another number of live engines."""
        self.check_count(asked.engines)
        cluster = self.cluster(key)
        cluster.scale(asked.engines, asked.restart)
        return cluster.kept()


class StopHandler(Order):
    @operation("execute", ClusterModel, takes=Nothing, status=202)
    def post(self, key: str, asked: Nothing) -> ClusterModel:
        """Stop a cluster; safe to repeat."""
        cluster = self.cluster(key)
        cluster.stop()
        return cluster.kept()


class InterruptHandler(Order):
    @operation("execute", ClusterModel, takes=Nothing, status=202)
    def post(self, key: str, asked: Nothing) -> ClusterModel:
        """Interrupt what all engines compute."""
        return self.cluster(key).interrupt()


class ClearHandler(Order):
    @operation("execute", ClusterModel, takes=Clear, status=202)
    async def post(self, key: str, asked: Clear) -> ClusterModel:
        """Remove the stale file that is shown with a cluster, after asking anew whether anything answers."""
        return (await self.parts.clusters.clear(key, asked.mark)).model()


class KeepHandler(Order):
    @operation("execute", ClusterModel, takes=Nothing, status=202)
    def post(self, key: str, asked: Nothing) -> ClusterModel:
        """Count the idle time of a cluster anew."""
        return self.cluster(key).keep()


class PreviewHandler(Resource):
    @operation("read", Preview, takes=PreviewOf)
    async def post(self, key: str, asked: PreviewOf) -> Preview:
        """What a start would do; starts nothing."""
        self.check_count(asked.engines)
        return await self.parts.clusters.preview(key, asked.engines, asked.launcher, asked.options)


class LoadHandler(Resource):
    @operation("read", list[LoadModel], query=("last",))
    async def get(self, key: str) -> list[LoadModel]:
        """The load of a cluster over the last minutes, a point a second from the first look on."""
        await asyncio.to_thread(self.cluster, key)
        last = number(self.get_query_argument("last", None), "last", POINTS)
        points: list[LoadModel] = self.parts.feed.look(f"load/{key}")
        return points[len(points) - last :] if last is not None and last < len(points) else points


class ConnectionHandler(Resource):
    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    @operation("execute", Connection, query=("content",))
    def get(self, key: str) -> Connection:
        """What a client on another machine needs; without `content=no` it holds the key of the cluster."""
        return self.cluster(key).connection(key=self.get_query_argument("content", "") != "no")
