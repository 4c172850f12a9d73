"""Reads what the test runners wrote down.

Promise: counts come from reports, never from text on a screen; a runner that
wrote no report, ran nothing, or ended badly without saying why counts as one
failure, and a skipped test is a failure too: what was not tried is not passed.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Count:
    passed: int
    failed: int

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed)


Reader = Callable[[Path], Count]


def junit(file: Path) -> Count:
    suites = list(ElementTree.parse(file).getroot().iter("testsuite"))
    tests = sum(int(suite.get("tests", 0)) for suite in suites)
    failed = sum(int(suite.get(kind, 0)) for suite in suites for kind in ("failures", "errors", "skipped"))
    # An error while tearing down comes on top of a test that passed.
    return Count(max(tests - failed, 0), failed)


def jest(file: Path) -> Count:
    told = json.loads(file.read_text("utf-8"))
    failed = sum(told[f"num{kind}"] for kind in ("FailedTests", "PendingTests", "TodoTests", "RuntimeErrorTestSuites"))
    return Count(told["numPassedTests"], failed)


def playwright(file: Path) -> Count:
    told = json.loads(file.read_text("utf-8"))
    stats = told["stats"]
    return Count(stats["expected"], stats["unexpected"] + stats["flaky"] + stats["skipped"] + len(told["errors"]))


def count(reader: Reader, file: Path, exit_code: int) -> Count:
    """What ``file`` tells of a run that ended with ``exit_code``."""
    try:
        told = reader(file)
    except (OSError, ValueError, KeyError, ElementTree.ParseError):
        return Count(0, 1)
    if told.failed == 0 and (exit_code != 0 or told.passed == 0):
        return told + Count(0, 1)
    return told
