"""SECURITY.md promises nothing whose test is not there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMED = sorted(
    set(re.findall(r"`(\w+/[\w/]+\.(?:py|spec\.tsx?)(?:::\w+)?)`", (ROOT / "SECURITY.md").read_text("utf-8")))
)


def test_tests_are_named() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize("named", NAMED)
def test_it_is_there(named: str) -> None:
    file, _, name = named.partition("::")
    path = ROOT / file if file.startswith("src/") else ROOT / "jupyterlab_clusters" / "tests" / file
    assert path.is_file()
    if name:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        assert name in {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, kinds)}
