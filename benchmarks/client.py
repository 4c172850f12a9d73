"""What a plain ``ipp.Client`` sees: the judge of every start.

Promise: the client is stock ipyparallel's, knows nothing of either side, and is
made as soon as the connection file says something new.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import ipyparallel

from .home import Home

LIMIT = 240.0


def _file(home: Home) -> Path:
    return home.ipython / "profile_default" / "security" / "ipcontroller-client.json"


def forget(home: Home) -> None:
    """So that the next client cannot meet the last cluster's file."""
    _file(home).unlink(missing_ok=True)


def connect(home: Home) -> ipyparallel.Client:
    end = time.monotonic() + LIMIT
    while True:
        with contextlib.suppress(OSError, ValueError, ipyparallel.error.TimeoutError):
            if _file(home).stat().st_size:
                return ipyparallel.Client(connection_info=str(_file(home)), timeout=LIMIT)
        if time.monotonic() > end:
            raise TimeoutError(f"no connection file in {LIMIT} s")
        time.sleep(0.005)


def await_ids(client: ipyparallel.Client, n: int) -> None:
    end = time.monotonic() + LIMIT
    while len(client.ids) != n:
        if time.monotonic() > end:
            raise TimeoutError(f"{len(client.ids)} of {n} engines in {LIMIT} s")
        time.sleep(0.005)


@contextlib.contextmanager
def seeing(home: Home, n: int) -> Iterator[ipyparallel.Client]:
    """A client that sees ``n`` engines."""
    client = connect(home)
    try:
        await_ids(client, n)
        yield client
    finally:
        client.close()
