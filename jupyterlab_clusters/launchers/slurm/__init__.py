"""Engines in jobs of a Slurm queue: an agent on each node, which dials back and forks them there."""

from .launcher import CAPABILITIES, SlurmLauncher

__all__ = ["CAPABILITIES", "SlurmLauncher"]
