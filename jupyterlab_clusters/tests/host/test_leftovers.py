"""Copies of the package that were sent to a machine, and are used no more."""

from __future__ import annotations

import os
import time
from pathlib import Path

from jupyterlab_clusters.host.leftovers import UNUSED, in_use, prune


def copy(above: Path, name: str, age: float) -> Path:
    folder = above / name
    (folder / "jupyterlab_clusters").mkdir(parents=True)
    (folder / "whole").touch()
    then = time.time() - age
    os.utime(folder / "whole", (then, then))
    return folder


def test_what_nobody_uses_any_more_is_pruned(tmp_path: Path) -> None:
    ours = copy(tmp_path, "0" * 16, 2 * UNUSED)
    old, other = copy(tmp_path, "1" * 16, UNUSED + 60), copy(tmp_path, "2" * 16, UNUSED - 60)
    half = tmp_path / ("3" * 16)
    half.mkdir()
    stranger = copy(tmp_path, "somebody-elses", 2 * UNUSED)
    prune(ours)
    assert not old.exists() and all(one.exists() for one in (ours, other, half, stranger))


def test_what_is_used_stays(tmp_path: Path) -> None:
    ours, other = copy(tmp_path, "0" * 16, 0), copy(tmp_path, "1" * 16, 2 * UNUSED)
    in_use(other)
    prune(ours)
    assert other.exists()


def test_nothing_is_pruned_beside_an_installation(tmp_path: Path) -> None:
    installed = tmp_path / "site-packages"
    installed.mkdir()
    copy(tmp_path, "1" * 16, 2 * UNUSED)
    in_use(installed)
    prune(installed)
    assert len(list(tmp_path.iterdir())) == 2
