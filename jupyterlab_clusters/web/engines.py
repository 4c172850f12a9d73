"""Routes of engines. Promise: only names what to call; see ``resource.py`` for the rules."""

from __future__ import annotations

from ..cluster.models import ClusterModel, EngineModel
from .body import Nothing
from .resource import Order, Resource, operation


class EnginesHandler(Resource):
    @operation("read", list[EngineModel])
    def get(self, key: str) -> list[EngineModel]:
        """The engines of a cluster."""
        return self.cluster(key).engines()


class StopEngineHandler(Order):
    @operation("execute", ClusterModel, takes=Nothing, status=202)
    def post(self, key: str, slot: str, asked: Nothing) -> ClusterModel:
        """Stop one engine."""
        cluster = self.cluster(key)
        cluster.stop_engine(self.slot(slot))
        return cluster.model()


class RestartEngineHandler(Order):
    @operation("execute", ClusterModel, takes=Nothing, status=202)
    def post(self, key: str, slot: str, asked: Nothing) -> ClusterModel:
        """Restart one engine in its slot."""
        cluster = self.cluster(key)
        cluster.restart_engine(self.slot(slot))
        return cluster.model()


class InterruptEngineHandler(Order):
    @operation("execute", ClusterModel, takes=Nothing, status=202)
    def post(self, key: str, slot: str, asked: Nothing) -> ClusterModel:
        """Interrupt what one engine computes."""
        cluster = self.cluster(key)
        cluster.interrupt_engine(self.slot(slot))
        return cluster.model()
