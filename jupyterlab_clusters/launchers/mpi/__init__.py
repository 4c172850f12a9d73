"""Engines as the ranks of one MPI program."""

from .launcher import CAPABILITIES, MpiLauncher

__all__ = ["CAPABILITIES", "MpiLauncher"]
