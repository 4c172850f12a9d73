"""One connection of OpenSSH to one host: the way to its agent, and the ports that engines use.

Promise: the person's own ssh with their own configuration, keys and known hosts;
never asks for anything; one connection a host, which also carries the forwarded
ports. What it says when it fails is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shlex
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from ...host.messages import LINE_LIMIT, READY
from ...host.private import private_folder
from ...timed import within
from ..agent import Streams
from ..base import LaunchFailed
from ..command import CommandFailed, run
from .causes import recognised
from .former import end_former
from .hosts import Host
from .parcel import BOOT, contents, loader

#: How long a connection may take to be made, with the start of an agent (seconds).
CONNECT_TIMEOUT = 30.0
#: How long a port may take to be forwarded over a connection that is there (seconds).
FORWARD_TIMEOUT = 15.0
#: Most of what ssh said that is kept (bytes).
MOST_SAID = 64 * 1024

#: Cause and hint when ports cannot be forwarded.
NO_WAY_HERE = (
    "{host} does not let its engines reach the controller through ssh.",
    "Its sshd may forbid forwarding (AllowTcpForwarding); then choose direct addresses in the options.",
)
NO_WAY_THERE = (
    "The controller on {host} cannot be reached through ssh.",
    "Its sshd may forbid forwarding (AllowTcpForwarding); then choose direct addresses in the options.",
)

OPTIONS = {
    # Nobody is there to answer a question.
    "BatchMode": "yes",
    "ConnectTimeout": "10",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "4",
    "ControlMaster": "yes",
    "ControlPersist": "no",
    "ClearAllForwardings": "no",
    "ForwardX11": "no",
    "ForwardAgent": "no",
    "PermitLocalCommand": "no",
    "ExitOnForwardFailure": "no",
}


def begun(python: str, login_script: str | None) -> str:
    """The command that begins our program there, which comes by its input."""
    # ssh hands one string to the shell there: every word is quoted for it.
    words = [*shlex.split(python), "-c", BOOT]
    if login_script:
        return shlex.join(["bash", "-lc", '. "$0" >&2 && exec "$@"', login_script, *words])
    return "exec " + shlex.join(words)


class Connection:
    """To one host. ``folder`` is private to the user and holds the sockets by which ssh is told of ports."""

    def __init__(
        self,
        host: Host,
        folder: Path,
        *,
        python: str = "python3",
        login_script: str | None = None,
        environment: Mapping[str, str] | None = None,
        name: str = "",
        ssh: str = "ssh",
    ) -> None:
        self.host = host
        self.found: dict[str, Any] = {}
        #: Counts the connections that were made.
        self.number = 0
        self._folder = folder
        self.named(name)
        self._python, self._login_script, self._ssh = host.python or python, login_script, ssh
        self._environment = dict(os.environ if environment is None else environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None

    def named(self, name: str) -> None:
        """Two clusters on one host have a connection each; after a restart of the server it is the former one's."""
        self._control = self._folder / f"{self.host.tag}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"

    async def open(self) -> Streams:
        """Log in, send what is missing there, and find or start the agent. Raises :class:`LaunchFailed`."""
        if self._process is None:
            await asyncio.to_thread(end_former, self._control)
        await self.close()
        try:
            return await within(CONNECT_TIMEOUT, self._open())
        except asyncio.TimeoutError:
            raise self._failure("did not answer in time") from None
        except (OSError, ValueError, EOFError, asyncio.IncompleteReadError) as error:
            raise self._failure(str(error)) from error

    async def forward(self, port: int, there: int = 0) -> int:
        """Have ``127.0.0.1`` on that host lead to this port here; the port there. Raises :class:`LaunchFailed`."""
        told = (await self._forwarded("-R", f"127.0.0.1:{there}:127.0.0.1:{port}", NO_WAY_HERE)).split()
        if not there and not (told and told[-1].isdigit()):
            # As ssh does whose connection ends while it asks.
            raise LaunchFailed("engines", NO_WAY_HERE[0].format(host=self.host.name), hint=NO_WAY_HERE[1])
        return int(told[-1]) if told and told[-1].isdigit() else there

    async def lead(self, port: int, address: str, there: int) -> None:
        """Have this port here lead to that address and port, as seen there. Raises :class:`LaunchFailed`."""
        await self._forwarded("-L", f"127.0.0.1:{port}:{address}:{there}", NO_WAY_THERE)

    async def close(self) -> None:
        """Hang up; the agent goes on."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, 3)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        if self._said is not None:
            self._said.close()
            self._said = None
        with contextlib.suppress(OSError):
            self._control.unlink()

    def argv(self) -> list[str]:
        """The whole command."""
        options = [word for name, value in OPTIONS.items() for word in ("-o", f"{name}={value}")]
        there = begun(self._python, self._login_script)
        return [self._ssh, "-T", "-S", str(self._control), *options, *self.host.destination(), there]

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def _open(self) -> Streams:
        private_folder(self._folder.parent)
        private_folder(self._folder)
        self.number += 1
        ours, theirs = socket.socketpair()
        self._said = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - kept for as long as the connection
        with theirs:
            self._process = self._ssh_process(theirs, self._said)
        threading.Thread(target=self._process.wait, name=f"ssh {self.host.name}", daemon=True).start()
        ours.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=LINE_LIMIT)
        try:
            writer.write(loader(self.host.tag, READY))
            if not (await self._told(reader)).get("have"):
                writer.write(contents())
            self.found = await self._told(reader)
        except BaseException:
            writer.close()
            raise
        return reader, writer

    def _ssh_process(self, both: socket.socket, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.argv(),
            stdin=both.fileno(),
            stdout=both.fileno(),
            stderr=errors,
            env=self._environment,
            start_new_session=True,
        )

    async def _told(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        """The next line that counts; what login scripts print is passed over."""
        while line := await reader.readline():
            _, mark, rest = line.partition(READY)
            if mark:
                told: dict[str, Any] = json.loads(rest)
                if error := told.get("error"):
                    raise LaunchFailed("engines", f"{self.host.name}: {error}", command=self.argv(), log=None)
                return told
        raise EOFError("the connection was closed")

    def _failure(self, otherwise: str) -> LaunchFailed:
        said = self._stderr() or otherwise
        cause, hint = recognised(self.host.name, f"{said}\n{otherwise}")
        code = self._process.poll() if self._process is not None else None
        return LaunchFailed("engines", cause, hint=hint, command=self.argv(), exit_code=code, output=said)

    def _stderr(self) -> str:
        if self._said is None:
            return ""
        # The end comes a moment before the process is over.
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)
        self._said.seek(0)
        return self._said.read(MOST_SAID).decode(errors="replace").strip()

    async def _forwarded(self, kind: str, way: str, failure: tuple[str, str]) -> str:
        """What ssh says when it has begun to forward; ``failure`` is cause and hint when it does not."""
        argv = [self._ssh, "-S", str(self._control), "-O", "forward", kind, way, *self.host.destination()]
        cause, hint = failure
        output = ""
        try:
            done = await run(argv, timeout=FORWARD_TIMEOUT, env=self._environment)
            if done.exit_code == 0:
                return done.stdout.strip()
            output = done.output
        except CommandFailed as error:
            output = error.output
        raise LaunchFailed("engines", cause.format(host=self.host.name), hint=hint, command=argv, output=output)
