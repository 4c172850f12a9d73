"""One table: every way in, every stranger, against the extension with its real parts.

Promise: the ways in are read from the server's own route table, so that one that is added is tried too.
"""

from __future__ import annotations

import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError

from jupyterlab_clusters import web
from jupyterlab_clusters.web.openapi import METHODS
from jupyterlab_clusters.web.resource import Order, Parts, Resource, Unknown
from jupyterlab_clusters.web.routes import ROOT, ROUTES, handlers
from jupyterlab_clusters.web.stream import Stream

from .conftest import fetched
from .test_access import EVERY, Nothing, ReadsOnly, body_for, logged_in

ORDERS = [one for one in EVERY if one[2].action != "read"]
VERBS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")


class WritesOnly(Authorizer):
    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource == "clusters" and action == "write"


class Elsewhere(Authorizer):
    """May do everything, but to kernels."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource == "kernels"


#: Who, with which headers, and what may be answered.
STRANGERS: dict[str, tuple[dict[str, str], set[int]]] = {
    "no credentials": ({"Authorization": ""}, {403}),
    "a wrong token": ({"Authorization": "token 00000000"}, {403}),
    "a token that is cut": ({"Authorization": "token "}, {403}),
    "a password": ({"Authorization": "Basic YTpi"}, {403}),
    # 404 is Jupyter's own answer to a foreign page.
    "a foreign page": ({"Origin": "https://evil.example"}, {403, 404}),
    "a page of no origin": ({"Origin": "null"}, {403, 404}),
    "a page of another port": ({"Origin": "http://127.0.0.1:1"}, {403, 404}),
    "a foreign page without a token": ({"Authorization": "", "Origin": "https://evil.example"}, {403, 404}),
}

LIMITED: dict[str, tuple[Authorizer, Callable[[str], bool]]] = {
    "reads only": (ReadsOnly(), lambda action: action == "read"),
    "writes only": (WritesOnly(), lambda action: action == "write"),
    "kernels only": (Elsewhere(), lambda action: False),
    "nothing": (Nothing(), lambda action: False),
}


def ours(router: Any) -> Iterator[type]:
    """Every handler that the running server has below our path."""
    for rule in router.rules:
        if hasattr(rule.target, "rules"):
            yield from ours(rule.target)
        elif ROOT in rule.matcher.regex.pattern.replace("\\", ""):
            yield rule.target


async def state(parts: Parts) -> bytes:
    """All that an order could have changed."""
    from msgspec.json import encode

    return encode([[one.model() for one in parts.clusters.all()], sorted(parts.profiles.names())])


def test_every_handler_of_ours_is_in_the_table(jp_serverapp: Any, real_parts: Parts) -> None:
    found = set(ours(jp_serverapp.web_app.default_router))
    assert found == {*ROUTES.values(), Stream, Unknown} == {kind for _, kind in handlers()}
    for module in pkgutil.iter_modules(web.__path__, f"{web.__name__}."):
        import_module(module.name)
    every = [Resource, *all_below(Resource)]
    assert {kind for kind in every if kind not in (Resource, Order)} == {*ROUTES.values(), Unknown}


def all_below(kind: type) -> list[type]:
    return [one for child in kind.__subclasses__() for one in (child, *all_below(child))]


def test_no_method_of_a_route_goes_round_the_checks() -> None:
    """What answers a verb is made by ``operation`` or carries both of Jupyter's checks itself."""
    for path, kind in ROUTES.items():
        for verb in ("get", "head", "post", "put", "patch", "delete"):
            own = next(
                (vars(one)[verb] for one in kind.__mro__ if verb in vars(one) and issubclass(one, Resource)), None
            )
            if own is None:
                continue
            assert verb in METHODS, f"{verb} {path} is not in the OpenAPI document"
            assert own.operation.action in ("read", "write", "execute"), path
            # Both checks wrap the method: authenticated, then authorised.
            assert inspect.unwrap(own) is not own, path


@pytest.mark.parametrize("who", STRANGERS)
async def test_strangers(jp_fetch: Any, real_parts: Parts, who: str) -> None:
    headers, allowed = STRANGERS[who]
    before = await state(real_parts)
    for method, path, operation in EVERY:
        response = await fetched(
            jp_fetch, method, path, body_for(method, operation), headers=dict(headers), follow_redirects=False
        )
        assert response.code in allowed, f"{who}: {method} {path} -> {response.code}"
        told = json.loads(response.body)
        assert told["message"] and told["reason"]
        unread(response)
    assert await state(real_parts) == before


@pytest.mark.parametrize("who", LIMITED)
async def test_people_who_may_do_less(jp_fetch: Any, jp_serverapp: Any, real_parts: Parts, who: str) -> None:
    authorizer, may = LIMITED[who]
    jp_serverapp.web_app.settings["authorizer"] = authorizer
    before = await state(real_parts)
    for method, path, operation in EVERY:
        if operation.action != "read" and may(operation.action):
            continue  # it would be done
        response = await fetched(jp_fetch, method, path, body_for(method, operation))
        assert (response.code == 403) != may(operation.action), f"{who}: {method} {path} -> {response.code}"
        unread(response)
    assert await state(real_parts) == before


@pytest.mark.parametrize("token", ["", "0" * 32], ids=["missing", "wrong"])
async def test_forged_forms(jp_fetch: Any, real_parts: Parts, token: str) -> None:
    """The cookie goes with every form that a foreign page sends; the XSRF token does not."""
    cookie = await logged_in(jp_fetch)
    headers = {"Authorization": "", "Cookie": cookie, **({"X-XSRFToken": token} if token else {})}
    before = await state(real_parts)
    for method, path, operation in EVERY:
        if method != "GET":
            response = await fetched(jp_fetch, method, path, body_for(method, operation), headers=dict(headers))
            assert response.code == 403, f"{method} {path} -> {response.code}"
    assert await state(real_parts) == before


@pytest.mark.parametrize("method", VERBS)
async def test_verbs_that_a_route_does_not_have(jp_fetch: Any, real_parts: Parts, method: str) -> None:
    """Nobody learns from them what is there, and whoever may gets a word for it."""
    has = {(verb, path) for verb, path, _ in EVERY}
    for path in sorted({path for _, path, _ in EVERY} | {"", "nonsense"}):
        if (method, path) in has:
            continue
        raw = "{}" if method in ("POST", "PUT", "PATCH") else None
        stranger = await fetched(jp_fetch, method, path, raw, headers={"Authorization": ""}, follow_redirects=False)
        assert stranger.code == 403, f"{method} {path}"
        known = await fetched(jp_fetch, method, path, raw)
        assert known.code in (404, 405), f"{method} {path} -> {known.code}"


async def test_no_answer_is_ever_a_page(jp_fetch: Any, real_parts: Parts) -> None:
    """Whatever a log or a name holds: no browser may take an answer for HTML, nor run what is in it."""
    for method, path, _ in EVERY:
        if method == "GET":
            unread(await fetched(jp_fetch, method, path, None))


def unread(response: Any) -> None:
    kind = response.headers.get("Content-Type", "application/json")
    assert kind.startswith(("application/json", "text/plain")), kind
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy


WINDOWS: dict[str, dict[str, str]] = {
    **{who: headers for who, (headers, _) in STRANGERS.items()},
    "a foreign page behind our proxy": {"Origin": "https://evil.example", "X-Forwarded-Host": "hub.example"},
    "a foreign page that says so": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
}


@pytest.mark.parametrize("who", WINDOWS)
async def test_the_stream_refuses(jp_ws_fetch: Any, real_parts: Parts, who: str) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch(ROOT, "stream", headers=dict(WINDOWS[who]))
    assert refused.value.code == 403


async def test_the_stream_refuses_a_cookie_from_a_foreign_page(
    jp_fetch: Any, jp_ws_fetch: Any, jp_serverapp: Any, real_parts: Parts
) -> None:
    """A socket knows no XSRF token: its origin is what keeps a foreign page out."""
    person = {"Authorization": "", "Cookie": await logged_in(jp_fetch)}
    own = f"http://127.0.0.1:{jp_serverapp.port}"
    (await jp_ws_fetch(ROOT, "stream", headers={**person, "Origin": own, "Host": own.removeprefix("http://")})).close()
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        with pytest.raises(HTTPClientError) as refused:
            await jp_ws_fetch(ROOT, "stream", headers={**person, "Origin": origin})
        assert refused.value.code == 403


@pytest.mark.parametrize("who", LIMITED)
async def test_the_stream_is_for_readers(jp_ws_fetch: Any, jp_serverapp: Any, real_parts: Parts, who: str) -> None:
    authorizer, may = LIMITED[who]
    jp_serverapp.web_app.settings["authorizer"] = authorizer
    if may("read"):
        (await jp_ws_fetch(ROOT, "stream")).close()
        return
    with pytest.raises(HTTPClientError) as refused:
        await jp_ws_fetch(ROOT, "stream")
    assert refused.value.code == 403
