"""What can go wrong by a person's doing, before HTTP. ``web/errors.py`` alone turns these into answers.

Promise: each carries a sentence for a person, a slug for a program and, where
one is to blame, the name of a field.
"""

from __future__ import annotations


class ClustersError(Exception):
    """``message`` is a sentence, ``reason`` a slug, ``field`` the input that is to blame."""

    reason = "failed"

    def __init__(self, message: str, *, reason: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        if reason is not None:
            self.reason = reason


class BadInput(ClustersError):
    """The request cannot be meant (400)."""

    reason = "bad-input"


class NotAllowed(ClustersError):
    """Policy or permission forbids it (403)."""

    reason = "not-allowed"


class NotFound(ClustersError):
    """There is no such cluster, engine, log or profile (404)."""

    reason = "not-found"


class WrongState(ClustersError):
    """Not in this state, or not with this launcher (409)."""

    reason = "wrong-state"


class CannotNow(ClustersError):
    """Would be right, but not now: disk full, shutting down (503)."""

    reason = "cannot-now"
