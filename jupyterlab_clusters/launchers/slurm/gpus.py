"""Which GPUs of a node an engine sees.

Promise: pure; every engine has at least one where there is any, and one that is
alone on its node has them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: By these variables programs, and Slurm, say which GPUs may be used.
VARIABLES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


def share(devices: Sequence[str], place: int, places: int) -> list[str]:
    """Those of the engine in that place of so many."""
    if places >= len(devices):
        return [devices[place % len(devices)]]
    return list(devices[place * len(devices) // places : (place + 1) * len(devices) // places])


def seen(environment: Mapping[str, str], place: int, places: int) -> dict[str, str]:
    """What is added to the environment of one engine, from what the job was given there."""
    found = {}
    for name in VARIABLES:
        if devices := [device for device in environment.get(name, "").split(",") if device]:
            found[name] = ",".join(share(devices, place, places))
    return found
