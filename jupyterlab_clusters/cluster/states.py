"""The one table of states, spelled as on the wire and as in ``src/cluster/state.ts``.

Promise: pure data and pure functions. Must never do input or output.
"""

from __future__ import annotations

from typing import Literal

State = Literal["stopped", "starting", "running", "stopping", "failed"]
Step = Literal["controller", "submit", "queue", "engines", "drain"]
EngineState = Literal["queued", "starting", "idle", "busy", "stopping", "exited", "lost", "unregistered"]
Origin = Literal["ours", "external"]

#: Which state may follow which. ``stop`` supersedes everything, so every
#: state that may hold processes leads to ``stopping``.
MOVES: dict[State, frozenset[State]] = {
    "stopped": frozenset({"starting"}),
    "starting": frozenset({"running", "failed", "stopping"}),
    "running": frozenset({"failed", "stopping"}),
    "stopping": frozenset({"stopped", "failed"}),
    "failed": frozenset({"starting", "stopping"}),
}

#: Engine states in which a process is alive (``engines.launched`` counts them).
LIVE: frozenset[EngineState] = frozenset({"starting", "idle", "busy", "stopping", "unregistered"})

#: Engine states in which nothing will happen any more.
ENDED: frozenset[EngineState] = frozenset({"exited", "lost"})


def allowed(present: State, following: State) -> bool:
    """Whether ``following`` may come after ``present``; staying put is always allowed."""
    return present == following or following in MOVES[present]
