"""Which Jupyter server of this user a command is for.

Promise: reads what servers write when they start, asks those whose process lives, and deletes nothing. A token
goes to the server that it belongs to and nowhere else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from jupyter_core.paths import jupyter_runtime_dir

from .problem import Exit, Problem
from .server import LockedOut, Server


@dataclass(frozen=True)
class Found:
    """A server as it tells of itself."""

    url: str
    token: str
    root: Path


def found() -> Iterator[Found]:
    """Servers whose process lives here, the newest first."""
    files = sorted(Path(jupyter_runtime_dir()).glob("jpserver-*.json"), key=_age)
    for file in files:
        try:
            told = json.loads(file.read_text("utf-8"))
            url, pid = str(told["url"]), int(told["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        # One that listens on a unix socket is out of reach for a URL.
        if psutil.pid_exists(pid) and urlsplit(url).scheme in ("http", "https"):
            yield Found(url, str(told.get("token") or ""), Path(str(told.get("root_dir") or "/")))


def chosen(url: str | None) -> Server | None:
    """The server that was named, or the one that is meant; None when none runs. Raises :class:`Problem`."""
    if url is not None:
        return _named(url)
    servers = _that_answer()
    inside = [(one, server) for one, server in servers if Path.cwd().is_relative_to(one.root)]
    # Of several whose folder this is, the one whose folder is the nearest.
    nearest = max((len(one.root.parts) for one, _ in inside), default=0)
    meant = [server for one, server in inside if len(one.root.parts) == nearest] or [server for _, server in servers]
    if len(meant) > 1:
        urls = ", ".join(server.url for server in meant)
        raise Problem(
            f"{len(meant)} Jupyter servers run, and which one is meant is not clear.",
            Exit.USAGE,
            hint=f"Choose one with --server: {urls}.",
        )
    return meant[0] if meant else None


def _that_answer() -> list[tuple[Found, Server]]:
    answering, locked = [], None
    for one in found():
        server = Server(one.url, _token(one))
        try:
            server.check()
        except LockedOut as problem:
            locked = problem
        except Problem:
            continue  # it has just ended, or has no clusters
        else:
            answering.append((one, server))
    if locked is not None and not answering:
        # To go on without it would put a second hand on its clusters.
        raise locked
    return answering


def _named(url: str) -> Server:
    wanted = urlsplit(url)
    if wanted.scheme not in ("http", "https") or not wanted.netloc:
        raise Problem(f"{url} is not the address of a server.", Exit.USAGE, hint="It begins with http:// or https://.")
    bare = wanted._replace(query="", fragment="").geturl()
    token = next((_token(one) for one in found() if _same(one.url, bare)), "")
    server = Server(bare, os.environ.get("JUPYTER_TOKEN", "") or token)
    server.check()
    return server


def _same(one: str, other: str) -> bool:
    mine, theirs = urlsplit(one), urlsplit(other)
    return (mine.netloc, mine.path.strip("/")) == (theirs.netloc, theirs.path.strip("/"))


def _token(one: Found) -> str:
    # The server of a hub's user has no token of its own; in its terminals the hub's is set.
    return one.token or os.environ.get("JUPYTERHUB_API_TOKEN", "") or os.environ.get("JUPYTER_TOKEN", "")


def _age(file: Path) -> float:
    try:
        return -file.stat().st_mtime
    except OSError:
        return 0.0
