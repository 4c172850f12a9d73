"""The same work in several places at once, and what failed of it as one failure.

Promise: all are waited for; those that failed say so together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from .base import LaunchFailed


async def each(names: Iterable[str], work: Callable[[str], Awaitable[None]]) -> dict[str, LaunchFailed]:
    """All at the same time; those that failed, when all others are done."""
    asked = list(names)
    results = await asyncio.gather(*(work(name) for name in asked), return_exceptions=True)
    failures: dict[str, LaunchFailed] = {}
    for name, result in zip(asked, results, strict=True):
        if isinstance(result, LaunchFailed):
            failures[name] = result
        elif isinstance(result, BaseException):
            raise result
    return failures


def raise_any(failures: Mapping[str, LaunchFailed]) -> None:
    if failures:
        raise joined(list(failures.values()))


def joined(failures: Sequence[LaunchFailed]) -> LaunchFailed:
    """One failure that tells all causes, with what the first one's tool said."""
    first = failures[0]
    whole = LaunchFailed(
        first.step,
        " ".join(failure.cause for failure in failures),
        hint=first.hint,
        command=first.command,
        exit_code=first.exit_code,
        output=first.output,
        log=first.log,
    )
    whole.out_of_reach = all(failure.out_of_reach for failure in failures)
    return whole
