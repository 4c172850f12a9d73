"""Engines on other hosts, which are a real sshd on addresses of this machine: from the request to all registered as a
plain client sees it, and the connections that sshd let in until then and until all was stopped."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from jupyterlab_clusters.tests.beds.sshd import Sshd

from ..client import seeing
from ..home import MARK
from ..result import Result
from ..sides import SIDES, Ours, Stock, opened, profile_folder

#: Engines on each host, and the seconds that ours should need at most.
LAYOUTS = {"ssh, 16 engines on 1 host": [16], "ssh, 16 engines on 2 hosts": [8, 8]}


@contextlib.contextmanager
def bed(hosts: int) -> Iterator[Sshd]:
    """Up, with its ssh the first in PATH."""
    before = os.environ["PATH"]
    with tempfile.TemporaryDirectory(prefix="jlcs-", dir="/tmp") as folder:
        one = Sshd(Path(folder), hosts)
        one.start()
        os.environ["PATH"] = f"{one.bin}:{before}"
        try:
            yield one
        finally:
            os.environ["PATH"] = before
            one.stop()


def prepare(side: Ours | Stock, sshd: Sshd, counts: list[int]) -> None:
    """As a person would: options of a cluster in ours, a profile's file for stock."""
    # So that whatever is left over there can be found.
    sshd.stop()
    sshd.environment[MARK] = str(side.home.path)
    sshd.start()
    there = str(side.home.path / "there")
    if isinstance(side, Ours):
        hosts = [{"host": f"far{number}", "engines": count} for number, count in enumerate(counts)]
        options = {"hosts": hosts, "python": sys.executable, "profile_dir": there}
        side.define("ssh", options)
        return
    folder = profile_folder(side.home)
    folder.mkdir(parents=True, exist_ok=True)
    engines = json.dumps({f"far{number}": count for number, count in enumerate(counts)})
    (folder / "ipcluster_config.py").write_text(
        'c.Cluster.engine_launcher_class = "ssh"\n'
        f"c.SSHEngineSetLauncher.engines = {engines}\n"
        f"c.SSHLauncher.remote_python = {sys.executable!r}\n"
        f"c.SSHLauncher.remote_profile_dir = {there!r}\n"
    )


def once(kind: type[Ours] | type[Stock], counts: list[int]) -> tuple[float, int, int]:
    """Seconds, connections until then, connections from there to the end of the stop."""
    with bed(len(counts)) as sshd, opened(kind) as side:
        prepare(side, sshd, counts)
        before = sshd.logins()
        began = time.perf_counter()
        side.start(sum(counts))
        with seeing(side.home, sum(counts)):
            took, started = time.perf_counter() - began, sshd.logins()
        side.stop()
        return took, started - before, sshd.logins() - started


def measure(repeats: int) -> list[Result]:
    results = []
    for name, counts in LAYOUTS.items():
        runs = {kind.name: [once(kind, counts) for _ in range(repeats)] for kind in SIDES}
        columns = [{side: [float(run[part]) for run in of] for side, of in runs.items()} for part in range(3)]
        results.append(Result(f"{name}, all registered", "s", columns[0]))
        results.append(Result(f"{name}: connections until then", "", columns[1], goal=len(counts)))
        results.append(Result(f"{name}: connections to stop", "", columns[2], goal=0))
    return results
