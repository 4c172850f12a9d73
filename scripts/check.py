"""Runs the checks of ``make lint`` and ``make test`` one after the other.

Promise: every check runs even when one before it failed; the last line is
``N passed, M failed`` in total, and the exit code is 0 only when M is 0.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import reports

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / ".stamps" / "reports"


@dataclass(frozen=True)
class Check:
    """``reader`` reads the report the command writes to its ``{report}``; none: the exit code is all it tells.
    ``seconds`` is how long it may take."""

    title: str
    command: tuple[str, ...]
    reader: reports.Reader | None = None
    folder: Path = ROOT
    seconds: int = 300


PYTEST = ("python", "-m", "pytest", "-q", "--junitxml={report}", "-o", "junit_family=xunit2")
JEST = ("jlpm", "jest", "--json", "--outputFile={report}")

STYLE = [
    Check("Python style", ("ruff", "check", ".")),
    Check("Python types", ("mypy",)),
    Check("CSS style", ("jlpm", "stylelint:check")),
    Check("TypeScript style", ("jlpm", "eslint:check")),
    Check("Layout of TypeScript, CSS and JSON", ("jlpm", "prettier:check")),
    Check("TypeScript types", ("jlpm", "tsc:check")),
    Check("TypeScript types of browser tests", ("jlpm", "tsc", "--noEmit"), folder=ROOT / "ui-tests"),
    Check("The wire's document and types in step", ("python", "scripts/wire.py", "--check")),
]
ARROWS = [
    Check("Import arrows, Python", (*PYTEST, "jupyterlab_clusters/tests/test_arrows.py"), reports.junit),
    Check("Import arrows, TypeScript", (*JEST, "src/__tests__/arrows.spec.ts"), reports.jest),
]
TESTS = [
    Check("jest", JEST, reports.jest, seconds=600),
    Check("pytest", PYTEST, reports.junit, seconds=1200),
    Check("Playwright", ("jlpm", "playwright", "test"), reports.playwright, ROOT / "ui-tests", seconds=900),
]
PLANS = {"lint": STYLE + ARROWS, "all": STYLE + TESTS}


def run(command: Sequence[str], folder: Path, seconds: int, environment: dict[str, str]) -> int:
    """The exit code; past its time the command is ended with all it started."""
    process = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"Took longer than {seconds} seconds: {' '.join(command)}", file=sys.stderr)
        return 124
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def perform(check: Check, number: int) -> reports.Count:
    report = REPORTS / f"{number}.report"
    command = [part.replace("{report}", str(report)) for part in check.command]
    print(f"\n--- {check.title}", flush=True)
    try:
        code = run(command, check.folder, check.seconds, {**os.environ, "REPORT_FILE": str(report)})
    except OSError as missing:
        print(missing, file=sys.stderr)
        code = 127
    if check.reader is None:
        return reports.Count(int(code == 0), int(code != 0))
    return reports.count(check.reader, report, code)


def main(plan: str) -> int:
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    lines, total = [], reports.Count(0, 0)
    for number, check in enumerate(PLANS[plan]):
        began = time.monotonic()
        told = perform(check, number)
        total += told
        taken = time.monotonic() - began
        lines.append(f"{check.title:40} {told.passed:5} passed {told.failed:5} failed {taken:6.0f} s")
    print("\n" + "\n".join(lines) + f"\n\n{total.passed} passed, {total.failed} failed", flush=True)
    return int(total.failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
