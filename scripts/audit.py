"""Asks the advisory services of PyPI and npm about what this package brings along: ``make audit``.

Promise: the answer is one of three, told by the exit code: nothing known (0), something known (1), or not to be
asked from here (2), which is never taken for the first. What is known and does not concern us is
named in ``EXPLAINED``, with the reason.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "jupyterlab_clusters"

#: Advisories that do not concern us: their number, and why.
EXPLAINED: dict[str, str] = {}


class Unreachable(Exception):
    """The service was not asked, or did not answer."""


def brought_along(package: str = PACKAGE) -> dict[str, str]:
    """What is installed because ``package`` needs it, tests and tools left out: versions by name."""
    found: dict[str, str] = {}
    waiting = [package]
    while waiting:
        name = waiting.pop()
        for line in metadata.requires(name) or ():
            needed = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower().replace("_", "-")
            if "extra ==" in line or needed in found:
                continue
            try:
                found[needed] = metadata.version(needed)
            except metadata.PackageNotFoundError:
                continue  # needed on other systems only
            waiting.append(needed)
    return found


def python_advisories() -> list[str]:
    """Of the Python packages. Raises :class:`Unreachable`."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pins:
        pins.writelines(f"{name}=={version}\n" for name, version in sorted(brought_along().items()))
        pins.flush()
        command = [sys.executable, "-m", "pip_audit", "-f", "json", "--no-deps", "--disable-pip", "-r", pins.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return python_told(done.stdout, done.stderr)


def python_told(said: str, complaint: str = "") -> list[str]:
    """What pip-audit found. Raises :class:`Unreachable`, also where it passed over packages and called that clean."""
    try:
        packages: list[dict[str, Any]] = json.loads(said)["dependencies"]
    except (ValueError, KeyError):
        raise Unreachable(complaint.strip()[-500:] or "pip-audit said nothing") from None
    if passed := [one["skip_reason"] for one in packages if "skip_reason" in one]:
        raise Unreachable(f"{len(passed)} of {len(packages)} packages were not looked up: {passed[0]}")
    return [
        f"{one['name']} {one['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'nothing yet'}"
        for one in packages
        for found in one["vulns"]
        if found["id"] not in EXPLAINED
    ]


def npm_advisories() -> list[str]:
    """Of what is built into the front end. Raises :class:`Unreachable`."""
    command = ["jlpm", "npm", "audit", "--environment", "production", "--recursive", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return npm_told(done.stdout)


def npm_told(said: str) -> list[str]:
    """What yarn's audit found, a line of JSON each. Raises :class:`Unreachable`."""
    found = []
    for line in filter(None, said.splitlines()):
        try:
            one = json.loads(line)
        except ValueError:
            raise Unreachable(" ".join(said.split())[:500]) from None
        if one.get("type") == "error" or "value" not in one:
            raise Unreachable(str(one.get("displayName", one))[:500])
        advisory = one["children"]
        if str(advisory.get("ID")) not in EXPLAINED:
            found.append(f"{one['value']}: {advisory.get('Issue')} ({advisory.get('URL')})")
    return found


def main() -> int:
    code = 0
    for title, ask in (("Python packages", python_advisories), ("npm packages", npm_advisories)):
        try:
            found = ask()
        except (Unreachable, OSError) as error:
            print(f"{title}: NOT audited, the advisory service cannot be asked from here: {error}", file=sys.stderr)
            code = max(code, 2)
            continue
        print(f"{title}: {len(found) or 'nothing'} known" + "".join(f"\n  {one}" for one in found))
        code = max(code, 1) if found else code
    for number, why in EXPLAINED.items():
        print(f"Left out: {number}, since {why}")
    return code


if __name__ == "__main__":
    sys.exit(main())
