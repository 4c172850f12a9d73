"""Runs on a host that is tested, as text sent over: what engines would find there.

Promise: standard library only, also of a Python that is too old; says lines of
JSON behind the mark it is given; changes nothing there and ends by itself.
The question is the line of its input that follows the program.
"""

import json
import os
import socket
import sys
from typing import Any

#: Oldest Python that engines of ours run with.
OLDEST = (3, 10)


def version(package: str) -> Any:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def free_memory() -> Any:
    """Bytes that programs could still have; None where the system does not say."""
    try:
        with open("/proc/meminfo") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def ring(bell: Any, seconds: float) -> Any:
    """What the other end says to our words, by the way that engines take to their controller."""
    location = "127.0.0.1" if bell["location"] == socket.gethostname() else bell["location"]
    try:
        with socket.create_connection((location, bell["port"]), seconds) as way:
            way.sendall(bell["say"].encode())
            return {"heard": way.makefile("r").readline().strip()}
    except OSError as error:
        return {"error": str(error), "unknown": isinstance(error, socket.gaierror)}


def found(question: Any) -> Any:
    affinity = getattr(os, "sched_getaffinity", None)
    told = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "executable": sys.executable,
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "memory": free_memory(),
    }
    if sys.version_info >= OLDEST:
        told["versions"] = {name: version(name) for name in question["packages"]}
    return told


def tell(mark: str, told: Any) -> None:
    sys.stdout.write(mark + json.dumps(told) + "\n")
    sys.stdout.flush()


def main() -> None:
    question = json.loads(sys.stdin.buffer.readline().decode())
    tell(question["mark"], found(question))
    if question["bell"]:
        # Last, as it can take as long as the time allows; what was found counts all the same.
        tell(question["mark"], {"bell": ring(question["bell"], question["seconds"])})


if __name__ == "__main__":
    main()
