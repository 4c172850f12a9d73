"""Fixtures of Jupyter Server and the fault list for all tests. Promise: every test has folders of its own."""

pytest_plugins = ["pytest_jupyter.jupyter_server", "jupyterlab_clusters.tests.faults.plugin"]
