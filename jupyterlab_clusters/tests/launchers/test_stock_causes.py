"""What ipyparallel's launchers and the tools below them say, in words. Outputs are those of the real tools."""

from __future__ import annotations

import pytest

from jupyterlab_clusters.launchers.stock.causes import left, not_begun

#: Of Grid Engine 8.1.9.
NO_QUEUE = 'Unable to run job: Job was rejected because job requests unknown queue "nowhere.q"\nExiting.\n'
NOBODY = (
    "Unable to run job: job rejected: your user id 0 is lower than minimum user id 1000 of cluster configuration\n"
    "Exiting.\n"
)
ENDED = 'denied: job "2" does not exist\n'


def failed(output: str, command: str = "qsub") -> dict[str, object]:
    message = f"Command '['{command}', './sge_engines']' returned non-zero exit status 1."
    return {
        "kind": "CalledProcessError",
        "message": message,
        "command": [command, "./sge_engines"],
        "exit_code": 1,
        "output": output,
    }


@pytest.mark.parametrize("said", [NO_QUEUE, NOBODY])
def test_a_batch_system_that_we_do_not_know_says_it_itself(said: str) -> None:
    why = not_begun("engines", failed(said), "")
    assert why.cause == f"qsub failed with code 1: {said.splitlines()[0]}."
    assert (why.exit_code, why.output, why.log) == (1, said, "job")


def test_known_tools_are_known_also_here() -> None:
    said = "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified\n"
    assert "account" in not_begun("engines", failed(said, "sbatch"), "").cause
    said = "me@far: Permission denied (publickey).\n"
    assert "does not let you in" in not_begun("controller", failed(said, "ssh"), "").cause


def test_a_program_that_is_not_there() -> None:
    facts = {"kind": "FileNotFoundError", "message": "[Errno 2] No such file or directory: 'bsub'", "file": "bsub"}
    assert not_begun("engines", facts, "").cause == "bsub was not found on this machine."


def test_any_other_error_is_told_as_it_is() -> None:
    why = not_begun("engines", {"kind": "ValueError", "message": "no such thing"}, "Traceback …")
    assert why.cause == "ipyparallel's launcher of the engines failed: ValueError: no such thing."
    assert why.output == "Traceback …"


def test_a_job_that_has_ended_already_is_gone() -> None:
    assert left(failed(ENDED, "qdel"), "2") is None
    assert left(failed("qdel: Unknown Job Id 2.host\n", "qdel"), "2") is None
    why = left(failed("qdel: Server could not connect to MOM\n", "qdel"), "2")
    assert why is not None and "The job 2" in why.cause
