"""Who may import whom. The arrows go one way, so that each folder can be read, changed and tried alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
NAME = PACKAGE.name

#: A part and what of ours it may import besides itself: a folder, or one module in it.
ARROWS = {
    "cli": ["cluster", "logs", "feed", "profiles", "config", "errors"],
    "web": ["cluster", "logs", "feed", "profiles", "errors", "timed"],
    "cluster": ["launchers", "hub", "logs", "feed", "profiles", "errors", "host.private", "timed"],
    "launchers": [
        "host.messages",
        "host.start",
        "host.private",
        "timed",
    ],  # what is said to an agent, and how one is begun
    "profiles": ["launchers.command", "launchers.asked", "errors"],  # how it is read, and what it means
    "host": [],
    "feed": ["timed"],
    "logs": [],
    "hub": ["host.private", "timed"],
    "errors": [],
    "timed": [],
}
#: These join the parts.
JOINERS = {"__init__", "extension", "config"}


def modules(package: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Every module with its dotted path inside the package; a folder's ``__init__`` keeps its name."""
    for file in sorted(package.rglob("*.py")):
        place = file.relative_to(package).with_suffix("").parts
        if place[0] not in ("tests", "labextension", "_version"):
            yield place, file


def imported(place: tuple[str, ...], tree: ast.AST, name: str) -> Iterator[tuple[int, str]]:
    """Line and dotted path inside the package of everything of ours that a module imports, however deep."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [name, *place][: len(place) + 1 - node.level] if node.level else []
            whole = ".".join([*base, *([node.module] if node.module else [])])
            targets = [f"{whole}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            if target == name or target.startswith(f"{name}."):
                yield node.lineno, target.removeprefix(name).removeprefix(".")


def wrong(package: Path, name: str = NAME) -> list[str]:
    """A sentence for each import against the arrows, and for each part that has none."""
    found = []
    for place, file in modules(package):
        part = place[0]
        if part in JOINERS:
            continue
        if part not in ARROWS:
            found.append(f"{'/'.join(place)}: no arrows are drawn for {part}")
            continue
        for line, target in imported(place, ast.parse(file.read_text("utf-8")), name):
            allowed = [part, *ARROWS[part]]
            if not any(target == one or target.startswith(f"{one}.") for one in allowed):
                found.append(f"{'/'.join(place)}.py:{line}: {part} may not import {target or 'the package'}")
    return found


def test_imports_follow_the_arrows():
    assert wrong(PACKAGE) == []


def test_there_is_something_to_check():
    parts = {place[0] for place, _ in modules(PACKAGE)}
    assert set(ARROWS) <= parts


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("web/routes.py", "from ..launchers import local"),
        ("web/routes.py", "from jupyterlab_clusters.hub.monitor import HubMonitor"),
        ("web/routes.py", "import jupyterlab_clusters.host.agent"),
        ("web/deep/routes.py", "from ...launchers.base import Exit"),
        ("web/deep/__init__.py", "from ...launchers.base import Exit"),
        ("cluster/cluster.py", "def late():\n    from ..web import routes"),
        ("cluster/cluster.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .. import web"),
        ("launchers/local.py", "from ..host import agent"),
        ("launchers/local.py", "from ..host.agent import Agent"),
        ("hub/monitor.py", "from .. import errors"),
        ("logs/store.py", "from ..feed import Feed"),
        ("host/agent.py", "from jupyterlab_clusters import errors"),
        ("feed/feed.py", "from jupyterlab_clusters import *"),
        ("utils/bits.py", ""),
    ],
)
def test_a_planted_violation_is_found(tmp_path, file, text):
    planted = tmp_path / file
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(text)
    assert len(wrong(tmp_path)) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("web/routes.py", "from ..cluster.clusters import Clusters\nfrom ..errors import NotFound\nimport json"),
        ("web/deep/routes.py", "from .. import body\nfrom ...logs.store import Store"),
        ("launchers/local.py", "from ..host import messages\nfrom ..host.messages import X\nfrom .base import Exit"),
        ("profiles/reading.py", "from ..launchers.command import run\nfrom ..launchers import command"),
        ("extension.py", "from .web import routes\nfrom .hub.monitor import HubMonitor"),
        ("hub/monitor.py", "import web\nfrom feed import x"),
    ],
)
def test_what_is_allowed_is_let_through(tmp_path, file, text):
    planted = tmp_path / file
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(text)
    assert wrong(tmp_path) == []
