"""What is sent to another machine is run from a folder that is its user's alone there, or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.launchers.ssh.parcel import BOOT, contents, loader

READY = b"ready "
NOBODY = 65534


def begun(cache: Path) -> dict[str, Any]:
    """What the far end says first, when all is sent that it could ask for, and nothing more."""
    env = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(cache), "TMPDIR": str(cache), "HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", BOOT],
        input=loader("test", READY) + contents(),
        capture_output=True,
        env=env,
        cwd=cache,
        timeout=60,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(READY)]
    assert lines, done.stderr.decode()
    told: dict[str, Any] = json.loads(lines[0].removeprefix(READY))
    return told


def kept(cache: Path) -> Path:
    (folder,) = (cache / "jupyterlab-clusters").iterdir()
    return folder


def planted(folder: Path) -> None:
    """Code of somebody else, where ours was."""
    (folder / "jupyterlab_clusters" / "__init__.py").write_text("open('ran', 'w')")


def group_may_write(folder: Path) -> None:
    folder.chmod(0o770)


def given_away(folder: Path) -> None:
    os.chown(folder, NOBODY, NOBODY)


def a_link(folder: Path) -> None:
    elsewhere = folder.with_name("elsewhere")
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)


def above_given_away(folder: Path) -> None:
    os.chown(folder.parent, NOBODY, NOBODY)


@pytest.mark.parametrize("damage", [group_may_write, given_away, a_link, above_given_away])
def test_code_that_somebody_else_could_have_put_there_is_not_run(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    assert begun(tmp_path) == {"have": False}
    assert begun(tmp_path) == {"have": True}
    folder = kept(tmp_path)
    planted(folder)
    damage(folder)
    assert "not yours alone" in begun(tmp_path)["error"]
    assert not (tmp_path / "ran").exists()


def test_folders_of_a_generous_umask_are_closed(tmp_path: Path) -> None:
    (tmp_path / "jupyterlab-clusters").mkdir()
    (tmp_path / "jupyterlab-clusters").chmod(0o775)
    assert begun(tmp_path) == {"have": False}
    assert (tmp_path / "jupyterlab-clusters").stat().st_mode & 0o777 == 0o700
