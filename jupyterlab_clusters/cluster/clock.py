"""Times as the wire has them."""

from __future__ import annotations

from datetime import datetime, timezone


def iso(seconds: float | None = None, *, whole: bool = False) -> str:
    """ISO 8601 in UTC with ``Z`` for seconds since the epoch (absent: now); ``whole`` = without fractions."""
    when = datetime.now(timezone.utc) if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
    return when.isoformat(timespec="seconds" if whole else "milliseconds").replace("+00:00", "Z")
