"""Routes that test hosts before a cluster uses them. Promise: only names what to call; see ``resource.py``."""

from __future__ import annotations

from ..cluster.models import HostTests
from .body import HostsToTest, KnownHost
from .resource import Resource, operation


class HostTestsHandler(Resource):
    @operation("execute", HostTests, takes=HostsToTest, status=202)
    async def post(self, asked: HostsToTest) -> HostTests:
        """Begin to test all hosts of these options."""
        return await self.parts.hosts.begin(asked.options)


class HostTestHandler(Resource):
    @operation("read", HostTests)
    def get(self, id: str) -> HostTests:
        """A test as it now is."""
        return self.parts.hosts.get(id)


class KnownHostsHandler(Resource):
    @operation("execute", HostTests, takes=KnownHost, status=202)
    async def post(self, asked: KnownHost) -> HostTests:
        """Accept the key that a test showed, if it is still that one; the host is then tested again."""
        return await self.parts.hosts.accept(asked.host, asked.fingerprint)

    def meanwhile(self, asked: KnownHost) -> HostTests:
        return self.parts.hosts.accepting(asked.host)
