"""Checks what comes in: bodies, names, numbers in the query.

Promise: whatever a client sends becomes a typed struct or a :class:`BadInput`
that names the field. What a body may hold is declared here once; the OpenAPI
document reads it from here.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

import msgspec

from ..cluster.models import LauncherName
from ..errors import BadInput

#: Bytes of a body, and of one message on the socket.
LIMIT = 1 << 20

#: Byte offsets and counts that a file or a list can have.
MOST = (1 << 63) - 1

NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,64}\Z")
NAME_RULE = "letters, digits, dots, dashes and underscores, at most 64 of them, not beginning with a dot"

Count = Annotated[int, msgspec.Meta(ge=0)]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body of which every field is known."""


class Define(Body, frozen=True, kw_only=True):
    """``engines`` is what a start without a number will mean."""

    profile: str
    cluster_id: str = ""
    launcher: LauncherName | None = None
    options: dict[str, Any] | None = None
    engines: Count | None = None


class Start(Body, frozen=True, kw_only=True):
    """``engines`` omitted: the last wanted, else the profile's own, else the number of cores."""

    engines: Count | None = None
    options: dict[str, Any] | None = None


class Scale(Body, frozen=True, kw_only=True):
    engines: Count
    restart: bool = False


class PreviewOf(Body, frozen=True, kw_only=True):
    """With ``launcher`` the cluster need not be defined yet."""

    launcher: LauncherName | None = None
    engines: Count | None = None
    options: dict[str, Any] | None = None


class Settings(Body, frozen=True, kw_only=True):
    """Traits by name, ``{"Cluster.n": 4}``; ``options`` of a launcher become the traits that mean the same."""

    settings: dict[str, Any] | None = None
    launcher: LauncherName | None = None
    options: dict[str, Any] | None = None


class HostsToTest(Body, frozen=True, kw_only=True):
    """``options`` as for a cluster of the SSH launcher."""

    options: dict[str, Any]


class KnownHost(Body, frozen=True, kw_only=True):
    """``host`` as it was tested, ``fingerprint`` as it was shown."""

    host: str
    fingerprint: str


class Clear(Body, frozen=True, kw_only=True):
    """``mark`` as the file was shown with; without it, whichever is shown now."""

    mark: str | None = None


class Nothing(Body, frozen=True, kw_only=True):
    """No body, or an empty object."""


B = TypeVar("B", bound=msgspec.Struct)

_FIELD = re.compile(r" - at `\$\.?(?:keys|values)?([^`]*)`")
_QUOTED = re.compile(r"field `([^`]+)`")


def decode(raw: bytes, kind: type[B]) -> B:
    """``raw`` as a ``kind``; an empty body is an empty object. Raises :class:`BadInput`."""
    try:
        return msgspec.json.decode(raw or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise _unfit(str(error), raw, kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"The body is not JSON: {error}.", reason="not-json") from None


def check_name(name: str, field: str) -> str:
    """``name`` itself. Raises :class:`BadInput`."""
    if not NAME.match(name):
        raise BadInput(f"{field} must be {NAME_RULE}.", field=field)
    return name


def number(text: str | None, field: str, most: int = MOST) -> int | None:
    """A whole number of the query. Raises :class:`BadInput`."""
    if text is None:
        return None
    # isdecimal alone lets digits of other scripts pass, and int() would take them.
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or int(text) > most:
        raise BadInput(f"{field} must be a whole number from 0 to {most}.", field=field)
    return int(text)


def _unfit(said: str, raw: bytes, kind: type[msgspec.Struct]) -> BadInput:
    if "unknown field" in said:
        return _unknown(raw, kind)
    quoted = _QUOTED.search(said)
    place = _FIELD.search(said)
    name = quoted.group(1) if quoted else place.group(1).strip(".") if place else ""
    field = name.split(".")[0].split("[")[0] or None
    if "missing required field" in said and field:
        return BadInput(f"{field} is missing.", field=field)
    sentence = _FIELD.sub("", said)
    return BadInput(f"{field}: {sentence}." if field else f"{sentence}.", field=field)


def _unknown(raw: bytes, kind: type[msgspec.Struct]) -> BadInput:
    # msgspec stops at the first; a person wants to hear of all.
    sent: dict[str, Any] = msgspec.json.decode(raw)
    fields = sorted(set(sent) - set(kind.__struct_encode_fields__))
    names = ", ".join(repr(name[:64]) for name in fields[:10])
    return BadInput(f"Unknown: {names}.", reason="unknown-field", field=fields[0][:64] if fields else None)
