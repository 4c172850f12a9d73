"""Without a server: the same collection of clusters, for as long as the command takes.

Promise: what runs is found again first, and goes on when the command ends, as its host agent outlives us; the next
server finds it. What the site allows holds here too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from jupyter_core.application import JupyterApp
from traitlets.config import Config

from .. import config, errors
from ..cluster.models import ClusterModel, LaunchFailed
from ..cluster.places import of_this_user
from ..cluster.policy import Policy
from ..feed import Feed
from ..logs.models import LogModel, Page
from .problem import Exit, Problem

#: Files in which a server's settings may stand, as it reads them.
CONFIGURATION = ("jupyter_server_config", "jupyter_jupyterlab_clusters_config")

#: How long what ran before may take to be found (seconds), and the parts to stop.
FIND, STOP = 15.0, 30.0

Answer = TypeVar("Answer")


class Own:
    """Opened by making it. Raises :class:`Problem`."""

    stays = False

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="clusters", daemon=True)
        self._thread.start()
        self._run(self._open())

    def clusters(self) -> list[ClusterModel]:
        return [cluster.model() for cluster in self._clusters.all()]

    def cluster(self, key: str) -> ClusterModel:
        with _told():
            return self._clusters.get(key).model()

    def define(self, profile: str, cluster_id: str, launcher: str | None, options: Mapping[str, Any]) -> None:
        async def define() -> None:
            cluster = self._clusters.define(profile, cluster_id, launcher, dict(options))
            await self._clusters.save(cluster)

        self._run(define())

    def start(self, key: str, engines: int | None, options: Mapping[str, Any] | None) -> ClusterModel:
        return self._call(lambda: self._clusters.get(key).start(engines, options))

    def stop(self, key: str) -> ClusterModel:
        return self._call(lambda: self._clusters.get(key).stop())

    def logs(self, key: str) -> list[LogModel]:
        with _told():
            return self._clusters.get(key).logs()

    def page(self, key: str, log: str, at: int | None, before: int, after: int) -> Page:
        with _told():
            return self._clusters.get(key).log(log).page(at, before, after)

    def close(self) -> None:
        try:
            self._run(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP)

    # -- on the loop ------------------------------------------------------------

    async def _open(self) -> None:
        feed = Feed(asyncio.get_running_loop())
        log = logging.getLogger("jupyterlab_clusters")
        self._clusters, self._profiles = of_this_user(feed, policy(), log)
        with contextlib.suppress(OSError):
            await self._profiles.refresh_all()
        await self._clusters.open()
        await self._clusters.settled(FIND)

    async def _close(self) -> None:
        await asyncio.wait_for(self._clusters.close(), STOP)
        self._profiles.close()

    def _call(self, order: Callable[[], Answer]) -> Answer:
        async def ordered() -> Answer:
            return order()

        return self._run(ordered())

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        with _told():
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def policy() -> Policy:
    """What the site allows; the end of a command is no reason to stop what runs. Raises :class:`Problem`."""
    said = Config()
    for name in CONFIGURATION:
        site = JupyterApp(config_file_name=name, raise_config_file_errors=True)
        try:
            site.load_config_file(suppress_errors=False)
        except Exception as error:
            # It is a program of the site's, and what it forbids must not be passed over.
            raise Problem(f"The configuration {name} cannot be read: {type(error).__name__}: {error}.") from error
        said.merge(site.config)
    return replace(config.Clusters(config=said).policy(), on_server_stop="leave")


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What went wrong, as the command line says it."""
    try:
        yield
    except errors.NotFound as error:
        raise Problem(error.message, Exit.NOT_FOUND) from None
    except errors.ClustersError as error:
        raise Problem(error.message) from None
    except LaunchFailed as error:
        raise Problem(error.cause, hint=error.hint) from None
    except OSError as error:
        raise Problem(f"{error.filename or 'The disk'} cannot be read or written: {error.strerror or error}.") from None
