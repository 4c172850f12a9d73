"""What one run of a cluster says to Slurm: names, paths, environment, commands and script.

Promise: pure; follows from the plan alone. No secret is in a command, a script
or an environment.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...host import start
from ..base import LaunchFailed, Plan
from ..commandline import environment
from .keys import NODE_FILE
from .script import Shape, of_controller, script, srun

#: What of Slurm's own variables is not of an allocation that the server itself runs in.
KEPT = ("SLURM_CONF", "SLURM_CLUSTERS", "SLURM_TIME_FORMAT")


@dataclass(frozen=True)
class Terms:
    """``run`` names this run of the cluster, which may not be the first."""

    plan: Plan
    run: str

    @property
    def folder(self) -> Path:
        """For keys and script; the nodes see it."""
        return self.plan.log_dir / "slurm"

    @property
    def log(self) -> Path:
        return self.plan.log_dir / "job.log"

    @property
    def group(self) -> str:
        """The name of this run at agents."""
        return f"{self.plan.key}@{self.run}"

    @property
    def job_name(self) -> str:
        """By it all jobs of this run are found, also one whose number we never heard."""
        return f"ipp-{re.sub('[^A-Za-z0-9_.-]', '-', self.plan.key).strip('-')}-{self.run}"

    @property
    def env(self) -> dict[str, str]:
        """For Slurm's commands, and by them for jobs."""
        env = environment(self.plan)
        return {name: value for name, value in env.items() if not name.startswith("SLURM_") or name in KEPT}

    @property
    def allocation(self) -> str | None:
        """The one to join, if any."""
        given = self.plan.options.get("job_id") or self.plan.environment.get("SLURM_JOB_ID")
        return str(given) if given else None

    @property
    def options(self) -> dict[str, Any]:
        """What was chosen; an empty field is none."""
        return {name: value for name, value in self.plan.options.items() if value not in ("", None)}

    @property
    def partition(self) -> str:
        return str(self.options.get("partition") or "")

    @property
    def leads(self) -> bool:
        """Whether the controller has a job of its own."""
        return self.allocation is None and self.plan.options.get("controller") == "job"

    @property
    def lead_options(self) -> dict[str, Any]:
        """For that job."""
        return of_controller(self.options)

    def script(self, wanted: Shape) -> str:
        """Raises :class:`LaunchFailed` for an option that cannot be meant."""
        return self._script(wanted, self.options)

    def lead_script(self) -> str:
        """That of the controller's job. Raises as :meth:`script`."""
        return self._script(Shape(1, 1), self.lead_options)

    def _script(self, wanted: Shape, options: dict[str, Any]) -> str:
        try:
            return script(self.job_name, str(self.log), wanted, options, self._dialer())
        except ValueError as error:
            raise LaunchFailed("submit", str(error), hint="Correct it in the options of this cluster.") from error

    def step(self, allocation: str, nodes: int, width: int | None) -> list[str]:
        """The command that puts an agent on every node of an allocation."""
        return srun(nodes, width, self._dialer(), f"--jobid={allocation}", "--overlap")

    def _dialer(self) -> list[str]:
        python = str(self.plan.options.get("python") or sys.executable)
        return [*start.program(python, "jupyterlab_clusters.host.dialer"), str(self.folder / NODE_FILE)]
