"""What profiles that people have are understood to ask for, and that what is written is read as it was chosen."""

from __future__ import annotations

import jsonschema
import pytest

from jupyterlab_clusters.launchers import catalog
from jupyterlab_clusters.launchers.asked import OWN, asked, options_of, settings_of
from jupyterlab_clusters.launchers.base import LauncherName

ENGINES = "Cluster.engine_launcher_class"


@pytest.mark.parametrize(
    ("name", "launcher"),
    [
        (None, "local"),
        ("local", "local"),
        ("Slurm", "slurm"),
        ("SSH", "ssh"),
        ("sshproxy", "ssh"),
        ("mpi", "mpi"),
        ("ipyparallel.cluster.launcher.SSHProxyEngineSetLauncher", "ssh"),
        ("ipyparallel.cluster.launcher.SlurmEngineSetLauncher", "slurm"),
        ("SlurmEngineSetLauncher", "slurm"),
        ("pbs", "stock"),
        ("mine.SlurmEngineSetLauncher", "stock"),
        (7, "stock"),
    ],
)
def test_where_the_engines_run(name, launcher):
    settings = {"Cluster.controller_launcher_class": "ssh"}
    if name is not None:
        settings[ENGINES] = name
    assert asked(settings).launcher == launcher


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (
            {
                ENGINES: "ssh",
                "SSHEngineSetLauncher.engines": {
                    "node1": 2,
                    "me@node2:2222": {"n": 4, "engine_args": ["--log-level=10"]},
                    "node3": {"n": 1, "engine_cmd": ["/opt/py/bin/python", "-m", "ipyparallel.engine"]},
                },
                "SSHLauncher.remote_profile_dir": ".ipython/profile_there",
                "Cluster.controller_ip": "*",
            },
            {
                "hosts": [
                    {"host": "node1", "engines": 2},
                    {"host": "me@node2:2222", "engines": 4, "engine_args": ["--log-level=10"]},
                    {"host": "node3", "engines": 1, "python": "/opt/py/bin/python"},
                ],
                "profile_dir": "~/.ipython/profile_there",
                "reach": "direct",
            },
        ),
        (
            {ENGINES: "MPI", "MPILauncher.mpi_cmd": ["mpirun", "--bind-to", "core"], "MPILauncher.mpi_args": ["-v"]},
            {"mpiexec": "mpirun --bind-to core", "mpi_args": ["-v"]},
        ),
        (
            {
                ENGINES: "slurm",
                "SlurmEngineSetLauncher.queue": "short",
                "SlurmLauncher.timelimit": 10,
                "SlurmLauncher.account": "physics",
                "SlurmLauncher.options": "--mem=4G --exclusive",
            },
            {"partition": "short", "time": "10", "account": "physics", "extra": ["--mem=4G", "--exclusive"]},
        ),
        (
            {
                "LocalEngineSetLauncher.delay": 0.5,
                "LocalEngineSetLauncher.engine_args": ["--log-level=10"],
                "EngineLauncher.environment": {"A": 1},
                "Cluster.controller_args": ["--nodb"],
            },
            {"engine_args": ["--log-level=10"], "environment": {"A": "1"}, "controller_args": ["--nodb"]},
        ),
    ],
    ids=["ssh", "mpi", "slurm", "local"],
)
def test_what_our_launchers_can_do_they_do(settings, options):
    found = asked(settings)
    assert (found.options, found.as_written) == (options, None)
    known = {name for name, value in options.items() if name != "hosts"}
    assert known <= set(catalog.options_of(found.launcher)["properties"])


@pytest.mark.parametrize(
    ("settings", "because"),
    [
        (
            {ENGINES: "slurm", "SlurmEngineSetLauncher.batch_template": "#!/bin/sh"},
            "SlurmEngineSetLauncher.batch_template",
        ),
        ({ENGINES: "slurm", "BatchSystemLauncher.submit_command": ["qsub"]}, "BatchSystemLauncher.submit_command"),
        ({ENGINES: "sshproxy"}, "ipcluster on the other machine"),
        ({ENGINES: "ssh", "SSHLauncher.ssh_args": ["-4"]}, "SSHLauncher.ssh_args"),
        ({ENGINES: "ssh", "SSHEngineSetLauncher.engines": {"a": {"n": 1, "engine_cmd": ["x"]}}}, "engine_cmd"),
        ({ENGINES: "ssh", "SSHEngineSetLauncher.engines": {"a": {"n": 1, "user": "me"}}}, "user"),
        ({ENGINES: "ssh", "SSHEngineSetLauncher.engines": {"-oProxyCommand=x": 1}}, "no name of a host"),
        ({ENGINES: "mpi", "EngineLauncher.engine_cmd": ["my-engine"]}, "EngineLauncher.engine_cmd"),
        ({"Cluster.controller_launcher_class": "ssh"}, "'ssh' for the controller"),
        ({ENGINES: "ssh", "Cluster.controller_launcher_class": "ssh"}, "no host for the controller"),
        (
            {
                ENGINES: "slurm",
                "Cluster.controller_launcher_class": "slurm",
                "SlurmControllerLauncher.batch_template_file": "/t",
            },
            "SlurmControllerLauncher.batch_template_file",
        ),
        ({"LocalControllerLauncher.controller_cmd": ["mine"]}, "LocalControllerLauncher.controller_cmd"),
        ({ENGINES: "pbs"}, "'pbs' for the engines"),
    ],
)
def test_what_they_cannot_is_run_as_written_and_told_why(settings, because):
    assert because in (asked(settings).as_written or "")


CHOSEN = [
    ("local", {"threads": 2, "environment": {"A": "b"}, "engine_args": ["--log-level=10"]}),
    ("mpi", {"mpiexec": "mpirun -v", "hostfile": "/h", "mpi_args": ["--oversubscribe"], "python": "/p"}),
    ("ssh", {"hosts": [{"host": "a", "engines": 2, "python": "/p"}], "reach": "direct", "login_script": "/l"}),
    ("ssh", {"hosts": [{"host": "a", "engines": 2}], "controller": "me@b"}),
    ("slurm", {"partition": "short", "time": "10"}),
    ("slurm", {"partition": "short", "controller": "job", "controller_time": "60"}),
    (
        "slurm",
        {
            "partition": "short",
            "nodes": 2,
            "memory": "4G",
            "cpus_per_engine": 2,
            "set_up": ['export A="${B}"'],
            "extra": ["-x"],
        },
    ),
]


@pytest.mark.parametrize(("launcher", "options"), CHOSEN)
def test_what_is_written_is_read_as_it_was_chosen(launcher, options):
    jsonschema.validate(options, catalog.options_of(launcher))
    settings = {name: value for name, value in settings_of(launcher, options).items() if value is not None}
    assert asked(settings) == (found := asked(settings)) and found.options == options
    assert (found.launcher, found.as_written) == (launcher, None)


@pytest.mark.parametrize(("launcher", "options"), CHOSEN)
def test_a_hand_that_changes_the_file_has_the_last_word(launcher, options):
    settings = {name: value for name, value in settings_of(launcher, options).items() if value is not None}
    if launcher == "slurm":
        settings["SlurmEngineSetLauncher.queue"] = "long"
        found = asked(settings)
        assert found.options["partition"] == "long"
        # A template that nobody checked against the options is used as it stands.
        assert (found.as_written is None) == ("SlurmEngineSetLauncher.batch_template" not in settings)
    else:
        settings["EngineLauncher.environment"] = {"NEW": "1"}
        settings[f"{launcher.upper() if launcher != 'local' else 'Local'}EngineSetLauncher.environment"] = {"NEW": "1"}
        assert options_of(launcher, settings)["environment"] == {"NEW": "1"}
    assert f"{OWN}.{launcher}" in settings


def test_a_template_says_what_was_chosen_and_leaves_bash_its_braces():
    from ipyparallel.cluster.launcher import SlurmEngineSetLauncher

    options = CHOSEN[-1][1]
    template = settings_of("slurm", options)["SlurmEngineSetLauncher.batch_template"]
    launcher = SlurmEngineSetLauncher(cluster_id="x", profile_dir="/p", batch_template=template)
    launcher.context["n"] = 3
    text = launcher.formatter.format(template, **launcher.context)
    for line in ("--ntasks=3", "--partition=short", "--nodes=2", "--mem-per-cpu=2048M", "--cpus-per-task=2", "-x"):
        assert f"#SBATCH {line}\n" in text
    assert '\nexport A="${B}"\nsrun ' in text


@pytest.mark.parametrize("launcher", ["local", "ssh", "mpi", "slurm"])
@pytest.mark.parametrize("chosen", [True, False])
def test_encryption_is_written_so_that_ipcluster_does_the_same(launcher: LauncherName, chosen: bool) -> None:
    options = {"enable_curve": chosen, "controller_args": ["--nodb"]}
    written = {name: value for name, value in settings_of(launcher, options).items() if value is not None}
    assert written["Cluster.controller_args"] == [f"--IPController.enable_curve={chosen}", "--nodb"]
    assert options_of(launcher, written) == options
