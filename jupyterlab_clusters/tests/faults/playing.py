"""A launcher of a third party: in place of an engine it begins one program that plays ``EACH`` of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ipyparallel.cluster.launcher import LocalEngineSetLauncher

EACH = 200


class PlayingEngineSetLauncher(LocalEngineSetLauncher):  # type: ignore[misc]
    def start(self, n: int) -> Any:
        connection = Path(self.profile_dir) / "security" / "ipcontroller-engine.json"
        players = "jupyterlab_clusters.tests.faults.players"
        self.engine_cmd = [sys.executable, "-m", players, str(connection), str(EACH)]
        self.delay = 0.0
        return super().start(n // EACH)
