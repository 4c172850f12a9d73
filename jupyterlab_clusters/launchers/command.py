"""The only runner of outside commands.

Promise: a command ends within its time limit, with its whole process group;
both outputs are kept, in bounded memory, whatever bytes they hold. Works on
any loop of any thread, as it needs no child watcher: each command is started,
read and reaped by a thread of its own. Must never take a shell string.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MOST_OUTPUT = 1 << 20  # bytes, of each output
PIECE = 1 << 16
LAST_WORDS = 0.3  # seconds for output still in the pipe, which a daemon left behind may hold open for ever
GLANCE = 0.1  # seconds until a cancellation is noticed
DEATH = 2.0  # seconds


def _joined(stdout: str, stderr: str) -> str:
    return "\n".join(text for text in (stdout.rstrip("\n"), stderr.rstrip("\n")) if text)


@dataclass(frozen=True)
class Done:
    """A command that ended by itself. ``exit_code`` is negative for a signal; ``seconds`` is how long it took."""

    argv: list[str]
    exit_code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def output(self) -> str:
        """Both outputs, the errors last."""
        return _joined(self.stdout, self.stderr)


class CommandFailed(Exception):
    """A command that gave no result; what it said until then is kept."""

    def __init__(self, message: str, argv: Sequence[str], stdout: str = "", stderr: str = "") -> None:
        super().__init__(message)
        self.argv = list(argv)
        self.stdout = stdout
        self.stderr = stderr

    @property
    def output(self) -> str:
        """Both outputs, the errors last."""
        return _joined(self.stdout, self.stderr)


class TimedOut(CommandFailed):
    """It did not end in time, and was killed with its process group."""


class NotThere(CommandFailed):
    """It could not be started: not installed, not executable, no such working directory, no memory."""


async def run(
    argv: Sequence[str],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | str | None = None,
    stdin: str | bytes | None = None,
    most_output: int = MOST_OUTPUT,
) -> Done:
    """Run ``argv`` to its end. ``timeout`` in seconds; ``env`` is the whole environment (``None`` = ours);
    ``most_output`` bytes of each output are kept, the middle is left out.

    Raises :class:`TimedOut` and :class:`NotThere`. A cancelled call kills the command and its process group."""
    text = stdin.encode() if isinstance(stdin, str) else stdin
    command = _Command(list(argv), timeout, env, cwd, text, most_output)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Done] = loop.create_future()
    threading.Thread(target=_work, args=(command, loop, ended), name=f"command {argv[0]}", daemon=True).start()
    try:
        return await asyncio.shield(ended)
    except asyncio.CancelledError:
        command.cancel()
        # Nobody may go on, and ask for the opposite, while it still runs.
        await asyncio.wait([ended])
        if not ended.cancelled():
            ended.exception()
        raise


def _work(command: _Command, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[Done]) -> None:
    def tell(done: Done | None, error: BaseException | None) -> None:
        if ended.done():
            return
        if error is not None:
            ended.set_exception(error)
        elif done is not None:
            ended.set_result(done)

    done: Done | None = None
    error: BaseException | None = None
    try:
        done = command.run()
    except Exception as caught:  # noqa: BLE001 - whatever it is, the caller must not wait for ever
        error = caught
    # A loop that was closed meanwhile has nobody left to tell.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(tell, done, error)


class _Kept:
    """The beginning and the end of an output."""

    def __init__(self, most: int) -> None:
        self._half = max(most // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def add(self, piece: bytes) -> None:
        room = self._half - len(self._head)
        self._head += piece[:room]
        self._tail += piece[room:] if room < len(piece) else b""
        surplus = len(self._tail) - self._half
        if surplus > 0:
            del self._tail[:surplus]
            self._left_out += surplus

    def text(self) -> str:
        gap = f"\n… {self._left_out} bytes left out …\n".encode() if self._left_out else b""
        return bytes(self._head + gap + self._tail).decode("utf-8", "backslashreplace")


class _Command:
    """Lives in its thread, but for :meth:`cancel`."""

    def __init__(
        self,
        argv: list[str],
        timeout: float,
        env: Mapping[str, str] | None,
        cwd: Path | str | None,
        stdin: bytes | None,
        most_output: int,
    ) -> None:
        self._argv = argv
        self._timeout = timeout
        self._env = env
        self._cwd = cwd
        self._stdin = memoryview(stdin or b"")
        self._has_stdin = stdin is not None
        self._out = _Kept(most_output)
        self._err = _Kept(most_output)
        self._cancelled = threading.Event()
        self._began = time.monotonic()

    def cancel(self) -> None:
        self._cancelled.set()

    def run(self) -> Done:
        process = self._start()
        try:
            in_time = self._read(process, self._began + self._timeout)
            if not in_time:
                self._kill(process)
        except BaseException:
            self._kill(process)
            raise
        finally:
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        stdout, stderr = self._out.text(), self._err.text()
        if not in_time:
            what = "was cancelled" if self._cancelled.is_set() else f"did not end within {self._timeout:g} s"
            raise TimedOut(f"{self._argv[0]} {what}.", self._argv, stdout, stderr)
        return Done(self._argv, process.wait(), stdout, stderr, time.monotonic() - self._began)

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE if self._has_stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
                bufsize=0,
            )
        except FileNotFoundError as error:
            if self._cwd is not None and str(error.filename) == str(self._cwd):
                raise NotThere(f"The folder {self._cwd} does not exist.", self._argv) from error
            raise NotThere(f"The command {self._argv[0]} is not installed here.", self._argv) from error
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise NotThere(f"The command {self._argv[0]} cannot be run: {reason}.", self._argv) from error

    def _read(self, process: subprocess.Popen[bytes], end: float) -> bool:
        """Pass input and outputs until the command has ended; whether it ended in time."""
        with selectors.DefaultSelector() as selector, _exit_descriptor(process) as exit_descriptor:
            self._register(selector, process)
            if exit_descriptor is not None:
                selector.register(exit_descriptor, selectors.EVENT_READ, None)
            while process.poll() is None:
                rest = end - time.monotonic()
                if rest <= 0 or self._cancelled.is_set():
                    return False
                self._pass(selector, min(rest, GLANCE))
            if exit_descriptor is not None:
                selector.unregister(exit_descriptor)
            last = time.monotonic() + LAST_WORDS
            while selector.get_map() and (rest := last - time.monotonic()) > 0:
                self._pass(selector, rest)
        return True

    def _register(self, selector: selectors.BaseSelector, process: subprocess.Popen[bytes]) -> None:
        for pipe, kept in ((process.stdout, self._out), (process.stderr, self._err)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, kept)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE, None)

    def _pass(self, selector: selectors.BaseSelector, seconds: float) -> None:
        for key, events in selector.select(seconds):
            if isinstance(key.fileobj, int):
                continue
            pipe: IO[bytes] = key.fileobj  # type: ignore[assignment]
            goes_on = self._write(pipe) if events & selectors.EVENT_WRITE else _take(pipe, key.data)
            if not goes_on:
                selector.unregister(pipe)
                pipe.close()

    def _write(self, pipe: IO[bytes]) -> bool:
        try:
            self._stdin = self._stdin[os.write(pipe.fileno(), self._stdin[:PIECE]) :]
        except BlockingIOError:
            return True
        except OSError:
            return False  # it does not want to read any more: its own business
        return len(self._stdin) > 0

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        """Only of what was not reaped: its group's number cannot have become another's."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        # A process that hangs in the kernel dies later; the time limit holds all the same.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(DEATH)


def _take(pipe: IO[bytes], kept: _Kept) -> bool:
    try:
        piece = os.read(pipe.fileno(), PIECE)
    except BlockingIOError:
        return True
    except OSError:
        return False
    kept.add(piece)
    return bool(piece)


@contextlib.contextmanager
def _exit_descriptor(process: subprocess.Popen[bytes]) -> Iterator[int | None]:
    """Becomes readable when the process ends; ``None`` where the system has none."""
    descriptor = None
    if sys.platform == "linux":
        # An old kernel, or a sandbox, may not know it.
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(process.pid)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)
