"""The fault list: tests that do damage, and the table of what became of it.

A test of the list is marked ``fault("what is done")`` and takes the fixture of
that name, which keeps the times; ``long=True`` leaves it out of the everyday run.

Promise: a row is printed only of what was measured in this run; a test of the
list that says neither when the window told nor when it was mended fails.
"""

from __future__ import annotations

import datetime
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROWS = pytest.StashKey[list["Fault"]]()
NOTHING = "nothing"


@dataclass
class Fault:
    """Times are seconds since the damage was done; ``lost`` is what a person lost by it, in words."""

    name: str
    lost: str = NOTHING
    told_after: float | None = None
    mended_after: float | None = None
    by_itself: bool = True
    passed: bool = False
    _struck: float | None = None

    def struck(self) -> None:
        """The damage is done now."""
        self._struck = time.monotonic()

    def told(self) -> None:
        """The window tells it now (first call counts)."""
        if self.told_after is None:
            self.told_after = self._since()

    def mended(self, *, by_itself: bool = True) -> None:
        """All that can be as before is so now; not ``by_itself`` when a person had to ask for it."""
        self.mended_after, self.by_itself = self._since(), by_itself

    def _since(self) -> float:
        assert self._struck is not None, "say first when the damage is done"
        return time.monotonic() - self._struck

    @property
    def row(self) -> tuple[str, str, str, str]:
        mended = seconds(self.mended_after)
        if self.mended_after is not None and not self.by_itself:
            mended += ", when asked"
        return self.name, self.lost, seconds(self.told_after), mended if self.passed else "FAILED"


def seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} s" if value < 9.95 else f"{value:.0f} s"


HEAD = ("Fault", "Lost", "Told after", "Mended after")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults-table", metavar="FILE", help="write the table of the fault list to FILE (Markdown)")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call" and (fault := getattr(item, "_fault", None)) is not None:
        fault.passed = report.passed
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mark = item.get_closest_marker("fault")
        if mark is not None and mark.kwargs.get("long"):
            item.add_marker("long")


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Iterator[Fault]:
    mark = request.node.get_closest_marker("fault")
    assert mark is not None, "say with a mark which fault this is"
    name = mark.args[0]
    if hasattr(request.node, "callspec"):
        name = name.format(**request.node.callspec.params)
    one = request.node._fault = Fault(name)
    request.config.stash[ROWS].append(one)
    yield one
    assert not one.passed or one.told_after is not None or one.mended_after is not None, "nothing was measured"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = [HEAD, *(fault.row for fault in config.stash[ROWS])]
    if len(rows) == 1:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    terminalreporter.section("faults")
    for row in rows:
        terminalreporter.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if file := config.getoption("--faults-table"):
        Path(file).write_text(markdown(rows), "utf-8")


def markdown(rows: list[tuple[str, str, str, str]]) -> str:
    head = (
        "# Faults\n\nMade by `make faults`: each row is a test that does that damage for real. *Told* is when the"
        " window says it, *mended* when all that can be as before is so again; a dash means that there is nothing to"
        " tell, or nothing to mend.\n\n"
        f"{datetime.date.today()}, {platform.system()}, Python {platform.python_version()}.\n\n"
    )
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return head + "\n".join([lines[0], "|---|---|---|---|", *lines[1:]]) + "\n"
