"""Runs the checks of ``make lint`` and ``make test``, most of them one after the other.

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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

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


#: Many tests wait most of their time, for queues and for programs that start: these run side by side, with all others
#: as the last.
FOLDER = "jupyterlab_clusters/tests"
QUEUES = tuple(
    f"{FOLDER}/cluster/test_{name}.py"
    for name in ("slurm", "slurm_causes", "srun", "stock", "everywhere", "mpi", "mpich")
)
CLUSTERS = tuple(f"{FOLDER}/{name}" for name in ("cluster", "cli", "jupyterhub"))

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
TESTS: list[Check | tuple[Check, ...]] = [
    Check("jest", JEST, reports.jest, seconds=600),
    (
        Check("pytest: queues, MPI, profiles as written", (*PYTEST, *QUEUES), reports.junit, seconds=1200),
        Check(
            "pytest: clusters, command line, JupyterHub",
            (*PYTEST, *CLUSTERS, *(f"--ignore={file}" for file in QUEUES)),
            reports.junit,
            seconds=1200,
        ),
        Check("pytest: all else", (*PYTEST, *(f"--ignore={file}" for file in CLUSTERS)), reports.junit, seconds=1200),
    ),
    tuple(
        Check(
            f"pytest: the {which} versions allowed",
            ("python", "scripts/versions.py", which, "--report", "{report}"),
            reports.junit,
            seconds=900,
        )
        for which in ("oldest", "newest")
    ),
    Check(
        "Playwright: the oldest JupyterLab allowed",
        ("python", "scripts/versions.py", "oldest", "--browser", "--grep", "dragged"),
        reports.playwright,
    ),
    Check("Playwright", ("jlpm", "playwright", "test"), reports.playwright, ROOT / "ui-tests", seconds=900),
]
PLANS: dict[str, Sequence[Check | tuple[Check, ...]]] = {"lint": STYLE + ARROWS, "all": [*STYLE, *TESTS]}


def run(
    command: Sequence[str], folder: Path, seconds: int, environment: dict[str, str], output: IO[bytes] | None = None
) -> int:
    """The exit code; past its time the command is ended with all it started."""
    said = subprocess.STDOUT if output is not None else None
    process = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, stdout=output, stderr=said)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"Took longer than {seconds} seconds: {' '.join(command)}", file=sys.stderr)
        return 124
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass(frozen=True)
class Result:
    """``seconds`` = how long it took."""

    check: Check
    count: reports.Count
    seconds: float


def together(checks: Sequence[Check], number: str) -> list[Result]:
    """At the same time; what each says is printed when it is over."""
    with ThreadPoolExecutor(len(checks)) as pool:
        begun = []
        for at, check in enumerate(checks):
            output = open(REPORTS / f"{number}-{at}.out", "w+b")  # noqa: SIM115 - closed when it was printed
            begun.append((pool.submit(timed, check, f"{number}-{at}", output), output))
        results = []
        for task, output in begun:
            results.append(task.result())
            with output:
                output.seek(0)
                print(output.read().decode(errors="replace"), flush=True)
    return results


def timed(check: Check, number: str, output: IO[bytes] | None = None) -> Result:
    began = time.monotonic()
    count = perform(check, number, output)
    return Result(check, count, time.monotonic() - began)


def perform(check: Check, number: str, output: IO[bytes] | None = None) -> reports.Count:
    report = REPORTS / f"{number}.report"
    command = [part.replace("{report}", str(report)) for part in check.command]
    print(f"\n--- {check.title}", flush=True)
    try:
        code = run(command, check.folder, check.seconds, {**os.environ, "REPORT_FILE": str(report)}, output)
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
    for number, step in enumerate(PLANS[plan]):
        done = together(step, str(number)) if isinstance(step, tuple) else [timed(step, str(number))]
        for one in done:
            total += one.count
            told = f"{one.count.passed:5} passed {one.count.failed:5} failed {one.seconds:6.0f} s"
            lines.append(f"{one.check.title:42} {told}")
    print("\n" + "\n".join(lines) + f"\n\n{total.passed} passed, {total.failed} failed", flush=True)
    return int(total.failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
