"""A running Jupyter server, asked over its routes.

Promise: the token travels in a header, is never printed, and follows no redirect to another place.
"""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from ..cluster.models import ClusterModel
from ..logs.models import LogModel, Page
from .problem import Exit, Problem

ROUTES = "jupyterlab-clusters"

#: How long one request may take (seconds), and how often one that was found slow is made again.
TIMEOUT, PATIENCE = 20.0, 30

Model = TypeVar("Model")


class LockedOut(Problem):
    """It is there, and lets us not in."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"The Jupyter server at {url} does not let this command in.",
            Exit.NO_SERVER,
            hint="Set JUPYTER_TOKEN to its token, or use it from one of its own terminals.",
        )


class Server:
    """``url`` without token."""

    stays = True

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._opener = _opener(urlsplit(url).hostname or "")

    def check(self) -> None:
        """Raises :class:`Problem` where no clusters can be asked for, :class:`LockedOut` when it is for want of a
        token."""
        try:
            self.clusters()
        except Problem as problem:
            if problem.code is Exit.NOT_FOUND:
                raise Problem(f"The Jupyter server at {self.url} has no clusters.", Exit.NO_SERVER) from None
            if problem.code is Exit.FAILED:
                raise LockedOut(self.url) from None
            raise

    def clusters(self) -> list[ClusterModel]:
        return self._ask(list[ClusterModel], "clusters")

    def cluster(self, key: str) -> ClusterModel:
        return self._ask(ClusterModel, _place(key))

    def define(self, profile: str, cluster_id: str, launcher: str | None, options: Mapping[str, Any]) -> None:
        asked: dict[str, Any] = {"profile": profile, "cluster_id": cluster_id, "options": dict(options)}
        self._ask(ClusterModel, "clusters", {**asked, "launcher": launcher} if launcher else asked)

    def start(self, key: str, engines: int | None, options: Mapping[str, Any] | None) -> ClusterModel:
        asked = {"engines": engines, "options": options}
        return self._ask(ClusterModel, _place(key, "start"), {k: v for k, v in asked.items() if v is not None})

    def stop(self, key: str) -> ClusterModel:
        return self._ask(ClusterModel, _place(key, "stop"), {})

    def logs(self, key: str) -> list[LogModel]:
        return self._ask(list[LogModel], _place(key, "logs"))

    def page(self, key: str, log: str, at: int | None, before: int, after: int) -> Page:
        place = {"before": before, "after": after} if at is None else {"at": at, "before": before, "after": after}
        return self._ask(Page, f"{_place(key, 'logs', log)}?{urlencode(place)}")

    def close(self) -> None:
        """It goes on."""

    def _ask(self, kind: type[Model], route: str, body: Mapping[str, Any] | None = None) -> Model:
        for again in range(PATIENCE):
            if again:
                time.sleep(0.2 if body is None else 1.0)
            answer = self._once(route, body)
            if answer is not None:
                return _decoded(kind, answer)
        raise Problem(f"The Jupyter server at {self.url} is too busy to answer.", Exit.TOO_LATE, hint="Try again.")

    def _once(self, route: str, body: Mapping[str, Any] | None) -> bytes | None:
        """None when the server asks for patience. Raises :class:`Problem`."""
        request = urllib.request.Request(
            f"{self.url}/{ROUTES}/{route}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self._token}"} if self._token else {},
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT) as response:
                text: bytes = response.read()
                return text
        except urllib.error.HTTPError as error:
            self._refused(error)
            return None
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise Problem(f"The Jupyter server at {self.url} cannot be reached: {why}.", Exit.NO_SERVER) from None

    def _refused(self, error: urllib.error.HTTPError) -> None:
        """Raises :class:`Problem`, unless it is only slow."""
        try:
            said = json.loads(error.read())
            message, reason = str(said["message"]), str(said.get("reason"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            message, reason = "", ""
        if reason == "slow":
            return
        if error.code in (301, 302, 401):
            raise LockedOut(self.url) from None
        code = Exit.NOT_FOUND if error.code == 404 else Exit.FAILED
        raise Problem(message or f"The Jupyter server answered {error.code}.", code) from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def _opener(host: str) -> urllib.request.OpenerDirector:
    if host not in ("localhost", "127.0.0.1", "::1"):
        return urllib.request.build_opener(_NoRedirect)
    # A server of this machine is not behind a proxy, and has often signed its certificate itself.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(_NoRedirect, *handlers)


def _place(*parts: str) -> str:
    return "/".join(["clusters", *(quote(part, safe="") for part in parts)])


def _decoded(kind: type[Model], text: bytes) -> Model:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError:
        raise Problem(
            "What the Jupyter server answered was not understood.",
            Exit.NO_SERVER,
            hint="It may run another version of jupyterlab-clusters; restart it.",
        ) from None
