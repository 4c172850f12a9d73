"""What Slurm says, in words; and what its commands print, read."""

from __future__ import annotations

import pytest

from jupyterlab_clusters.launchers.base import LaunchFailed
from jupyterlab_clusters.launchers.slurm import facts
from jupyterlab_clusters.launchers.slurm.accounts import Accounts
from jupyterlab_clusters.launchers.slurm.listing import expanded, named, parsed, seconds
from jupyterlab_clusters.launchers.slurm.script import Shape
from jupyterlab_clusters.launchers.slurm.words import TOO_MUCH_MEMORY, because, ended, out_of_reach, refused, waiting


@pytest.mark.parametrize(
    "reason, words",
    [
        ("Resources", "waiting for nodes: 3 of 3 are in use"),
        ("Priority", "waiting behind jobs with a higher priority: 3 of 3 are in use"),
        ("QOSMaxCpuPerUserLimit", "your limit of CPUs, which its QOS sets, is reached"),
        ("AssocGrpCpuLimit", "your group's limit of CPUs is reached"),
        ("AssocGrpCPUMinutesLimit", "your group's limit of processor time is reached"),
        ("QOSGrpNodeLimit", "your group's limit of nodes, which its QOS sets, is reached"),
        ("PartitionTimeLimit", "the partition long does not give that much time: it will never start"),
        ("JobHeldUser", "held by you: `scontrol release` lets it go on"),
        ("ReqNodeNotAvail, UnavailableNodes:node1", "nodes that it needs are down, drained or reserved"),
        ("SomethingNew", "waiting, as Slurm says: SomethingNew"),
    ],
)
def test_why_a_job_waits(reason: str, words: str) -> None:
    assert waiting(reason, "long", (3, 3)) == words
    assert "0 of" not in waiting(reason, "long", (0, 3)), "an old count is no reason"


@pytest.mark.parametrize(
    "state, code, cause",
    [
        ("COMPLETED", "0:0", "Slurm's job 7 ended by itself."),
        ("CANCELLED", "0:15", "Slurm's job 7 was cancelled from outside."),
        ("CANCELLED by anna", "0:15", "Slurm's job 7 was cancelled from outside by anna."),
        ("TIMEOUT", "0:0", "Slurm's job 7 reached its time limit."),
        ("NODE_FAIL", "0:0", "A node of Slurm's job 7 failed, and Slurm ended the job."),
        ("OUT_OF_MEMORY", "0:125", "Slurm's job 7 used more memory than it had asked for."),
        ("PREEMPTED", "0:0", "Slurm's job 7 had to make room for a more important one."),
        ("REQUEUED", "0:0", "Slurm's job 7 was put back into the queue."),
        ("FAILED", "3:0", "Slurm's job 7 failed with code 3."),
        ("FAILED", None, "Slurm's job 7 failed."),
        ("NEW_STATE", None, "Slurm's job 7 is over (NEW_STATE)."),
        ("", None, "Slurm's job 7 is over; how is not known."),
    ],
)
def test_how_a_job_ended(state: str, code: str | None, cause: str) -> None:
    told, hint = ended("7", state, code)
    assert told == cause and hint
    assert because("7", state).startswith("ended with Slurm's job 7")


#: As printed by Slurm 22.05 and 23.11.
SAID = [
    ("sbatch: error: invalid partition specified: nope\nsbatch: error: Batch job submission failed: "
     "Invalid partition name specified", "Slurm has no partition nope."),
    ("sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified",
     "Slurm does not know this account, or it may not use this partition."),
    ("sbatch: error: Batch job submission failed: Invalid qos specification",
     "Slurm does not know this QOS, or you may not use it."),
    ("sbatch: error: Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)",
     "The time limit is more than this partition gives, or Slurm does not understand it."),
    ("sbatch: error: Batch job submission failed: Node count specification invalid",
     "The partition can never give so many nodes or processors."),
    ("sbatch: error: CPU count per node can not be satisfied\nsbatch: error: Batch job submission failed: "
     "Requested node configuration is not available", "The partition can never give so many nodes or processors."),
    ("sbatch: error: Memory specification can not be satisfied", "No node has so much memory."),
    ("sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
     "Slurm does not answer."),
    ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)", "Slurm does not answer."),
    ("sbatch: fatal: Could not establish a configuration source", "Slurm is not set up on this machine."),
    ("sbatch: unrecognized option '--nope'", "sbatch does not know the option --nope."),
    ("sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS "
     "policy (job submit limit, user's size and/or time limits)",
     "Slurm does not take this job: your limit of jobs in the queue is reached."),
    ("allocation failure: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
     "A limit of your account or QOS does not allow this job."),
]  # fmt: skip


@pytest.mark.parametrize("said, cause", SAID)
def test_why_a_job_was_not_taken(said: str, cause: str) -> None:
    known = refused(said)
    assert known is not None and known[0] == cause and known[1]


MEMORY = """slurmstepd-node1: error: StepId=1.0 exceeded memory limit (323375104 > 104857600), being killed
slurmstepd-node1: error: Exceeded job memory limit
srun: Job step aborted: Waiting up to 4 seconds for job step to finish.
slurmstepd-node1: error: *** STEP 1.0 ON node1 CANCELLED AT 2026-11-21T20:18:42 ***
srun: error: node1: task 0: Killed"""


def test_memory_is_the_cause_also_where_the_state_does_not_say_so() -> None:
    assert TOO_MUCH_MEMORY.search(MEMORY)
    assert not TOO_MUCH_MEMORY.search("srun: error: node1: task 0: Killed")


def test_the_number_of_a_limit() -> None:
    assert waiting("AssocGrpCpuLimit", limit="8 CPUs") == "your group's limit of 8 CPUs is reached"
    limits = {("Assoc Grp", "physics", "cpu"): "8", ("QOS Max", "small", "mem"): "16G"}
    known = Accounts(("physics",), (), limits)
    assert known.limit("AssocGrpCpuLimit", "physics", "small") == "8 CPUs"
    assert known.limit("QOSMaxMemoryPerUser", "physics", "small") == "16G of memory"
    for reason in ("QOSGrpCpuLimit", "AssocGrpNodeLimit", "Priority", "AssocGrpCpuRunMinutesLimit"):
        assert known.limit(reason, "physics", "small") is None, reason


def test_the_unknown_is_not_dressed_up() -> None:
    assert refused("sbatch: error: the moon is full") is None


def test_out_of_reach_is_no_end() -> None:
    assert out_of_reach("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    assert not out_of_reach("slurm_load_jobs error: Invalid job id specified")


@pytest.mark.parametrize(
    "names, each",
    [
        ("node[1-3]", ["node1", "node2", "node3"]),
        ("n[08-10,12]-ib,big", ["n08-ib", "n09-ib", "n10-ib", "n12-ib", "big"]),
        ("", []),
        ("(null)", []),
        ("login", ["login"]),
    ],
)
def test_names_of_nodes(names: str, each: list[str]) -> None:
    assert expanded(names) == each


def test_times() -> None:
    assert [seconds(text) for text in ("5", "1:05", "2:00:00", "1-02:03:04", "UNLIMITED", "INVALID")] == [
        5.0,
        65.0,
        7200.0,
        93784.0,
        None,
        None,
    ]
    asked = [facts.seconds_asked(text) for text in ("5", "1:30", "1:00:00", "2-1", "1-02:30", "UNLIMITED")]
    assert asked == [300.0, 90.0, 3600.0, 176400.0, 95400.0, None]


def test_who_cancelled_it() -> None:
    states = ("CANCELLED", "CANCELLED by 0", "CANCELLED by 4000000", "FAILED")
    assert [named(state) for state in states] == [
        "CANCELLED",
        "CANCELLED by root",
        "CANCELLED by user 4000000",
        "FAILED",
    ]


def test_a_line_of_squeue() -> None:
    seen = parsed("12|RUNNING|long|9:58|10:00|2026-11-21T18:00:00|2|node[1-2]|group|normal|None", 5.0)
    assert seen is not None and not seen.over and not seen.waiting
    assert seen.time_limit == 600.0
    assert (seen.id, seen.time_left, seen.nodes, seen.nodes_asked) == ("12", 598.0, ("node1", "node2"), 2)
    seen = parsed("13|PENDING|short|10:00|10:00|N/A|1||(null)|normal|(ReqNodeNotAvail, UnavailableNodes:n|1)", 5.0)
    assert seen is not None and seen.waiting and seen.start is None and seen.time_left is None
    assert seen.reason == "ReqNodeNotAvail, UnavailableNodes:n|1"
    endless = parsed("12|RUNNING|long|364-23:59:58|UNLIMITED|2026-11-21T18:00:00|1|node1|(null)|(null)|None", 5.0)
    assert endless is not None and endless.time_left is None and endless.time_limit is None
    assert parsed("nonsense", 5.0) is None


SINFO = """long*|up|infinite|2|8|8000|idle|1-infinite|(null)
long*|up|infinite|1|16|8000|mixed|1-infinite|(null)
short|down|10:00|3|8|8000+|allocated|1-2|gpu,fast
nonsense"""


def test_partitions() -> None:
    long, short = facts.partitions(SINFO)
    assert (long.default, long.limit, long.nodes, long.in_use, long.cpus) == (True, None, 3, 1, 16)
    assert short.described() == "short: up to 10 min, 3 nodes with 8 processors, down"
    assert (short.most, short.features, long.most, long.features) == (2, ("fast", "gpu"), None, ())
    assert short.in_use == 3 and short.memory == 8000 << 20


def test_what_a_partition_can_never_do_is_told_before() -> None:
    known = facts.Facts(facts.partitions(SINFO), said=SINFO)
    facts.check(Shape(3, 16), {"time": "10:00"}, known)
    for shape, options in (
        (Shape(4, 1), {}),
        (Shape(1, 17), {}),
        (Shape(3, 1), {"partition": "short"}),
        (Shape(1, 1), {"partition": "short", "time": "11"}),
        (Shape(1, 2), {"memory": "4001M"}),
    ):
        with pytest.raises(LaunchFailed) as told:
            facts.check(shape, options, known)
        assert told.value.hint and told.value.output == SINFO
