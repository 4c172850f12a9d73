"""Argument vectors and environments of controller and engines, from a profile's settings and a person's options.

Promise: pure functions of the plan, whose options hold already what the profile says of its launcher; lists of
words, never a shell string; no secret in an argument (the connection goes by environment).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from .base import EngineSpec, Plan
from .classes import ANCESTORS, CURVE, first

#: Variables by which numerical libraries read how many threads they may use.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

#: Engines and controllers must not find the server's own identity in their environment.
PRIVATE = ("JPY_API_TOKEN", "JUPYTERHUB_API_TOKEN", "JUPYTER_TOKEN", "JUPYTERHUB_CLIENT_ID")


def trait_args(settings: Mapping[str, Any], prefixes: Iterable[str]) -> list[str]:
    """``IPEngine.timeout = 10`` in a profile's cluster file as ``--IPEngine.timeout=10``."""
    wanted = tuple(f"{prefix}." for prefix in prefixes)
    return [f"--{name}={value}" for name, value in settings.items() if name.startswith(wanted) and _plain(value)]


def _plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool))


def controller_argv(plan: Plan) -> list[str]:
    """The whole command of the controller."""
    return [sys.executable, "-m", "jupyterlab_clusters.host.controller", *controller_args(plan)]


def encrypted(plan: Plan) -> bool:
    """Whether this is what we ask the controller for; its own configuration may know better."""
    return bool(plan.options.get("enable_curve", plan.encrypt))


def controller_args(plan: Plan) -> list[str]:
    """Arguments of the controller, without the program."""
    settings = plan.settings
    argv = [
        f"--profile-dir={plan.profile_dir}",
        f"--cluster-id={plan.cluster_id}",
        f"--orphan-timeout={plan.orphan_timeout:g}",
        *([f"--idle-timeout={plan.idle_timeout:g}"] if plan.idle_timeout else []),
    ]
    if ip := settings.get("Cluster.controller_ip"):
        argv.append(f"--ip={ip}")
    if location := settings.get("Cluster.controller_location"):
        argv.append(f"--location={location}")
    argv += trait_args(settings, ("IPController", "Hub", "HubFactory", "HeartMonitor", "TaskScheduler"))
    if (curve := plan.options.get("enable_curve")) is not None:
        argv.append(f"{CURVE}={bool(curve)}")
    argv += map(str, plan.options.get("controller_args", []))
    return argv


def engine_args(plan: Plan, uuid: str | None, asks_id: int | None = None) -> list[str]:
    """Arguments of one engine, or (without ``uuid``) of all, without the program; later ones win."""
    settings = plan.settings
    args = [f"--profile-dir={plan.profile_dir}", f"--cluster-id={plan.cluster_id}"]
    if uuid is not None:
        args.append(f"--ident={uuid}")
    if asks_id is not None:
        args.append(f"--IPEngine.id={asks_id}")
    args += trait_args(settings, ("IPEngine", "IPythonParallelKernel", "InteractiveShellApp", "InteractiveShell"))
    args += map(str, plan.options.get("engine_args", []))
    return args


def engine_argv(plan: Plan, uuid: str, asks_id: int | None = None) -> list[str]:
    """The whole command of one engine started as a plain process."""
    program = [sys.executable, "-m", "jupyterlab_clusters.host.engine"]
    # A profile that names its own engine program gets that program.
    program = list(map(str, first(plan.settings, ANCESTORS["local"], "engine_cmd", program)))
    return program + engine_args(plan, uuid, asks_id)


def fork_wanted(plan: Plan) -> bool:
    """Whether engines may be forked: not when the person or the profile asks for processes of their own kind."""
    own_program = first(plan.settings, ANCESTORS["local"], "engine_cmd")
    return own_program is None and plan.options.get("start_method", "auto") != "plain"


def environment(plan: Plan) -> dict[str, str]:
    """The complete environment of controller, nursery and engines."""
    env = {name: value for name, value in plan.environment.items() if name not in PRIVATE}
    env["IPP_CLUSTER_ID"] = plan.cluster_id
    env["IPP_PROFILE_DIR"] = str(plan.profile_dir)
    if plan.encrypt:
        # Not as an argument: what ipcontroller_config.py says must win.
        env.setdefault("IPP_ENABLE_CURVE", "1")
    threads = plan.options.get("threads")
    if threads:
        env.update(dict.fromkeys(THREADS, str(threads)))
    env.update(_texts(plan.options.get("environment", {})))
    return env


def engine_environment(plan: Plan, engine: EngineSpec) -> dict[str, str]:
    """What is added for one engine: read late, so that a forked engine sees it too."""
    return {"IPP_CONNECTION_INFO": engine.connection, "JUPYTERLAB_CLUSTERS_SLOT": str(engine.slot)}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}
