"""A program of its own: one launcher of ipyparallel, used just as ``ipcluster start`` would with this profile.

Promise: what its launcher waits for or breaks is waited for and broken here, in
nobody's server. What was begun is ended when this is asked to end; what the
launcher's processes write is printed here before ipyparallel removes it. Facts
go to the file that the task names; no secret among them.

The task (JSON in ``JUPYTERLAB_CLUSTERS_STOCK``): ``part`` (``controller`` or ``engines``), ``profile_dir``,
``cluster_id``, ``engines``, ``connection`` = the client's connection file, ``folder`` for batch scripts, ``told`` =
the file for facts.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from .messages import STOCK_VARIABLE
from .overheard import listen
from .prints import Prints
from .private import write

#: How long a launcher may take to end what it began (seconds).
STOP = 60.0
#: Exit codes: the launcher could not start; it could not end what it had begun.
NOT_BEGUN, LEFT = 3, 4


class AskedToEnd(BaseException):
    """Also when the launcher blocks, and whatever it catches."""


class Controller:
    """The one that runs already, as launchers of engines are shown it."""

    state = "running"

    def __init__(self, engine: Mapping[str, Any]) -> None:
        self._engine = engine

    async def get_connection_info(self) -> dict[str, Any]:
        return {"engine": self._engine, "client": self._engine}


class Told:
    """The file from which the launcher's side learns what has become of the task; written whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: dict[str, Any] = {}

    def add(self, **facts: Any) -> None:
        self._facts.update(facts)
        write(self._path, json.dumps(self._facts))


def failure(error: BaseException) -> dict[str, Any]:
    """What went wrong, with all that an outside command said."""
    facts: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, subprocess.CalledProcessError):
        said = [part.decode(errors="replace") for part in (error.output, error.stderr) if isinstance(part, bytes)]
        facts.update(command=list(map(str, error.cmd)), exit_code=error.returncode, output="".join(said))
    elif isinstance(error, OSError) and error.filename:
        facts["file"] = str(error.filename)
    return facts


def keeping_errors() -> None:
    """Launchers run commands by ``check_output``, which lets what a command complains of pass by."""
    from ipyparallel.cluster import launcher, shellcmd

    run: Any = subprocess.run

    def check_output(*args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("stderr", subprocess.PIPE)
        done = run(*args, stdout=subprocess.PIPE, check=False, **kwargs)
        if done.stderr:
            sys.stderr.buffer.write(done.stderr if isinstance(done.stderr, bytes) else done.stderr.encode())
            sys.stderr.flush()
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
        return done.stdout

    for module in (launcher, shellcmd):
        if hasattr(module, "check_output"):
            module.check_output = check_output


def private(kind: type, folder: str) -> type:
    """The launcher's class with its batch script in a folder of its own: all clusters call theirs the same.

    Other work goes where it always went. The name stays, as a profile's settings are found by it."""
    from ipyparallel.cluster.launcher import BatchSystemLauncher, abbreviate_launcher_class

    if not issubclass(kind, BatchSystemLauncher):
        return kind

    def begin(self: Any, *args: Any, **kwargs: Any) -> None:
        kind.__init__(self, *args, **kwargs)  # type: ignore[misc]
        self.batch_file = os.path.join(folder, os.path.basename(self.batch_file_name))

    named = {"entrypoint_name": abbreviate_launcher_class(kind), "__module__": kind.__module__}
    return type(kind.__name__, (kind,), {"__init__": begin, **named})


class Run:
    """One task from its start to its end."""

    def __init__(self, task: Mapping[str, Any]) -> None:
        from ipyparallel.cluster import Cluster

        self.task = task
        self.told = Told(Path(task["told"]))
        self.over = asyncio.Event()
        self.asked = asyncio.Event()
        self.launcher: Any = None
        self.code = 0
        self.prints = Prints(self._files)
        self.cluster = Cluster(
            profile_dir=task["profile_dir"],
            cluster_id=task["cluster_id"],
            cluster_file="",
            shutdown_atexit=False,
            log=logging.getLogger("ipyparallel"),
        )

    async def go(self) -> int:
        """The exit code of this program."""
        signal.signal(signal.SIGTERM, self._interrupt)
        try:
            await self._begin()
        except AskedToEnd:
            self.asked.set()
        except Exception as error:  # noqa: BLE001 - a stranger's launcher may raise whatever it likes
            traceback.print_exc()
            self.told.add(failure=failure(error))
            await self._end()
            return NOT_BEGUN
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.asked.set)
        loop.add_signal_handler(signal.SIGINT, self.asked.set)
        waits = [loop.create_task(event.wait()) for event in (self.asked, self.over)]
        self.prints.begin()
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        left = await self._end() if self.asked.is_set() else False
        self.prints.end()
        return LEFT if left else 0 if self.asked.is_set() else self.code

    async def _begin(self) -> None:
        from ipyparallel.cluster.launcher import SlurmLauncher

        cluster, task = self.cluster, self.task
        if task["part"] == "controller":
            cluster.controller_launcher_class = private(cluster.controller_launcher_class, task["folder"])
            try:
                await cluster.start_controller()
            finally:
                self.launcher = cluster.controller
        else:
            cluster.engine_launcher_class = private(cluster.engine_launcher_class, task["folder"])
            cluster.controller = Controller(json.loads(os.environ["IPP_CONNECTION_INFO"]))
            try:
                await cluster.start_engines(task["engines"])
            finally:
                self.launcher = cluster.engine_set
            listen(Path(task["connection"]), self.prints.say)
        self.launcher.on_stop(self._ended)
        job = str(getattr(self.launcher, "job_id", "") or "") or None
        self.told.add(began=True, job=job, slurm=isinstance(self.launcher, SlurmLauncher))

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        raise AskedToEnd

    def _ended(self, data: Any) -> None:
        code = data.get("exit_code") if isinstance(data, Mapping) else None
        self.code = code if isinstance(code, int) and 0 <= code < 256 else 1 if code else 0
        self.over.set()

    async def _end(self) -> bool:
        """Whether something could not be ended."""
        if self.launcher is None or self.launcher.state != "running":
            return False
        for again in (True, True, False):
            try:
                stopping = self.launcher.stop()
                if inspect.isawaitable(stopping):
                    await asyncio.wait_for(stopping, STOP)
            except Exception as error:  # noqa: BLE001 - as above
                if again and isinstance(error, subprocess.CalledProcessError) and error.returncode < 0:
                    continue  # whoever asks us to end asks what we have begun as well
                traceback.print_exc()
                self.told.add(left=failure(error))
                return True
            return False
        return True

    def _files(self) -> list[str]:
        """What the launcher's processes write, as far as it is in files of this machine."""
        several = getattr(self.launcher, "launchers", None) or {}
        each = [self.launcher, *(several.values() if isinstance(several, dict) else ())]
        found = [str(file) for one in each if (file := getattr(one, "output_file", ""))]
        return [*found, *self.prints.of_job(getattr(self.launcher, "job_id", ""))]


def main() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    task = json.loads(os.environ.pop(STOCK_VARIABLE))
    keeping_errors()

    async def run() -> int:
        return await Run(task).go()

    code = asyncio.run(run())
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    # Threads of a launcher that still wait for something are not waited for.
    os._exit(code)


if __name__ == "__main__":
    main()
