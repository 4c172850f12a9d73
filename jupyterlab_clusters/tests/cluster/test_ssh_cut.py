"""Connections that break cost nothing, and are said for as long as work could be lost."""

from __future__ import annotations

import os
import signal

import pytest

from jupyterlab_clusters.launchers.ssh import connection
from jupyterlab_clusters.tests.beds.sshd import Sshd

from ..faults.plugin import Fault
from .conftest import Site, until
from .overssh import cut, defined, our_ssh, running, work_of

pytestmark = [pytest.mark.timeout(120)]


@pytest.mark.fault("a connection of ssh is cut")
async def test_a_connection_that_is_cut_costs_nothing(sshd: Sshd, site: Site, fault: Fault) -> None:
    cluster = defined(site, sshd, [2])
    await running(cluster, 2)
    pids = [engine.pid for engine in cluster.engines()]
    fault.struck()
    await cut(cluster, sshd)
    fault.told()
    await until(cluster, lambda model: not model.degraded)
    fault.mended()
    assert await work_of(cluster, 2) == pids
    cluster.scale(3, False)
    await until(cluster, lambda model: model.engines.registered == 3)


@pytest.mark.parametrize("how", ["there", "here"])
async def test_work_that_is_sent_when_all_is_said_to_be_well_is_not_lost(sshd: Sshd, site: Site, how: str) -> None:
    cluster = defined(site, sshd, [2, 1])
    await running(cluster, 3)
    pids = await work_of(cluster, 3)
    for _ in range(3):
        if how == "there":
            await cut(cluster, sshd)
        else:
            for pid in our_ssh(sshd):
                os.kill(pid, signal.SIGKILL)
            await until(cluster, lambda model: model.degraded, within=5)
        model = await until(cluster, lambda model: not model.degraded)
        assert model.failure is None
        assert await work_of(cluster, 3) == pids


@pytest.mark.fault("sshd freezes (SIGSTOP)")
async def test_a_connection_that_the_other_end_still_believes_in_is_ended(
    sshd: Sshd, site: Site, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """Or it would keep the ports by which engines reach their controller."""
    monkeypatch.setitem(connection.OPTIONS, "ServerAliveInterval", "1")
    monkeypatch.setitem(connection.OPTIONS, "ServerAliveCountMax", "2")
    # Hearts beat so often that stock limits would be over before the connection is.
    cluster = defined(site, sshd, [2], controller_args=["--HeartMonitor.period=100"])
    await running(cluster, 2)
    pids = await work_of(cluster, 2)
    asleep = sshd.serving()
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    fault.struck()
    await until(cluster, lambda model: model.degraded, within=10)
    fault.told()
    await until(cluster, lambda model: not model.degraded, within=10)
    fault.mended()
    assert await work_of(cluster, 2) == pids
    assert [pid for pid in asleep if pid in sshd.serving()] == []
