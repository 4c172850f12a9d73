"""Times as the wire has them."""

from __future__ import annotations

from datetime import datetime, timezone


def iso(seconds: float | None = None, *, whole: bool = False) -> str:
    """ISO 8601 in UTC with ``Z`` for seconds since the epoch (absent: now); ``whole`` = without fractions."""
    when = datetime.now(timezone.utc) if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
    return when.isoformat(timespec="seconds" if whole else "milliseconds").replace("+00:00", "Z")


def spoken(seconds: float) -> str:
    """A time as a person says it: ``30 minutes``, ``1.5 hours``."""
    for unit, length in (("hour", 3600.0), ("minute", 60.0)):
        if seconds >= length:
            number = f"{seconds / length:.3g}"
            return f"{number} {unit}{'' if number == '1' else 's'}"
    number = f"{seconds:.3g}"
    return f"{number} second{'' if number == '1' else 's'}"
