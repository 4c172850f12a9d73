"""Fixtures of Jupyter Server for all tests. Promise: every test has folders of its own."""

pytest_plugins = ["pytest_jupyter.jupyter_server"]
