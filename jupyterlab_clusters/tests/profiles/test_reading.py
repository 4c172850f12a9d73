"""What a profile sets, compared with what ipcluster makes of it; and files that misbehave on purpose."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import textwrap

import pytest

from jupyterlab_clusters.profiles import Profiles

from ..fair import clock
from .conftest import read

PY = "ipcluster_config.py"
JSON = "ipcluster_config.json"

#: Prints what the real ``ipcluster start`` would use.
REAL = """
import json, sys
from ipyparallel.cluster.app import IPClusterStart
app = IPClusterStart()
app.initialize(["--profile-dir=" + sys.argv[1], "--log-level=50"])
cluster = app.cluster
engines = cluster.engine_launcher_class(parent=cluster)
print("\\n" + json.dumps({
    "Cluster.n": cluster.n,
    "Cluster.delay": cluster.delay,
    "LocalEngineSetLauncher.engine_args": engines.engine_args,
    "Cluster.engine_launcher_class": cluster.engine_launcher_class.__name__,
    "LocalEngineSetLauncher.delay": engines.delay,
}))
"""


#: Most tests of containers need one that everybody has.
ARGS = "c.LocalEngineSetLauncher.engine_args"


def real(folder):
    done = subprocess.run(
        [sys.executable, "-c", REAL, str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**os.environ, "IPYTHONDIR": str(folder.parent)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "files",
    [
        {PY: "c.Cluster.n = 3", JSON: '{"Cluster": {"n": 5}}'},
        {PY: "c.Cluster.n = 3\nc.Cluster.delay = 0.5", JSON: '{"version": 1, "Cluster": {"n": 5}}'},
        {"ipython_config.py": "c.Cluster.n = 7\nc.Cluster.delay = 2.5", PY: "c.Cluster.delay = 0.25"},
        {"ipython_config.json": '{"Cluster": {"n": 9}}', "ipython_config.py": "c.Cluster.n = 7"},
        {PY: f"{ARGS}.append('--a')\n{ARGS}.extend(['--b'])\nc.Cluster.n = 2"},
        {
            "ipython_config.py": f"{ARGS} = ['--first']",
            PY: f"{ARGS}.append('--second')\n{ARGS}.prepend(['--zero'])",
        },
        {
            PY: f"{ARGS}.append('--a')",
            JSON: '{"LocalEngineSetLauncher": {"engine_args": ["--json"]}}',
        },
        {PY: "c.IPClusterEngines.n = 6\nc.IPClusterStart.delay = 0.75"},
        {PY: "c.Cluster.n = 2\nc.IPClusterEngines.n = 6"},
        {PY: "load_subconfig('other.py')\nc.Cluster.delay = 0.1", "other.py": "c.Cluster.n = 8\nc.Cluster.delay = 9"},
        {PY: "from traitlets.config import Config\nc.merge(Config({'Cluster': Config({'n': 11})}))"},
        {PY: "raise ValueError()\n", JSON: '{"Cluster": {"n": 5}}'},
        {PY: "c.Cluster.n = 5\nraise ValueError()\n"},
        {PY: "c.Cluster.n = 5\n", JSON: '{"Cluster": {"n": '},
        {PY: "c.LocalEngineSetLauncher.delay = 0.05\nfor n in range(4):\n    c.Cluster.n = n"},
    ],
    ids=range(15),
)
def test_the_values_are_those_of_ipcluster(profiles, profile, files):
    folder = profile("p", files)
    read(profiles)
    effective = real(folder)
    ours = profiles.settings("p")
    if "Cluster.engine_launcher_class" not in ours:
        del effective["Cluster.engine_launcher_class"]
    defaults = {
        "Cluster.n": None,
        "Cluster.delay": 1.0,
        "LocalEngineSetLauncher.engine_args": [],
        "LocalEngineSetLauncher.delay": 0.1,
    }
    assert {name: {**defaults, **ours}[name] for name in effective} == effective


def test_a_setting_that_another_file_makes_in_vain_is_told(profiles, profile):
    written = {"Cluster": {"n": 8}, "SlurmEngineSetLauncher": {"queue": "short"}}
    folder = profile("p", {PY: "c = get_config()\nc.Cluster.n = 2\nc.Cluster.n = 4\n", JSON: json.dumps(written)})
    settings = {setting.name: setting for setting in read(profiles).settings}
    n = settings["Cluster.n"]
    assert (n.value, n.file) == (8, str(folder / JSON))
    assert n.overrides is not None
    assert (n.overrides.file, n.overrides.line) == (str(folder / PY), 3)
    assert settings["SlurmEngineSetLauncher.queue"].overrides is None


def test_each_setting_has_its_place(profiles, profile):
    text = """
        c = get_config()
        load_subconfig("other.py")
        for host in ("a", "b"):
            c.SSHEngineSetLauncher.engines.update({host: 2})
        c.Cluster.engine_launcher_class = "ssh"
        c.SSHLauncher.scp_cmd.append("-v")
        if c.Cluster.delay:
            pass
    """
    json_text = '{\n  "version": 1,\n  "Other": {"n": 1},\n  "Cluster": {\n    "engine_timeout": 5,\n    "n": 3\n  }\n}'
    folder = profile(
        "p",
        {
            PY: textwrap.dedent(text).lstrip(),
            JSON: json_text,
            "other.py": "c.Cluster.delay = 0.5\nc.Cluster.n = 1\n",
            "ipengine_config.py": "c.IPEngine.timeout = 30",
            "ipython_config.py": "c.InteractiveShell.colors = 'nocolor'",
        },
    )
    model = read(profiles)
    assert model.errors == []
    found = {s.name: (s.value, os.path.basename(s.file), s.line) for s in model.settings}
    assert found == {
        "Cluster.delay": (0.5, "other.py", 1),
        "Cluster.n": (3, JSON, 6),
        "Cluster.engine_timeout": (5, JSON, 5),
        "Cluster.engine_launcher_class": ("ssh", PY, 5),
        "SSHLauncher.scp_cmd": (["scp", "-v"], PY, 6),
        "SSHEngineSetLauncher.engines": ({"a": 2, "b": 2}, PY, 4),
        "Other.n": (1, JSON, 3),
        "IPEngine.timeout": (30, "ipengine_config.py", 1),
    }
    assert model.launcher == "ssh" and not model.loading and model.path == str(folder)
    assert "IPEngine.timeout" not in profiles.settings("p"), "that is the engine's own business"


def test_every_value_can_be_told(profiles, profile):
    text = """
        import pathlib
        from ipyparallel.cluster.launcher import SlurmEngineSetLauncher
        c.Cluster.engine_launcher_class = SlurmEngineSetLauncher
        c.A.path = pathlib.Path("/x")
        c.A.set = {3, 1}
        c.A.tuple = (1, b"two")
        c.A.nan = float("nan")
        c.A.function = len
        c.A.keys = {1: "one", (1, 2): None}
        c.A.itself = []
        c.A.itself.append(c.A.itself)
        c.A.surrogate = "\\udcff"
        c.Session.key = b"very secret"
    """
    profile("p", {PY: textwrap.dedent(text)})
    model = read(profiles)
    assert model.errors == []
    values = profiles.settings("p")
    assert model.launcher == "slurm"
    assert values["A.path"] == "/x" and values["A.set"] == [1, 3] and values["A.tuple"] == [1, "two"]
    assert values["A.nan"] == "nan" and "len" in values["A.function"] and values["A.surrogate"] == "?"
    assert values["A.keys"] == {"1": "one", "[1, 2]": None}
    assert "very secret" not in repr(model) and values["Session.key"] == "(hidden)"


@pytest.mark.parametrize(
    ("file", "text", "word", "line"),
    [
        (PY, "c.Cluster.n = 1\n\nboom\n", "NameError", 3),
        (PY, "def f():\n    1 / 0\n\nf()\n", "ZeroDivisionError", 2),
        (PY, "import json\n\njson.loads('{')\n", "JSONDecodeError|not JSON", 3),
        (PY, "c.Cluster.n = 1\nc.Cluster.n = = 2\n", "SyntaxError", 2),
        (PY, "import sys\nprint('hi')\nsys.exit(3)\n", "SystemExit", 3),
        (PY, b"c.Cluster.name = 'caf\xe9'\n", "utf-8", 1),
        (PY, b"c.Cluster.n = 1\n\0\n", "null", None),
        (PY, "import no_such_module_here", "no_such_module_here", 1),
        (JSON, '{\n  "Cluster": {\n    "n": 1,\n  }\n}', "JSON", None),
        (JSON, b'{"Cluster": {"name": "\xe9"}}', "utf-8", None),
        (JSON, "[1]", "", None),
        (JSON, '{"version": 2}', "version", None),
        (PY, "import os\nos._exit(4)\n", "exit code 4", None),
        (PY, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "exit code -11", None),
        (PY, "raise BaseException('own')\n", "own", 1),
        (PY, "class Odd(Exception):\n    def __str__(self): raise self\nraise Odd()\n", "Odd|exit code", None),
    ],
)
def test_an_error_has_its_place_and_the_other_files_count(profiles, profile, file, text, word, line):
    folder = profile("p", {file: text, "ipengine_config.py": "c.IPEngine.timeout = 30"})
    model = read(profiles)
    (error,) = model.errors
    assert error.file == str(folder / file)
    assert re.search(word, error.message, re.I), error
    if line is not None:
        assert error.line == line
    assert not model.loading and model.launcher == "local" and "Cluster.n" not in profiles.settings("p")
    if "exit code" not in error.message:
        assert [s.name for s in model.settings] == ["IPEngine.timeout"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("import time\nc.Cluster.n = 1\ntime.sleep(60)\n", 3),
        ("while True:\n    try:\n        while True: pass\n    except Exception: pass\n", 3),
        ("import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\ntime.sleep(60)\n", None),
        ("import subprocess\nsubprocess.run(['sleep', '60'])\n", 2),
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\ntime.sleep(60)\n", 3),
    ],
)
def test_a_file_that_hangs(ipython_dir, profile, text, line):
    folder = profile("p", {PY: text})
    profiles = Profiles(ipython_dir=ipython_dir, time_limit=1.0)
    began = clock()
    model = read(profiles)
    assert clock() - began < 4
    (error,) = model.errors
    assert "within 1 s" in error.message and error.file == str(folder / PY) and error.line == line
    profiles.close()


def test_what_a_file_prints_and_leaves_behind_is_nothing_to_us(profiles, profile):
    text = """
        import atexit, os, sys, threading, time
        print('{"settings": [], "errors": [], "files": []}')
        os.write(1, b"raw")
        os.system("echo from a shell")
        sys.stdout.buffer.write(b"\\xff" * 3_000_000)
        atexit.register(time.sleep, 60)
        threading.Thread(target=time.sleep, args=(60,)).start()
        os.environ["JLC_LEAK"] = "1"
        c.Cluster.n = 4
    """
    profile("p", {PY: textwrap.dedent(text)})
    began = clock()
    model = read(profiles)
    assert clock() - began < 5
    assert model.errors == [] and profiles.settings("p") == {"Cluster.n": 4}
    assert "JLC_LEAK" not in os.environ


def test_our_modules_are_in_nobodys_way(profiles, profile):
    """The reader lies in a folder with ``models.py`` and others of common names."""
    profile("p", {PY: "import models"})
    assert "No module named 'models'" in read(profiles).errors[0].message


def test_the_loop_goes_on_while_a_file_hangs(ipython_dir, profile):
    profile("p", {PY: "import time; time.sleep(60)"})
    profiles = Profiles(ipython_dir=ipython_dir, time_limit=0.5)

    async def longest_pause():
        reading = asyncio.ensure_future(profiles.refresh("p"))
        longest = 0.0
        assert profiles.model("p").loading
        while not reading.done():
            then = clock()
            await asyncio.sleep(0.005)
            longest = max(longest, clock() - then)
        return longest

    assert asyncio.run(longest_pause()) < 0.2
    profiles.close()


def test_read_once_and_again_when_a_file_has_changed(profiles, profile, tmp_path):
    trace = tmp_path / "trace"
    count = f"open({str(trace)!r}, 'a').write('x')\n"
    folder = profile("p", {PY: count + "load_subconfig('other.py')\n", "other.py": "c.Cluster.n = 1\n"})
    read(profiles)
    read(profiles)
    assert trace.read_text() == "x"
    (folder / "other.py").write_text("c.Cluster.n = 22\n")
    read(profiles)
    assert trace.read_text() == "xx" and profiles.settings("p") == {"Cluster.n": 22}
    (folder / "ipengine_config.py").write_text("c.IPEngine.timeout = 3")
    read(profiles)
    assert trace.read_text() == "xxx"
    for file in (PY, "ipengine_config.py"):
        (folder / file).unlink()
    assert read(profiles).settings == []


def test_many_ask_and_one_reads(profiles, profile, tmp_path):
    trace = tmp_path / "trace"
    profile("p", {PY: f"open({str(trace)!r}, 'a').write('x')\nimport time; time.sleep(0.3)\n"})
    told = []
    profiles.on_change = told.append

    async def ask():
        impatient, *others = [asyncio.ensure_future(profiles.refresh("p")) for _ in range(5)]
        await asyncio.sleep(0.1)
        impatient.cancel()
        assert await asyncio.gather(*others) == [True] * 4
        assert impatient.cancelled()
        assert await profiles.refresh("p") is False
        await asyncio.sleep(0)

    asyncio.run(ask())
    assert trace.read_text() == "x" and told == ["p"]


def test_no_profile_and_no_file_needs_no_child(profiles, ipython_dir, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nonexistent")
    assert profiles.model("default").loading
    model = read(profiles, "default")
    assert not model.loading and model.settings == [] and model.errors == []
    assert not ipython_dir.exists(), "reading makes nothing"


def test_a_reader_that_cannot_start_is_an_error(profiles, profile, monkeypatch):
    profile("p", {PY: "c.Cluster.n = 1"})
    monkeypatch.setattr("sys.executable", "/nonexistent")
    assert "nonexistent" in read(profiles).errors[0].message
