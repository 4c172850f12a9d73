"""``scripts/install`` can be run again and again, as ``make lab`` and then ``make test`` do."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = "share/jupyter/labextensions/jupyterlab-clusters"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """This package as it is here, with an environment of its own."""
    tree = tmp_path / "tree"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.split("\0"):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    built = Path("jupyterlab_clusters/labextension")
    shutil.copytree(ROOT / built, tree / built, ignore=shutil.ignore_patterns("install.json"))
    (tree / ".stamps").mkdir()
    subprocess.run([sys.executable, "-m", "venv", tree / ".venv"], check=True)
    (packages,) = (tree / ".venv" / "lib").glob("python*/site-packages")
    (packages / "here.pth").write_text(f"{sysconfig.get_path('purelib')}\n")  # what it needs is there already
    return tree


def install(tree: Path) -> None:
    done = subprocess.run([tree / "scripts" / "install", "lab"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_installs_again_where_the_front_end_is_joined(tree: Path) -> None:
    install(tree)
    installed, built = tree / ".venv" / EXTENSION, tree / "jupyterlab_clusters" / "labextension"
    assert (installed / "install.json").is_file() and not installed.is_symlink()
    shutil.rmtree(installed)
    installed.symlink_to(built)  # as jupyter-builder develop does
    (built / "install.json").touch()  # as an installation leaves it that followed the link
    for _ in range(2):
        install(tree)
        assert installed.resolve() == built.resolve(), "it is read from where it is built"
        assert (built / "package.json").is_file() and any(built.glob("static/remoteEntry*"))
