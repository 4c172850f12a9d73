"""What Slurm says, in sentences: why a job waits, how it ended, why it was not taken.

Promise: pure; an unknown word is handed on as it is, never dressed up as a
known one.
"""

from __future__ import annotations

import re

#: Why a job waits. ``{in_use}`` is what is known of the nodes, ``{partition}`` where it waits.
REASONS: dict[str, str] = {
    "None": "waiting for Slurm to look at it",
    "Priority": "waiting behind jobs with a higher priority{in_use}",
    "Resources": "waiting for nodes{in_use}",
    "Dependency": "waiting for the end of another job",
    "DependencyNeverSatisfied": "waiting for another job that did not end as it should: it will never start",
    "JobHeldUser": "held by you: `scontrol release` lets it go on",
    "JobHeldAdmin": "held by an administrator",
    "BeginTime": "waiting for the time it was told to begin at",
    "Reservation": "waiting for its reservation",
    "ReservationDeleted": "its reservation is gone: it will never start",
    "PartitionDown": "the partition {partition} is down",
    "PartitionInactive": "the partition {partition} takes no jobs now",
    "PartitionNodeLimit": "the partition {partition} does not give that many nodes to one job: it will never start",
    "PartitionTimeLimit": "the partition {partition} does not give that much time: it will never start",
    "PartitionConfig": "the partition {partition} cannot give what was asked for: it will never start",
    "ReqNodeNotAvail": "nodes that it needs are down, drained or reserved",
    "NodeDown": "a node that it needs is down",
    "BadConstraints": "no node has what the constraint asks for: it will never start",
    "Licenses": "waiting for a licence",
    "InvalidAccount": "its account is not valid",
    "InvalidQOS": "its QOS is not valid",
    "AccountNotAllowed": "its account may not use the partition {partition}",
    "QOSNotAllowed": "its QOS may not use the partition {partition}",
    "Cleaning": "being put back into the queue after a run",
    "JobArrayTaskLimit": "waiting for other tasks of its array",
    "JobLaunchFailure": "could not be started by Slurm",
    "AssocMaxJobsLimit": "your limit of jobs at a time is reached",
    "MaxGRESPerAccount": "your group's limit of GPUs is reached",
}

#: ``QOSMaxCpuPerUserLimit``, ``AssocGrpNodeLimit`` and the many others of their kind.
LIMIT = re.compile(r"(?P<whose>QOS|Assoc)(?P<kind>Grp|Max)(?P<what>[A-Za-z]+?)(?P<each>Per\w+?)?(?:Limit)?")
THINGS = {
    "Cpu": "CPUs",
    "CPU": "CPUs",
    "CpuMinutes": "processor time",
    "CPUMinutes": "processor time",
    "CpuRunMinutes": "processor time of what runs",
    "CPURunMinutes": "processor time of what runs",
    "Node": "nodes",
    "Mem": "memory",
    "Memory": "memory",
    "GRES": "GPUs",
    "Jobs": "jobs at a time",
    "Submit": "jobs in the queue",
    "SubmitJob": "jobs in the queue",
    "SubmitJobs": "jobs in the queue",
    "Wall": "time",
    "WallDuration": "time",
}


def waiting(
    reason: str, partition: str | None = None, nodes: tuple[int, int] | None = None, limit: str | None = None
) -> str:
    """Why a job is pending; ``nodes`` are those of its partition that are in use, and all; ``limit`` the one that it
    meets, as ``8 CPUs``."""
    # None in use is no reason to wait: that was counted before.
    used = f": {nodes[0]} of {nodes[1]} are in use" if nodes and nodes[0] else ""
    word = reason.split(",")[0].strip("() ")
    if known := REASONS.get(word):
        return known.format(in_use=used, partition=partition or "of the job")
    if match := LIMIT.fullmatch(word):
        whose = "your group's" if match["kind"] == "Grp" else "your"
        of = f" of {limit}" if limit else f" of {THINGS[match['what']]}" if match["what"] in THINGS else f" ({word})"
        by = ", which its QOS sets," if match["whose"] == "QOS" else ""
        return f"{whose} limit{of}{by} is reached"
    return f"waiting, as Slurm says: {reason}"


#: How jobs end: what it means for ``{job}``, what to do.
ENDS: dict[str, tuple[str, str]] = {
    "COMPLETED": ("{job} ended by itself.", "See its log."),
    "CANCELLED": ("{job} was cancelled from outside{by}.", "Somebody used scancel; start again to get a new job."),
    "TIMEOUT": ("{job} reached its time limit.", "Ask for more time, or for a partition that gives more."),
    "NODE_FAIL": ("A node of {job} failed, and Slurm ended the job.", "Start again; Slurm avoids the node."),
    "OUT_OF_MEMORY": ("{job} used more memory than it had asked for.", "Ask for more memory for each engine."),
    "PREEMPTED": ("{job} had to make room for a more important one.", "Start again, perhaps with another QOS."),
    "REQUEUED": ("{job} was put back into the queue.", "Start again to get a new job."),
    "DEADLINE": ("{job} reached its deadline.", "Ask for a later one."),
    "BOOT_FAIL": ("The nodes of {job} could not be booted.", "Start again; Slurm avoids the node."),
    "FAILED": ("{job} failed{code}.", "Its log may tell why."),
}


def ended(job: str, state: str, exit_code: str | None = None) -> tuple[str, str]:
    """Cause and hint; ``state`` may be ``CANCELLED by anna`` and the like."""
    word = state.split()[0].rstrip("+") if state else ""
    unknown = "{job} is over" + (f" ({state})." if state else "; how is not known.")
    cause, hint = ENDS.get(word, (unknown, "See its log."))
    code = (exit_code or "").split(":")[0]
    with_code = f" with code {code}" if code not in ("", "0") else ""
    cause = cause.format(job=f"Slurm's job {job}", code=with_code, by=_by(state))
    return cause, hint


def _by(state: str) -> str:
    """Who cancelled it, where that is known."""
    who = state.partition(" by ")[2].strip()
    return f" by {who}" if who else ""


#: What stands in the log of a job that was ended for its memory, whose state may be FAILED all the same.
TOO_MUCH_MEMORY = re.compile(r"exceeded (?:job |step )?memory limit|oom[-_]kill|out-of-memory handler", re.I)


def because(job: str, state: str) -> str:
    """How an engine ended that went with its job: the end of a sentence."""
    word = state.split()[0].rstrip("+") if state else ""
    how = {
        "CANCELLED": f"which was cancelled from outside{_by(state)}",
        "TIMEOUT": "which reached its time limit",
        "NODE_FAIL": "of which a node failed",
        "OUT_OF_MEMORY": "which used more memory than it had asked for",
        "PREEMPTED": "which had to make room for another",
        "REQUEUED": "which was put back into the queue",
    }.get(word)
    return f"ended with Slurm's job {job}" + (f", {how}" if how else "")


#: What sbatch, srun and scancel say when they refuse: what it means, what to do. The first that matches wins.
REFUSALS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"invalid partition (?:specified: ?)?(\S*)|Invalid partition name", re.I),
        "Slurm has no partition {detail}.",
        "`sinfo` shows those that there are.",
    ),
    (
        re.compile(r"Invalid account or account/partition combination|Invalid account", re.I),
        "Slurm does not know this account, or it may not use this partition.",
        "`sacctmgr show assoc user=$USER` shows the accounts you may use.",
    ),
    (re.compile(r"Invalid qos", re.I), "Slurm does not know this QOS, or you may not use it.", "Choose another."),
    (
        re.compile(r"Requested time limit is invalid|time limit (?:specification )?.*invalid|Invalid --time", re.I),
        "The time limit is more than this partition gives, or Slurm does not understand it.",
        "`sinfo -o '%P %l'` shows what each partition gives.",
    ),
    (
        re.compile(
            r"Node count specification invalid|More processors requested|Requested node configuration|"
            r"CPU count per node can not be satisfied",
            re.I,
        ),
        "The partition can never give so many nodes or processors.",
        "Ask for fewer engines, or for more of them on a node.",
    ),
    (
        re.compile(r"Memory specification can not be satisfied", re.I),
        "No node has so much memory.",
        "Ask for less memory for each engine, or for fewer engines on a node.",
    ),
    (
        re.compile(r"Invalid generic resource|Invalid gres|gpus.*(?:invalid|not available)", re.I),
        "This partition has no such GPUs.",
        "`sinfo -o '%P %G'` shows what each partition has.",
    ),
    (re.compile(r"Invalid feature specification", re.I), "No node has this constraint.", "`sinfo -o '%f'` shows them."),
    (
        re.compile(r"reservation is invalid|Invalid reservation", re.I),
        "Slurm has no such reservation for you.",
        "`scontrol show reservation` shows those that there are.",
    ),
    (
        re.compile(r"QOSMaxSubmitJob|AssocMaxSubmitJob|Job violates accounting/QOS policy", re.I),
        "A limit of your account or QOS does not allow this job.",
        "Ask for less, or wait until other jobs of yours have ended.",
    ),
    (
        re.compile(r"Unable to contact slurm controller|slurm_load_\w+ error.*connect|Connection refused", re.I),
        "Slurm does not answer.",
        "Its controller (slurmctld) may be down for a moment; try again.",
    ),
    (
        re.compile(r"Could not establish a configuration source|SLURM_CONF|Unable to process configuration", re.I),
        "Slurm is not set up on this machine.",
        "JupyterLab must run on a machine from which jobs can be submitted.",
    ),
    (
        re.compile(r"cannot reach the Jupyter server at (\S+)"),
        "The nodes cannot reach this server at {detail}.",
        "A firewall may stand between; JupyterLab must run where nodes can connect to it.",
    ),
    (
        re.compile(r"No module named '?(zmq|ipyparallel|jupyterlab_clusters)"),
        "The Python of the nodes has no {detail}.",
        "Name another Python in the options, or set-up lines that bring the right one.",
    ),
    (
        re.compile(r"execve\(\): ([^:\n]+): No such file or directory"),
        "The nodes have no program {detail}.",
        "Name the Python to use there in the options; it must lie in a folder that the nodes see.",
    ),
    (re.compile(r"Invalid job id", re.I), "Slurm does not know this job any more.", "It may have ended."),
    (
        re.compile(r"unrecognized option '?([^'\n]+)|invalid option -- ?'?(\S+)", re.I),
        "sbatch does not know the option {detail}.",
        "Look at the extra lines in the options.",
    ),
)


def refused(output: str, partition: str | None = None) -> tuple[str, str] | None:
    """Cause and hint for what a command of Slurm said; ``None`` when it is nothing known."""
    if (limit := re.search(r"error: ((?:Assoc|QOS)(?:Grp|Max)[A-Za-z]+)$", output, re.M)) is not None:
        return (
            f"Slurm does not take this job: {waiting(limit[1])}.",
            "Ask for less, or wait until other jobs have ended.",
        )
    for pattern, cause, hint in REFUSALS:
        if match := pattern.search(output):
            detail = next((group for group in match.groups() if group), None) or partition or "of this name"
            return cause.format(detail=detail.strip("'\".")), hint
    return None


def out_of_reach(output: str) -> bool:
    """Whether a command failed because slurmctld did not answer, which tells nothing of jobs."""
    return re.search(r"contact slurm controller|Connection refused|timed out", output, re.I) is not None
