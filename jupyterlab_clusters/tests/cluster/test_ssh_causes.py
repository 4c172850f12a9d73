"""What keeps a host from being used is said, and of whom."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys

import pytest

from jupyterlab_clusters.tests.beds.sshd import Sshd

from .conftest import Site, processes_marked, until
from .overssh import defined, program, running, work_of

pytestmark = [pytest.mark.timeout(120)]


async def test_one_host_out_of_reach_of_two(sshd: Sshd, site: Site) -> None:
    cluster = defined(site, sshd, [1])
    assert cluster.definition.options["hosts"].append({"host": "127.0.0.99:1", "engines": 1}) is None
    cluster.start(2, None)
    model = await until(cluster, lambda model: model.state != "starting")
    assert (model.state, model.degraded, model.engines.registered) == ("running", True, 1)
    assert model.failure is not None and "127.0.0.99:1 refuses the connection" in model.failure.cause


@pytest.mark.parametrize(
    "damage, cause",
    [
        ("key", "no key that it accepts was offered"),
        ("known_hosts", "is not known yet"),
        ("changed", "is not the one that is known"),
        ("python", "has no program no-such-python"),
        ("refused", "refuses the connection"),
        ("name", "is not known"),
    ],
)
async def test_what_keeps_a_host_from_being_used_is_said(sshd: Sshd, site: Site, damage: str, cause: str) -> None:
    options: dict[str, object] = {}
    cluster = defined(site, sshd, [1])
    if damage == "key":
        (sshd.folder / "authorized_keys").write_text("")
    elif damage == "known_hosts":
        sshd.known_hosts.write_text("")
    elif damage == "changed":
        key = " ".join((sshd.folder / "user_key.pub").read_text().split()[:2])
        sshd.known_hosts.write_text(f"[{sshd.addresses[0]}]:{sshd.port} {key}\n")
    elif damage == "python":
        options["python"] = "no-such-python"
    elif damage == "refused":
        sshd.stop()
    elif damage == "name":
        options["hosts"] = [{"host": "no-such-host.invalid", "engines": 1}]
    cluster.definition.options.update(options)
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and cause in model.failure.cause, model.failure
    assert model.failure.output and model.failure.hint
    assert "host.controller" not in str(processes_marked(site.home)) or await gone(site)


def jumped(sshd: Sshd, first: str | None = None) -> None:
    """``inner`` is reached through a jump host, which is our first machine where nothing else is given."""
    name = first or sshd.host()
    jump = f"Host inner\n  HostName {sshd.addresses[1]}\n  Port {sshd.port}\n  ProxyJump {name}\n"
    sshd.config.write_text(jump + sshd.config.read_text())


async def test_engines_behind_a_jump_host(sshd: Sshd, site: Site) -> None:
    jumped(sshd)
    cluster = defined(site, sshd, [], hosts=[{"host": "inner", "engines": 2}])
    await running(cluster, 2)
    assert len(await work_of(cluster, 2)) == 2


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        ("unknown jump", r"The key of the jump host on the way to inner is not known yet\."),
        ("unknown inner", r"The key of inner is not known yet\."),
        ("changed jump", r"The key of \S+:\d+, the jump host on the way to inner, is not the one that is known.*"),
        ("refused jump", r"127\.0\.0\.99, the jump host on the way to inner, refuses the connection.*"),
        ("denied", r"127\.0\.0\.11, the jump host on the way to inner, does not let you in.*"),
        ("refused inner", r"inner refuses the connection.*"),
    ],
)
async def test_a_jump_host_is_told_from_the_host_behind_it(sshd: Sshd, site: Site, damage: str, cause: str) -> None:
    key = " ".join((sshd.folder / "host_key.pub").read_text().split()[:2])
    other = " ".join((sshd.folder / "user_key.pub").read_text().split()[:2])
    first, inner = (f"[{address}]:{sshd.port}" for address in sshd.addresses)
    jumped(sshd, "127.0.0.99:1" if damage == "refused jump" else None)
    if damage == "unknown jump":
        sshd.known_hosts.write_text(f"{inner} {key}\n")
    elif damage == "unknown inner":
        sshd.known_hosts.write_text(f"{first} {key}\n")
    elif damage == "changed jump":
        sshd.known_hosts.write_text(f"{first} {other}\n{inner} {key}\n")
    elif damage == "denied":
        (sshd.folder / "authorized_keys").write_text("")
    elif damage == "refused inner":
        sshd.config.write_text(sshd.config.read_text().replace(f"Port {sshd.port}\n  ProxyJump", "Port 1\n  ProxyJump"))
    cluster = defined(site, sshd, [], hosts=[{"host": "inner", "engines": 1}])
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and re.fullmatch(cause, model.failure.cause), model.failure
    assert model.failure.output and model.failure.hint


@pytest.mark.parametrize(
    ("kind", "cause"),
    [("without", "ipyparallel is missing in the Python of"), ("other", "has ipyparallel 7.1.0, here it is")],
)
async def test_ipyparallel_there_must_understand_ours(sshd: Sshd, site: Site, kind: str, cause: str) -> None:
    there = sshd.folder / "ipyparallel-7.1.0.dist-info"
    there.mkdir()
    (there / "METADATA").write_text("Metadata-Version: 2.1\nName: ipyparallel\nVersion: 7.1.0\n")
    begin = f"exec {sys.executable} -S" if kind == "without" else f"PYTHONPATH={sshd.folder} exec {sys.executable}"
    cluster = defined(site, sshd, [1], python=program(sshd.folder, f'{begin} "$@"'))
    cluster.start(1, None)
    model = await until(cluster, lambda model: model.state == "failed")
    assert model.failure is not None and cause in model.failure.cause and "pip install" in (model.failure.hint or "")


async def test_a_function_for_another_python_is_named_as_what_killed_an_engine(sshd: Sshd, site: Site) -> None:
    """A real 3.12 ends like that by a function of 3.11 that has a ``with`` in it."""
    (sshd.folder / "sitecustomize.py").write_text("import platform\nplatform.python_version = lambda: '3.99.1'\n")
    python = program(sshd.folder, f'PYTHONPATH={sshd.folder} exec {sys.executable} "$@"')
    cluster = defined(site, sshd, [1], python=python)
    await running(cluster, 1)
    os.kill(cluster.engines()[0].pid or 0, signal.SIGSEGV)
    await until(cluster, lambda model: model.engines.lost == 1)
    cause = cluster.engines()[0].cause
    assert cause is not None and "to its Python 3.99, which cannot run it" in cause.sentence


async def gone(site: Site) -> bool:
    for _ in range(100):
        if "host.controller" not in str(processes_marked(site.home)):
            return True
        await asyncio.sleep(0.05)
    return False
