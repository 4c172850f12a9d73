from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyterlab_clusters.launchers.asked import options_of
from jupyterlab_clusters.launchers.base import EngineSpec, Plan
from jupyterlab_clusters.launchers.commandline import (
    controller_argv,
    engine_args,
    engine_argv,
    engine_environment,
    environment,
    fork_wanted,
)


def plan(settings: dict[str, Any] | None = None, options: dict[str, Any] | None = None, **env: str) -> Plan:
    return Plan(
        key="lab:x",
        profile="lab",
        profile_dir=Path("/profiles/profile_lab"),
        cluster_id="x",
        log_dir=Path("/logs"),
        settings=settings or {},
        options={**options_of("local", settings or {}), **(options or {})},
        environment=env,
    )


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"Cluster.controller_ip": "*"}, "--ip=*"),
        ({"Cluster.controller_location": "head"}, "--location=head"),
        ({"Cluster.controller_args": ["--nodb"]}, "--nodb"),
        ({"ControllerLauncher.controller_args": ["--sqlitedb"]}, "--sqlitedb"),
        ({"IPController.ping": 100}, "--IPController.ping=100"),
    ],
)
def test_what_the_profile_says_of_the_controller_reaches_it(settings: dict[str, Any], word: str) -> None:
    assert word in controller_argv(plan(settings))


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"EngineLauncher.engine_args": ["--log-level=10"]}, "--log-level=10"),
        ({"LocalEngineSetLauncher.engine_args": ["--quick"], "EngineLauncher.engine_args": ["--no"]}, "--quick"),
        ({"IPEngine.timeout": 60}, "--IPEngine.timeout=60"),
    ],
)
def test_what_the_profile_says_of_engines_reaches_them(settings: dict[str, Any], word: str) -> None:
    args = engine_args(plan(settings), "s0-1")
    assert word in args
    assert "--no" not in args, "the more special class wins, as in traitlets"


def test_an_engine_program_of_the_profile_is_used_and_not_forked() -> None:
    own = plan({"LocalEngineSetLauncher.engine_cmd": ["/opt/wrap", "ipengine"]})
    assert engine_argv(own, "s0-1")[:2] == ["/opt/wrap", "ipengine"]
    assert not fork_wanted(own)
    assert fork_wanted(plan())
    assert not fork_wanted(plan(options={"start_method": "plain"}))


def test_the_key_goes_by_environment_only() -> None:
    spec = EngineSpec(slot=3, uuid="s3-1", connection='{"key": "secret-key"}')
    assert "secret-key" in engine_environment(plan(), spec)["IPP_CONNECTION_INFO"]
    assert not any("secret-key" in word for word in engine_argv(plan(), spec.uuid))


def test_the_server_s_own_tokens_are_not_handed_on() -> None:
    env = environment(plan(JUPYTERHUB_API_TOKEN="t", PATH="/bin"))
    assert env["PATH"] == "/bin" and "JUPYTERHUB_API_TOKEN" not in env


def test_threads_and_variables_as_chosen() -> None:
    settings = {"LocalEngineSetLauncher.environment": {"A": "profile", "B": "b"}}
    env = environment(plan(settings, {"threads": 2}, OMP_NUM_THREADS="8"))
    assert (env["OMP_NUM_THREADS"], env["A"], env["B"]) == ("2", "profile", "b")
    env = environment(plan(settings, {"environment": {"A": "chosen"}}))
    assert env["A"] == "chosen" and "B" not in env, "the form shows what the profile says: what it lacks was taken away"


def test_encryption_is_asked_for_where_an_engine_is_elsewhere_and_a_person_has_the_last_word() -> None:
    elsewhere = replace(plan(), encrypt=True)
    assert environment(elsewhere)["IPP_ENABLE_CURVE"] == "1"
    assert "IPP_ENABLE_CURVE" not in environment(plan())
    for chosen in (True, False):
        assert f"--IPController.enable_curve={chosen}" in controller_argv(plan(options={"enable_curve": chosen}))
    words = controller_argv(
        plan(options={"enable_curve": True, "controller_args": ["--IPController.enable_curve=False"]})
    )
    assert words[-1] == "--IPController.enable_curve=False", "the last one counts"
