"""The connection file that a controller writes for its clients.

Promise: what is read is whole and usable, or :class:`BadConnection` says in a
sentence why not. Must never show the key: not in ``repr``, not in an error.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ..host.private import read
from .errors import BadConnection

ANY_ADDRESS = frozenset({"0.0.0.0", "*", "::", "[::]"})
JSON_PACKERS = frozenset({"json", "orjson", "jupyter_client.session.json_packer"})


class _File(msgspec.Struct):
    interface: str
    registration: int
    notification: int
    iopub: int
    control: int
    key: str
    signature_scheme: str = "hmac-sha256"
    pack: str = "json"
    location: str | None = None
    ssh: str | None = None
    curve_serverkey: str | None = None


@dataclass(frozen=True)
class ConnectionInfo:
    """How a client reaches a controller. ``location`` is the controller's host as the controller names it;
    ``ssh`` the login through which clients shall tunnel, if any."""

    transport: str
    address: str
    registration: int
    notification: int
    iopub: int
    control: int
    key: bytes = field(repr=False)
    signature_scheme: str = "hmac-sha256"
    location: str | None = None
    ssh: str | None = None
    curve_serverkey: bytes | None = field(default=None, repr=False)

    @classmethod
    def read(cls, path: Path | str) -> ConnectionInfo:
        """The content of a ``ipcontroller-*-client.json``. A small file, but it may be on a slow disk:
        on a loop, call it in a thread. Raises :class:`BadConnection`."""
        try:
            text = read(path, secret=True)
        except OSError as error:
            raise BadConnection(f"The connection file {path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError:
            raise BadConnection(f"The connection file {path} is no text.") from None
        try:
            return cls.parse(text)
        except BadConnection as error:
            raise BadConnection(f"The connection file {path} is of no use (yet): {error}") from error

    @classmethod
    def parse(cls, text: bytes | str) -> ConnectionInfo:
        """As :meth:`read`, of a file's content."""
        try:
            file = msgspec.json.decode(text, type=_File)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadConnection(f"{error}.") from None
        transport, separator, address = file.interface.partition("://")
        if not separator or not address:
            raise BadConnection(f"its interface {file.interface!r} is no address.")
        if file.pack not in JSON_PACKERS:
            raise BadConnection(f"its messages are packed by {file.pack!r}, and only JSON is understood.")
        if not file.signature_scheme.startswith("hmac-"):
            raise BadConnection(f"its signature scheme {file.signature_scheme!r} is not known.")
        return cls(
            transport=transport,
            address=address,
            registration=file.registration,
            notification=file.notification,
            iopub=file.iopub,
            control=file.control,
            key=file.key.encode(),
            signature_scheme=file.signature_scheme,
            location=file.location,
            ssh=file.ssh or None,
            curve_serverkey=file.curve_serverkey.encode("ascii") if file.curve_serverkey else None,
        )

    def url(self, port: int, address: str | None = None) -> str:
        """The zmq address of one of the ports."""
        separator = "-" if self.transport == "ipc" else ":"
        return f"{self.transport}://{address or self.address}{separator}{port}"

    async def reachable_address(self) -> str:
        """``address``, but where the controller listens everywhere, the one that leads to it from here."""
        if self.address not in ANY_ADDRESS:
            return self.address
        if not self.location or self.location == socket.gethostname():
            return "127.0.0.1"
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self.location, None, family=socket.AF_INET)
        except OSError as error:
            raise BadConnection(f"The controller's host {self.location!r} cannot be found: {error}.") from error
        address = str(found[0][4][0])
        return "127.0.0.1" if is_of_this_machine(address) else address


def is_of_this_machine(address: str) -> bool:
    """An address can be bound only where it belongs; no list of interfaces is needed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True
