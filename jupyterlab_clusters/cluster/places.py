"""Where clusters are kept for this user: the same for every program that looks after them."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir, jupyter_runtime_dir

from ..feed import Feed
from ..profiles import Profiles
from .clusters import Clusters
from .policy import Policy


def data_dir() -> Path:
    """Records and logs, in the home."""
    return Path(jupyter_data_dir())


def runtime_dir() -> Path:
    """Sockets of host agents. Homes are shared between machines, agents are not."""
    return Path(jupyter_runtime_dir()) / "jupyterlab-clusters" / socket.gethostname()


def of_this_user(feed: Feed, policy: Policy, log: logging.Logger) -> tuple[Clusters, Profiles]:
    """The collection and the profiles that it follows; nothing of them has begun."""
    profiles = Profiles()
    clusters = Clusters(
        feed=feed, profiles=profiles, policy=policy, data_dir=data_dir(), runtime_dir=runtime_dir(), log=log
    )
    profiles.on_change = clusters.profile_read
    return clusters, profiles
