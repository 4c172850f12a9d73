"""Logs of a size and of a kind that nobody wants: they are read all the same, and cost the server nothing."""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import ipyparallel as ipp
import pytest

from ..realserver import ROUTE, RealServer, until
from .conftest import running
from .measuring import LONGEST, Probe, client_of, measured
from .plugin import Fault
from .window import Window, watching

KEY = "default:talks"
MB = 1_000_000
#: What the server may hold more of than before, whatever is written (bytes).
FLAT = 32 * MB

BIG = """
import os
lines = b"a log that has grown to a size which nobody will ever read from its beginning to its end; not now\\n" * 10_000
for _ in range(1_030):
    os.write(1, lines)
os.write(1, b"here is the needle\\n")
"""
LONG = """
import os
for _ in range(100):
    os.write(1, b"x" * 999_980 + b"%20d" % _)
os.write(1, b" the end of it\\nand a short one\\n")
"""
#: Twice all bytes; half characters, colours, and what moves the cursor or ends a text.
BYTES = (
    bytes(range(256)) * 2
    + b"\xe2\x82\n\xac\x00\x1b[31m\x1b]0;title\x07\r\x85\xe2\x80\xa8\xff\xfe\xed\xa0\x80 end of bytes\n"
)

#: Each of 16 engines: lines that are numbered, at an even pace, straight from "C".
FLOOD = """
import os, time
def flood(engine, lines, seconds, steps=50):
    begun, number = time.monotonic(), 0
    for step in range(seconds * steps):
        until = number + lines // steps
        line = b"%d %d is what this engine tells of what it does\\n"
        os.write(1, b"".join([line % (engine, n) for n in range(number, until)]))
        number = until
        time.sleep(max(0, begun + (step + 1) / steps - time.monotonic()))
    return number
"""
ENGINES, LINES, SECONDS = 16, 6_250, 6


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[RealServer, Probe]]:
    with measured() as both:
        yield both


@pytest.fixture
def server(both: tuple[RealServer, Probe]) -> Iterator[RealServer]:
    server, _ = both
    server.ask("clusters", "POST", {"profile": "default", "cluster_id": "talks"})
    yield server
    server.stop_clusters()
    server.ask(f"clusters/{quote(KEY)}", "DELETE")


@pytest.fixture
def probe(both: tuple[RealServer, Probe]) -> Probe:
    return both[1]


@contextlib.contextmanager
def engines(server: RealServer, count: int, *logs: str) -> Iterator[tuple[ipp.DirectView, Window]]:
    """So many, and a window on these logs from their present end."""
    with watching(server) as window:
        running(server, window, count, KEY)
    topics = [f"logs/{KEY}/{log}" for log in logs]
    with client_of(server, "talks") as client, watching(server, *topics) as window:
        client.wait_for_engines(count, timeout=20, interactive=False)
        window.until(lambda window: len(window.messages) >= len(topics), "each log answers")
        yield client[:], window


def page(server: RealServer, log: str, **query: int | str) -> Any:
    """Asked again where the answer was to ask again in a moment, as a window does."""
    end = time.monotonic() + 10
    while True:
        try:
            return server.ask(f"clusters/{quote(KEY)}/logs/{log}?{urlencode(query)}")
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > end:
                raise
            time.sleep(0.1)


def searched(server: RealServer, text: str) -> tuple[list[Any], float]:
    """What is found, and how long the slowest piece of the search took."""
    found, start, took = [], 0, []
    while start is not None:
        then = time.monotonic()
        answer = page(server, "slot-0", search=text, **{"from": start})
        took.append(time.monotonic() - then)
        found += answer["matches"]
        start = answer["next"]
    return found, max(took)


def lines_of(window: Window, log: str) -> list[dict[str, Any]]:
    mine = [message for message in window.messages if message["topic"] == f"logs/{KEY}/{log}"]
    return [line for message in mine for line in message.get("lines", ())]


def tells(window: Window, log: str, text: str, within: float = 5.0) -> None:
    """Of long lists only what is new is looked at."""
    seen = 0

    def told(window: Window) -> bool:
        nonlocal seen
        news, seen = window.messages[seen:], len(window.messages)
        topic = f"logs/{KEY}/{log}"
        return any(text in line["text"] for one in news if one["topic"] == topic for line in one.get("lines", ()))

    window.until(told, text, within)


@pytest.mark.fault("a log of 1 GB is opened, followed and searched", long=True)
def test_a_log_of_1_gb(server: RealServer, probe: Probe, fault: Fault) -> None:
    with engines(server, 1) as (view, _):
        view.execute(BIG, block=True)
        before = probe.memory()
        probe.reset()
        fault.struck()
        end = page(server, "slot-0")
        fault.told()
        assert end["size"] > 1_000 * MB and len(end["lines"]) == 1000
        assert end["lines"][-1]["text"] == "here is the needle"
        assert fault.told_after is not None and fault.told_after < 1
        with watching(server, f"logs/{KEY}/slot-0") as window:
            window.until(lambda window: window.messages, "the log answers", 2)
            view.execute("import os; os.write(1, b'and it goes on\\n')")
            tells(window, "slot-0", "and it goes on", 2)
    found, slowest = searched(server, "The Needle")
    assert [match["text"] for match in found] == ["here is the needle"]
    assert slowest < 1
    assert probe.pause() < LONGEST
    assert probe.memory() - before < FLAT


@pytest.mark.fault("a line of 100 MB is written")
def test_a_line_of_100_mb(server: RealServer, probe: Probe, fault: Fault) -> None:
    with engines(server, 1, "slot-0") as (view, window):
        before = probe.memory()
        probe.reset()
        view.execute(LONG, block=True)
        fault.struck()
        tells(window, "slot-0", "and a short one", 10)
        fault.told()
        assert max(len(str(message)) for message in window.messages) < 8 * MB
    found, slowest = searched(server, "the end of it")
    assert len(found) == 1 and len(found[0]["text"]) <= 1000 and slowest < 1
    assert len(page(server, "slot-0", before=3)["lines"]) == 3
    assert probe.pause() < LONGEST
    assert probe.memory() - before < FLAT


@pytest.mark.fault("bytes are written that are no text")
def test_bytes_that_are_no_text(server: RealServer, fault: Fault) -> None:
    with engines(server, 1, "slot-0", "all") as (view, window):
        fault.struck()
        view.execute(f"import os; os.write(1, {BYTES!r})", block=True)
        for log in ("slot-0", "all"):
            tells(window, log, "end of bytes")
        fault.told()
        texts = [line["text"] for line in lines_of(window, "slot-0")]
        assert len(texts) == 1 + BYTES.count(b"\n"), "a line ends where it ends, nowhere else; one is of ipyparallel"
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/{ROUTE}/clusters/{quote(KEY)}/logs/slot-0/download",
        headers={"Authorization": f"token {server.token}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert BYTES in answer.read(), "nothing is lost of them"


class Asleep(Window):
    """A browser's tab that takes its first message and then, until it is woken, no other."""

    def __init__(self, server: RealServer, *topics: str) -> None:
        self.awake = threading.Event()
        super().__init__(server, *topics)

    def _take(self, message: dict[str, Any]) -> None:
        super()._take(message)
        self.awake.wait()

    def close(self) -> None:
        self.awake.set()
        super().close()


class Told:
    """The lines of a flood that a window was told, or has read again after it had been told that it missed them."""

    def __init__(self, server: RealServer, window: Window) -> None:
        self._server, self._window = server, window
        self._seen = self._at = self.missed = 0
        self.numbers: set[tuple[int, ...]] = set()

    def all(self) -> bool:
        news = self._window.messages[self._seen :]
        self._seen += len(news)
        for message in news:
            if "lagged" in message:
                self._read(message["lagged"])
            self._keep(message.get("lines", ()))
            self._at = message["seq"]
        return len(self.numbers) == ENGINES * LINES * SECONDS

    def _read(self, end: int) -> None:
        self.missed += end - self._at
        while self._at < end:
            again = page(self._server, "all", at=self._at, after=5000)
            self._keep(again["lines"])
            self._at = again["end"]

    def _keep(self, lines: Iterable[dict[str, Any]]) -> None:
        texts = (line["text"].split(" ", 2) for line in lines if line["text"].endswith("of what it does"))
        self.numbers.update((int(engine), int(number)) for engine, number, _ in texts)


@pytest.mark.fault("16 engines write 100,000 lines a second together; one browser reads, another sleeps", long=True)
def test_a_flood(server: RealServer, probe: Probe, fault: Fault) -> None:
    with engines(server, ENGINES, "all") as (view, window):
        view.execute(FLOOD, block=True)
        view.scatter("engine", range(ENGINES), flatten=True, block=True)
        with contextlib.closing(Asleep(server, f"logs/{KEY}/all")) as asleep:
            until(lambda: asleep.messages, "it is told where the log ends")
            before = probe.memory()
            probe.reset()
            fault.struck()
            view.execute(f"told = flood(engine, {LINES}, {SECONDS})")
            tells(window, "all", "of what it does")
            fault.told()
            assert fault.told_after is not None and fault.told_after < 2
            assert view.pull("told", block=True) == [LINES * SECONDS] * ENGINES
            asleep.awake.set()
            woken = Told(server, asleep)
            until(woken.all, "whoever slept has it all")
            assert woken.missed > 0, "it slept through more than is kept for it"
        until(Told(server, window).all, "whoever read has it all")
        fault.mended(by_itself=False)
    assert probe.pause() < LONGEST
    assert probe.memory() - before < FLAT
