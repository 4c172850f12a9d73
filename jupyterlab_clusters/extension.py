"""Joins the parts to the Jupyter server, and stops them.

Promise: loading makes objects and nothing more; what reads the disk or starts
a process waits until the server's loop runs, and does not hold it up. Stopping
says what goes on running.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Coroutine
from types import FrameType
from typing import Any, cast

from jupyter_server.extension.application import ExtensionApp

from . import config
from .cluster.hosttests import HostTesting
from .cluster.places import of_this_user
from .feed import Feed
from .logs.follow import Follower
from .web.resource import PARTS, Parts
from .web.routes import handlers
from .web.soon import Soon

#: Seconds that the parts have to stop.
STOP = 30.0


class ClustersApp(ExtensionApp):
    """``jupyterlab_clusters``; its settings are ``c.Clusters.*``."""

    name = "jupyterlab_clusters"
    description = "IPython Parallel clusters in JupyterLab"
    classes = [config.Clusters]  # noqa: RUF012 (a trait's default, by traitlets' own way)
    open_browser = False

    def initialize_settings(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.parts = self.settings[PARTS] = self.make_parts()
        self.parts.feed.on_watch("clusters", self._watched)
        self._begin(self._open())

    def initialize_handlers(self) -> None:
        self.handlers.extend(handlers())

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The server's; when extensions are loaded it does not run yet."""
        loop: asyncio.AbstractEventLoop = cast(Any, self.serverapp).io_loop.asyncio_loop
        return loop

    def make_parts(self) -> Parts:
        """The parts, joined; nothing of them has begun."""
        loop = self.loop
        policy = config.Clusters(parent=self).policy()
        feed = Feed(loop)
        clusters, profiles = of_this_user(feed, policy, self.log)
        return Parts(
            feed=feed,
            clusters=clusters,
            profiles=profiles,
            follower=Follower(loop),
            policy=policy,
            hosts=HostTesting(policy),
            soon=Soon(self.log),
            later=self._begin,
        )

    async def stop_extension(self) -> None:
        """Stop the parts within ``STOP`` seconds, or leave them to the end of the process."""
        parts: Parts | None = getattr(self, "parts", None)
        if parts is None:
            return
        for task in self.tasks:
            task.cancel()
        parts.feed.close()
        try:
            await asyncio.wait_for(self._close(parts), STOP)
        except asyncio.TimeoutError:
            self.log.warning("Clusters did not stop within %g s; what is left is shown at the next start.", STOP)
        finally:
            parts.soon.close()
            parts.profiles.close()

    async def _close(self, parts: Parts) -> None:
        await parts.hosts.close()
        left = await parts.clusters.close()
        for words in left:
            self.log.info("Goes on running: %s", words)
        await asyncio.to_thread(parts.follower.close)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _open(self) -> None:
        if self.parts.policy.on_server_stop == "stop":
            self._stop_cleanly_when_interrupted()
        try:
            await self.parts.clusters.open()
        except Exception:
            # The server and every other extension go on; the routes still answer.
            self.log.exception("Clusters of an earlier server could not be taken up")

    def _stop_cleanly_when_interrupted(self) -> None:
        # A server without a terminal takes an interrupt (a hub's way to end it) for no reason to clean up: it just
        # ends, and nobody is told.
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:

            def stop(number: int, frame: FrameType | None) -> None:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                cast(Any, self.serverapp).stop(from_signal=True)

            signal.signal(signal.SIGINT, stop)

    def _watched(self, topic: str, watched: bool) -> None:
        if watched and topic == "clusters":
            self._begin(self._read_profiles())

    async def _read_profiles(self) -> None:
        with contextlib.suppress(OSError):
            await self.parts.profiles.refresh_all()
