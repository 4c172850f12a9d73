"""One figure a file: ``measure(repeats)`` gives its results."""
