"""Our exceptions become HTTP here, once.

Promise: whatever goes wrong, the answer is ``{"message", "reason", "field"?}``
with the fitting status. Never a bare 500, and never a traceback for the client.
"""

from __future__ import annotations

import errno
from http.client import responses

import msgspec
from tornado.web import HTTPError

from .. import errors
from ..cluster.models import LaunchFailed


class ErrorModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``message`` is for a person, ``reason`` a slug for a program, ``field`` the input that is to blame."""

    message: str
    reason: str
    field: str | None = None


class TooLarge(errors.ClustersError):
    """The body is over the limit (413)."""

    reason = "too-large"


STATUS: dict[type[errors.ClustersError], int] = {
    errors.BadInput: 400,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.WrongState: 409,
    TooLarge: 413,
    errors.CannotNow: 503,
}

REASONS = {400: "bad-input", 401: "not-allowed", 403: "not-allowed", 404: "not-found", 405: "no-such-method"}

FULL = {errno.ENOSPC: "disk-full", errno.EDQUOT: "disk-full", errno.EROFS: "read-only-disk", errno.EACCES: "no-access"}


def answer(error: BaseException | None, status: int = 500) -> tuple[int, ErrorModel]:
    """The status and the body for ``error``; ``status`` is used where the error does not say."""
    if isinstance(error, errors.ClustersError):
        found = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
        return found, ErrorModel(message=error.message, reason=error.reason, field=error.field)
    if isinstance(error, LaunchFailed):
        return 409, ErrorModel(message=error.cause, reason="launch-failed")
    if isinstance(error, OSError):
        return 503, ErrorModel(message=_disk(error), reason=FULL.get(error.errno or 0, "disk"))
    if isinstance(error, HTTPError):
        status = error.status_code
        said = error.log_message if status < 500 else None
        return status, ErrorModel(message=said or _sentence(status), reason=REASONS.get(status, f"http-{status}"))
    return status, ErrorModel(message=_sentence(status), reason=REASONS.get(status, "unexpected"))


def _disk(error: OSError) -> str:
    where = f" {error.filename}" if error.filename else ""
    return f"The server could not read or write{where}: {error.strerror or error}."


def _sentence(status: int) -> str:
    if status >= 500:
        return "Something unforeseen went wrong in the server; its log has the details."
    return f"{responses.get(status, 'Refused')}."
