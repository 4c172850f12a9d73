"""A batch template for ipyparallel's SlurmLauncher that asks for what a person chose here.

Promise: pure. Only what its own template cannot say makes one necessary.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from ..slurm.script import UNITS, bytes_of

NEEDS = (
    "reservation",
    "nodes",
    "engines_per_node",
    "cpus_per_engine",
    "memory",
    "gpus",
    "constraint",
    "extra",
    "set_up",
)


def of(options: Mapping[str, Any]) -> str | None:
    """None when ipyparallel's own template will do."""
    if not any(options.get(name) for name in NEEDS if not (name == "cpus_per_engine" and options.get(name) == 1)):
        return None
    lines = ["--export=ALL", "--job-name=ipengine-{cluster_id}", "--output={output_file}", "--ntasks={n}"]
    lines += [f"--{flag}={_plain(str(options[name]))}" for name, flag in FLAGS.items() if options.get(name)]
    if memory := options.get("memory"):
        width = int(options.get("cpus_per_engine") or 1)
        lines.append(f"--mem-per-cpu={ceil(_bytes(str(memory)) / width / UNITS['M'])}M")
    lines += [_plain(str(line)) for line in options.get("extra") or ()]
    header = [f"#SBATCH {line}" for line in lines]
    set_up = [_plain(str(line)) for line in options.get("set_up") or ()]
    return "\n".join(["#!/bin/bash", *header, *set_up, "srun {program_and_args}", ""])


FLAGS = {
    "partition": "partition",
    "account": "account",
    "qos": "qos",
    "time": "time",
    "reservation": "reservation",
    "nodes": "nodes",
    "engines_per_node": "ntasks-per-node",
    "cpus_per_engine": "cpus-per-task",
    "gpus": "gpus-per-node",
    "constraint": "constraint",
}


def _bytes(memory: str) -> int:
    try:
        return bytes_of(memory)
    except ValueError:
        return 0  # refused by the launcher's own check, with its reason


def _plain(text: str) -> str:
    """A template takes braces for its own."""
    return text.replace("{", "{{").replace("}", "}}")
