"""A controller that listens on its own machine only, with engines on others.

Promise: pure; known by what such engines say when nobody answers them.
"""

from __future__ import annotations

import re

#: ipyparallel's engine says it when its registration timed out and the controller's address begins with 127.
SAID = re.compile(r"If the controller and engines are not on the same machine")


def loopback_only(said: str, otherwise: str = "") -> tuple[str, str] | None:
    """Cause and hint, for engines that come by address; ``otherwise`` is another way out."""
    if not SAID.search(said):
        return None
    return (
        "The controller listens on the loopback address of its own machine only (127.0.0.1), and its engines are on "
        "other machines.",
        "Take away the --ip of the controller, in its arguments here or in the profile (Cluster.controller_ip, "
        f"IPController.ip), or set it to * or to an address that they can reach{otherwise}.",
    )
