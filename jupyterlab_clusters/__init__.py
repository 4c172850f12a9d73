"""Clusters of IPython Parallel in JupyterLab.

Promise: importing this costs nothing; agents and controllers import parts of it
where there is no Jupyter server.
"""

from __future__ import annotations

from typing import Any


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyterlab-clusters"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .extension import ClustersApp

    return [{"module": "jupyterlab_clusters", "app": ClustersApp}]
