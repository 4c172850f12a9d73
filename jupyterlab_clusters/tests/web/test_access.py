"""Who is let in, and the table of all ways in that `test_strangers.py` tries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jupyter_server.auth import Authorizer

from jupyterlab_clusters.web.openapi import METHODS
from jupyterlab_clusters.web.resource import Operation
from jupyterlab_clusters.web.routes import ROUTES

from .conftest import FakeClusters, fetched

PARTS_OF_PATH = {"{key}": "default:", "{slot}": "0", "{log}": "controller", "{name}": "default", "{id}": "none"}


def filled(path: str) -> str:
    for word, value in PARTS_OF_PATH.items():
        path = path.replace(word, value)
    return path


EVERY: list[tuple[str, str, Operation]] = [
    (method.upper(), filled(path), operation)
    for path, kind in ROUTES.items()
    for method in METHODS
    if (operation := getattr(getattr(kind, method), "operation", None)) is not None
]
BODIES: dict[str, dict[str, Any]] = {
    "Define": {"profile": "x"},
    "Scale": {"engines": 1},
    "Settings": {"settings": {"Cluster.n": 1}},
    "HostsToTest": {"options": {"hosts": [{"host": "127.0.0.99:1"}]}},
    "KnownHost": {"host": "127.0.0.99:1", "fingerprint": "SHA256:" + "A" * 43},
}


def body_for(method: str, operation: Operation) -> str | None:
    if method not in ("POST", "PUT"):
        return None
    return json.dumps(BODIES.get(operation.body.__name__ if operation.body else "", {}))


class ReadsOnly(Authorizer):
    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource == "clusters" and action == "read"


class Nothing(Authorizer):
    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return False


async def test_a_cookie_with_the_xsrf_token_is_enough(jp_fetch: Any, fake: FakeClusters) -> None:
    cookie = await logged_in(jp_fetch)
    token = next(one.partition("=")[2] for one in cookie.split("; ") if one.startswith("_xsrf="))
    headers = {"Authorization": "", "Cookie": cookie, "X-XSRFToken": token}
    response = await fetched(jp_fetch, "POST", "clusters/default:/stop", "{}", headers=headers)
    assert response.code == 202


async def logged_in(jp_fetch: Any) -> str:
    """The cookies of a person who opened the server with the token."""
    user = await jp_fetch("api", "me")
    page = await jp_fetch("login", headers={"Authorization": ""})
    lines = [*user.headers.get_list("Set-Cookie"), *page.headers.get_list("Set-Cookie")]
    return "; ".join(line.partition(";")[0] for line in lines)


async def test_our_own_page_behind_a_proxy(jp_fetch: Any, fake: FakeClusters) -> None:
    for own in (
        {"Origin": "https://hub.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://hub.example", "X-Forwarded-Host": "hub.example"},
    ):
        response = await fetched(jp_fetch, "GET", "clusters", None, headers=own)
        assert response.code == 200


async def test_a_token_in_the_address(jp_fetch: Any, jp_serverapp: Any, fake: FakeClusters) -> None:
    token = jp_serverapp.identity_provider.token
    response = await fetched(jp_fetch, "GET", "clusters", None, headers={"Authorization": ""}, params={"token": token})
    assert response.code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["nonsense", "clusters/default:/nonsense", "clusters/default:/engines/0/eat", ""])
async def test_unknown_routes(call: Any, fake: FakeClusters, method: str, path: str) -> None:
    answer = await call(method, path)
    assert (answer.status, answer.body["reason"]) == (404, "no-such-route")


async def test_methods_a_route_does_not_have(call: Any, fake: FakeClusters) -> None:
    answer = await call("PUT", "clusters", {})
    assert (answer.status, answer.body["reason"]) == (405, "no-such-method")
