"""A machine of its own as far as the network goes: a namespace with one cable to this machine, which can be pulled.

Promise: addresses that no network has, a name that nobody else uses; what it made it takes away.
Needs root and iproute2; without them it fails, so that nobody takes a test that did not run for one that passed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

#: For measurements between networks (RFC 2544): nobody is reached by them.
NETWORK = "198.18"


class FarMachine:
    """``address`` is its own, ``here`` ours as it sees it; ``inside`` are the first words of a command in it."""

    def __init__(self) -> None:
        tag = secrets.token_hex(3)
        self.name, self._cable, self._plug = f"jlc-{tag}", f"jlc{tag}a", f"jlc{tag}b"
        third, fourth = secrets.randbelow(256), 4 * secrets.randbelow(64)
        self.here, self.address = (f"{NETWORK}.{third}.{fourth + last}" for last in (1, 2))
        # A host name of its own, too.
        words = ["unshare", "--uts", "sh", "-c", f'hostname {self.name} && exec "$@"', "sh"]
        self.inside = ["ip", "netns", "exec", self.name, *words]
        self._names = Path("/etc/netns") / self.name

    def up(self) -> None:
        if shutil.which("ip") is None:
            raise RuntimeError("iproute2 is not installed; `make test` installs it as root")
        # By name it finds us where we are, as in any network.
        self._names.mkdir(parents=True)
        hosts = f"127.0.0.1 localhost {self.name}\n{self.here} {socket.gethostname()}\n"
        (self._names / "hosts").write_text(hosts)
        ip("netns", "add", self.name)
        ip("link", "add", self._cable, "type", "veth", "peer", "name", self._plug, "netns", self.name)
        ip("addr", "add", f"{self.here}/30", "dev", self._cable)
        ip("link", "set", self._cable, "up")
        ip("-n", self.name, "addr", "add", f"{self.address}/30", "dev", self._plug)
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.name, "link", "set", self._plug, "up")

    def pull(self, *, silently: bool = False) -> None:
        """Nothing goes through any more; ``silently`` = without this machine being told so."""
        if silently:
            told = ip("-n", self.name, "-br", "link", "show", self._plug).split()
            ip("neigh", "replace", self.address, "lladdr", told[2], "dev", self._cable, "nud", "permanent")
        ip("-n", self.name, "link", "set", self._plug, "down")

    def plug_in(self) -> None:
        ip("-n", self.name, "link", "set", self._plug, "up")

    def down(self) -> None:
        for words in (("link", "del", self._cable), ("netns", "del", self.name)):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip(*words)
        shutil.rmtree(self._names, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._names.parent.rmdir()


@contextlib.contextmanager
def far_machine() -> Iterator[FarMachine]:
    if os.getuid() != 0:
        raise RuntimeError("network namespaces need root")
    machine = FarMachine()
    try:
        machine.up()
        yield machine
    finally:
        machine.down()


def ip(*words: str) -> str:
    """What it said. Raises CalledProcessError."""
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout
