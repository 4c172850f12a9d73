"""Where clusters are kept for this user: the same for every program that looks after them."""

from __future__ import annotations

import socket
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir, jupyter_runtime_dir


def data_dir() -> Path:
    """Records and logs, in the home."""
    return Path(jupyter_data_dir())


def runtime_dir() -> Path:
    """Sockets of host agents. Homes are shared between machines, agents are not."""
    return Path(jupyter_runtime_dir()) / "jupyterlab-clusters" / socket.gethostname()
