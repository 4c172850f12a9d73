"""ipyparallel's controller, ready sooner and with its ear to the ground.

Promise: what clients and engines talk to is ipyparallel's own controller, with
its configuration files and options. Where ipyparallel's insides are not as
expected it runs the stock controller with a short beat and says so in the log.
When one of its own processes dies it ends, as it would only look alive.
Exit code 85: its engines had nothing to do for too long; 86: nobody needed this cluster any more; 87: a part of it
died.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import multiprocessing
import os
import resource
import sys
from collections.abc import Iterator
from functools import partial
from multiprocessing import Process
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import zmq
from traitlets import Float, default

from . import heart, ports, schedulers
from .hub import Hub
from .idle import Idleness
from .lean import app as stock
from .messages import DEATHS_VARIABLE, IDLE, ORPHANED
from .orphan import Company, connections
from .private import write

#: How long engines get to end after they were asked to, when the cluster ends by itself (seconds).
ENGINES_END = 2.0

#: Exit code of a controller one of whose own processes died.
BROKEN = 87

SHORT_BEAT = "--HeartMonitor.period=500"


class IPController(stock.IPController):  # type: ignore[misc]
    """Our command around ipyparallel's controller; of the same name, for its log lines."""

    name = "ipcontroller"
    aliases = {  # noqa: RUF012
        **stock.aliases,
        "orphan-timeout": "IPController.orphan_timeout",
        "idle-timeout": "IPController.idle_timeout",
    }
    orphan_timeout = Float(
        0.0, config=True, help="Seconds without client and task after which the cluster ends; 0 = never."
    )
    idle_timeout = Float(0.0, config=True, help="Seconds with no busy engine after which the cluster ends; 0 = never.")
    visits: Any = None
    _ending = False

    @default("registration_timeout")
    def _default_registration_timeout(self) -> int:
        # On an overloaded machine engines start slowly; one that is dropped here is lost for ever.
        return 300

    def init_hub(self) -> None:
        with _ours():
            super().init_hub()

    def bind(self, socket: Any, url: str) -> Any:
        # A client whose machine vanished must not count as company for ever.
        for option, value in ((zmq.TCP_KEEPALIVE, 1), (zmq.TCP_KEEPALIVE_IDLE, 60), (zmq.TCP_KEEPALIVE_INTVL, 20)):
            socket.setsockopt(option, value)
        if socket.getsockopt(zmq.TYPE) == zmq.ROUTER and self.visits is None:
            self.visits = connections(socket.socket)
        return super().bind(socket, url)

    def save_connection_dict(self, fname: str, cdict: dict[str, Any]) -> None:
        """Whole or not at all, as others wait for it; readable by nobody else at any time."""
        path = Path(self.profile_dir.security_dir) / fname
        self.log.info("writing connection info to %s", path)
        write(path, json.dumps(cdict, indent=2))

    def start(self) -> None:
        if self.orphan_timeout > 0:
            schedulers = sum(isinstance(child, Process) for child in self.children)
            self.company = Company(
                self.hub, self.visits, schedulers, self.orphan_timeout, partial(self._end_by_itself, ORPHANED), self.log
            )
        if self.idle_timeout > 0:
            self.idleness = Idleness(self.hub, self.idle_timeout, partial(self._end_by_itself, IDLE), self.log)
        if (fd := os.environ.pop(DEATHS_VARIABLE, None)) is not None:
            listen_to_deaths(self.hub, int(fd))
        super().start()

    def init_signal(self) -> None:
        # Here all parts have just been started.
        super().init_signal()
        self.heartmonitor_process.name = "HeartMonitor"
        for child in [*self.children, self.heartmonitor_process]:
            process = getattr(child, "launcher", child)
            if isinstance(process, BaseProcess):
                self.loop.add_handler(process.sentinel, partial(self._part_ended, process, child.name), self.loop.READ)

    def terminate_children(self) -> None:
        self._ending = True
        super().terminate_children()

    def _part_ended(self, process: BaseProcess, name: str, fd: int, events: int) -> None:
        self.loop.remove_handler(fd)
        if self._ending:
            return
        process.join(1)
        code = process.exitcode
        how = f"exit code {code}" if code is None or code >= 0 else f"signal {-code}"
        self.log.critical("%s, a part of the controller, has ended (%s): nothing works without it", name, how)
        self.terminate_children()
        self.cleanup_connection_files()
        logging.shutdown()
        os._exit(BROKEN)

    def _end_by_itself(self, code: int) -> None:
        self._ask_engines_to_end()
        self.loop.call_later(ENGINES_END, self._leave, code)

    def _leave(self, code: int) -> None:
        self.terminate_children()
        self.cleanup_connection_files()
        # At once: taking the sockets down can end in a signal under load, and the code must be ours.
        os._exit(code)

    def _ask_engines_to_end(self) -> None:
        """As a client would; engines on other machines have nobody else to tell them."""
        control = self.context.socket(zmq.DEALER)
        control.LINGER = 1000
        self.connect(control, stock.disambiguate_url(self.client_url("control")))
        for connector in self.hub.engines.values():
            self.session.send(control, "shutdown_request", {"restart": False}, ident=connector.ident)
        control.close()


@contextlib.contextmanager
def _ours() -> Iterator[None]:
    """While the hub is made: our hub, our heart monitor, and no quarter of a second of sleep."""
    kept = {name: getattr(stock, name) for name in ("Hub", "start_heartmonitor", "time")}
    stock.Hub = Hub
    stock.start_heartmonitor = heart.start_heartmonitor
    stock.time = SimpleNamespace(sleep=lambda seconds: None)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(stock, name, value)


def listen_to_deaths(hub: Hub, fd: int) -> None:
    """Lines of uuids of engines that died, from whoever started us."""
    os.set_inheritable(fd, False)
    os.set_blocking(fd, False)
    rest = b""

    def read(fd: int, events: int) -> None:
        nonlocal rest
        try:
            received = os.read(fd, 65536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            hub.loop.remove_handler(fd)
            os.close(fd)
            return
        *lines, rest = (rest + received).split(b"\n")
        for line in lines:
            hub.died(line.decode(errors="replace"))

    hub.loop.add_handler(fd, read, hub.loop.READ)


def fits() -> bool:
    """Whether ipyparallel is as this module needs it."""
    needed = ("Hub", "start_heartmonitor", "time", "disambiguate_url", "aliases", "util")
    hub = ("by_ident", "incoming_registrations", "engines", "ids", "pending", "unassigned", "_save_engine_state")
    return (
        heart.fits()
        and schedulers.fits()
        and all(hasattr(stock, name) for name in needed)
        and all(hasattr(Hub, name) for name in hub)
    )


def raise_limits() -> None:
    """Two descriptors an engine and more: as many as the system lets us have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 1 << 20 if hard == resource.RLIM_INFINITY else min(hard, 1 << 20)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def run_stock(argv: list[str]) -> None:
    """ipyparallel's own controller; registration then takes up to a beat or two."""
    print(
        "ipyparallel's controller is not as expected: it runs unchanged, with a short beat "
        "and without an end when it is forgotten or idle",
        file=sys.stderr,
        flush=True,
    )
    argv = [word for word in argv if not word.startswith(("--orphan-timeout", "--idle-timeout"))]
    stock.IPController.launch_instance(argv=[SHORT_BEAT, *argv])


def main() -> None:
    """Run until ended; the exit code tells orphans."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    os.umask(0o077)
    raise_limits()
    if not fits():
        run_stock(sys.argv[1:])
        return
    if sys.platform.startswith("linux"):
        # The default of Python 3.14 starts a Python for each of the eight children.
        multiprocessing.set_start_method("fork", force=True)
    schedulers.pass_over_repeats()
    stock.util.select_random_ports = ports.keep_random_ports
    asyncio.set_event_loop(asyncio.new_event_loop())
    IPController.launch_instance()


if __name__ == "__main__":
    main()
