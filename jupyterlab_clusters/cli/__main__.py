"""``python -m jupyterlab_clusters.cli``, as ``jupyter clusters``."""

import sys

from .main import main

sys.exit(main())
