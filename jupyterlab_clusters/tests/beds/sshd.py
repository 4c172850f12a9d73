"""Real sshd on addresses of this machine's loopback, with throw-away keys and an ssh of its own configuration.

Promise: nothing of the person's own ssh is read or written; ends what it began, by pid.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .ports import Ports

if TYPE_CHECKING:
    import pytest

SSHD = "/usr/sbin/sshd"
#: Where all ports are free.
PORT_INSIDE = 2222


class Sshd:
    """``hosts`` are 127.0.0.11 and so on, all at ``port``; ``far0`` and so on are their names in the configuration.
    ``environment`` is set in every session. ``inside``: the first words of a command that runs sshd elsewhere,
    at ``addresses``."""

    def __init__(
        self,
        folder: Path,
        hosts: int = 2,
        environment: Mapping[str, str] | None = None,
        *,
        addresses: Sequence[str] = (),
        inside: Sequence[str] = (),
    ) -> None:
        if not Path(SSHD).exists():
            raise RuntimeError("openssh-server is not installed; `make test` installs it as root")
        self.folder = folder
        self.environment = dict(environment or {})
        self.inside = list(inside)
        self.addresses = list(addresses) or [f"127.0.0.{11 + number}" for number in range(hosts)]
        self._ports = None if inside else Ports(1, self.addresses[0])
        self.port = PORT_INSIDE if self._ports is None else self._ports.numbers[0]
        #: More lines for the configuration of sshd; they hold from the next start on.
        self.more = ""
        for name in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
        self.known_hosts = folder / "known_hosts"
        host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
        self.known_hosts.write_text("".join(f"[{a}]:{self.port} {host_key}\n" for a in self.addresses))
        self._client()
        self.process: subprocess.Popen[bytes] | None = None

    def host(self, number: int = 0) -> str:
        return f"{self.addresses[number]}:{self.port}"

    def _client(self) -> None:
        """A person's ssh, as far as configuration goes: first in PATH, and ours alone."""
        config = self.config = self.folder / "ssh_config"
        names = "".join(
            f"Host far{number}\n  HostName {address}\n  Port {self.port}\n"
            for number, address in enumerate(self.addresses)
        )
        config.write_text(
            f"{names}Host *\n  IdentityFile {self.folder}/user_key\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.known_hosts}\n  GlobalKnownHostsFile /dev/null\n"
        )
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        self.calls = self.folder / "ssh-calls"
        for name in ("ssh", "scp"):
            program = self.bin / name
            program.write_text(f'#!/bin/sh\necho "$@" >> {self.calls}\nexec /usr/bin/{name} -F {config} "$@"\n')
            program.chmod(0o755)

    def logins(self) -> int:
        """How many connections have been made and let in so far."""
        return (self.folder / "sshd.log").read_text().count("Accepted publickey")

    def start(self) -> None:
        Path("/run/sshd").mkdir(exist_ok=True)
        config = self.folder / "sshd_config"
        listen = "".join(f"ListenAddress {address}:{self.port}\n" for address in self.addresses)
        variables = " ".join(f'"{name}={value}"' for name, value in self.environment.items())
        if variables:
            listen += f"SetEnv {variables}\n"
        config.write_text(
            f"{listen}HostKey {self.folder}/host_key\nAuthorizedKeysFile {self.folder}/authorized_keys\n"
            f"StrictModes no\nUsePAM no\nMaxStartups 100\nPidFile {self.folder}/pid\nPasswordAuthentication no\n"
            f"PermitRootLogin yes\nAcceptEnv NOTHING\nSubsystem sftp internal-sftp\n{self.more}"
        )
        log = (self.folder / "sshd.log").open("ab")
        self.process = subprocess.Popen([*self.inside, SSHD, "-D", "-e", "-f", str(config)], stderr=log, stdout=log)
        end = time.monotonic() + 10
        while not all(_answers(address, self.port) for address in self.addresses):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError((self.folder / "sshd.log").read_text())
            time.sleep(0.02)

    def sessions(self) -> list[int]:
        """Processes of sshd that serve a connection, and what logged in by them."""
        if self.process is None:
            return []
        return sorted(_descendants(self.process.pid))

    def serving(self) -> list[int]:
        """Processes of sshd that serve a connection."""
        return [pid for pid in self.sessions() if b"sshd" in _command(pid)]

    def cut(self) -> None:
        """Every connection that there is ends; new ones can be made."""
        for pid in self.serving():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """It can be started again, at the same port."""
        self.cut()
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def close(self) -> None:
        self.stop()
        if self._ports is not None:
            self._ports.release()


@contextlib.contextmanager
def first_in_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, addresses: Sequence[str] = (), inside: Sequence[str] = ()
) -> Iterator[Sshd]:
    """Up in a new folder, its ssh the one that is found."""
    folder.mkdir()
    bed = Sshd(folder, addresses=addresses, inside=inside)
    bed.start()
    monkeypatch.setenv("PATH", f"{bed.bin}:{os.environ['PATH']}")
    yield bed
    bed.close()


def main() -> None:
    """Up in the folder of the first argument until the input ends; one line of JSON tells where."""
    bed = Sshd(Path(sys.argv[1]))
    bed.start()
    print(json.dumps({"bin": str(bed.bin), "hosts": [bed.host(0), bed.host(1)]}), flush=True)
    sys.stdin.read()
    bed.close()


def _answers(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _descendants(root: int) -> set[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found: set[int] = set()
    queue = [root]
    while queue:
        above = queue.pop()
        new = [pid for pid, parent in parents.items() if parent == above and pid not in found]
        found.update(new)
        queue += new
    return found


if __name__ == "__main__":
    main()
