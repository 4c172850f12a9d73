"""What tools and engines say stands in sentences, and must not look like anything else there."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from jupyterlab_clusters.cluster.failing import failure_of
from jupyterlab_clusters.cluster.plain import plainly
from jupyterlab_clusters.launchers.base import LaunchFailed

TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(st.text())
def test_nothing_hidden_is_left(text: str) -> None:
    shown = plainly(text)
    assert len(shown) == len(text)
    for char in shown:
        assert unicodedata.category(char) not in ("Cc", "Zl", "Zp")
        assert unicodedata.bidirectional(char) not in TURNING


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
def test_all_else_stays(text: str) -> None:
    assert plainly(text) == text


def test_causes_and_hints_are_plain() -> None:
    shown = failure_of(LaunchFailed("submit", "No\x1b[2J such\u202e thing.", hint="Ask\x07.", output="raw\x1b[0m"))
    assert (shown.cause, shown.hint) == ("No␛[2J such\ufffd thing.", "Ask␇.")
    assert shown.output == "raw\x1b[0m", "the window shows it as signs, and a file of it is as it was said"
