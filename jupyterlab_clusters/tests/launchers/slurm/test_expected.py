"""When a job would start: what sbatch --test-only says, and how long anybody waits for it."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from jupyterlab_clusters.launchers.slurm import expected as module
from jupyterlab_clusters.launchers.slurm.expected import NOT_YET, Answer, answer, expected, spoken
from jupyterlab_clusters.tests.fair import clock


@pytest.mark.parametrize(
    "said, code, note",
    [
        (
            "sbatch: Job 1 to start at 2020-01-01T00:00:00 using 1 processors on nodes node1 in partition long",
            0,
            "Would start at once.",
        ),
        (
            "sbatch: Job 7 to start at 2099-06-01T15:30:00 using 24 processors on nodes node[1-3] in partition long",
            0,
            "Would start at 15:30 on 01 June 2099.",
        ),
        (
            "sbatch: error: invalid partition specified: none\nallocation failure: Invalid partition name specified",
            1,
            "Slurm would not take this: Slurm has no partition none.",
        ),
        (
            "allocation failure: Requested node configuration is not available",
            1,
            "Slurm would not take this: The partition can never give so many nodes or processors.",
        ),
        ("allocation failure: Something new", 1, "Slurm would not take this: allocation failure: Something new"),
        ("", 1, "Slurm would not take this: it does not say why."),
        ("", 0, NOT_YET),
    ],
)
def test_what_sbatch_says(said: str, code: int, note: str) -> None:
    assert answer(code, said).note() == note


def test_a_time_of_today_goes_without_the_day() -> None:
    later = time.time() + 120
    today = time.localtime(later).tm_mday == time.localtime().tm_mday
    words = spoken(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(later)))
    assert (words == time.strftime("%H:%M", time.localtime(later))) is today


async def test_nobody_waits_longer_than_they_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow sbatch that counts how often it was asked; the answer it has in the end is there for the next."""
    monkeypatch.setattr(module, "FRESH", 60.0)
    counted = tmp_path / "counted"
    (tmp_path / "sbatch").write_text(
        f'#!/bin/sh\ncat >/dev/null; echo x >>{counted}; sleep 0.5\necho "Job 1 to start at 2020-01-01T00:00:00" >&2\n'
    )
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    env = {**os.environ, "SLURM_CONF": str(tmp_path)}
    began = clock()
    assert await expected("#SBATCH --job-name=a\n", env, "", patience=0.1) == Answer()
    assert clock() - began < 0.4
    for _ in range(100):
        await asyncio.sleep(0.05)
        if (str(tmp_path), "\n") in module._answers:
            break
    found = await expected("#SBATCH --job-name=b\n", env, "", patience=0.0)
    assert found.note() == "Would start at once."
    assert counted.read_text() == "x\n"
