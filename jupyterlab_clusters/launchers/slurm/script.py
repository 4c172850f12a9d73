"""The batch script of one job, from what a person chose.

Promise: pure; every value is checked by a pattern before it becomes a line, so
that none can add a line or an option of its own. Holds no secret: the key that
nodes need travels in a file.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

#: Partition, account, QOS, reservation; partitions may be several, with commas between.
NAME = r"[A-Za-z0-9_][A-Za-z0-9_.,+@-]{0,254}"
TIME = r"(?:[0-9]{1,7}|[0-9]{1,5}:[0-9]{1,2}(?::[0-9]{1,2})?|[0-9]{1,4}-[0-9]{1,2}(?::[0-9]{1,2}){0,2}|UNLIMITED)"
MEMORY = r"[0-9]{1,9}[KMGT]?"
GPUS = r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}:)?[0-9]{1,4}"
CONSTRAINT = r"[A-Za-z0-9_][][A-Za-z0-9_.()&|*,:+-]{0,254}|\[[][A-Za-z0-9_.()&|*,:+-]{0,254}"
#: One option of sbatch as it stands after ``#SBATCH``.
EXTRA = r"--?[A-Za-z][^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,999}"
#: One line of bash.
SET_UP = r"[^\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]{0,4000}"

#: What must fit, with the name that a person knows it by.
CHECKED = {
    "partition": (NAME, "partition"),
    "account": (NAME, "account"),
    "qos": (NAME, "QOS"),
    "reservation": (NAME, "reservation"),
    "time": (TIME, "time limit"),
    "constraint": (CONSTRAINT, "constraint"),
}

#: What the controller's job has in common with that of the engines.
SHARED = ("partition", "account", "qos", "reservation", "time", "set_up")

#: What would change how the job is read or found again.
OURS = ("array", "wrap", "parsable", "wait", "output", "job-name", "test-only"), "aWoJ"
#: Short options of sbatch that take no value, and so can stand before another one behind the same dash.
BARE = "hHIkOQsvVW"

UNITS = {"": 1 << 20, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True)
class Shape:
    """How many nodes a job takes, and how many engines fit on each."""

    nodes: int
    per_node: int

    @property
    def places(self) -> int:
        return self.nodes * self.per_node


def shape(engines: int, options: Mapping[str, Any], cpus_of_a_node: int | None) -> Shape:
    """For that many engines, spread evenly; without a word from the person, on as few nodes as hold them."""
    nodes, per_node = options.get("nodes"), options.get("engines_per_node")
    if per_node:
        return Shape(max(ceil(engines / per_node), int(nodes or 1)), int(per_node))
    if not nodes:
        fit = max(1, (cpus_of_a_node or engines) // int(options.get("cpus_per_engine") or 1))
        nodes = ceil(engines / fit)
    nodes = min(int(nodes), engines)
    return Shape(nodes, ceil(engines / nodes))


def cpus(shape: Shape, options: Mapping[str, Any]) -> int:
    """On each node."""
    return shape.per_node * int(options.get("cpus_per_engine") or 1)


def bytes_of(memory: str) -> int:
    """``4G`` as a number; a bare number is MB, as Slurm has it."""
    _checked(memory, MEMORY, "memory")
    return int(memory.rstrip("KMGT")) * UNITS[memory[len(memory.rstrip("KMGT")) :]]


def script(name: str, log: str, shape: Shape, options: Mapping[str, Any], dialer: Sequence[str]) -> str:
    """The text that is given to sbatch; ``dialer`` runs once on every node. Raises ValueError for a value that
    cannot be meant."""
    width = cpus(shape, options)
    lines = [
        f"--job-name={_checked(name, NAME, 'job name')}",
        f"--output={_path(log)}",
        "--open-mode=append",
        # Another run of the script would hold nodes without an engine on them.
        "--no-requeue",
        f"--nodes={shape.nodes}",
        "--ntasks-per-node=1",
        f"--cpus-per-task={width}",
        *chosen(shape, options),
    ]
    extra = [_extra(line) for line in options.get("extra", ())]
    set_up = [_checked(line, SET_UP, "set-up line") for line in options.get("set_up", ())]
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"#SBATCH {line}" for line in (*lines, *extra)),
            *set_up,
            f"exec {shlex.join(srun(shape.nodes, width, dialer))}",
            "",
        ]
    )


def chosen(shape: Shape, options: Mapping[str, Any]) -> list[str]:
    """Options of sbatch that a person set."""
    lines = []
    for option, (pattern, title) in CHECKED.items():
        if value := options.get(option):
            text = _checked(str(value), pattern, title)
            lines.append(f'--{option}="{text}"' if option == "constraint" else f"--{option}={text}")
    if memory := options.get("memory"):
        lines.append(f"--mem={ceil(bytes_of(str(memory)) * shape.per_node / UNITS['M'])}M")
    if gpus := options.get("gpus"):
        lines.append(f"--gpus-per-node={_checked(str(gpus), GPUS, 'number of GPUs')}")
    return lines


def of_controller(options: Mapping[str, Any]) -> dict[str, Any]:
    """What goes for the job of the controller: as for the engines, but for what was given for it alone."""
    shared = {name: options[name] for name in SHARED if options.get(name)}
    own = {name: options[f"controller_{name}"] for name in ("partition", "time") if options.get(f"controller_{name}")}
    return {**shared, **own}


def srun(nodes: int, width: int | None, dialer: Sequence[str], *more: str) -> list[str]:
    """One task a node with all its processors: a job step does not take over what the job asked for."""
    every = [f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    if width:
        every.append(f"--cpus-per-task={width}")
    # The engines of one node go on when the task of another ends.
    return ["srun", *more, *every, "--kill-on-bad-exit=0", "--wait=0", "--mpi=none", *dialer]


def _extra(line: str) -> str:
    text = _checked(line.strip().removeprefix("#SBATCH").strip(), EXTRA, "#SBATCH line")
    if names_option(text, *OURS):
        raise ValueError(f"The #SBATCH line {text!r} cannot be used here: it would change how the job is found again.")
    return text


def names_option(line: str, long: Sequence[str], short: str) -> bool:
    """Whether a #SBATCH line holds one of these options: sbatch takes several on a line, long ones also cut short, and
    short ones in a bunch."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    cut = [found[1] for word in words if (found := re.match(r"--([a-z][a-z-]*)", word))]
    bunch = re.compile(f"-[{BARE}]*[{short}]")
    return any(one.startswith(name) for name in cut for one in long) or any(map(bunch.match, words))


def _path(path: str) -> str:
    if re.search(r'[\x00-\x1f\x7f-\x9f"\\\u2028\u2029]', path):
        raise ValueError(f"The path {path!r} cannot be given to Slurm.")
    return '"' + path.replace("%", "%%") + '"'


def _checked(value: str, pattern: str, title: str) -> str:
    if re.fullmatch(pattern, value) is None:
        raise ValueError(f"{value!r} is no {title}.")
    return value
