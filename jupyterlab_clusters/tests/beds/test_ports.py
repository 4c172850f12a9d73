"""Two test runs side by side have beds of their own."""

from __future__ import annotations

import socket
import subprocess
import sys

from . import ports
from .ports import FIRST, Ports


def test_what_one_has_no_other_gets(monkeypatch) -> None:
    monkeypatch.setattr(ports, "LAST", FIRST + 40)
    one = Ports(10)
    other = Ports(10)
    assert len({*one.numbers, *other.numbers}) == 20
    code = "from jupyterlab_clusters.tests.beds import ports as p; p.LAST = p.FIRST + 40; print(*p.Ports(5).numbers)"
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {*map(int, elsewhere.split())} & {*one.numbers, *other.numbers}
    with socket.socket() as taken:
        number = other.numbers[0]
        other.release()
        taken.bind(("127.0.0.1", number))
        assert number not in Ports(5).numbers, "somebody has it who is no bed"
    one.release()
