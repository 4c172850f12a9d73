"""Whatever a person types stays what it is: one argument, one line, one word, on its way through every real shell."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyterlab_clusters.cluster.options import checked
from jupyterlab_clusters.errors import BadInput
from jupyterlab_clusters.launchers import catalog
from jupyterlab_clusters.launchers.base import LauncherName, Plan
from jupyterlab_clusters.launchers.commandline import controller_argv, engine_args
from jupyterlab_clusters.launchers.mpi import mpiexec
from jupyterlab_clusters.launchers.slurm.script import Shape, script
from jupyterlab_clusters.launchers.ssh.connection import begun
from jupyterlab_clusters.launchers.ssh.hosts import Host
from jupyterlab_clusters.launchers.ssh.parcel import BOOT

#: No program can be given a NUL.
TYPED = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.text(alphabet="ab1 ,:;\n\r\t#'\"\\$`&|()[]{}<>-=*?!~%^", min_size=1, max_size=40),
    st.sampled_from(["$(touch x)", "`id`", "a; id", "a\nid", "'; id; '", "-oProxyCommand=id", "#SBATCH --x", "${IFS}"]),
)
#: A few dozen shells for each property, the same ones each time.
FEW = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY = settings(FEW, max_examples=300)

PLAN = Plan(key="p:", profile="p", profile_dir=Path("/p"), cluster_id="", log_dir=Path("/l"))


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of programs that print what they were given."""
    folder = tmp_path_factory.mktemp("tools")
    for name in ("srun", "told"):
        (folder / name).write_text('#!/bin/sh\\nprintf "%s\\\\0" "$@"\\n'.replace("\\n", "\n").replace("\\\\0", "\\0"))
        (folder / name).chmod(0o755)
    return folder


def said(argv: list[str], tools: Path, text: str | None = None) -> list[str]:
    """What the program at the end of a shell was given."""
    env = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(tools), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(argv, input=text and text.encode(), capture_output=True, env=env, cwd=tools, timeout=20)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tools.iterdir() if path.suffix != ".sh") == ["srun", "told"], "something ran"
    return done.stdout.decode().split("\0")[:-1]


@FEW
@given(python=TYPED, key_file=TYPED)
def test_a_batch_script_in_a_real_bash(tools: Path, python: str, key_file: str) -> None:
    dialer = [python, "-c", "print('it''s me')", key_file]
    text = script("ipp-x", "/l/job.log", Shape(1, 1), {}, dialer)
    assert said(["bash", "-n"], tools, text) == []
    assert said(["bash"], tools, text)[-len(dialer) :] == dialer


@FEW
@given(line=TYPED)
def test_a_set_up_line_does_not_run_into_the_next(tools: Path, line: str) -> None:
    # It is a line of bash, and may do what it says; but what follows is what it was.
    try:
        text = script("ipp-x", "/l/job.log", Shape(1, 1), {"set_up": [f": {shlex.quote(line)}"]}, ["told"])
    except ValueError:
        return
    assert said(["bash"], tools, text)[-1] == "told"


@FEW
@given(word=TYPED)
def test_a_command_for_another_machine_in_its_shell(tools: Path, word: str) -> None:
    # sshd gives one string to the shell of the account.
    for shell in ("sh", "bash"):
        command = begun(f"{tools / 'told'} {shlex.quote(word)}", None)
        assert said([shell, "-c", command], tools) == [word, "-c", BOOT]


@FEW
@given(name=TYPED)
def test_a_login_script_of_any_name(tools: Path, name: str) -> None:
    path = tools / f"{name.replace('/', '')[:60].encode()[:200].decode(errors='ignore')}.sh"
    path.write_text("export SEEN=yes\n")
    try:
        assert said(["sh", "-c", begun(f"{tools / 'told'} word", str(path))], tools) == ["word", "-c", BOOT]
    finally:
        path.unlink()


@MANY
@given(words=st.lists(TYPED, max_size=3))
def test_arguments_stay_arguments(words: list[str]) -> None:
    plan = replace(PLAN, options={"engine_args": words, "controller_args": words, "mpi_args": words})
    for argv in (engine_args(plan, "s0-x"), controller_argv(plan)):
        assert argv[len(argv) - len(words) :] == words
    ranks = mpiexec.argv(plan, 2, "openmpi")
    assert ranks[3 : 3 + len(words)] == words
    assert not words or shlex.split(shlex.join(ranks)) == ranks


@MANY
@given(program=TYPED, hostfile=TYPED, python=TYPED)
def test_programs_and_files_of_mpi(program: str, hostfile: str, python: str) -> None:
    options = {"mpiexec": shlex.quote(program), "hostfile": "/" + hostfile, "python": python}
    argv = mpiexec.argv(replace(PLAN, options=options), 2, "hydra")
    assert argv[:6] == [program, "-n", "2", "-f", "/" + hostfile, python]


@MANY
@given(name=TYPED)
def test_a_host_is_never_an_option_of_ssh(name: str) -> None:
    try:
        words = Host(name, 1).destination()
    except ValueError:
        return
    *options, dashes, host = words
    assert dashes == "--" and not host.startswith("-") and len(shlex.split(host)) == 1
    assert options == [] or (options[0] == "-p" and options[1].isdigit())


#: Something that fits, for each option that has a pattern.
FIT: dict[str, Any] = {
    **dict.fromkeys(("partition", "account", "qos", "reservation", "constraint", "controller_partition"), "short"),
    **dict.fromkeys(("time", "controller_time", "gpus", "job_id"), "7"),
    "memory": "4G",
    "controller": "host",
}


def strings(form: dict[str, Any], where: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The way to each text with a pattern."""
    if form.get("type") == "string":
        return [where] if "pattern" in form else []
    inner = {**form.get("properties", {}), **({"*": form["items"]} if "items" in form else {})}
    return [found for name, one in inner.items() for found in strings(one, (*where, name))]


PATTERNS = [(name, way) for name in catalog.TITLES for way in strings(catalog.options_of(name))]


@pytest.mark.parametrize(("launcher", "way"), PATTERNS, ids=[f"{name} {'.'.join(way)}" for name, way in PATTERNS])
@pytest.mark.parametrize("end", ["\n", "\r", "\n#SBATCH --x", "\x00", "\u2028"])
def test_no_option_of_the_form_takes_the_end_of_a_line(launcher: LauncherName, way: tuple[str, ...], end: str) -> None:
    needed: dict[str, Any] = {"hosts": [{"host": "a"}]} if launcher == "ssh" else {}
    name = way[0]
    given = FIT.get(name, "x") if launcher == "slurm" or name != "controller" else "host"
    if name == "extra":
        given = "--exclusive"

    def chosen(text: str) -> dict[str, Any]:
        if way == ("hosts", "*", "host"):
            return {"hosts": [{"host": text}]}
        return {**needed, name: [text] if "*" in way else text}

    checked(launcher, chosen(given))
    with pytest.raises(BadInput) as refused:
        checked(launcher, chosen(given + end))
    assert str(refused.value.field).startswith(f"options.{name}")


@pytest.mark.parametrize("name", ["A\n", "A B", "A=B", "1A", "", "A\0", "-A"])
def test_names_of_environment_variables(name: str) -> None:
    with pytest.raises(BadInput):
        checked("local", {"environment": {name: "x"}})
    checked("local", {"environment": {"PLAIN_1": "any\nthing"}})


def test_the_interpreter_is_ours() -> None:
    assert controller_argv(PLAN)[0] == sys.executable
