"""The totals of ``make test``: a runner that crashed, ran nothing or skipped must not look like success."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


reports = script("reports")
check = script("check")


def pytest_report(folder: Path, text: str) -> tuple[Path, int]:
    """A real run of pytest over ``text``."""
    (folder / "test_it.py").write_text(text)
    report = folder / "report"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, "-c", "/dev/null",
         f"--junitxml={report}", folder / "test_it.py"],
        capture_output=True,
    )  # fmt: skip
    return report, done.returncode


@pytest.mark.parametrize(
    ("text", "passed", "failed"),
    [
        ("def test_a(): pass\ndef test_b(): pass", 2, 0),
        ("def test_a(): pass\ndef test_b(): assert 0", 1, 1),
        ("import pytest\ndef test_a(): pass\n@pytest.mark.skip\ndef test_b(): pass", 1, 1),
        ("import nothing_of_that_name", 0, 1),
        ("import os\ndef test_a(): os._exit(0)", 0, 1),
        ("", 0, 1),
    ],
)
def test_pytest_is_counted(tmp_path, text, passed, failed):
    report, code = pytest_report(tmp_path, text)
    assert reports.count(reports.junit, report, code) == reports.Count(passed, failed)


JEST = {
    **{f"num{kind}": 0 for kind in ("FailedTests", "PendingTests", "TodoTests", "RuntimeErrorTestSuites")},
    "numPassedTests": 3,
}


@pytest.mark.parametrize(
    ("told", "code", "failed"),
    [
        ({}, 0, 0),
        ({"numFailedTests": 2}, 1, 2),
        ({"numRuntimeErrorTestSuites": 1}, 1, 1),
        ({"numPendingTests": 1}, 0, 1),
        ({}, 1, 1),
    ],
)
def test_jest_is_counted(tmp_path, told, code, failed):
    file = tmp_path / "report"
    file.write_text(json.dumps({**JEST, **told}))
    assert reports.count(reports.jest, file, code) == reports.Count(3, failed)


PLAYWRIGHT = {"expected": 5, "unexpected": 0, "flaky": 0, "skipped": 0}


@pytest.mark.parametrize(
    ("stats", "errors", "code", "failed"),
    [({}, [], 0, 0), ({"flaky": 1}, [], 0, 1), ({"skipped": 2}, [], 0, 2), ({}, ["server"], 1, 1), ({}, [], 1, 1)],
)
def test_playwright_is_counted(tmp_path, stats, errors, code, failed):
    file = tmp_path / "report"
    file.write_text(json.dumps({"stats": {**PLAYWRIGHT, **stats}, "errors": errors}))
    assert reports.count(reports.playwright, file, code) == reports.Count(5, failed)


@pytest.mark.parametrize("text", ["", "{", '{"stats": {}}'])
def test_a_broken_report_is_a_failure(tmp_path, text):
    file = tmp_path / "report"
    file.write_text(text)
    assert reports.count(reports.playwright, file, 0) == reports.Count(0, 1)


def test_no_report_is_a_failure(tmp_path):
    assert reports.count(reports.jest, tmp_path / "absent", 0) == reports.Count(0, 1)


@pytest.mark.parametrize(("command", "passed"), [(("true",), 1), (("false",), 0), (("no-such-program-here",), 0)])
def test_the_last_line_and_the_exit_code(monkeypatch, capsys, tmp_path, command, passed):
    monkeypatch.setattr(check, "REPORTS", tmp_path / "reports")
    monkeypatch.setitem(check.PLANS, "planted", [check.Check("one", command)])
    assert check.main("planted") == 1 - passed
    assert capsys.readouterr().out.splitlines()[-1] == f"{passed} passed, {1 - passed} failed"


def test_a_check_that_hangs_is_ended(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(check, "REPORTS", tmp_path / "reports")
    monkeypatch.setitem(check.PLANS, "planted", [check.Check("hangs", ("sleep", "60"), seconds=1)])
    assert check.main("planted") == 1
