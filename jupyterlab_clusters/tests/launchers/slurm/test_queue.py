"""One squeue for all clusters, against a real Slurm."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterlab_clusters.launchers.slurm import queue
from jupyterlab_clusters.launchers.slurm.listing import Seen, after_the_end, listing
from jupyterlab_clusters.launchers.slurm.queue import Queue
from jupyterlab_clusters.tests.beds.slurm import Slurm
from jupyterlab_clusters.tests.cluster.queued import slurm_up

pytestmark = [pytest.mark.timeout(90)]


@pytest.fixture
def slurm() -> Iterator[Slurm]:
    with slurm_up() as bed:
        yield bed


def counted(slurm: Slurm) -> tuple[dict[str, str], Path]:
    """An environment in which every squeue leaves a line."""
    folder = slurm.folder / "bin"
    folder.mkdir()
    calls = slurm.folder / "calls"
    calls.touch()
    program = folder / "squeue"
    program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {shutil.which("squeue")} "$@"\n')
    program.chmod(0o755)
    return {**slurm.environment, "PATH": f"{folder}:{os.environ['PATH']}"}, calls


def questions(calls: Path) -> int:
    return calls.read_text().count("--me")


async def test_one_question_for_all_and_none_for_nobody(slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "INTERVAL", 1.0)
    monkeypatch.setattr(queue, "CALM_INTERVAL", 2.0)
    monkeypatch.setattr(queue, "CALM", 3.0)
    env, calls = counted(slurm)
    monkeypatch.setenv("PATH", env["PATH"])
    numbers = [slurm.fill(), *(slurm.says("sbatch", "--parsable", "--wrap=sleep 60").strip() for _ in range(9))]
    told: dict[str, list[Seen]] = {number: [] for number in numbers}
    one = Queue(env)
    for number in numbers:
        one.watch(number, told[number].append)
    for _ in range(50):
        one.soon()  # ten clusters, three windows, all in a hurry
        await asyncio.sleep(0.1)
    asked = questions(calls)
    assert 4 <= asked <= 6, asked
    assert {told[number][-1].state for number in numbers} == {"RUNNING", "PENDING"}
    await asyncio.sleep(4)  # it becomes calm
    before = questions(calls)
    await asyncio.sleep(4)
    assert questions(calls) - before <= 2
    slurm.says("scancel", *numbers)
    for _ in range(100):
        if all(seen[-1].over for seen in told.values()):
            break
        await asyncio.sleep(0.1)
    assert {told[number][-1].state for number in numbers} == {"CANCELLED"}
    before = questions(calls)
    await asyncio.sleep(3)
    assert questions(calls) == before, "nobody is watched any more"


async def test_a_slurm_that_does_not_answer_ends_nothing(slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "INTERVAL", 0.5)
    number = slurm.fill(1)
    told: list[Seen] = []
    one = Queue(slurm.environment)
    one.watch(number, told.append)
    while not told:
        await asyncio.sleep(0.05)
    slurm.stop_one("slurmctld")
    while not told[-1].silent:
        await asyncio.sleep(0.05)
    assert (told[-1].state, told[-1].over, told[-1].asked) == ("RUNNING", False, told[0].asked) or told[-1].asked > 0
    assert await after_the_end(number, slurm.environment) is None
    assert await listing(slurm.environment) is None
    one.forget(number)
    slurm.start_controller()


async def test_a_job_that_slurm_has_forgotten_is_over(slurm: Slurm) -> None:
    seen = await after_the_end("4711", slurm.environment)
    assert seen is not None and seen.over and seen.state == ""


async def test_a_site_that_wants_to_be_asked_less(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "squeue").write_text('#!/bin/sh\necho "$@" >> "$CALLS"\nexit 1\n')
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setattr(queue, "INTERVAL", 0.1)
    asked = []
    for least in (0.1, 1.5):
        # A file for each: the last squeue of the first may still be on its way when the second begins.
        calls = tmp_path / f"calls-{least}"
        calls.touch()
        began = time.monotonic()
        one = Queue({**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls)})
        one.watch("7", lambda seen: None, least)
        for _ in range(20):
            one.soon()
            await asyncio.sleep(0.1)
        one.forget("7")
        took = time.monotonic() - began
        asked.append(questions(calls))
    assert asked[1] <= 1 + took / 1.5, (asked, took)
    assert asked[0] > 5, asked
