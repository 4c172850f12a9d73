"""What may be chosen for a Slurm queue, with what this site's Slurm is known to have.

Promise: asks nobody and waits for nobody; choices are suggestions, as a site may
hide a partition from a list and still take jobs for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from . import accounts, facts
from .script import CONSTRAINT, EXTRA, GPUS, MEMORY, NAME, SET_UP, TIME


def slurm_options(common: Mapping[str, Any], allowed: Sequence[str] | None = None) -> dict[str, Any]:
    """JSON schema; ``common`` = what goes for engines anywhere, ``allowed`` = partitions of the site's choice."""
    known, mine = facts.known(os.environ), accounts.known(os.environ)
    features = sorted({feature for one in known.partitions for feature in one.features})
    shown = [one for one in known.partitions if allowed is None or one.name in allowed]
    names = [one.name for one in shown] if allowed is None else list(allowed)
    rule = "Empty: the default." if allowed is None else f"This site allows {', '.join(allowed)}; empty: the first."
    described = "; ".join(one.described() for one in shown[:20])
    return {
        "type": "object",
        "additionalProperties": False,
        "x-open": True,
        "properties": {
            "partition": _name("Partition", f"{rule} {described}".strip(), names),
            "account": _name("Account", "Empty: your default.", mine.accounts),
            "qos": _name("QOS", "Quality of service; empty: your default.", mine.qos),
            "reservation": _name("Reservation", "", ()),
            "time": _text("Time limit", TIME, "Minutes, hours:minutes:seconds or days-hours; empty: the partition's."),
            "nodes": _number("Nodes", "How many at least; empty: as many as the engines need.", 10_000),
            "engines_per_node": _number("Engines per node", "Empty: spread evenly over the nodes.", 10_000),
            "cpus_per_engine": {**_number("Processors per engine", "", 1024), "default": 1},
            "memory": _text("Memory per engine", MEMORY, "For example 4G; empty: the partition's default."),
            "gpus": _text("GPUs per node", GPUS, "A number, or type:number."),
            "constraint": {
                **_text("Constraint", CONSTRAINT, "Features that nodes must have."),
                **({"examples": features} if features else {}),
            },
            "extra": _lines("More #SBATCH lines", EXTRA, "Each as it stands after #SBATCH, for example --exclusive."),
            "set_up": _lines("Set-up lines", SET_UP, "Run by bash in the job, for example module load python."),
            "job_id": _text(
                "Allocation to join",
                "[1-9][0-9]{0,11}",
                "Number of a job of yours that runs; empty: submit jobs, or join the one JupyterLab runs in.",
            ),
            "controller": {
                "type": "string",
                "title": "Where the controller runs",
                "description": "In a job it survives this machine; nodes must then be reachable from here.",
                "oneOf": [
                    {"const": "here", "title": "On the machine of the Jupyter server"},
                    {"const": "job", "title": "In a job of its own"},
                ],
                "default": "here",
            },
            "controller_partition": _name(
                "Partition of the controller's job",
                "Empty: as for the engines.",
                names,
            ),
            "controller_time": _text(
                "Time limit of the controller's job",
                TIME,
                "Empty: as for the engines. It should outlive them: it begins to run before they do.",
            ),
            "python": {
                "type": "string",
                "title": "Python on the nodes",
                "description": "Empty: that of the Jupyter server.",
                "maxLength": 4096,
            },
            **common,
        },
    }


def _text(title: str, pattern: str, description: str) -> dict[str, Any]:
    # In JSON schema's regular expressions an inner bracket must be written out.
    plain = pattern.replace("[][", r"[\]\[").replace(r"\[[][", r"\[[\]\[")
    return {
        "type": "string",
        "title": title,
        "description": description,
        "pattern": f"^(?:{plain})?$",
        "maxLength": 255,
    }


def _name(title: str, description: str, choices: Any) -> dict[str, Any]:
    found = _text(title, NAME, description)
    return {**found, "examples": list(choices)} if choices else found


def _number(title: str, description: str, most: int) -> dict[str, Any]:
    return {"type": "integer", "title": title, "description": description, "minimum": 1, "maximum": most}


def _lines(title: str, pattern: str, description: str) -> dict[str, Any]:
    item = {"type": "string", "pattern": f"^{pattern}$", "maxLength": 4000}
    return {"type": "array", "title": title, "description": description, "items": item, "maxItems": 100}
