"""Engines in jobs of a real Slurm whose three nodes are this machine: from the request to all registered as a plain
client sees it, and the requests that slurmctld answers in a minute while ten clusters are shown in three tabs."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from jupyterlab_clusters.tests.beds.slurm import Slurm

from ..client import seeing
from ..result import Result
from ..sides import SIDES, Ours, Stock, opened, profile_folder
from ..stream import Stream

ENGINES, NODES = 24, 3
#: The first news of a job are asked for more often (seconds).
SETTLED = 30.0
CLUSTERS, TABS, MINUTE = 10, 3, 60.0
#: What slurmctld is told by its own nodes, and what asking for the count costs.
NOT_ASKED = re.compile(r"MESSAGE_|RESPONSE_|REQUEST_STATS_INFO|REQUEST_COMPLETE_|REQUEST_STEP_COMPLETE")
COUNT = re.compile(r"^\s+(\w+)\s+\(\s*\d+\) count:(\d+)", re.M)


@contextlib.contextmanager
def bed() -> Iterator[Slurm]:
    """Up, and found by what is started here."""
    with tempfile.TemporaryDirectory(prefix="jlcq-", dir="/tmp") as folder:
        one = Slurm(Path(folder))
        one.start()
        os.environ["SLURM_CONF"] = str(one.conf)
        try:
            yield one
        finally:
            del os.environ["SLURM_CONF"]
            one.stop()


def prepare(side: Ours | Stock) -> None:
    """As a person would: options of a cluster in ours, a profile's file for stock."""
    if isinstance(side, Ours):
        side.define("slurm", {"nodes": NODES})
        return
    folder = profile_folder(side.home)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ipcluster_config.py").write_text(
        'c.Cluster.engine_launcher_class = "slurm"\nc.Cluster.controller_ip = "*"\n'
    )


def once(kind: type[Ours] | type[Stock]) -> float:
    """Seconds until all have registered."""
    with bed(), opened(kind) as side:
        prepare(side)
        began = time.perf_counter()
        side.start(ENGINES)
        with seeing(side.home, ENGINES):
            return time.perf_counter() - began


def asked(slurm: Slurm) -> int:
    """Requests that slurmctld has had from commands."""
    told = subprocess.run(["sdiag"], capture_output=True, text=True, check=True, env=slurm.environment).stdout
    by_type = told.partition("Remote Procedure Call statistics by message type")[2].partition("by user")[0]
    return sum(int(count) for name, count in COUNT.findall(by_type) if not NOT_ASKED.match(name))


def in_a_minute() -> float:
    """Half of the clusters run, the others wait: one of them is shown by every tab with its engines."""
    with bed() as slurm, opened(Ours) as side:
        keys = [f"default:n{number}" for number in range(CLUSTERS)]
        for key in keys:
            options = {"extra": ["--exclusive"]} if key > keys[1] else {}
            body = {"profile": "default", "cluster_id": key[8:], "launcher": "slurm", "options": options}
            side.server.ask("jupyterlab-clusters/clusters", "POST", body)
            side.server.ask(f"jupyterlab-clusters/clusters/{key}/start", "POST", {"engines": 1})
        tabs = [Stream(side.server, "clusters", f"engines/{keys[0]}", f"load/{keys[0]}") for _ in range(TABS)]
        time.sleep(SETTLED)
        states = [side.server.ask(f"jupyterlab-clusters/clusters/{key}")["state"] for key in keys]
        assert {"running", "starting"} == set(states), states
        before = asked(slurm)
        time.sleep(MINUTE)
        found = asked(slurm) - before
        for tab in tabs:
            tab.close()
        for key in keys:
            side.server.ask(f"jupyterlab-clusters/clusters/{key}/stop", "POST", {})
        end = time.monotonic() + 60
        while slurm.jobs() and time.monotonic() < end:
            time.sleep(0.2)
        return float(found)


def measure(repeats: int) -> list[Result]:
    runs = {kind.name: [once(kind) for _ in range(repeats)] for kind in SIDES}
    requests = Result(
        f"requests to slurmctld in a minute, {CLUSTERS} clusters in {TABS} tabs",
        "",
        {"ours": [in_a_minute()]},
        {"stock": "asks nothing, shows nothing"},
        goal=12,
    )
    return [Result(f"Slurm, {ENGINES} engines on {NODES} nodes, all registered", "s", runs), requests]
