"""What every route has in common: who may, what came in, how it is answered.

Promise: no method of a route runs before its caller is known, allowed for
``clusters``, of our own origin and within the size limit; none runs on the
server's loop; every answer is JSON.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from ..errors import NotFound
from . import body
from .errors import TooLarge, answer
from .origin import OwnOrigin
from .soon import MEANWHILE, Slow, Soon

if TYPE_CHECKING:
    from ..cluster.cluster import Cluster
    from ..cluster.clusters import Clusters
    from ..cluster.hosttests import HostTesting
    from ..cluster.policy import Policy
    from ..feed import Feed
    from ..logs.follow import Follower
    from ..profiles import Profiles

AUTH_RESOURCE = "clusters"
PARTS = "jupyterlab_clusters_parts"

Action = Literal["read", "write", "execute"]
Handler = Callable[..., Awaitable[None] | None]


@dataclass(frozen=True)
class Parts:
    """What the routes are joined to; ``later`` begins work that nobody waits for."""

    feed: Feed
    clusters: Clusters
    profiles: Profiles
    follower: Follower
    policy: Policy
    hosts: HostTesting
    soon: Soon
    later: Callable[[Coroutine[Any, Any, None]], None]


@dataclass(frozen=True)
class Operation:
    """What a method of a route takes and gives, for the OpenAPI document."""

    action: Action
    answer: Any
    body: type[body.Body] | None
    status: int
    query: tuple[str, ...]
    summary: str
    also: tuple[int, ...] = ()


def allowed(action: Action) -> Callable[[Handler], Handler]:
    """Jupyter's own check of a permission for clusters, with types."""
    return cast(Callable[[Handler], Handler], authorized(action, AUTH_RESOURCE))


def operation(
    action: Action,
    answer: Any = None,
    *,
    takes: type[body.Body] | None = None,
    status: int = 200,
    query: tuple[str, ...] = (),
    also: tuple[int, ...] = (),
) -> Callable[[Callable[..., Any]], Handler]:
    """Make a method of a route out of one that takes the path's parts (and the body) and returns a model.

    A plain method runs in a thread, an ``async`` one on the loop. ``also`` = other statuses of success.
    """

    def decorate(method: Callable[..., Any]) -> Handler:
        @web.authenticated
        @allowed(action)
        @wraps(method)
        async def inner(self: Resource, *parts: str) -> None:
            self.check_policy(action)
            given = (*parts, body.decode(self.taken(), takes)) if takes else parts
            self.set_status(status)
            await self.reply(action, partial(method, self, *given), partial(self.meanwhile, *given))

        summary = inspect.cleandoc(method.__doc__ or "").splitlines()[0] if method.__doc__ else ""
        inner.operation = Operation(action, answer, takes, status, query, summary, also)  # type: ignore[attr-defined]
        return inner

    return decorate


class Resource(OwnOrigin, APIHandler):
    """Base of all routes but the stream."""

    auth_resource = AUTH_RESOURCE
    # Tornado would hold the whole body of anybody in memory before asking; we look at its length first.
    _stream_request_body = True

    def initialize(self) -> None:
        self._came = bytearray()
        self._over = False

    @property
    def parts(self) -> Parts:
        """The parts the extension joined."""
        parts: Parts = self.settings[PARTS]
        return parts

    def cluster(self, key: str) -> Cluster:
        """Raises :class:`NotFound`."""
        return self.parts.clusters.get(key)

    def slot(self, text: str) -> int:
        """The slot of a path. Raises :class:`NotFound`."""
        if not (text.isascii() and text.isdecimal()) or len(text) > 9:
            raise NotFound(f"There is no slot {text[:64]!r}.", field="slot")
        return int(text)

    async def prepare(self) -> None:  # type: ignore[override]  # as Jupyter's APIHandler does
        await super().prepare()
        if not self.current_user and self.request.method != "OPTIONS":
            raise web.HTTPError(403, "Log in first.")
        length = self.request.headers.get("Content-Length", "0")
        self._over = length.isdecimal() and int(length) > body.LIMIT
        self.check_size()

    def data_received(self, chunk: bytes) -> None:
        self._over = self._over or len(self._came) + len(chunk) > body.LIMIT
        if not self._over:
            self._came += chunk

    def taken(self) -> bytes:
        """The body. Raises :class:`TooLarge`."""
        self.check_size()
        return bytes(self._came)

    def check_size(self) -> None:
        """Raises :class:`TooLarge`."""
        if self._over:
            raise TooLarge(f"The body is larger than {body.LIMIT} bytes.")

    def check_policy(self, action: Action) -> None:
        """Raises :class:`NotAllowed`."""
        if action != "read":
            self.parts.policy.check_writable()

    def check_count(self, engines: int | None) -> None:
        """Raises :class:`BadInput` for more engines than the site allows."""
        if engines is not None:
            self.parts.policy.check_count(engines)

    def meanwhile(self, *given: Any) -> Any:
        """What to answer while an order goes on. Raises :class:`Slow` where there is nothing to say."""
        raise Slow("This takes longer than usual and goes on.")

    async def reply(self, action: Action, work: Callable[[], Any], meanwhile: Callable[[], Any]) -> None:
        """Run ``work`` and send what it returns, or what there is to say while it goes on."""
        soon = self.parts.soon
        if action == "read":
            text = await soon.look(self._question(), _to_bytes(work))
        else:
            try:
                text = await soon.order(_to_bytes(work))
            except Slow:
                text = await soon.look(f"meanwhile {self.request.path}", _to_bytes(meanwhile), MEANWHILE)
        await (self.finish() if self.get_status() == 204 else self.finish(text))

    def _question(self) -> str:
        # Without the token that may stand in the query, yet with what was asked.
        query = [(name, values) for name, values in self.request.query_arguments.items() if name != "token"]
        return f"{self.request.method} {self.request.path} {query} {bytes(self._came)!r}"

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        status, model = answer(error, status_code)
        self.set_status(status)
        if isinstance(error, Slow):
            self.set_header("Retry-After", "1")
        self.finish(msgspec.json.encode(model))

    def log_exception(self, *exc_info: Any) -> None:
        # What a person can mend is the answer's business; only the unforeseen is the log's.
        if answer(exc_info[1])[0] >= 500 and not isinstance(exc_info[1], Slow):
            super().log_exception(*exc_info)


class Unknown(Resource):
    """Any other path under ours."""

    async def prepare(self) -> None:  # type: ignore[override]  # as Jupyter's APIHandler does
        await super().prepare()
        if self.request.method != "OPTIONS":
            raise NotFound("There is no such route.", reason="no-such-route")


class Order(Resource):
    """A route that orders something of the cluster in its path; it answers with the cluster as it now is."""

    def meanwhile(self, *given: Any) -> Any:
        return self.cluster(given[0]).model()


def _to_bytes(work: Callable[[], Any]) -> Callable[[], Any]:
    # In the thread too: ten thousand engines take longer to encode than the loop may wait.
    if inspect.iscoroutinefunction(work):

        async def on_the_loop() -> bytes:
            return msgspec.json.encode(await work())

        return on_the_loop
    return lambda: msgspec.json.encode(work())
