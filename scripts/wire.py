"""The wire, declared once in Python: its OpenAPI document, and from that the window's types.

Without arguments both files are written anew; with ``--check`` nothing is
written and the exit code tells whether both are in step.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "openapi.json"
TYPES = ROOT / "src" / "server" / "wire.ts"
TOOLS = ROOT / "node_modules" / ".bin"


def make(folder: Path) -> dict[Path, bytes]:
    """Both files as they should be; they are made in ``folder``."""
    told = subprocess.run(
        [sys.executable, "-m", "jupyterlab_clusters.web.openapi"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )
    document, types = folder / DOCUMENT.name, folder / TYPES.name
    document.write_bytes(told.stdout)
    subprocess.run([TOOLS / "openapi-typescript", document, "--output", types], check=True, stdout=subprocess.DEVNULL)
    pretty = subprocess.run(
        [TOOLS / "prettier", "--stdin-filepath", TYPES],
        cwd=ROOT, check=True, input=types.read_bytes(), stdout=subprocess.PIPE,
    )  # fmt: skip
    return {DOCUMENT: told.stdout, TYPES: pretty.stdout}


def out_of_step(made: dict[Path, bytes]) -> list[Path]:
    return [file for file, content in made.items() if not file.exists() or file.read_bytes() != content]


def main(*, check: bool) -> int:
    with tempfile.TemporaryDirectory() as folder:
        made = make(Path(folder))
    behind = out_of_step(made)
    for file in behind:
        if check:
            print(f"{file.relative_to(ROOT)} is out of step: run `make types`", file=sys.stderr)
        else:
            file.write_bytes(made[file])
    return int(check and bool(behind))


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
