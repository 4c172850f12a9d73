"""How long others need for as many workers that each did one trivial task: the floor, and a neighbour."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

from distributed import Client, LocalCluster

from ..result import Result

COUNTS = (4, 16, 32)
_meeting = None


def _arrive(meeting: object) -> None:
    global _meeting
    _meeting = meeting


def _trivial() -> int:
    # Nobody leaves before all have come, so that each worker does one.
    _meeting.wait()  # type: ignore[attr-defined]
    return os.getpid()


def pool(n: int) -> float:
    context = multiprocessing.get_context("fork")
    began = time.perf_counter()
    with ProcessPoolExecutor(n, mp_context=context, initializer=_arrive, initargs=(context.Barrier(n),)) as workers:
        pids = {one.result() for one in [workers.submit(_trivial) for _ in range(n)]}
        taken = time.perf_counter() - began
    assert len(pids) == n
    return taken


def dask(n: int) -> float:
    began = time.perf_counter()
    with LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        client.wait_for_workers(n)
        assert len(client.run(os.getpid)) == n
        return time.perf_counter() - began


def measure(repeats: int) -> list[Result]:
    return [
        Result(
            f"{n} workers, one trivial task each",
            "s",
            {
                "ProcessPoolExecutor": [pool(n) for _ in range(repeats)],
                "dask LocalCluster": [dask(n) for _ in range(repeats)],
            },
        )
        for n in COUNTS
    ]
