"""A profile run as written: ipyparallel's own launchers, or a third party's, each in a program of its own.

Promise: they can neither block nor break the server. Where the profile leaves the
controller on this machine it is ours. Engines are met at the hub: which process each
is, only the hub can tell, so that they start and stop all together.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...host.messages import STOCK_VARIABLE
from ...host.private import private_folder, read
from ..base import Capabilities, EngineSpec, Exit, Launcher, LauncherName, LaunchFailed, Plan, Preview, Watcher
from ..classes import CONTROLLER, ENGINES, LOCAL_CONTROLLER, short
from ..commandline import controller_argv
from ..hostside import exit_of
from ..local import begin_here, controller_process, here, regain
from ..said import log_end, size
from . import causes
from .batch import BatchJob

CAPABILITIES = Capabilities(
    scale="restart", stop_one=False, restart_one=False, interrupt_one=True, log_per_engine=False
)

#: Names of the two programs among processes and logs.
PARTS = {"controller": "controller", "engines": "job"}
#: How long a launcher may take to begin what it begins: one after another over ssh takes time (seconds).
PATIENCE, PATIENCE_EACH = 120.0, 10.0
#: How often it is looked whether it has (seconds).
LOOK = 0.02
#: How long a launcher may take to end what it began (seconds); it gives up itself somewhat sooner.
STOP = 75.0


class StockLauncher(Launcher):
    """``name`` is that of the launcher which the profile's classes come closest to."""

    capabilities = CAPABILITIES
    names_engines = False

    def __init__(self, plan: Plan, watcher: Watcher, *, name: LauncherName, runtime_dir: Path) -> None:
        super().__init__(plan, watcher)
        self.name = name
        self._here = here(plan, watcher, runtime_dir, self._process_told)
        self._engines: dict[int, str] = {}
        self._batch = {
            "controller": BatchJob(plan, watcher, self._controller_job_over),
            "engines": BatchJob(plan, watcher, self._job_over),
        }
        self._began: dict[str, int] = {}
        self._ended: asyncio.Event = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Lock()

    @property
    def folder(self) -> Path:
        """For batch scripts and what the programs tell."""
        return self.plan.log_dir / "stock"

    # -- starting -------------------------------------------------------------

    async def prepare(self) -> None:
        """Nothing can be made ready for a stranger's launcher."""

    async def start_controller(self) -> None:
        if self._own_controller:
            await self._here.spawn("controller", begin_here(self.plan), [controller_process(self.plan)])
        else:
            await self._run("controller", 1, {})

    async def start_engines(self, engines: Sequence[EngineSpec]) -> None:
        self._engines = {engine.slot: engine.uuid for engine in engines}
        await self._run("engines", len(engines), {"IPP_CONNECTION_INFO": engines[0].connection})
        if self._batch["engines"].job is not None:
            self._batch["controller"].hide()

    @property
    def _files(self) -> str:
        """The connection files' name, as ipyparallel has it."""
        return f"ipcontroller-{self.plan.cluster_id}" if self.plan.cluster_id else "ipcontroller"

    @property
    def _own_controller(self) -> bool:
        settings = self.plan.settings
        named = short(settings.get(CONTROLLER, "local"))
        plain = named in LOCAL_CONTROLLER or named.lower() in LOCAL_CONTROLLER
        return plain and not any(setting.endswith("ControllerLauncher.controller_cmd") for setting in settings)

    async def _run(self, part: str, engines: int, env: Mapping[str, str]) -> None:
        """Have the launcher begin. Raises :class:`LaunchFailed` when it cannot."""
        told = self._told(part)
        await asyncio.to_thread(_make_ready, self.folder, told)
        self._began[part] = await asyncio.to_thread(size, self._log(part))
        task = {
            "part": part,
            "profile_dir": str(self.plan.profile_dir),
            "cluster_id": self.plan.cluster_id,
            "engines": engines,
            "connection": str(self.plan.profile_dir / "security" / f"{self._files}-client.json"),
            "folder": str(self.folder),
            "told": str(told),
        }
        process = {
            "name": PARTS[part],
            "uuid": secrets.token_hex(4),
            "argv": [sys.executable, "-m", "jupyterlab_clusters.host.stock"],
            "args": [],
            "env": {STOCK_VARIABLE: json.dumps(task), **env},
            "role": "engine",
        }
        self._ended.clear()
        step = "controller" if part == "controller" else "submit" if self.name in ("slurm", "stock") else "engines"
        await self._here.spawn(step, begin_here(self.plan), [process])
        facts = await self._begun(part, PATIENCE + PATIENCE_EACH * engines)
        if facts.get("began"):
            self._batch[part].watch(facts.get("job"), slurm=bool(facts.get("slurm")))
            return
        raise causes.not_begun(part, facts.get("failure") or {}, await self._said(part))

    async def _begun(self, part: str, patience: float) -> Mapping[str, Any]:
        """What its program told, as soon as it has."""
        deadline = asyncio.get_running_loop().time() + patience
        while not (facts := await asyncio.to_thread(_facts, self._told(part))):
            if PARTS[part] not in self._here.running():
                last = await asyncio.to_thread(_facts, self._told(part))
                return last or {"failure": {"message": "it ended without a word"}}
            if asyncio.get_running_loop().time() > deadline:
                await self._here.stop([PARTS[part]], 5.0)
                return {"failure": {"message": f"it had not begun after {patience:.0f} s"}}
            await asyncio.sleep(LOOK)
        return facts

    # -- what becomes of them ---------------------------------------------------

    def _process_told(self, record: Mapping[str, Any]) -> None:
        if record["name"] == PARTS["engines"] and record["state"] != "running":
            # At once: others may be begun before all about these is known.
            engines, self._engines = self._engines, {}
            self._later(self._engines_over(exit_of(record), engines))

    async def _engines_over(self, exit: Exit, engines: Mapping[int, str]) -> None:
        """The launcher of the engines has ended, and they with it."""
        facts = await asyncio.to_thread(_facts, self._told("engines"))
        if not exit.asked and facts.get("began"):
            said = await self._said("engines")
            known = causes.refused(said)
            cause, hint = known or ("ipyparallel's launcher of the engines has ended, and they with it.", None)
            hint, code = hint or "See what it said under Show output.", exit.exit_code
            self.watcher.failed(LaunchFailed("engines", cause, hint=hint, exit_code=code, output=said, log="job"))
        because = None if exit.asked else "ended together with its launcher"
        self._all_exited(engines, Exit(asked=exit.asked, because=because))

    def _job_over(self, why: LaunchFailed, because: str) -> None:
        """Their batch job has ended, unasked."""
        self.watcher.failed(why)
        engines, self._engines = self._engines, {}
        self._all_exited(engines, Exit(because=because))
        self._later(self._stop_program("engines"))

    def _controller_job_over(self, why: LaunchFailed, because: str) -> None:
        self.watcher.controller_exited(Exit(because=because))
        self._later(self._stop_program("controller"))

    def _all_exited(self, engines: Mapping[int, str], exit: Exit) -> None:
        for slot, uuid in engines.items():
            self.watcher.engine_exited(slot, uuid, exit)

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- ending -----------------------------------------------------------------

    async def stop_engines(self, slots: Sequence[int], *, grace: float) -> None:
        if slots:
            await self._end("engines")

    async def interrupt_engines(self, slots: Sequence[int]) -> None:
        raise LaunchFailed("engines", "These engines can only be interrupted through their hub, which is out of reach.")

    async def stop_all(self, *, grace: float) -> None:
        await self._end("engines")
        if not self._own_controller:
            await self._end("controller")
        await self._here.stop(None, grace)
        await self._here.forget()

    async def _end(self, part: str) -> None:
        """Have the launcher end what it began, and see that it did. Raises :class:`LaunchFailed`."""
        batch = self._batch[part]
        batch.asked_to_end = True
        ran = PARTS[part] in self._here.running()
        await self._stop_program(part)
        facts = await asyncio.to_thread(_facts, self._told(part))
        if (left := facts.get("left")) and (why := causes.left(left, batch.job)):
            raise why
        await batch.gone(again=not ran)
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._told(part).unlink)

    async def _stop_program(self, part: str) -> None:
        """One after the other: a second one would end also what the first has its launcher run."""
        async with self._stopping:
            if PARTS[part] in self._here.running():
                await self._here.stop([PARTS[part]], STOP)

    # -- the rest of the contract -------------------------------------------------

    async def watch_usage(self, watched: bool) -> None:
        await self._here.watch_usage(watched)

    def saved(self) -> dict[str, Any]:
        return {
            "processes": self._here.saved(),
            "engines": list(self._engines.items()),
            "jobs": {part: batch.saved() for part, batch in self._batch.items()},
            "began": self._began,
        }

    async def reattach(self, saved: Mapping[str, Any]) -> None:
        self._engines = {int(slot): str(uuid) for slot, uuid in saved.get("engines") or ()}
        self._began = dict(saved.get("began") or {})
        self._here.restore(saved.get("processes", ()))
        await regain(self._here)
        jobs = saved.get("jobs") or {}
        for part in PARTS:
            self._batch[part].watch(**(jobs.get(part) or {"job": None, "slurm": False}))
        if self._batch["engines"].job is not None:
            self._batch["controller"].hide()

    async def close(self) -> None:
        for batch in self._batch.values():
            batch.close()
        for task in list(self._tasks):
            task.cancel()
        await self._here.close()

    async def preview(self, engines: int) -> Preview:
        settings, own = self.plan.settings, self._own_controller
        kinds = {CONTROLLER: "controller", ENGINES: "engines"}
        strangers = [kind for kind in kinds if not (own and kind == CONTROLLER)]
        return Preview(
            commands=[controller_argv(self.plan)] if own else [],
            notes=[
                *([self.plan.as_written] if self.plan.as_written else []),
                *(
                    f"The launcher {short(settings.get(kind, 'local'))!r} starts the {kinds[kind]}."
                    for kind in strangers
                ),
                f"Logs go to {self.plan.log_dir}.",
            ],
        )

    def _told(self, part: str) -> Path:
        return self.folder / f"{part}.json"

    def _log(self, part: str) -> Path:
        return self.plan.log_dir / f"{PARTS[part]}.log"

    async def _said(self, part: str) -> str:
        text = await asyncio.to_thread(log_end, self._log(part), self._began.get(part, 0))
        return "\n".join(line for line in text.splitlines() if not line.startswith(f"--- {PARTS[part]} started "))


def _make_ready(folder: Path, told: Path) -> None:
    private_folder(folder, mend=True)
    told.unlink(missing_ok=True)


def _facts(told: Path) -> dict[str, Any]:
    try:
        found = json.loads(read(told))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
