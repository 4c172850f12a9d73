"""A server extension for tests: each answer of ours says how long it took, in the header ``Server-Timing``.

Promise: counts what the server needs by itself. The time in which the machine gave the server's loop no
processor is left out, so that a busy machine makes no answer look slow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyterlab_clusters.web.resource import Resource

HEADER = "Server-Timing"


def waited() -> float:
    """Seconds for which this thread was ready and got no processor."""
    return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9


def _load_jupyter_server_extension(app: Any) -> None:
    initialize, finish = Resource.initialize, Resource.finish

    def begun(self: Any, *args: Any, **kwargs: Any) -> None:
        self.waited = waited()
        initialize(self, *args, **kwargs)

    def done(self: Any, *args: Any, **kwargs: Any) -> Any:
        took = self.request.request_time() - (waited() - self.waited)
        if not self._headers_written:
            self.set_header(HEADER, f"all;dur={1000 * took:.1f}")
        return finish(self, *args, **kwargs)

    Resource.initialize, Resource.finish = begun, done  # type: ignore[method-assign]
