"""Appends numbered lines to the files named on the command line, in bursts with torn lines, as a process of its own."""

from __future__ import annotations

import os
import sys


def main(count: int, paths: list[str]) -> None:
    files = [os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) for path in paths]
    pending = b""
    for number in range(count):
        pending += f"line {number} é\n".encode()
        if number % 50 == 0:
            torn = len(pending) // 2
            for part in (pending[:torn], pending[torn:]):
                for file in files:
                    os.write(file, part)
            pending = b""
    for file in files:
        os.write(file, pending)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
