"""Hosts are tested through the routes against real sshd, and a key is accepted only if it is the one that was shown."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.cluster import hosttests
from jupyterlab_clusters.launchers.ssh import asking, doorbell
from jupyterlab_clusters.tests.beds.sshd import Sshd, first_in_path
from jupyterlab_clusters.tests.fair import clock

pytestmark = [pytest.mark.timeout(60)]

TESTS = "launchers/ssh/tests"
KNOWN = "launchers/ssh/known-hosts"
NAMES = ["reached", "host-key", "login", "python", "ipyparallel", "cores", "memory", "controller"]


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    with first_in_path(tmp_path / "ssh", monkeypatch) as bed:
        yield bed


@pytest.fixture
def tested(call: Any) -> Any:
    """``await tested(["host"], reach="ssh")`` -> the results, by host."""

    async def inner(names: list[str], **options: Any) -> dict[str, Any]:
        hosts = [{"host": name} for name in names]
        begun = await call("POST", TESTS, {"options": {"hosts": hosts, "python": sys.executable, **options}})
        assert begun.status == 202, begun.body
        assert [(one["host"], one["state"], one["ok"]) for one in begun.body["hosts"]] == [
            (name, "testing", None) for name in names
        ]
        return await done(call, begun.body["id"])

    return inner


async def done(call: Any, test: str, within: float = 5.5) -> dict[str, Any]:
    end = time.monotonic() + within
    while True:
        now = await call("GET", f"{TESTS}/{test}")
        assert now.status == 200, now.body
        if all(one["state"] == "done" for one in now.body["hosts"]):
            return {one["host"]: {**one, "test": test} for one in now.body["hosts"]}
        assert time.monotonic() < end, now.body
        await asyncio.sleep(0.05)


def check(result: dict[str, Any], name: str) -> dict[str, Any]:
    assert [one["name"] for one in result["checks"]] == NAMES
    found: dict[str, Any] = next(one for one in result["checks"] if one["name"] == name)
    return found


def failed_at(result: dict[str, Any], name: str) -> dict[str, Any]:
    """The failing check: those before it are well, and nothing is claimed of those after it."""
    place = NAMES.index(name)
    assert [one["ok"] for one in result["checks"]] == [True] * place + [False] + [None] * (len(NAMES) - place - 1)
    assert result["ok"] is False
    found = check(result, name)
    assert found["cause"] and found["hint"]
    return found


def program(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.parametrize("reach", ["ssh", "direct"])
async def test_all_is_well(sshd: Sshd, tested: Any, reach: str) -> None:
    before = sshd.known_hosts.read_text()
    names = [sshd.host(0), sshd.host(1)]
    results = await tested(names, reach=reach)
    for name in names:
        result = results[name]
        assert result["ok"] is True, result
        assert [one["ok"] for one in result["checks"]] == [True] * len(NAMES)
        values = {one["name"]: one["value"] for one in result["checks"]}
        assert values["python"] == ".".join(map(str, sys.version_info[:3]))
        assert values["host-key"] == fingerprint(sshd)
        assert values["cores"] == len(os.sched_getaffinity(0))
        assert values["memory"] > 1 << 20
        assert values["controller"] == reach
        assert (result["fingerprint"], result["output"]) == (None, None)
    assert sshd.known_hosts.read_text() == before
    logins = [call for call in sshd.calls.read_text().splitlines() if "-G" not in call.split()]
    assert len(logins) == 2, "one connection a host"


@pytest.mark.parametrize(
    ("damage", "step", "cause"),
    [
        ("refused", "reached", "refuses the connection"),
        ("name", "reached", "is not known"),
        ("changed", "host-key", "is not the one that is known"),
        ("key", "login", "no key that it accepts was offered"),
        ("python", "python", "has no program no-such-python"),
        ("no python", "python", "ended before it had begun (exit code 7)"),
    ],
)
async def test_what_stands_in_the_way_is_said(sshd: Sshd, tested: Any, damage: str, step: str, cause: str) -> None:
    options: dict[str, Any] = {}
    name = sshd.host()
    if damage == "refused":
        sshd.stop()
    elif damage == "name":
        name = "no-such-host.invalid"
    elif damage == "changed":
        key = " ".join((sshd.folder / "user_key.pub").read_text().split()[:2])
        sshd.known_hosts.write_text(f"[{sshd.addresses[0]}]:{sshd.port} {key}\n")
    elif damage == "key":
        (sshd.folder / "authorized_keys").write_text("")
    elif damage == "python":
        options["python"] = "no-such-python"
    elif damage == "no python":
        options["python"] = program(sshd.folder, "python", "exit 7")
    result = (await tested([name, sshd.host(1)], **options))[name]
    found = failed_at(result, step)
    assert cause in found["cause"]
    assert result["fingerprint"] is None
    if damage == "key":
        assert "ssh-add" in found["hint"] and "ssh-copy-id" in found["hint"]


async def test_one_bad_host_says_nothing_of_the_others(sshd: Sshd, tested: Any) -> None:
    results = await tested([sshd.host(), "127.0.0.99:1"])
    assert [one["ok"] for one in results.values()] == [True, False]


async def test_a_host_that_never_answers_is_told_in_time(sshd: Sshd, tested: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.13", 0))
        silent.listen(8)
        name = f"127.0.0.13:{silent.getsockname()[1]}"
        begun = clock()
        results = await tested([name, sshd.host()])
        assert clock() - begun < 5
    assert "does not answer" in failed_at(results[name], "reached")["cause"]
    assert results[sshd.host()]["ok"] is True


async def test_a_python_that_does_not_begin_is_told_in_time(sshd: Sshd, tested: Any) -> None:
    begun = clock()
    slow = program(sshd.folder, "python", "exec sleep 60")
    result = (await tested([sshd.host()], python=slow))[sshd.host()]
    assert clock() - begun < 5
    assert "did not begin in time" in failed_at(result, "python")["cause"]


@pytest.mark.parametrize(
    ("kind", "cause"),
    [("without", "ipyparallel is missing"), ("other", "has ipyparallel 7.1.0, here it is")],
)
async def test_ipyparallel_there_is_compared_with_ours(sshd: Sshd, tested: Any, kind: str, cause: str) -> None:
    there = sshd.folder / "ipyparallel-7.1.0.dist-info"
    there.mkdir()
    (there / "METADATA").write_text("Metadata-Version: 2.1\nName: ipyparallel\nVersion: 7.1.0\n")
    begin = f"exec {sys.executable} -S" if kind == "without" else f"PYTHONPATH={sshd.folder} exec {sys.executable}"
    python = program(sshd.folder, "python", f'{begin} "$@"')
    result = (await tested([sshd.host()], python=python))[sshd.host()]
    found = check(result, "ipyparallel")
    assert (result["ok"], found["ok"]) == (False, False)
    assert cause in found["cause"] and "pip install" in found["hint"]
    assert check(result, "cores")["ok"] and check(result, "controller")["ok"], "what else is there is told all the same"


async def test_a_login_script_is_read_first(sshd: Sshd, tested: Any) -> None:
    script = sshd.folder / "modules.sh"
    script.write_text(f"echo loading modules\nexport PATH={sshd.folder}/tools:$PATH\n")
    (sshd.folder / "tools").mkdir()
    program(sshd.folder / "tools", "my-python", f'exec {sys.executable} "$@"')
    options = {"login_script": str(script), "python": "my-python"}
    assert (await tested([sshd.host()], **options))[sshd.host()]["ok"] is True


async def test_forwarding_may_be_forbidden(sshd: Sshd, tested: Any) -> None:
    sshd.stop()
    sshd.more = "AllowTcpForwarding no\n"
    sshd.start()
    result = (await tested([sshd.host()], reach="ssh"))[sshd.host()]
    found = check(result, "controller")
    assert (result["ok"], found["ok"]) == (False, False)
    assert "through ssh" in found["cause"] and "direct" in found["hint"]
    assert (await tested([sshd.host()], reach="direct"))[sshd.host()]["ok"] is True


async def test_this_machine_may_be_out_of_reach(sshd: Sshd, tested: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "no-such-machine.invalid")
        result = (await tested([sshd.host()], reach="direct"))[sshd.host()]
    found = check(result, "controller")
    assert (result["ok"], found["ok"]) == (False, False)
    assert "does not know this machine by its name no-such-machine.invalid" in found["cause"]


async def test_the_name_of_this_machine_may_be_given(sshd: Sshd, tested: Any) -> None:
    options = {"reach": "direct", "controller_args": ["--location=no-such-machine.invalid"]}
    found = check((await tested([sshd.host()], **options))[sshd.host()], "controller")
    assert "no-such-machine.invalid" in found["cause"]
    options["controller_args"] = ["--location=127.0.0.12"]
    assert (await tested([sshd.host()], **options))[sshd.host()]["ok"] is True


async def test_a_door_that_does_not_answer_hides_nothing_else(
    sshd: Sshd, tested: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.13", 0))
        silent.listen(8)
        real = doorbell.Door.question
        port = silent.getsockname()[1]
        monkeypatch.setattr(
            doorbell.Door, "question", lambda door: {**real(door), "location": "127.0.0.13", "port": port}
        )
        begun = clock()
        result = (await tested([sshd.host()], reach="direct"))[sshd.host()]
        assert clock() - begun < 5
    assert "cannot open a connection to this machine" in check(result, "controller")["cause"]
    assert [one["ok"] for one in result["checks"]] == [True] * (len(NAMES) - 1) + [False]


async def test_a_python_that_is_too_old(sshd: Sshd, tested: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = asking.source().replace("OLDEST = (3, 10)", "OLDEST = (99, 0)")
    monkeypatch.setattr(asking, "source", lambda: newer)
    result = (await tested([sshd.host()]))[sshd.host()]
    assert "is too old; 3.10 or newer is needed" in check(result, "python")["cause"]
    assert (check(result, "ipyparallel")["ok"], check(result, "cores")["ok"]) == (None, True)


# -- keys ---------------------------------------------------------------------


def fingerprint(sshd: Sshd) -> str:
    said = subprocess.check_output(["ssh-keygen", "-lf", sshd.folder / "host_key.pub"], text=True)
    return said.split()[1]


def key(sshd: Sshd) -> list[str]:
    return (sshd.folder / "host_key.pub").read_text().split()[:2]


@contextlib.contextmanager
def new_key(sshd: Sshd) -> Iterator[None]:
    """The host was set up anew."""
    sshd.stop()
    for name in ("host_key", "host_key.pub"):
        (sshd.folder / name).unlink()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", sshd.folder / "host_key"], check=True)
    sshd.start()
    yield


async def accepted(call: Any, host: str, shown: str) -> dict[str, Any]:
    answer = await call("POST", KNOWN, {"host": host, "fingerprint": shown})
    assert answer.status == 202, answer.body
    return (await done(call, answer.body["id"], within=10))[host]


@pytest.mark.parametrize("hashed", ["no", "yes"])
async def test_an_unknown_key_is_shown_and_accepted(call: Any, sshd: Sshd, tested: Any, hashed: str) -> None:
    sshd.config.write_text(sshd.config.read_text() + f"  HashKnownHosts {hashed}\n")
    other = "[192.0.2.1]:22 " + " ".join((sshd.folder / "user_key.pub").read_text().split()[:2])
    sshd.known_hosts.write_text(other)
    sshd.known_hosts.chmod(0o640)
    host = sshd.host()
    result = (await tested([host]))[host]
    assert "is not known yet" in failed_at(result, "host-key")["cause"]
    assert (result["fingerprint"], result["key_type"]) == (fingerprint(sshd), "ED25519")
    assert sshd.known_hosts.read_text() == other, "nothing is accepted by a test"
    again = await accepted(call, host, result["fingerprint"])
    assert again["ok"] is True
    first, line = sshd.known_hosts.read_text().splitlines()
    assert first == other
    assert line.split()[1:] == key(sshd)
    assert line.startswith("|1|") if hashed == "yes" else line.split()[0] == f"[{sshd.addresses[0]}]:{sshd.port}"
    assert sshd.known_hosts.stat().st_mode & 0o777 == 0o640
    assert (await call("POST", KNOWN, {"host": host, "fingerprint": result["fingerprint"]})).status == 409
    assert len(sshd.known_hosts.read_text().splitlines()) == 2


@pytest.mark.parametrize("right", [True, False])
async def test_accepting_does_not_wait_for_a_slow_host(call: Any, sshd: Sshd, tested: Any, right: bool) -> None:
    """It is answered as the test now is; what came of it is told by the test."""
    sshd.known_hosts.write_text("")
    host = sshd.host()
    result = (await tested([host]))[host]
    slow = (sshd.bin / "ssh").read_text().replace("exec", "sleep 1\nexec")
    (sshd.bin / "ssh").write_text(slow)
    with contextlib.nullcontext() if right else new_key(sshd):
        begun = clock()
        answer = await call("POST", KNOWN, {"host": host, "fingerprint": result["fingerprint"]})
        assert clock() - begun < 0.3
        assert (answer.status, answer.body["id"]) == (202, result["test"])
        assert [one["state"] for one in answer.body["hosts"]] == ["testing"]
        twice = await call("POST", KNOWN, {"host": host, "fingerprint": result["fingerprint"]})
        assert (twice.status, twice.body["reason"]) == (409, "not-shown")
        after = (await done(call, result["test"], within=10))[host]
    assert after["ok"] is right
    assert len(sshd.known_hosts.read_text().splitlines()) == int(right)


async def test_known_hosts_are_made_private(call: Any, sshd: Sshd, tested: Any) -> None:
    sshd.known_hosts.unlink()
    sshd.config.write_text(sshd.config.read_text().replace(str(sshd.known_hosts), f"{sshd.folder}/new/known_hosts"))
    result = (await tested([sshd.host()]))[sshd.host()]
    assert (await accepted(call, sshd.host(), result["fingerprint"]))["ok"] is True
    made = sshd.folder / "new" / "known_hosts"
    assert (made.stat().st_mode & 0o777, made.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert len(made.read_text().splitlines()) == 1


async def test_a_fingerprint_that_was_not_shown_is_refused(call: Any, sshd: Sshd, tested: Any) -> None:
    sshd.known_hosts.write_text("")
    await tested([sshd.host()])
    answer = await call("POST", KNOWN, {"host": sshd.host(), "fingerprint": "SHA256:" + "A" * 43})
    assert (answer.status, answer.body["reason"]) == (409, "other-key")
    answer = await call("POST", KNOWN, {"host": sshd.host(1), "fingerprint": fingerprint(sshd)})
    assert (answer.status, answer.body["reason"]) == (409, "not-shown")
    assert sshd.known_hosts.read_text() == ""


async def test_a_key_that_is_another_by_now_is_not_kept(call: Any, sshd: Sshd, tested: Any) -> None:
    sshd.known_hosts.write_text("")
    result = (await tested([sshd.host()]))[sshd.host()]
    with new_key(sshd):
        answer = await call("POST", KNOWN, {"host": sshd.host(), "fingerprint": result["fingerprint"]})
        assert answer.status in (202, 409)  # late, it is told by the test
        after = (await done(call, result["test"]))[sshd.host()]
    assert "another key than the one that was shown" in failed_at(after, "host-key")["cause"]
    assert after["fingerprint"] is None
    assert sshd.known_hosts.read_text() == ""


@pytest.mark.parametrize("kind", ["same", "other", "revoked"])
async def test_a_changed_key_is_never_offered(call: Any, sshd: Sshd, tested: Any, kind: str) -> None:
    """Nor one of another sort than is known, by which somebody between would try to pass."""
    name = f"[{sshd.addresses[0]}]:{sshd.port}"
    if kind == "revoked":
        known = f"@revoked {name} {' '.join(key(sshd))}\n"
    elif kind == "other":
        subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", sshd.folder / "old"], check=True)
        known = f"{name} {' '.join((sshd.folder / 'old.pub').read_text().split()[:2])}\n"
    else:
        known = f"{name} {' '.join((sshd.folder / 'user_key.pub').read_text().split()[:2])}\n"
    sshd.known_hosts.write_text(known)
    result = (await tested([sshd.host()]))[sshd.host()]
    failed_at(result, "host-key")
    assert result["fingerprint"] is None
    answer = await call("POST", KNOWN, {"host": sshd.host(), "fingerprint": fingerprint(sshd)})
    assert (answer.status, answer.body["reason"]) == (409, "not-shown")
    assert sshd.known_hosts.read_text() == known


async def test_a_changed_key_is_told_also_to_who_goes_on_all_the_same(sshd: Sshd, tested: Any) -> None:
    sshd.config.write_text(sshd.config.read_text() + "  StrictHostKeyChecking no\n")
    name = f"[{sshd.addresses[0]}]:{sshd.port}"
    sshd.known_hosts.write_text(f"{name} {' '.join((sshd.folder / 'user_key.pub').read_text().split()[:2])}\n")
    result = (await tested([sshd.host()]))[sshd.host()]
    assert (result["ok"], check(result, "host-key")["ok"], check(result, "python")["ok"]) == (False, False, True)
    assert (check(result, "host-key")["value"], result["fingerprint"]) == (fingerprint(sshd), None)


async def test_a_key_that_became_known_meanwhile_is_not_replaced(call: Any, sshd: Sshd, tested: Any) -> None:
    sshd.known_hosts.write_text("")
    result = (await tested([sshd.host()]))[sshd.host()]
    other = " ".join((sshd.folder / "user_key.pub").read_text().split()[:2])
    known = f"[{sshd.addresses[0]}]:{sshd.port} {other}\n"
    sshd.known_hosts.write_text(known)
    answer = await call("POST", KNOWN, {"host": sshd.host(), "fingerprint": result["fingerprint"]})
    assert answer.status in (202, 409)
    after = (await done(call, result["test"]))[sshd.host()]
    assert "Another key" in failed_at(after, "host-key")["cause"]
    assert sshd.known_hosts.read_text() == known


async def test_a_key_behind_a_jump_host(call: Any, sshd: Sshd, tested: Any) -> None:
    sshd.known_hosts.write_text(f"[{sshd.addresses[0]}]:{sshd.port} {' '.join(key(sshd))}\n")
    jump = f"Host inner\n  HostName {sshd.addresses[1]}\n  Port {sshd.port}\n  ProxyJump {sshd.host()}\n"
    sshd.config.write_text(jump + sshd.config.read_text())
    result = (await tested(["inner"]))["inner"]
    failed_at(result, "host-key")
    assert (await accepted(call, "inner", result["fingerprint"]))["ok"] is True
    assert sshd.known_hosts.read_text().splitlines()[1].startswith(f"[{sshd.addresses[1]}]:")


async def test_an_unknown_key_of_a_jump_host_is_told_as_its_own(sshd: Sshd, tested: Any) -> None:
    sshd.known_hosts.write_text(f"[{sshd.addresses[1]}]:{sshd.port} {' '.join(key(sshd))}\n")
    jump = f"Host inner\n  HostName {sshd.addresses[1]}\n  Port {sshd.port}\n  ProxyJump {sshd.host()}\n"
    sshd.config.write_text(jump + sshd.config.read_text())
    result = (await tested(["inner"]))["inner"]
    cause = failed_at(result, "host-key")["cause"]
    assert cause == f"The key of {sshd.host()}, the jump host on the way to inner, is not known yet."
    assert result["fingerprint"] is None, "what could be accepted is the key of inner"
    # It is a host as others are, and its key can be accepted as such.
    assert (await tested([sshd.host()]))[sshd.host()]["fingerprint"] == fingerprint(sshd)


async def test_a_site_may_not_allow_ssh(call: Any, sshd: Sshd, real_parts: Any, monkeypatch: Any) -> None:
    policy = real_parts.policy
    monkeypatch.setattr(real_parts.hosts, "_policy", type(policy)(allowed_launchers=("local",)))
    for path, body in (
        (TESTS, {"options": {"hosts": [{"host": sshd.host()}]}}),
        (KNOWN, {"host": sshd.host(), "fingerprint": fingerprint(sshd)}),
    ):
        assert (await call("POST", path, body)).status == 403
    assert not sshd.calls.exists()


async def test_the_end_of_the_server_ends_tests(call: Any, sshd: Sshd, real_parts: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.13", 0))
        silent.listen(8)
        place = f"127.0.0.13:{silent.getsockname()[1]}"
        await call("POST", TESTS, {"options": {"hosts": [{"host": place}], "reach": "direct"}})
        end = time.monotonic() + 10
        while not asking_ssh(place):
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
        begun = clock()
        await real_parts.hosts.close()
        assert clock() - begun < 1
        assert not asking_ssh(place)


def asking_ssh(place: str) -> list[str]:
    """Processes of ssh that ask there."""
    address, _, port = place.partition(":")
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if address in words and port in words:
                found.append(entry.name)
    return found


async def test_only_so_many_tests_are_kept(call: Any, sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosttests, "KEPT", 2)
    ids = []
    for _ in range(3):
        begun = await call("POST", TESTS, {"options": {"hosts": [{"host": "127.0.0.99:1"}]}})
        await done(call, begun.body["id"])
        ids.append(begun.body["id"])
    assert [(await call("GET", f"{TESTS}/{id}")).status for id in ids] == [404, 200, 200]
    monkeypatch.setattr(hosttests, "AGE", 0.0)
    assert (await call("GET", f"{TESTS}/{ids[-1]}")).status == 404


async def test_answers_do_not_wait_for_hosts(call: Any, sshd: Sshd) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.13", 0))
        silent.listen(64)
        hosts = [{"host": f"me{number}@127.0.0.13:{silent.getsockname()[1]}"} for number in range(4)]
        begun = clock()
        answer = await call("POST", TESTS, {"options": {"hosts": hosts}})
        await call("GET", f"{TESTS}/{answer.body['id']}")
        assert clock() - begun < 0.5
        for _ in range(3):
            assert (await call("POST", TESTS, {"options": {"hosts": hosts[:1]}})).status == 202
        assert (await call("POST", TESTS, {"options": {"hosts": hosts[:1]}})).status == 503
