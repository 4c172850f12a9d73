"""What three people may press, and what may be killed meanwhile, as rules; and a model of what must be true.

Hypothesis chooses the steps. Real processes take real time, so a program that fails is not made smaller: it is printed
as it was run.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import urllib.error
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from ..realserver import RealServer, until
from .conftest import Alive, alive, stopped_to_nothing
from .window import Window

#: How many steps one run of the machine has, and how many seconds it takes at least.
STEPS, RUN = 25, 2
#: All come to rest after so many commands, if it was not sooner.
RESTLESS = 4
#: So many steps are between two deaths of the server: it takes seconds to begin again.
APART = 8

Command = tuple[str, int | None]
COMMANDS: st.SearchStrategy[Command] = st.tuples(
    st.sampled_from(["start", "scale", "start", "scale", "scale", "stop"]), st.integers(0, 5)
).map(lambda one: (one[0], None if one[0] == "stop" else one[1]))


class Soak(RuleBasedStateMachine):
    """``goals`` are the numbers of engines that may be wanted (None: stopped), as people who press at the same time
    cannot know who was last; ``hurt`` = engines were killed; ``headless`` = the controller was."""

    server: ClassVar[RealServer]
    windows: ClassVar[Sequence[Window]]
    end: ClassVar[float]

    def __init__(self) -> None:
        super().__init__()
        self.goals: set[int | None] = {None}
        self.hurt = self.headless = False
        self.since_server = self.since_rest = 0
        self.is_at_rest = True
        self.people = ThreadPoolExecutor(3)
        print("from the start", flush=True)

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.end

    # -- what is done; which rules may be next depends on those before, never on how a process fared --

    @rule(commands=st.lists(COMMANDS, min_size=1, max_size=3), pause=st.sampled_from([0, 0.05, 0.3]))
    def press(self, commands: list[Command], pause: float) -> None:
        """Each by another person, at the same time."""
        self.since_server += 1
        self.since_rest += 1
        if self.is_over:
            return
        print(commands, flush=True)
        self.is_at_rest = False
        done = self.people.map(self.order, commands)
        if taken := {count for (_, count), ok in zip(commands, done, strict=True) if ok}:
            self.goals = taken
        time.sleep(pause)
        if self.since_rest >= RESTLESS:
            self.come_to_rest()

    @rule(which=st.integers(0, 4))
    def kill_engine(self, which: int) -> None:
        if not self.is_over and (engines := alive(self.server).engines):
            self.kill("engine", engines[which % len(engines)])
            self.hurt = True

    @precondition(lambda self: self.since_server % 3 == 2)
    @rule()
    def kill_controller(self) -> None:
        if not self.is_over and (controllers := alive(self.server).controllers):
            self.kill("controller", controllers[0])
            self.headless = True

    @precondition(lambda self: self.since_server >= APART)
    @rule()
    def kill_server(self) -> None:
        self.since_server = 0
        if self.is_over:
            return
        print("kill server", flush=True)
        self.server.kill()
        self.server.start()
        until(self.server.answers, "the server answers again", 60)

    def kill(self, what: str, pid: int) -> None:
        print("kill", what, pid, flush=True)
        self.is_at_rest = False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def order(self, command: Command) -> bool:
        """Whether it was accepted."""
        verb, engines = command
        try:
            self.server.order(verb, **({} if engines is None else {"engines": engines}))
        except urllib.error.HTTPError as error:
            assert error.code == 409, f"{command}: {error.code} {error.read().decode()}"
            return False
        return True

    # -- what must be true --

    @invariant()
    def one_controller_at_most(self) -> None:
        if not self.is_over:
            assert len(alive(self.server).controllers) <= 1

    @rule()
    def rest(self) -> None:
        if not self.is_over and not self.is_at_rest:
            self.come_to_rest()

    def come_to_rest(self) -> None:
        """Everything that is wanted has been done, and everybody says what is true."""
        print("at rest", self.goals, flush=True)
        cluster = until(self.resting, f"comes to rest: {self.server.cluster()}", 60)
        if cluster["state"] == "failed":
            assert self.headless, cluster["failure"]
        else:
            wanted = cluster["wanted"] if cluster["state"] == "running" else None
            assert wanted in self.goals, (cluster, self.goals)
            self.goals = {wanted}
        found = until(self.agrees, f"{alive(self.server)} and {self.server.cluster()}", 15)
        if cluster["state"] == "running" and not self.hurt:
            assert len(found.engines) == cluster["wanted"], cluster
        if cluster["state"] == "stopped":
            self.hurt = self.headless = False
        for window in self.windows:
            window.until(self.same, "every window shows what the server says", 10)
        self.is_at_rest = True
        self.since_rest = 0

    def resting(self) -> dict[str, object] | None:
        cluster = self.server.cluster()
        moving = cluster["state"] in ("starting", "stopping") or cluster["step"] is not None
        if not moving and cluster["state"] == "running":
            counts = cluster["engines"]
            moving = counts["launched"] != counts["registered"] or (
                not self.hurt and counts["registered"] != cluster["wanted"]
            )
        return None if moving else cluster

    def agrees(self) -> Alive | None:
        """What the system says, when it is what the cluster says."""
        cluster, found = self.server.cluster(), alive(self.server)
        controllers = int(cluster["state"] == "running")
        if len(found.controllers) != controllers or (
            cluster["state"] != "failed" and len(found.engines) != cluster["engines"]["launched"]
        ):
            return None
        return found

    def same(self, window: Window) -> bool:
        shown, true = window.cluster(), self.server.cluster()
        return all(shown.get(field) == true[field] for field in ("state", "wanted", "engines", "failure", "step"))

    def teardown(self) -> None:
        with self.people:
            if self.server.cluster()["state"] != "stopped":
                stopped_to_nothing(self.server)
        assert alive(self.server) == Alive([], [])


def soak(server: RealServer, windows: Sequence[Window], seconds: float) -> int:
    """Run after run till the time is over (what a run has begun then is only ended); how many there were."""
    runs = []

    class Here(Soak):
        def __init__(self) -> None:
            super().__init__()
            runs.append(not self.is_over)

    Here.server, Here.windows, Here.end = server, windows, time.monotonic() + seconds
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=max(3, round(seconds / RUN)),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    return sum(runs)
