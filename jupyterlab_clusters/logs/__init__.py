"""Logs of a cluster: read by byte offset, followed, searched, kept within bounds. Imports nothing else of ours."""
