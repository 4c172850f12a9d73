"""The example runs from top to bottom on engines of ours, in a kernel that lacks our package."""

from __future__ import annotations

import json
import re
import site
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from .realserver import RealServer, serving

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "first-cluster.ipynb"
LACKS_US = "import importlib.util\nassert importlib.util.find_spec('jupyterlab_clusters') is None"


def foreign_kernel(server: RealServer) -> None:
    """A kernel that has what we have, ipyparallel too, but not us."""
    packages = server.home / "packages"
    packages.mkdir()
    for folder in map(Path, site.getsitepackages()):
        for entry in folder.iterdir():
            if entry.suffix != ".pth" and not entry.name.startswith("jupyterlab_clusters"):
                (packages / entry.name).symlink_to(entry)
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = server.home / "data" / "kernels" / "without-us"
    folder.mkdir(parents=True)
    spec = {
        "argv": [str(base), "-P" if sys.version_info >= (3, 11) else "-B", "-m", "ipykernel_launcher", "-f",
                 "{connection_file}"],
        "display_name": "Without us",
        "language": "python",
        "env": {"PYTHONPATH": str(packages)},
    }  # fmt: skip
    (folder / "kernel.json").write_text(json.dumps(spec))


def printed(cells: list[nbformat.NotebookNode]) -> str:
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return " ".join("".join(texts).split())


@pytest.fixture
def server():
    with serving() as server:
        yield server


def test_the_example_runs(server, monkeypatch):
    for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, server.environment[name])
    foreign_kernel(server)
    server.order("start", engines=3)
    notebook = nbformat.read(EXAMPLE, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(LACKS_US))
    NotebookClient(
        notebook, timeout=60, kernel_name="without-us", resources={"metadata": {"path": str(server.home / "files")}}
    ).execute()

    # It did not wait for all of them: each cell asks those that were there when it connected.
    told = printed(notebook.cells)
    pids = {str(engine["pid"]) for engine in server.ask("clusters/default%3A/engines")}
    asked = re.findall(r"engine in process (\d+)", told)
    assert len(asked) == len(set(asked)) >= 1
    assert set(asked) <= pids
    assert str([49] * len(asked)) in told
    assert str([x * x for x in range(20)]).strip("[]") in told
    assert str(sum(x * x for x in range(40))) in told
