"""The batch script: what was asked for, and no line that was not."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterlab_clusters.launchers.slurm.script import Shape, bytes_of, script, shape

DIALER = ["/opt/a python/bin/python", "-c", "print('it''s me')", "/home/me/node.key"]


def made(options: dict[str, Any], name: str = "ipp-x", log: str = "/home/me/job.log") -> list[str]:
    return script(name, log, Shape(2, 4), options, DIALER).splitlines()


def test_everything_that_can_be_asked_for() -> None:
    lines = made(
        {
            "partition": "short,long",
            "account": "physics",
            "qos": "high",
            "reservation": "course_1",
            "time": "1-02:30",
            "cpus_per_engine": 2,
            "memory": "1500M",
            "gpus": "a100:2",
            "constraint": "[rack1|rack2]&ib",
            "extra": ["--exclusive", "#SBATCH --mail-user=me@example.org"],
            "set_up": ["module load python", 'source "$HOME/env/bin/activate"'],
        }
    )
    assert lines[:-1] == [
        "#!/bin/bash",
        "#SBATCH --job-name=ipp-x",
        '#SBATCH --output="/home/me/job.log"',
        "#SBATCH --open-mode=append",
        "#SBATCH --no-requeue",
        "#SBATCH --nodes=2",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --partition=short,long",
        "#SBATCH --account=physics",
        "#SBATCH --qos=high",
        "#SBATCH --reservation=course_1",
        "#SBATCH --time=1-02:30",
        '#SBATCH --constraint="[rack1|rack2]&ib"',
        "#SBATCH --mem=6000M",
        "#SBATCH --gpus-per-node=a100:2",
        "#SBATCH --exclusive",
        "#SBATCH --mail-user=me@example.org",
        "module load python",
        'source "$HOME/env/bin/activate"',
    ]
    words = shlex.split(lines[-1])
    assert words[:2] == ["exec", "srun"] and words[-4:] == DIALER
    assert "--cpus-per-task=8" in words and "--nodes=2" in words


CHOSEN = ["partition", "account", "qos", "reservation", "time", "memory", "gpus", "constraint"]
NASTY = st.one_of(
    st.text(min_size=1, max_size=30),
    st.text(alphabet="ab1,:;\n\r\t #'\"\\$`&|()[]{}<>-=\u2028\x85\x0b\x0c\x00", min_size=1, max_size=30),
    st.sampled_from(["long\n", "long\n#SBATCH --x", "a b", "$(id)", "a;b", "--wrap=x", "4\n", "1:00\r\n"]),
)


@given(option=st.sampled_from(CHOSEN), value=NASTY)
def test_no_value_adds_a_line_or_a_word(option: str, value: str) -> None:
    plain = made({})
    try:
        lines = made({option: value})
    except ValueError:
        return
    assert len(lines) == len(plain) + 1
    assert [line for line in lines if line in plain] == plain
    (new,) = (line for line in lines if line not in plain)
    assert len(shlex.split(new.removeprefix("#SBATCH "), comments=True)) == 1


@given(line=NASTY, where=st.sampled_from(["extra", "set_up"]))
def test_a_line_of_ones_own_is_one_line(line: str, where: str) -> None:
    plain = script("ipp-x", "/l", Shape(1, 1), {}, DIALER).split("\n")
    try:
        text = script("ipp-x", "/l", Shape(1, 1), {where: [line]}, DIALER)
    except ValueError:
        return
    assert len(text.splitlines()) == len(text.split("\n")) - 1 == len(plain)


@given(log=NASTY, name=NASTY)
def test_neither_do_name_and_path(log: str, name: str) -> None:
    try:
        lines = made({}, name, "/" + log)
    except ValueError:
        return
    assert len(lines) == len(made({}))


BREAK = ["--array=1-9", "--wrap=x", "-a 1", "--output=/x", "--job-name=y", "no-dash", ""]
# sbatch takes long options cut short, short ones in a bunch, and several on a line.
HIDDEN = ["--arr=1-9", "--wra x", "--out=/x", "-Ha1-9", "-sJ x", "#SBATCH --w"]
HIDDEN += ["--exclusive --array=1-9", "--exclusive -o /x"]


@pytest.mark.parametrize("line", [*BREAK, *HIDDEN])
def test_lines_that_would_break_it(line: str) -> None:
    with pytest.raises(ValueError):
        made({"extra": [line]})


@pytest.mark.parametrize("line", ["--wait-all-nodes=1", "-A account", "-Aphysics", "--comment=--array", "-H"])
def test_lines_that_only_look_like_it(line: str) -> None:
    assert f"#SBATCH {line}" in made({"extra": [line]})


def test_bash_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "job.sh"
    path.write_text("\n".join(made({"set_up": ["export A=b"]})) + "\n")
    assert subprocess.run(["bash", "-n", path]).returncode == 0


@pytest.mark.parametrize(
    "engines, options, cpus, expected",
    [
        (6, {}, 8, Shape(1, 6)),
        (9, {}, 8, Shape(2, 5)),
        (6, {"nodes": 3}, 8, Shape(3, 2)),
        (2, {"nodes": 3}, 8, Shape(2, 1)),
        (5, {"nodes": 3}, 8, Shape(3, 2)),
        (6, {"engines_per_node": 4}, 8, Shape(2, 4)),
        (2, {"engines_per_node": 4, "nodes": 3}, 8, Shape(3, 4)),
        (6, {"cpus_per_engine": 4}, 8, Shape(3, 2)),
        (1, {"cpus_per_engine": 9}, 8, Shape(1, 1)),
        (6, {}, None, Shape(1, 6)),
    ],
)
def test_how_many_nodes(engines: int, options: dict[str, Any], cpus: int | None, expected: Shape) -> None:
    assert shape(engines, options, cpus) == expected


def test_memory() -> None:
    assert [bytes_of(text) for text in ("1", "1K", "2M", "3G")] == [1 << 20, 1 << 10, 2 << 20, 3 << 30]
