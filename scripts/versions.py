"""Runs the tests that touch other packages most with the oldest, or the newest, versions that are allowed.

    python scripts/versions.py oldest|newest [--report FILE] [pytest's arguments…]
    python scripts/versions.py oldest|newest --browser [Playwright's arguments…]

Promise: ``oldest`` is Python 3.10 where this machine has one, and of every package that pyproject.toml names the
lowest version it allows (JupyterLab 4.4, ipyparallel 8.8, ipykernel 6, …); ``newest`` the newest Python that is here,
and the newest of all. What was taken is printed. Nothing outside ``.stamps`` is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESOLUTION = {"oldest": "lowest-direct", "newest": "highest"}
SHOWN = ("jupyterlab", "jupyter-server", "ipyparallel", "ipykernel", "ipython", "pyzmq", "tornado", "traitlets")
FOLDER = "jupyterlab_clusters/tests"
TESTS = (
    *(f"{FOLDER}/{name}" for name in ("host/test_cluster.py", "hub/test_monitor.py", "cluster/test_real.py")),
    *(f"{FOLDER}/{name}" for name in ("profiles/test_reading.py", "web/test_extension.py", "test_example.py")),
)
#: What takes long and depends on no other package.
LEFT_OUT = "not many_cycles and not by_itself"
#: What a person does from Start to Stop, in a notebook and its log.
BROWSER = ("tests/notebook.spec.ts",)

Version = tuple[int, int]


def pythons() -> dict[Version, str]:
    """Those from 3.10 on that are here, by their version."""
    names = [f"python3.{minor}" for minor in range(10, 20)]
    found = [path for name in names if (path := shutil.which(name))]
    found += sorted(map(str, Path.home().glob(".pyenv/versions/3.*/bin/python")))
    versions: dict[Version, str] = {}
    for path in [sys.executable, *found]:
        asked = subprocess.run(
            [path, "-c", "import sys, venv; print(*sys.version_info[:2])"], capture_output=True, text=True, check=False
        )
        if asked.returncode == 0:
            major, minor = map(int, asked.stdout.split())
            if (major, minor) >= (3, 10):
                versions.setdefault((major, minor), path)
    return versions


def environment(which: str) -> Path:
    """A new virtual environment with those versions."""
    found = pythons()
    version = min(found) if which == "oldest" else max(found)
    folder = ROOT / ".stamps" / which
    uv = [sys.executable, "-m", "uv", "--quiet", "--no-progress"]
    subprocess.run([*uv, "venv", "--clear", "--python", found[version], str(folder)], check=True)
    python = folder / "bin" / "python"
    package = f"jupyterlab_clusters[test] @ {ROOT.as_uri()}"
    # What was built of another state of the sources is no use.
    choice = ["--resolution", RESOLUTION[which], "--refresh-package", "jupyterlab_clusters"]
    # Compiled as pip does it: else every engine would read sources where Python may not write.
    subprocess.run([*uv, "pip", "install", "--compile-bytecode", "--python", str(python), *choice, package], check=True)
    listed = subprocess.run(
        [*uv, "pip", "list", "--python", str(python), "--format=freeze"], check=True, capture_output=True, text=True
    ).stdout
    shown = [line for line in listed.splitlines() if line.partition("==")[0] in SHOWN]
    print(f"{which}: Python {version[0]}.{version[1]}, {', '.join(shown)}", flush=True)
    return python


def browser(python: Path, arguments: list[str]) -> int:
    """A real browser before that JupyterLab."""
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    command = [str(ROOT / "ui-tests" / "node_modules" / ".bin" / "playwright"), "test", *BROWSER, *arguments]
    return subprocess.run(command, cwd=ROOT / "ui-tests", env={**os.environ, "PATH": path}, check=False).returncode


def main(which: str, arguments: list[str]) -> int:
    if arguments[:1] == ["--browser"]:
        return browser(environment(which), arguments[1:])
    if arguments[:1] == ["--report"]:
        arguments = [f"--junitxml={arguments[1]}", "-o", "junit_family=xunit2", *arguments[2:]]
    python = environment(which)
    chosen = () if any(argument.startswith(FOLDER) for argument in arguments) else (*TESTS, "-k", LEFT_OUT)
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen, *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
