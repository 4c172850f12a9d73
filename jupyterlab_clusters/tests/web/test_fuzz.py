"""Thousands of requests that nobody would write, from the OpenAPI document, against a real server that runs clusters.

Promise: the same ones each time; nothing leaves this machine, as the server finds no program that would.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from jupyterlab_clusters.launchers import catalog
from jupyterlab_clusters.tests.realserver import RealServer, serving
from jupyterlab_clusters.web.openapi import document

from . import timed

#: Answers that the wire knows.
KNOWN = {200, 201, 202, 204, 400, 403, 404, 405, 409, 413, 503}
#: Milliseconds.
LONGEST = 200.0
#: Of one operation, as the document allows and as it does not: two thousand in all, or as many as one has time for.
EACH = int(os.environ.get("JLC_FUZZ_EACH", "50"))

#: What is there; without it every question would end at a name that nobody knows.
THERE = {
    "key": ["default:", "fuzz:", "fuzz:b", "over:ssh"],
    "slot": [0, 1],
    "log": ["controller", "slot-0", "all"],
    "name": ["fuzz"],
}
#: Programs that engines need. Not ssh, sbatch and mpiexec: what is made up here must reach no other machine.
PROGRAMS = ("bash", "sh", "env", "ps", "uname")


def richer(*, forms: bool) -> dict[str, Any]:
    """The document, with what is there (and what launchers offer) beside what may be said."""
    rich = deepcopy(document())
    for path in rich["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if known := THERE.get(parameter["name"]):
                    parameter["schema"] = {"anyOf": [{"enum": known}, parameter["schema"]]}
    if not forms:
        return rich
    offered = [_told(catalog.options_of(name)) for name in catalog.TITLES]
    for kind in ("Define", "Start", "PreviewOf", "Settings", "HostsToTest"):
        properties = rich["components"]["schemas"][kind]["properties"]
        properties["options"] = {"anyOf": [*offered, properties["options"]]}
    profile = rich["components"]["schemas"]["Define"]["properties"]
    profile["profile"] = {"anyOf": [{"enum": ["fuzz"]}, profile["profile"]]}
    return rich


def _told(form: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in form.items() if not name.startswith("x-")}


# What fits no form is found fast enough without knowing the forms.
SCHEMAS = {
    mode: schemathesis.openapi.from_dict(richer(forms=mode is GenerationMode.POSITIVE)) for mode in GenerationMode
}
OPERATIONS = [(method.upper(), path) for path, methods in document()["paths"].items() for method in methods]


@pytest.fixture(scope="module")
def server() -> Iterator[RealServer]:
    with programs() as path:
        extensions = f"{{'jupyterlab_clusters': True, '{timed.__name__}': True}}"
        arguments = [f"--ServerApp.jpserver_extensions={extensions}", "--Clusters.max_engines=2"]
        with serving(environment={**os.environ, "PATH": path, "HOME": path}, settings=arguments) as one:
            for defined in (
                {"profile": "fuzz", "launcher": "local"},
                {"profile": "fuzz", "cluster_id": "b", "launcher": "mpi"},
                {"profile": "over", "cluster_id": "ssh", "launcher": "ssh", "options": {"hosts": [{"host": "a"}]}},
            ):
                one.ask("clusters", "POST", defined)
            one.order("start", engines=1)
            one.await_state("running")
            yield one
            one.stop_clusters()
            # Or the end waits until the agent has been idle for long enough.
            for process in one.processes():
                if "jupyterlab_clusters.host.agent" in " ".join(process.cmdline()):
                    process.terminate()


@contextmanager
def programs() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="jlcf-") as folder:
        for name in PROGRAMS:
            if found := shutil.which(name):
                (Path(folder) / name).symlink_to(found)
        (Path(folder) / "python").symlink_to(sys.executable)
        yield folder


@pytest.fixture(scope="module")
def session(server: RealServer) -> Iterator[requests.Session]:
    with requests.Session() as one:
        one.headers["Authorization"] = f"token {server.token}"
        one.trust_env = False
        yield one


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(one) for one in OPERATIONS])
def test_answers(server: RealServer, session: requests.Session, method: str, path: str, mode: GenerationMode) -> None:
    """Known, in the shape that was promised, and soon; never a bare 500."""
    operation = SCHEMAS[mode][path][method]

    @settings(
        max_examples=EACH, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call(base_url=f"http://127.0.0.1:{server.port}", session=session)
        status = response.status_code
        assert status in KNOWN, f"{status}: {response.text[:500]}"
        if status >= 400:
            told = response.json()
            assert told["message"].endswith(".") and told["reason"], told
            assert "Traceback" not in response.text
        took = float(response.headers[timed.HEADER.lower()][0].partition("dur=")[2])
        assert took < LONGEST, f"{took} ms"
        checks = (status_code_conformance, content_type_conformance, response_schema_conformance)
        case.validate_response(response, checks=checks)

    try:
        ask()
    except Unsatisfiable:
        # Nothing can be said wrongly here.
        assert mode is GenerationMode.NEGATIVE and not operation.body and "slot" not in path


def test_the_server_is_as_it_was(server: RealServer) -> None:
    """It answers, its log knows no unforeseen error, and what ran can be stopped."""
    server.stop_clusters()
    log = server.log.read_text()
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:5000]
