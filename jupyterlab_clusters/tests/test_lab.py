"""``make lab`` opens the example with the sidebar open, and touches nobody's own layout."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_workspace_of_make_lab_has_the_sidebar_open(tmp_path: Path) -> None:
    own = {"HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    environment = {**os.environ, **own}
    workspaces = ROOT / ".cache" / "workspaces"
    before = {path: path.stat().st_mtime_ns for path in workspaces.glob("*")}
    # The version instead of the server: what is prepared is the same.
    subprocess.run([ROOT / "scripts" / "lab", "--version"], env=environment, check=True, timeout=60)
    (written,) = [path for path in workspaces.glob("*") if path.stat().st_mtime_ns != before.get(path)]
    layout = json.loads(written.read_text())["data"]["layout-restorer:data"]
    assert layout["left"]["current"] == "jupyterlab-clusters-sidebar" and layout["left"]["visible"]
    assert list((tmp_path / "config").rglob("*workspace*")) == []
    assert list((tmp_path / ".jupyter").rglob("*workspace*")) == []
