"""Runs the figures that are named, or all, and writes RESULTS.md when all ran."""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import psutil

from .result import Result, table

FIGURES = ("start", "grow", "memory", "pause", "death", "logline", "ssh", "slurm", "stop", "floors", "idle")
RESULTS = Path(__file__).parent / "RESULTS.md"

TEXT = """# Results

Written by `make bench` on {date}: {cores} cores, {memory:.0f} GB, {system}, Python {python}, ipyparallel {ipyparallel},
jupyter_server {jupyter_server}. Medians of {repeats}, in brackets the least and the most.

*Ours* and *stock* each run behind a Jupyter server of their own, in folders of their own, one after the other; a start
is judged by stock ipyparallel's client, which knows nothing of either. The last columns are what Python's own process
pool and Dask need for as many workers that each do one trivial task.

{table}

## What bounds a start

From nothing, four engines wait for two imports that run side by side, one a core: ipyparallel's controller, and what
engines are forked with. From about 32 engines on it is the processor: setting up an IPython kernel takes 30 to 45 ms of
it in each, on as many cores as there are. 128 engines are thereby bound to 2.5 to 3 s on two cores, and the controller,
the agent and the server, which need their share at the same time, make it nearly double. Four cores or more would
reach the goal; on two, only kernels that do less when they start would.

How each figure is taken is said at the head of its file in `benchmarks/figures/`.
"""


def text(results: list[Result], repeats: int) -> str:
    return TEXT.format(
        date=datetime.date.today().isoformat(),
        cores=os.cpu_count(),
        memory=psutil.virtual_memory().total / 2**30,
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        ipyparallel=version("ipyparallel"),
        jupyter_server=version("jupyter_server"),
        repeats=repeats,
        table=table(results),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("figures", nargs="*", choices=[[], *FIGURES], default=[])
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    results: list[Result] = []
    for name in asked.figures or FIGURES:
        began = time.monotonic()
        measured = importlib.import_module(f".figures.{name}", __package__).measure(asked.repeats)
        results += measured
        print(f"{name}: {time.monotonic() - began:.0f} s\n{table(measured)}\n", flush=True)
    if not asked.figures:
        RESULTS.write_text(text(results, asked.repeats), "utf-8")


if __name__ == "__main__":
    main()
