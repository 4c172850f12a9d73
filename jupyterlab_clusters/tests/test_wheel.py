"""What a person gets who installs the wheel where Node is absent."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import zipfile
from pathlib import Path

import pytest

from .realserver import serving

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.timeout(600)


def run(*command: object, **how: object) -> str:
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment that holds the wheel and JupyterLab."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", f"{wheel}[lab]")
    return folder / "bin"


@pytest.fixture(scope="module")
def environment(clean: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Nothing but the new environment's programs can be found, so neither node nor npm."""
    home = tmp_path_factory.mktemp("home")
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return {**kept, "PATH": str(clean), "HOME": str(home), "PYTHONPATH": ""}


def test_the_wheel_holds_front_end_and_settings_but_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("labextensions/jupyterlab-clusters/package.json") for name in names)
    assert any("labextensions/jupyterlab-clusters/static/remoteEntry" in name for name in names)
    assert any(name.endswith("jupyter_server_config.d/jupyterlab_clusters.json") for name in names)
    assert not [name for name in names if "/tests/" in name or "node_modules" in name]


def test_node_is_out_of_reach(environment: dict[str, str]) -> None:
    found = [Path(folder, "node") for folder in environment["PATH"].split(":") if Path(folder, "node").exists()]
    assert found == []


def test_jupyterlab_lists_it_enabled_and_ok(clean: Path, environment: dict[str, str]) -> None:
    told = run(clean / "jupyter-labextension", "list", env=environment)
    line = next(line for line in told.splitlines() if "jupyterlab-clusters" in line)
    assert "enabled" in line
    assert "OK" in line


def test_jupyter_server_lists_it_enabled_and_ok(clean: Path, environment: dict[str, str]) -> None:
    told = run(clean / "jupyter-server", "extension", "list", env=environment).splitlines()
    assert any("jupyterlab_clusters" in line and "enabled" in line for line in told)
    assert any("jupyterlab_clusters" in line and "OK" in line for line in told)


def test_jupyter_finds_the_command(clean: Path, environment: dict[str, str]) -> None:
    told = run(clean / "jupyter", "clusters", "list", env=environment)
    assert told.splitlines()[-1].split() == ["default:", "stopped", "local"]


def test_it_serves_and_runs_engines(clean: Path, environment: dict[str, str]) -> None:
    with serving(str(clean / "python"), environment) as server:
        with pytest.raises(urllib.error.HTTPError) as refused:
            server.ask("clusters", token=False)
        assert refused.value.code in (401, 403)
        assert [one["key"] for one in server.ask("clusters")] == ["default:"]
        server.order("start", engines=2)
        assert server.await_state("running")["engines"]["registered"] == 2
