"""The command line where no Jupyter server runs: it does itself what a server would."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from .conftest import COMMAND, Terminal

pytestmark = [pytest.mark.timeout(180)]


def test_what_a_command_starts_goes_on_until_another_stops_it(terminal: Terminal) -> None:
    started = terminal.json("start", "default", "-n", "2")
    assert (started["state"], started["engines"]["registered"]) == ("running", 2)
    assert terminal.computes(lambda rc: rc[:].apply_sync(int, "42")) == [42, 42]
    rows = terminal.says("list")[0].splitlines()
    assert rows[1].split()[:6] == ["default:", "running", "2", "of", "2", "local"]
    assert terminal.says("start", "default")[0] == "default: is running with 2 engines\n", "there is nothing to do"
    assert "use" not in terminal.says("start", "default", "-n", "2")[1]
    refused = terminal.says("start", "default", "-n", "3", code=1)[1]
    assert "scale it instead" in refused
    stopped = terminal.json("stop", "--all")
    assert [(one["key"], one["state"]) for one in stopped] == [("default:", "stopped")]
    assert terminal.left() == []
    assert terminal.says("stop", "--all")[0] == ""


def test_a_cluster_with_options_of_its_own(terminal: Terminal) -> None:
    options = '{"environment": {"WHO": "ada"}}'
    terminal.says("start", "default:mine", "-n", "1", "--launcher", "local", "--options", options)
    terminal.says("start", "default", "-n", "1")
    assert terminal.computes(lambda rc: rc[0].apply_sync(os.getenv, "WHO"), "mine") == "ada"
    again = terminal.says("start", "default:mine", "--launcher", "ssh", code=1)[1]
    assert again.startswith("jupyter clusters: There is a cluster 'default:mine' already")
    said = terminal.says("stop", "default:mine")[0]
    assert said == "default:mine is stopped\n"
    assert [one["key"] for one in terminal.json("list") if one["state"] == "running"] == ["default:"]
    terminal.says("stop", "--all")
    assert terminal.left() == []


def test_a_log_is_followed_until_the_cluster_stops(terminal: Terminal) -> None:
    terminal.says("start", "default", "-n", "2")
    terminal.computes(lambda rc: rc[:].apply_sync(print, "before", flush=True))
    names = [one["name"] for one in terminal.json("logs", "default", "--list")]
    assert names == ["controller", "slot-0", "slot-1", "all"]
    assert "before" in terminal.says("logs", "default", "slot-1", "-n", "20")[0]
    following = terminal.begin("logs", "default", "slot-0", "-f", "-n", "1")
    assert following.stdout is not None
    assert following.stdout.readline() == "before\n", "only then it follows"
    halves = "import time; print('one ha', end='', flush=True); time.sleep(2); print('lf'); print('\x07whole')"
    terminal.computes(lambda rc: rc[0].execute(halves, block=True))
    terminal.says("stop", "default")
    out, err = following.communicate(timeout=30)
    assert (following.returncode, err) == (0, "")
    expected = ["one ha", "lf", "\\x07whole"]
    assert [line for line in out.splitlines() if line in expected] == expected


def test_a_failure_is_told_with_its_cause(terminal: Terminal) -> None:
    profile = terminal.home / "ipython" / "profile_broken"
    profile.mkdir(parents=True)
    (profile / "ipcluster_config.py").write_text("c.Cluster.n = = 4\n")
    out, err = terminal.says("start", "broken", code=1)
    assert out == ""
    assert "ipcluster_config.py" in err
    assert "Traceback" not in err
    rows = terminal.says("list")[0].splitlines()
    assert any(row.startswith("broken:") for row in rows)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["start", "no/profile"], 1, "name of a profile"),
        (["start", "default", "-n", "x"], 2, "not a number"),
        (["start", "default", "--options", "[1]"], 2, "JSON object"),
        (["start", "default", "-n", "20000"], 1, "10,000"),
        (["stop"], 2, "--all"),
        (["stop", "nobody"], 3, "There is no cluster 'nobody:'."),
        (["logs", "nobody"], 3, "There is no cluster 'nobody:'."),
        (["logs", "default", "slot-7"], 3, "no log named 'slot-7'"),
        (["list", "--server", "http://127.0.0.1:9"], 4, "cannot be reached"),
        (["list", "--server", "not-a-url"], 2, "not the address of a server"),
        (["dance"], 2, "invalid choice"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_a_code(terminal: Terminal, words: list[str], code: int, said: str) -> None:
    out, err = terminal.says(*words, code=code)
    assert (out, said in err, "Traceback" in err) == ("", True, False), err


def test_it_is_a_program_of_its_own(terminal: Terminal) -> None:
    done = subprocess.run([*COMMAND, "list"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split() == ["default:", "stopped", "local"]


def test_what_the_site_forbids_is_forbidden_here_too(terminal: Terminal) -> None:
    (terminal.home / "config").mkdir()
    (terminal.home / "config" / "jupyter_server_config.py").write_text("c.Clusters.max_engines = 1\n")
    assert "from 0 to 1" in terminal.says("start", "default", "-n", "2", code=1)[1]
    (terminal.home / "config" / "jupyter_server_config.py").write_text("c.Clusters.read_only = nonsense\n")
    assert "cannot be read" in terminal.says("start", "default", code=1)[1], "what forbids is not passed over"


def test_clusters_of_others_are_listed_and_stopped(terminal: Terminal) -> None:
    ipcluster = [sys.executable, "-m", "ipyparallel.cluster"]
    words = ["start", "-n", "1", "--profile=theirs", "--daemonize", "--HeartMonitor.period=500"]
    subprocess.run([*ipcluster, *words], check=True, timeout=60, capture_output=True)
    end = time.monotonic() + 30
    while (row := _row(terminal, "theirs:")) is None or "1 of 1" not in row:
        assert time.monotonic() < end, row
    assert "external" in row
    terminal.says("stop", "--all")
    row = _row(terminal, "theirs:")
    assert row is None or "running" not in row
    # A hub that was asked to end is silent before its process is gone.
    while left := terminal.left():
        assert time.monotonic() < end + 10, left
        time.sleep(0.1)


def _row(terminal: Terminal, key: str) -> str | None:
    return next((row for row in terminal.says("list")[0].splitlines() if row.startswith(key)), None)
