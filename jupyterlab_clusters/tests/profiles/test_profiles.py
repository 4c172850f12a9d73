"""Names, folders, writing."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from typing import get_args

import pytest

from jupyterlab_clusters.errors import BadInput, CannotNow, WrongState
from jupyterlab_clusters.launchers import base
from jupyterlab_clusters.profiles import models

from .conftest import read

JSON = "ipcluster_config.json"


def test_names(profiles, profile, ipython_dir):
    assert profiles.names() == ["default"]
    for name in ("zeta", "alpha", "default", "a.b-c_D1"):
        profile(name, {})
    (ipython_dir / "profile_a_file").write_text("")
    for folder in ("profile_", "profile_.hidden", "profile_with space", "profile_" + "x" * 65, "extensions"):
        (ipython_dir / folder).mkdir()
    assert profiles.names() == ["default", "a.b-c_D1", "alpha", "zeta"]


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "a/b", "a b", "ä", "x" * 65, "a\n", "a\0"])
def test_no_other_names(profiles, name):
    for use in (profiles.path, profiles.model, profiles.create, lambda n: profiles.write(n, {})):
        with pytest.raises(BadInput) as refusal:
            use(name)
        assert refusal.value.field == "profile"


def test_created_as_by_ipython(profiles, ipython_dir, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    text = (
        "import sys; from IPython.core.profiledir import ProfileDir as P; P.create_profile_dir_by_name(*sys.argv[1:])"
    )
    subprocess.run([sys.executable, "-c", text, str(theirs), "new"], check=True, timeout=60)
    assert profiles.create("new") is True
    assert profiles.create("new") is False

    def tree(folder):
        return {str(f.relative_to(folder)): stat.S_IMODE(f.stat().st_mode) for f in folder.rglob("*")}

    assert tree(ipython_dir / "profile_new") == tree(theirs / "profile_new")
    assert profiles.names() == ["default", "new"]


def test_a_profile_that_cannot_be_created(profiles, ipython_dir):
    ipython_dir.parent.mkdir(exist_ok=True)
    ipython_dir.write_text("in the way")
    with pytest.raises(CannotNow) as refusal:
        profiles.create("new")
    assert refusal.value.reason == "not-writable"


def test_what_is_written_is_read(profiles, ipython_dir):
    assert profiles.write("new", {"Cluster.n": 4, "Cluster.engine_launcher_class": "MPI"}) is True
    assert profiles.write("new", {"Cluster.n": 5, "SlurmLauncher.queue": "größe"}) is False
    assert read(profiles, "new").launcher == "mpi"
    assert profiles.settings("new") == {
        "Cluster.n": 5,
        "Cluster.engine_launcher_class": "MPI",
        "SlurmLauncher.queue": "größe",
    }
    assert json.loads((ipython_dir / "profile_new" / JSON).read_text())["version"] == 1


def test_unknown_content_and_the_file_itself_are_kept(profiles, profile, tmp_path):
    folder = profile("p", {})
    elsewhere = tmp_path / "dotfiles.json"
    before = {"Zeta": {"b": [1, {"c": None}], "a": 1}, "odd": "kept", "Cluster": {"n": 1, "delay": 2}}
    elsewhere.write_text(json.dumps(before))
    elsewhere.chmod(0o640)
    (folder / JSON).symlink_to(elsewhere)
    assert profiles.write("p", {"Cluster.n": 3}) is False
    assert (folder / JSON).is_symlink() and stat.S_IMODE(elsewhere.stat().st_mode) == 0o640
    after = json.loads(elsewhere.read_text())
    assert after == {**before, "Cluster": {"n": 3, "delay": 2}, "version": 1}
    assert list(after)[:3] == ["Zeta", "odd", "Cluster"]
    assert os.listdir(folder) == [JSON] or sorted(os.listdir(folder)) == [JSON, "log", "pid", "security", "startup"]
    assert os.listdir(tmp_path).count("dotfiles.json") == 1 and not [
        f for f in os.listdir(tmp_path) if f.startswith(".")
    ]


def test_null_removes(profiles, ipython_dir):
    profiles.write("p", {"Cluster.n": 4, "Cluster.delay": 1, "SlurmLauncher.queue": "short"})
    profiles.write("p", {"Cluster.n": None, "SlurmLauncher.queue": None, "Never.there": None})
    assert json.loads((ipython_dir / "profile_p" / JSON).read_text()) == {"Cluster": {"delay": 1}, "version": 1}


@pytest.mark.parametrize(
    "name", ["n", "Cluster", "Cluster.", ".n", "Cluster.n.m", "Cluster.n m", "1.n", "Ä.n", "A.n\n", ""]
)
def test_names_of_settings(profiles, ipython_dir, name):
    with pytest.raises(BadInput) as refusal:
        profiles.write("p", {"Cluster.n": 1, name: 1})
    assert refusal.value.field == name
    assert not (ipython_dir / "profile_p" / JSON).exists(), "not the good half either"


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\udcff"])
def test_what_is_not_json_is_not_written(profiles, ipython_dir, value):
    with pytest.raises(BadInput):
        profiles.write("p", {"Cluster.n": value})
    assert not (ipython_dir / "profile_p" / JSON).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"Cluster": 5}', b"\xff"])
def test_a_broken_file_is_left_to_its_owner(profiles, profile, text):
    folder = profile("p", {JSON: text})
    before = (folder / JSON).read_bytes()
    with pytest.raises(WrongState) as refusal:
        profiles.write("p", {"Cluster.n": 1})
    assert refusal.value.reason == "profile-broken"
    assert (folder / JSON).read_bytes() == before


@pytest.fixture
def tiny_disk(ipython_dir):
    """A real file system of 64 KiB."""
    folder = ipython_dir / "profile_p"
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount here: {mounted.stderr!r}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_file_as_it_was(profiles, tiny_disk):
    profiles.write("p", {"Cluster.n": 1})
    before = (tiny_disk / JSON).read_bytes()
    with pytest.raises(CannotNow) as refusal:
        profiles.write("p", {"Cluster.engine_args": ["x" * 100_000]})
    assert refusal.value.reason == "disk-full"
    assert (tiny_disk / JSON).read_bytes() == before
    assert sorted(os.listdir(tiny_disk)) == [JSON, "log", "pid", "security", "startup"], "nothing is left lying about"


def test_the_names_of_launchers_are_the_contracts():
    assert get_args(models.LauncherName) == get_args(base.LauncherName)


TEMPLATE = """
c = get_config()
c.Cluster.engine_launcher_class = "slurm"
c.SlurmEngineSetLauncher.queue = "short"
c.SlurmEngineSetLauncher.batch_template = "#!/bin/sh"
"""


async def test_choices_are_kept_in_the_profile(profiles):
    options = {"hosts": [{"host": "node1", "engines": 2}], "login_script": "/l"}
    assert profiles.write("kept", {"Cluster.n": 2}, "ssh", options)
    await profiles.refresh("kept", anew=True)
    model = profiles.model("kept")
    assert (model.launcher, model.options, model.as_written) == ("ssh", options, None)
    assert profiles.settings("kept")["SSHEngineSetLauncher.engines"] == {"node1": 2}


async def test_a_template_that_nothing_was_added_to_stays(profiles, profile):
    profile("t", {"ipcluster_config.py": TEMPLATE})
    await profiles.refresh("t")
    assert profiles.model("t").as_written and profiles.model("t").options == {"partition": "short"}
    profiles.write("t", {}, "slurm", {"partition": "short"})
    await profiles.refresh("t", anew=True)
    assert profiles.settings("t")["SlurmEngineSetLauncher.batch_template"] == "#!/bin/sh"


async def test_other_choices_replace_a_template_and_empty_what_was_taken_away(profiles, profile):
    profile("t", {"ipcluster_config.py": TEMPLATE})
    await profiles.refresh("t")
    profiles.write("t", {}, "slurm", {"time": "5"})
    await profiles.refresh("t", anew=True)
    model = profiles.model("t")
    assert (model.options, model.as_written) == ({"time": "5"}, None)
