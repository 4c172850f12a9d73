"""Writes the sample messages beside it: ``python -m jupyterlab_clusters.tests.wire.samples``.

Promise: each is what our own code encodes, out of real structs and a real
feed; a test fails when a file is out of step.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec

from jupyterlab_clusters.cluster.models import (
    Cause,
    ClusterModel,
    Connection,
    EngineCounts,
    EngineModel,
    Failure,
    Idle,
    LeftFile,
    LoadModel,
    ProfileError,
    ProfileModel,
    Setting,
)
from jupyterlab_clusters.feed import Feed
from jupyterlab_clusters.launchers.base import Capabilities, Job, LauncherModel, Preset, Preview
from jupyterlab_clusters.launchers.ssh.models import CHECKS, HostCheck, HostTest, HostTests
from jupyterlab_clusters.logs.models import Line, LogModel, Match, Matches, Page
from jupyterlab_clusters.web.errors import ErrorModel
from jupyterlab_clusters.web.messages import Lagged, Lines, TopicError

HERE = Path(__file__).parent
EPOCH = "5ab1e0c0ffee0001"
KEY = "default:"
STREAM = "server->client stream"
REST = "rest"

LIVE = Capabilities(scale="live", stop_one=True, restart_one=True, interrupt_one=True, log_per_engine=True)
SET = Capabilities(scale="restart", stop_one=False, restart_one=False, interrupt_one=False, log_per_engine=False)

STOPPED = ClusterModel(
    key=KEY,
    profile="default",
    cluster_id="",
    launcher="local",
    host=None,
    origin="ours",
    state="stopped",
    step=None,
    wanted=4,
    engines=EngineCounts(),
    degraded=False,
    failure=None,
    job=None,
    capabilities=LIVE,
    started_at=None,
    connection_file=None,
    as_written=None,
    stale=None,
    unreachable=None,
    idle=None,
    notice=None,
    no_start=None,
    no_stop=None,
    max_engines=10_000,
)
STARTING = msgspec.structs.replace(
    STOPPED,
    state="starting",
    step="engines",
    host="laptop",
    engines=EngineCounts(launched=4, registered=1),
    started_at="2026-11-21T11:10:00Z",
    connection_file="/home/ada/.ipython/profile_default/security/ipcontroller-client.json",
    as_written=None,
)
RUNNING = msgspec.structs.replace(
    STARTING, state="running", step=None, engines=EngineCounts(launched=4, registered=4, busy=1)
)
LOST = Failure(
    step="engines",
    cause="Engine 2 was killed by signal 9 (SIGKILL), perhaps because the machine ran out of memory.",
    hint="Look at its log, then scale to replace it.",
    log="slot-2",
)
DEGRADED = msgspec.structs.replace(
    RUNNING, engines=EngineCounts(launched=3, registered=3, busy=0, lost=1), degraded=True, failure=LOST
)
IDLING = msgspec.structs.replace(
    RUNNING,
    engines=EngineCounts(launched=4, registered=4),
    idle=Idle(since="2026-11-21T11:20:00Z", ends_at="2026-11-21T11:50:00Z"),
)
CULLED = msgspec.structs.replace(STOPPED, notice="Stopped after 30 minutes with no busy engine.")
STOPPING = msgspec.structs.replace(RUNNING, state="stopping", step="drain")
FAILED = msgspec.structs.replace(
    STOPPED,
    state="failed",
    step="controller",
    failure=Failure(
        step="controller",
        cause="The port 41001 is taken by another program.",
        hint="Choose another port in the profile, or none.",
        command=["python", "-m", "ipyparallel.controller", "--profile=default"],
        exit_code=1,
        output="zmq.error.ZMQError: Address already in use (addr='tcp://127.0.0.1:41001')\n",
        log="controller",
    ),
)
QUEUED = msgspec.structs.replace(
    STOPPED,
    key="hpc:night",
    profile="hpc",
    cluster_id="night",
    launcher="slurm",
    state="starting",
    step="queue",
    wanted=64,
    capabilities=SET,
    job=Job(
        id="4711",
        state="PENDING",
        reason="Priority",
        explanation="Jobs of higher priority go first.",
        expected_start="2026-11-21T12:00:00Z",
        partition="compute",
        asked_at="2026-11-21T11:10:00Z",
    ),
)
LEFT = msgspec.structs.replace(
    STOPPED,
    key="old:",
    profile="old",
    stale=LeftFile(
        path="/home/ada/.ipython/profile_old/security/ipcontroller-client.json",
        sentence="ipcontroller-client.json was left behind: nothing answers at its hub.",
        mark="803-1f2e-1859d2c1a3b4c5d6-1c8",
    ),
    unreachable=LeftFile(
        path="/home/ada/.ipython/profile_old/security/ipcontroller-night-client.json",
        sentence="ipcontroller-night-client.json is of a cluster on node7, which is not reachable from here: "
        "whether it runs is not known.",
        mark="803-1f2f-1859d2c1a3b4c5d6-1d0",
    ),
)
EXTERNAL = msgspec.structs.replace(
    RUNNING, key="mpi:", profile="mpi", origin="external", launcher="mpi", capabilities=SET
)

WAITING = EngineModel(
    slot=0,
    id=None,
    uuid=None,
    host="laptop",
    pid=None,
    state="starting",
    cause=None,
    completed=0,
    cpu=None,
    memory=None,
    started_at=None,
)
IDLE = msgspec.structs.replace(
    WAITING,
    id=0,
    uuid="3f0c9b1e-2f61d1a1b9f2c9f1",
    pid=4242,
    state="idle",
    completed=17,
    cpu=0.02,
    memory=24_117_248,
    started_at="2026-11-21T11:10:01Z",
)
BUSY = msgspec.structs.replace(IDLE, slot=1, id=1, uuid="3f0c9b1e-77aa0d21b9f2c9f2", pid=4243, state="busy", cpu=0.98)
KILLED = msgspec.structs.replace(
    IDLE,
    slot=2,
    id=2,
    uuid="3f0c9b1e-91bb0d21b9f2c9f3",
    pid=4244,
    state="lost",
    cause=Cause(signal=9, exit_code=None, sentence="killed by signal 9 (SIGKILL), perhaps out of memory"),
    cpu=None,
    memory=None,
)
POINT = LoadModel(time="2026-11-21T11:10:02Z", registered=4, busy=1, queue=12, done=17, cpu=1.04, memory=96_468_992)

LINES = [
    Line(offset=0, text="step 1 of 3"),
    Line(offset=12, text="\u001b[31mwarning\u001b[0m: grün ≠ blau", slot=3, time="2026-11-21T11:10:02.120Z"),
]


def samples() -> dict[str, dict[str, Any]]:
    """All samples by file name."""
    return {**_stream_of_clusters(), **_stream_of_engines(), **_stream_of_load(), **_stream_of_logs(), **_rest()}


def _sample(name: str, kind: str, message: Any) -> dict[str, Any]:
    told = json.loads(message if isinstance(message, bytes) else msgspec.json.encode(message))
    return {"name": name, "kind": kind, "message": told}


def _feed() -> Feed:
    feed = Feed(asyncio.new_event_loop())
    feed.loop.close()
    feed.epoch = EPOCH
    return feed


def _told(feed: Feed, topic: str, since: int | None) -> bytes:
    message, _ = feed.tell(topic, since, always=True)
    assert message is not None
    return message


def _stream_of_clusters() -> dict[str, dict[str, Any]]:
    feed, topic, found = _feed(), "clusters", {}
    found["clusters-snapshot-empty"] = _sample("no cluster yet", STREAM, _told(feed, topic, None))
    feed.put(topic, "key", KEY, STOPPED)
    feed.put(topic, "key", QUEUED.key, QUEUED)
    found["clusters-snapshot"] = _sample("one stopped, one in the queue", STREAM, _told(feed, topic, None))
    for name, title, model in (
        ("starting", "1 of 4 registered", STARTING),
        ("running", "4 of 4", RUNNING),
        ("degraded", "one engine killed", DEGRADED),
        ("idle", "no engine is busy", IDLING),
        ("stopping", "asked to stop", STOPPING),
        ("stopped", "nothing is left, and why", CULLED),
        ("failed", "the controller could not start", FAILED),
    ):
        before = _seq(feed, topic)
        feed.put(topic, "key", KEY, model)
        found[f"clusters-changes-{name}"] = _sample(title, STREAM, _told(feed, topic, before))
    before = _seq(feed, topic)
    feed.put(topic, "key", EXTERNAL.key, EXTERNAL)
    found["clusters-changes-new"] = _sample("one started elsewhere", STREAM, _told(feed, topic, before))
    before = _seq(feed, topic)
    feed.remove(topic, EXTERNAL.key)
    found["clusters-changes-gone"] = _sample("and gone again", STREAM, _told(feed, topic, before))
    found["clusters-changes-none"] = _sample("nothing missed", STREAM, _told(feed, topic, _seq(feed, topic)))
    return found


def _stream_of_engines() -> dict[str, dict[str, Any]]:
    feed, topic, found = _feed(), f"engines/{KEY}", {}
    for engine in (WAITING, BUSY, msgspec.structs.replace(BUSY, slot=2, id=2)):
        feed.put(topic, "slot", engine.slot, engine)
    found["engines-snapshot"] = _sample("three engines", STREAM, _told(feed, topic, None))
    before = _seq(feed, topic)
    feed.put(topic, "slot", 0, IDLE)
    found["engines-changes-registered"] = _sample("one registers", STREAM, _told(feed, topic, before))
    before = _seq(feed, topic)
    feed.put(topic, "slot", 2, KILLED)
    feed.put(topic, "slot", 1, msgspec.structs.replace(BUSY, state="idle", completed=18))
    found["engines-changes-lost"] = _sample("one is killed, one has finished", STREAM, _told(feed, topic, before))
    before = _seq(feed, topic)
    feed.remove(topic, 2)
    found["engines-changes-gone"] = _sample("its slot is given up", STREAM, _told(feed, topic, before))
    feed.drop_topic(topic)
    feed.put(topic, "slot", 0, WAITING)
    found["engines-snapshot-anew"] = _sample("after the cluster was forgotten", STREAM, _told(feed, topic, 1))
    return found


def _stream_of_load() -> dict[str, dict[str, Any]]:
    feed, topic, found = _feed(), f"load/{KEY}", {}
    feed.point(topic, POINT)
    feed.point(topic, msgspec.structs.replace(POINT, time="2026-11-21T11:10:03Z", busy=4))
    found["load-snapshot"] = _sample("two points", STREAM, _told(feed, topic, None))
    before = _seq(feed, topic)
    feed.point(topic, msgspec.structs.replace(POINT, time="2026-11-21T11:10:04Z", busy=0, queue=0, done=29))
    found["load-changes"] = _sample("a point more: append it", STREAM, _told(feed, topic, before))
    return found


def _stream_of_logs() -> dict[str, dict[str, Any]]:
    topic = f"logs/{KEY}/slot-0"
    nothing = ErrorModel(message="There is no log 'slot-9'.", reason="not-found", field="log")
    unfit = ErrorModel(message="topics: Expected `array`, got `str`.", reason="bad-input", field="topics")
    return {
        "log-lines": _sample("two lines", STREAM, Lines(epoch=EPOCH, topic=topic, seq=41, lines=LINES)),
        "log-lines-none": _sample("none yet", STREAM, Lines(epoch=EPOCH, topic=topic, seq=41, lines=[])),
        "log-lagged": _sample("fell behind", STREAM, Lagged(epoch=EPOCH, topic=topic, seq=9000, lagged=9000)),
        "error-topic": _sample(
            "no such log", STREAM, TopicError(epoch=EPOCH, topic=f"logs/{KEY}/slot-9", error=nothing)
        ),
        "error-message": _sample(
            "a message that cannot be meant", STREAM, TopicError(epoch=EPOCH, topic="", error=unfit)
        ),
    }


NODE: dict[str, str | int | None] = {
    "reached": None,
    "host-key": "SHA256:nTZLJqdWoBxtrRiHs/I378Pt7yKqyr0HBPAdFoc4l80",
    "login": "ada",
    "python": "3.11.7",
    "ipyparallel": "9.2.0",
    "cores": 16,
    "memory": 33_285_996_544,
    "controller": "ssh",
}


def _checks(values: dict[str, str | int | None], failing: tuple[str, str, str] | None = None) -> list[HostCheck]:
    """Those with a value are well, but for the failing one; nothing is known of the others."""
    checks = [HostCheck(name=name, ok=name in values or None, value=values.get(name)) for name in CHECKS]
    if failing is None:
        return checks
    name, cause, hint = failing
    wrong = HostCheck(name=name, ok=False, cause=cause, hint=hint)  # type: ignore[arg-type]
    return [wrong if check.name == name else check for check in checks]


def _rest() -> dict[str, dict[str, Any]]:
    launcher = LauncherModel(
        name="local",
        title="This machine",
        options={"type": "object", "properties": {}},
        capabilities=LIVE,
        available=True,
        presets=[Preset(name="One thread each", options={"threads": 1}, engines=2)],
    )
    absent = msgspec.structs.replace(
        launcher,
        name="slurm",
        title="Slurm",
        presets=[],
        available=False,
        reason="sbatch was not found on this machine.",
    )
    profile = ProfileModel(
        name="default",
        path="/home/ada/.ipython/profile_default",
        launcher="local",
        loading=False,
        settings=[Setting(name="Cluster.n", value=4, file="ipcluster_config.py", line=12)],
        errors=[ProfileError(message="NameError: name 'x' is not defined", file="ipcluster_config.py", line=14)],
        options={"threads": 2},
    )
    log = LogModel(
        name="slot-0", title="Engine 0", size=41, slot=0, host="laptop", live=True, path="/home/ada/logs/slot-0.log"
    )
    preview = Preview(
        commands=[["sbatch", "/home/ada/job.sh"]],
        files=[Preview.File("/home/ada/job.sh", "#!/bin/sh\n")],
        script="#!/bin/sh\n",
        notes=["The queue decides when it starts."],
    )
    connection = Connection(
        host="laptop",
        user="ada",
        sshserver="ada@laptop",
        path="/home/ada/.ipython/profile_default/security/ipcontroller-client.json",
        content='{"key": "secret"}',
    )
    hosts = HostTests(
        id="QmZ1x0",
        hosts=[
            HostTest(host="ada@node1", state="done", ok=True, checks=_checks(NODE)),
            HostTest(
                host="node2:2222",
                state="done",
                ok=False,
                checks=_checks(
                    {"reached": None}, ("host-key", "The key of node2:2222 is not known yet.", "Compare it.")
                ),
                fingerprint="SHA256:CrSXL0aq7fBava2EHqE1VVvU5W6bNswoVg2kfmsiglQ",
                key_type="ED25519",
                output="Host key verification failed.",
            ),
            HostTest(
                host="node3",
                state="done",
                ok=False,
                checks=_checks(
                    {**NODE, "ipyparallel": None},
                    ("ipyparallel", "ipyparallel is missing in the Python of node3.", "Install it there."),
                ),
            ),
            HostTest(host="node4"),
        ],
    )
    shown = {
        "rest-host-tests": ("GET launchers/ssh/tests/{id}", hosts),
        "rest-clusters": ("GET clusters", [STOPPED, RUNNING, QUEUED, EXTERNAL, LEFT]),
        "rest-engines": ("GET clusters/{key}/engines", [IDLE, BUSY, KILLED]),
        "rest-launchers": ("GET launchers", [launcher, absent]),
        "rest-profiles": ("GET profiles", [profile, msgspec.structs.replace(profile, loading=True, settings=[])]),
        "rest-logs": ("GET clusters/{key}/logs", [log, msgspec.structs.replace(log, name="all", slot=None, path=None)]),
        "rest-log-page": ("GET clusters/{key}/logs/{log}", Page(lines=LINES, start=0, end=41, size=41)),
        "rest-log-matches": (
            "GET clusters/{key}/logs/{log}?search=",
            Matches(matches=[Match(offset=12, text="warning: grün ≠ blau")], next=None),
        ),
        "rest-preview": ("POST clusters/{key}/preview", preview),
        "rest-connection": ("GET clusters/{key}/connection", connection),
        "rest-error": ("404", ErrorModel(message="There is no cluster 'x:'.", reason="not-found", field="key")),
    }
    return {name: _sample(title, REST, message) for name, (title, message) in shown.items()}


def _seq(feed: Feed, topic: str) -> int:
    return feed.tell(topic, None, always=True)[1]


def text(sample: dict[str, Any]) -> str:
    """A sample as it stands in its file."""
    return json.dumps(sample, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, sample in samples().items():
        (HERE / f"{name}.json").write_text(text(sample), encoding="utf-8")
