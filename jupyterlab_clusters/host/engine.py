"""An ipyparallel engine without a nanny process, whose output is in its log.

Promise: to clients it is ipyparallel's own engine: it answers signals itself,
and what is printed, by Python or straight to the descriptors, goes to clients
and, once, to the log. Runs in a forked child or as
``python -m jupyterlab_clusters.host.engine ARGS``.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
from typing import Any

from ipykernel.control import ControlThread
from ipykernel.iostream import OutStream
from ipyparallel.engine import app as engine_app
from ipyparallel.engine.kernel import IPythonParallelKernel
from traitlets import Bool, Type, default
from zmq.eventloop.zmqstream import ZMQStream


class LoggedStream(OutStream):  # type: ignore[misc]
    """Python's stdout or stderr: to clients, and by whole lines to the log.

    What is written straight to the descriptor reaches ``write`` by ipykernel's
    thread, which copies it to the log itself.
    """

    quiet = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._line = ""
        self._line_lock = threading.Lock()
        self._line_pid = os.getpid()
        super().__init__(*args, **kwargs)

    def write(self, string: str) -> int | None:
        if self.quiet:
            return len(string)
        written: int | None = super().write(string)
        if threading.current_thread() is not getattr(self, "watch_fd_thread", None):
            self._keep(string)
        return written

    def _flush(self) -> None:
        super()._flush()
        self._keep("", whole=True)

    def _keep(self, string: str, *, whole: bool = False) -> None:
        if self._line_pid != os.getpid():
            # A fork by the user's code: the parent will write what was begun before.
            self._line, self._line_pid, self._line_lock = "", os.getpid(), threading.Lock()
        with self._line_lock:
            self._line += string
            end = len(self._line) if whole else self._line.rfind("\n") + 1
            if end:
                ready, self._line = self._line[:end], self._line[end:]
                _write_all(getattr(self, "_original_stdstream_copy", 1), ready.encode(errors="replace"))


def _write_all(fd: int, text: bytes) -> None:
    # A full disk must not break the computation.
    with contextlib.suppress(OSError):
        while text:
            text = text[os.write(fd, text) :]


class Kernel(IPythonParallelKernel):  # type: ignore[misc]
    """Answers ``client.send_signal`` itself, in the control thread, also while it computes."""

    control_msg_types = [*IPythonParallelKernel.control_msg_types, "signal_request"]  # noqa: RUF012

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.get("control_thread") is None:
            # ipyparallel 8 reads control in the main thread, and leaves a busy engine to the nanny.
            kwargs["control_thread"], kwargs["control_stream"] = _in_a_thread(kwargs["control_stream"])
        super().__init__(**kwargs)

    def do_shutdown(self, restart: bool) -> Any:
        """Asked by a client or the hub, not by a signal."""
        IPEngine.instance().asked_to_end = True
        return super().do_shutdown(restart)

    async def signal_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        content: dict[str, Any] = {"status": "ok"}
        number = 0
        try:
            wanted = parent["content"]["sig"]
            number = int(getattr(signal, wanted) if isinstance(wanted, str) else wanted)
            signal.Signals(number)
        except (KeyError, AttributeError, ValueError, TypeError) as error:
            content = {"status": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": []}
        self.session.send(stream, "signal_reply", content, parent, ident=ident)
        stream.flush()
        if content["status"] == "ok":
            # The answer leaves by another thread, which a deadly signal would cut short.
            stream.io_loop.call_later(0.01, os.kill, os.getpid(), number)


def _in_a_thread(stream: ZMQStream) -> tuple[ControlThread, ZMQStream]:
    """``stream``, which nobody has read yet, anew in a thread that reads it."""
    thread = ControlThread(daemon=True)
    thread.start()
    stream.io_loop.remove_handler(stream.socket)
    return thread, ZMQStream(stream.socket, thread.io_loop)


class IPEngine(engine_app.IPEngine):  # type: ignore[misc]
    """ipyparallel's engine with this kernel and these streams; of the same name, for its log lines."""

    name = "ipengine"
    enable_nanny = Bool(False, config=True, help="Start a nanny process beside the engine.")
    out_stream_factory = Type(LoggedStream, config=True, allow_none=True, help="Class of stdout and stderr.")
    asked_to_end = False

    @default("id")
    def _default_id(self) -> None:
        """Whoever starts it says which number it asks for; ipyparallel takes the MPI rank, also for the engine
        that follows one whose tasks the hub still fails by that number."""

    @default("work_dir")
    def _default_work_dir(self) -> str:
        # ipyparallel asks at import, which for a forked engine was in the nursery's folder.
        return os.getcwd()

    def redirect_output(self, iopub_socket: Any) -> None:
        LoggedStream.quiet = True  # ipyparallel prints its log handlers here, which is of no use to anybody
        try:
            super().redirect_output(iopub_socket)
        finally:
            LoggedStream.quiet = False

    def _signal_stop(self, sig: int, frame: Any) -> None:
        self.asked_to_end = True
        super()._signal_stop(sig, frame)


def run(args: list[str]) -> None:
    """Be an engine until it is ended; leaves by SystemExit."""
    engine_app.Kernel = Kernel
    with contextlib.suppress(OSError, ValueError):
        # Straight to the log: fd 2 will be a pipe that this process reads itself.
        faulthandler.enable(os.dup(2))
    try:
        IPEngine.launch_instance(argv=args)
    except RuntimeError:
        # ipykernel 7 ends its loop under asyncio's feet when it is asked to end.
        if not (IPEngine.initialized() and IPEngine.instance().asked_to_end):
            raise


def main() -> None:
    run(sys.argv[1:])


if __name__ == "__main__":
    main()
