"""Engines on other machines, each reached by one connection of the person's own OpenSSH."""

from .launcher import CAPABILITIES, SshLauncher

__all__ = ["CAPABILITIES", "SshLauncher"]
