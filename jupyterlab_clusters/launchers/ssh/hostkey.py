"""The key by which a host proves itself: what it shows, whether it is known, and keeping it.

Promise: a key is kept only when its fingerprint is the one that was asked for and
no other key of that host is known; one line is added to the person's own file, as
their ssh would write it, and nothing else of it is touched. The person's own ssh
asks the host, so that jump hosts and aliases hold here too.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..command import CommandFailed, run
from .connection import OPTIONS
from .hosts import Host

#: How long our own machine may take to say what its ssh is set to (seconds).
LOOK = 2.0

#: As our connections are made, but alone, soon over, and without a trace.
ALONE = {
    **OPTIONS,
    "ControlMaster": "no",
    "ControlPath": "none",
    "ConnectTimeout": "4",
    "UpdateHostKeys": "no",
}

#: To be shown the key and no more: it goes to a file of ours, and nobody logs in.
SHOW = {
    # Of older versions, where they are unknown and not needed.
    "IgnoreUnknown": "KnownHostsCommand,UpdateHostKeys",
    **ALONE,
    "StrictHostKeyChecking": "accept-new",
    "GlobalKnownHostsFile": "/dev/null",
    "KnownHostsCommand": "none",
    "HashKnownHosts": "no",
    "CheckHostIP": "no",
    "VerifyHostKeyDNS": "no",
    "PreferredAuthentications": "none",
}


class NotKept(Exception):
    """``reason`` is a slug, the text a sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class HostKey:
    """``name`` is what ssh looks the host up by: ``host``, ``[host]:port`` or an alias."""

    name: str
    kind: str
    key: str

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -lf`` tells it."""
        digest = hashlib.sha256(base64.b64decode(self.key)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def key_type(self) -> str:
        """In ssh's own short words."""
        for word in ("ed25519-sk", "ecdsa-sk", "ed25519", "ecdsa", "rsa"):
            first, _, rest = word.partition("-")
            if first in self.kind and self.kind.startswith("sk-") == bool(rest):
                return word.upper()
        return self.kind


@dataclass(frozen=True)
class Known:
    """Where a person's known hosts are: all files that are read, the one that is written, and how."""

    files: tuple[Path, ...]
    own: str
    hashed: bool


def words(options: Mapping[str, str]) -> list[str]:
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


async def known_of(host: Host, env: Mapping[str, str], ssh: str = "ssh") -> Known:
    """As the person's configuration says. Raises :class:`CommandFailed`."""
    done = await run([ssh, "-G", *host.destination()], timeout=LOOK, env=env)
    said = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    own = said.get("userknownhostsfile", "").split()
    files = [*own, *said.get("globalknownhostsfile", "").split()]
    return Known(tuple(map(Path, files)), own[0] if own else "", said.get("hashknownhosts") == "yes")


async def shown_by(host: Host, env: Mapping[str, str], *, timeout: float, ssh: str = "ssh") -> HostKey | None:
    """The key that the host shows now; None when it shows none in time."""
    with tempfile.TemporaryDirectory(prefix="jupyterlab-clusters-") as folder:
        file = Path(folder) / "known_hosts"
        options = words({**SHOW, "UserKnownHostsFile": str(file)})
        # What it wrote until it failed counts all the same.
        with contextlib.suppress(CommandFailed):
            await run([ssh, "-T", *options, *host.destination(), "true"], timeout=timeout, env=env)
        try:
            name, kind, key = file.read_text().split()[:3]
            binascii.a2b_base64(key)
        except (OSError, ValueError):
            return None
        return HostKey(name, kind, key)


async def others_known(key: HostKey, known: Known, env: Mapping[str, str]) -> bool | None:
    """Whether other keys of that host are known, or this one is revoked; None when this very key is known."""
    same = False
    for file in known.files:
        try:
            done = await run(["ssh-keygen", "-F", key.name, "-f", str(file)], timeout=LOOK, env=env)
        except CommandFailed as error:
            raise NotKept("no-look", f"The known hosts could not be read: {error}") from error
        for line in done.stdout.splitlines():
            if line.startswith(("#", "@cert-authority")) or not line.strip():
                continue
            if line.startswith("@") or line.split()[1:3] != [key.kind, key.key]:
                return True
            same = True
    return None if same else False


async def accept(host: Host, fingerprint: str, env: Mapping[str, str], *, timeout: float) -> None:
    """Keep the key of that fingerprint, if it is the one that the host shows now. Raises :class:`NotKept`."""
    key = await shown_by(host, env, timeout=timeout)
    if key is None:
        raise NotKept("no-key", f"{host.name} does not show its key now.")
    if not hmac.compare_digest(key.fingerprint, fingerprint):
        raise NotKept(
            "other-key",
            f"{host.name} now shows another key than the one that was shown: somebody may stand between.",
        )
    try:
        known = await known_of(host, env)
    except CommandFailed as error:
        raise NotKept("no-look", f"ssh does not say where known hosts are kept: {error}") from error
    others = await others_known(key, known, env)
    if others:
        raise NotKept(
            "changed-key", f"Another key of {host.name} is known already; this one is not taken in its place."
        )
    if others is None:
        return
    if not known.own.startswith("/") or known.own == os.devnull or "%" in known.own:
        raise NotKept(
            "no-file", "Your ssh is set to keep no known hosts in a file of yours; accept the key in a terminal."
        )
    try:
        # A home on a file system that does not answer must not hold up the loop.
        await asyncio.to_thread(add, Path(known.own), line_of(key, hashed=known.hashed))
    except OSError as error:
        raise NotKept("not-written", f"{known.own} could not be written: {error.strerror or error}.") from error


def line_of(key: HostKey, *, hashed: bool) -> str:
    """As ssh writes it; hashed, the file does not tell which hosts a person uses."""
    if not hashed:
        return f"{key.name} {key.kind} {key.key}\n"
    salt = secrets.token_bytes(hashlib.sha1().digest_size)
    digest = hmac.new(salt, key.name.encode(), hashlib.sha1).digest()
    name = "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))
    return f"{name} {key.kind} {key.key}\n"


def add(file: Path, line: str) -> None:
    """One line at the end, in one write; mode and owner stay. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
        os.write(descriptor, (line if whole else "\n" + line).encode())
    finally:
        os.close(descriptor)
