"""Our clusters and stock ipyparallel's, measured side by side through a real Jupyter server.

``make bench`` runs all of it and writes RESULTS.md; ``python -m benchmarks start memory`` runs some figures only.
"""
