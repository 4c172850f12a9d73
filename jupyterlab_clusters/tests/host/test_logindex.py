"""The time index of logs, as the agent writes it while processes print."""

from __future__ import annotations

import struct
import time

import pytest

from jupyterlab_clusters.host.logindex import complete_end

from .conftest import Agent, until

pytestmark = pytest.mark.timeout(60)


def records(agent: Agent) -> list[tuple[float, int, int]]:
    content = (agent.home / "index").read_bytes()
    assert len(content) % 20 == 0
    return list(struct.iter_unpack("<dQI", content))


@pytest.mark.parametrize(
    "content, known, end",
    [
        (b"", 0, 0),
        (b"abc", 0, 0),
        (b"a\nbc", 0, 2),
        (b"a\nb\n", 2, 4),
        (b"a\nbc", 2, 2),
        (b"a\n" + b"x" * 200_000, 0, 2),
    ],
)
def test_only_complete_lines_count(tmp_path, content: bytes, known: int, end: int) -> None:
    (tmp_path / "log").write_bytes(content)
    assert complete_end(tmp_path / "log", known) == end


def test_lines_are_dated_in_order_and_the_exit_closes_the_log(agent: Agent) -> None:
    code = """
import sys, time
for n in range(3):
    print("line", n, flush=True); time.sleep(0.3)
sys.stdout.write("torn"); sys.stdout.flush(); time.sleep(0.3)
"""
    began = time.time()
    agent.plain(code, name="slot-4")
    agent.event("exited", "slot-4")
    found = records(agent)
    size = (agent.home / "slot-4.log").stat().st_size
    content = (agent.home / "slot-4.log").read_bytes()
    assert {source for _, _, source in found} == {5}
    assert [end for _, end, _ in found] == sorted({end for _, end, _ in found})
    assert found[-1][1] == size and content.endswith(b"torn")
    assert all(content[end - 1 : end] == b"\n" for _, end, _ in found[:-1])
    assert began - 1 < found[0][0] <= found[-1][0] <= time.time()
    lines = [end for n in range(3) if (end := content.index(b"line %d\n" % n) + 7)]
    dated = {end: moment for moment, end, _ in found}
    assert set(lines) <= set(dated)
    assert 0.2 < dated[lines[1]] - dated[lines[0]] < 1.0


def test_who_prints_without_end_gets_few_records(agent: Agent) -> None:
    agent.plain("while True: print('x' * 80)")
    until(lambda: len(records(agent)) > 3)
    before, began = len(records(agent)), time.monotonic()
    time.sleep(1.0)
    rate = (len(records(agent)) - before) / (time.monotonic() - began)
    agent.ok("stop", group="default:", names=None, grace=0.1)
    assert rate <= 21


def test_the_controller_is_source_0_and_other_names_none(agent: Agent) -> None:
    agent.plain("print('c')", name="controller")
    agent.event("exited", "controller")
    agent.plain("print('s')", name="submit")
    agent.event("exited", "submit")
    assert {source for _, _, source in records(agent)} == {0}
