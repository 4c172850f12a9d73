"""Profiles run as written, by ipyparallel's own launchers or those of third parties."""

from .launcher import CAPABILITIES, StockLauncher

__all__ = ["CAPABILITIES", "StockLauncher"]
