"""The command line where Jupyter servers run: it asks the one that is meant, and that one does it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterlab_clusters.tests.realserver import RealServer, serving

from .conftest import Terminal, typing

pytestmark = [pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    with serving() as server:
        yield server


@pytest.fixture
def terminal(server: RealServer, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """One that knows of the token only what the server wrote down."""
    return typing(server.home, monkeypatch)


def test_the_server_does_it(server: RealServer, terminal: Terminal) -> None:
    begun = terminal.json("start", "default", "-n", "2")
    assert begun["state"] in ("starting", "running"), "it does not wait unless asked to"
    server.await_state("running")
    waited = terminal.says("start", "default:more", "-n", "1", "--wait")
    assert waited[0] == "default:more is running with 1 engine\n"
    assert "default:more is starting" in waited[1]
    assert server.cluster("default:more")["state"] == "running"
    assert terminal.json("list") == server.ask("clusters")
    server.order("scale", engines=3)
    listed = "\n".join(terminal.says("logs", "default", "controller")[0].splitlines())
    assert "Engine Connected" in listed
    terminal.says("stop", "default", "default:more")
    assert {one["state"] for one in server.ask("clusters")} == {"stopped"}
    assert not [name for name in terminal.left() if "jupyter_server" not in name]


def test_a_wait_may_be_too_long(server: RealServer, terminal: Terminal) -> None:
    out, err = terminal.says("start", "default", "-n", "1", "--wait", "--timeout", "0", code=5)
    assert out == ""
    assert "takes longer than 0 s" in err
    server.await_state("running")
    terminal.says("stop", "--all")


def test_who_is_not_let_in_does_not_go_behind_its_back(
    server: RealServer, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = next((server.home / "runtime").glob("jpserver-*.json"))
    kept = file.read_text()
    wrong = "wrong" * 8
    file.write_text(json.dumps({**json.loads(kept), "token": wrong}))
    try:
        out, err = terminal.says("list", code=4)
        assert out == ""
        assert "does not let this command in" in err
        assert wrong not in err
        monkeypatch.setenv("JUPYTER_TOKEN", server.token)
        url = json.loads(kept)["url"]
        assert "default:" in terminal.says("list", "--server", url)[0]
    finally:
        file.write_text(kept)


def test_of_several_servers_the_one_whose_folder_it_is(server: RealServer, terminal: Terminal, tmp_path: Path) -> None:
    with serving() as other:
        theirs = next((other.home / "runtime").glob("jpserver-*.json"))
        also = server.home / "runtime" / "jpserver-0.json"
        also.write_text(theirs.read_text())
        try:
            other.ask("clusters", "POST", {"profile": "default", "cluster_id": "theirs"})
            err = terminal.says("list", code=2, cwd=tmp_path)[1]
            assert f"{other.port}" in err
            assert f"{server.port}" in err
            assert other.token not in err
            assert "default:theirs" in terminal.says("list", cwd=other.home / "files")[0]
            assert "default:theirs" not in terminal.says("list", cwd=server.home / "files")[0]
            named = terminal.says("list", "--server", f"http://127.0.0.1:{other.port}/?token=x", cwd=tmp_path)
            assert "default:theirs" in named[0]
        finally:
            also.unlink()


def test_a_server_that_starts_later_finds_what_a_command_started(server: RealServer, terminal: Terminal) -> None:
    server.process.terminate()
    server.process.wait(20)
    started = terminal.json("start", "default", "-n", "1")
    server.start()
    server.await_answer()
    found = server.await_state("running")
    assert (found["started_at"], found["engines"]["registered"]) == (started["started_at"], 1)
    terminal.says("stop", "--all")
