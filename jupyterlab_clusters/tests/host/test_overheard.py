"""What engines print reaches listeners signed, in pieces, and in any order."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

from jupyterlab_clusters.host.overheard import DELIMITER, PATIENCE, Lines, printed

KEY = b"secret"


def message(topic: bytes, text: str, key: bytes = KEY) -> list[bytes]:
    parts = [b"{}", b"{}", b"{}", json.dumps({"name": "stdout", "text": text}).encode()]
    return [topic, DELIMITER, hmac.new(key, b"".join(parts), hashlib.sha256).hexdigest().encode(), *parts]


def test_only_what_is_printed_and_signed_counts():
    assert printed(message(b"engine.7.stdout", "a\n"), KEY, "hmac-sha256") == ("7", "a\n")
    assert printed(message(b"engine.7.status", "a\n"), KEY, "hmac-sha256") is None
    assert printed(message(b"engine.7.stdout", "a\n", b"another"), KEY, "hmac-sha256") is None
    assert printed([b"engine.7.stdout", b"rubbish"], KEY, "hmac-sha256") is None
    assert printed(message(b"engine.7.stderr", "a\n")[:4], KEY, "hmac-sha256") is None


def test_lines_are_whole_and_by_engine():
    told: list[str] = []
    lines = Lines(told.append)
    lines.add("0", "one\ntw")
    lines.add("1", "other\n")
    lines.add("0", "o\n")
    assert told == ["[engine 0] one\n", "[engine 1] other\n", "[engine 0] two\n"]


def test_a_line_without_an_end_is_told_after_a_while():
    told: list[str] = []
    lines = Lines(told.append)
    lines.add("0", "> ")
    lines.look()
    assert told == []
    time.sleep(PATIENCE * 1.2)
    lines.look()
    assert told == ["[engine 0] > \n"]
