"""JupyterLab for browser tests: open to this machine alone, in folders of its own.

Never use it for anything else: it takes away every protection.
"""

import os
from pathlib import Path

from jupyterlab.galata import configure_jupyter_server

home = Path(os.environ["JLC_TEST_HOME"])
os.environ["JUPYTERLAB_GALATA_ROOT_DIR"] = str(home / "files")

configure_jupyter_server(c)

c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = int(os.environ["JLC_TEST_PORT"])
c.ServerApp.allow_root = True
c.LabApp.workspaces_dir = str(home / "workspaces")
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
