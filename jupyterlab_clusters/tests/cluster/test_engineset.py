from __future__ import annotations

import pytest

from jupyterlab_clusters.cluster.engineset import EngineSet
from jupyterlab_clusters.launchers.base import Exit, Process, Usage


def process(pid: int) -> Process:
    return Process(host="here", pid=pid, create_time=1000.0 + pid)


def running(count: int) -> EngineSet:
    engines = EngineSet()
    for slot in engines.open(count):
        engines.launched(slot.number, slot.uuid, process(100 + slot.number))
        engines.registered(slot.number, slot.uuid)
    engines.touched.clear()
    return engines


def test_engines_arrive_one_by_one() -> None:
    engines = EngineSet()
    first, second = engines.open(2)
    assert (first.number, second.number) == (0, 1)
    assert engines.counts().launched == 0
    engines.launched(0, first.uuid, process(7))
    assert (engines.counts().launched, engines.counts().registered) == (1, 0)
    assert engines.registered(5, first.uuid)
    assert not engines.registered(5, first.uuid), "told twice, counted once"
    assert (first.state, first.model().id, first.model().pid) == ("idle", 5, 7)


def test_registration_may_come_before_the_launch_is_told() -> None:
    engines = EngineSet()
    (slot,) = engines.open(1)
    engines.registered(0, slot.uuid)
    engines.launched(0, slot.uuid, process(7))
    assert slot.state == "idle"
    assert engines.counts().registered == engines.counts().launched == 1


@pytest.mark.parametrize(
    ("exit", "state", "words"),
    [
        (Exit(signal=9), "lost", "SIGKILL"),
        (Exit(signal=9, oom=True), "lost", "memory ran out"),
        (Exit(signal=11), "lost", "SIGSEGV"),
        (Exit(signal=63), "lost", "signal 63"),
        (Exit(exit_code=3), "lost", "exit code 3"),
        (Exit(), "lost", "not known"),
        (Exit(exit_code=0), "exited", "by itself"),
        (Exit(signal=15, asked=True), "exited", "as asked"),
    ],
)
def test_a_death_has_a_cause(exit: Exit, state: str, words: str) -> None:
    engines = running(2)
    slot = engines.get(1)
    assert slot is not None
    engines.exited(1, slot.uuid, exit)
    assert slot.state == state
    assert slot.cause is not None and words in slot.cause.sentence
    assert engines.counts().registered == engines.counts().launched == 1
    assert engines.counts().lost == (state == "lost")
    assert engines.touched == {1}


def test_news_of_an_engine_that_was_replaced_changes_nothing() -> None:
    engines = running(1)
    old = engines.get(0)
    assert old is not None
    engines.renew(0)
    engines.exited(0, old.uuid, Exit(signal=9))
    engines.busy(old.uuid, True)
    fresh = engines.get(0)
    assert fresh is not None and fresh.state == "queued" and fresh.uuid != old.uuid


def test_idle_engines_go_first_and_the_newest_of_them() -> None:
    engines = running(4)
    for number in (1, 3):
        slot = engines.get(number)
        assert slot is not None
        engines.busy(slot.uuid, True)
    assert [slot.number for slot in engines.victims(3)] == [2, 0, 3]


def test_what_is_held_together_goes_together() -> None:
    engines = running(6)
    nodes = [{4, 5}, {2, 3}, {0, 1}]
    assert [slot.number for slot in engines.victims(2, nodes)] == [4, 5]
    assert sorted(slot.number for slot in engines.victims(3, nodes)) == [3, 4, 5]
    busy = engines.get(4)
    assert busy is not None
    engines.busy(busy.uuid, True)
    assert sorted(slot.number for slot in engines.victims(2, nodes)) == [2, 3], "work is worth more than a node"
    assert [slot.number for slot in engines.victims(1, nodes)] == [5]
    assert len(engines.victims(6, nodes)) == 6 and engines.victims(0, nodes) == []


def test_scaling_replaces_lost_engines_in_their_slots() -> None:
    engines = running(4)
    lost = engines.get(2)
    assert lost is not None
    engines.exited(2, lost.uuid, Exit(signal=9))
    engines.clear_ended()
    assert [slot.number for slot in engines.open(2)] == [2, 4]


def test_only_the_first_engine_of_a_slot_asks_the_hub_for_its_number() -> None:
    engines = running(3)
    assert [slot.asks_id for slot in engines] == [0, 1, 2]
    assert engines.renew(1).asks_id is None
    engines.drop([2])
    assert [slot.asks_id for slot in engines.open(2)] == [None, 3]
    engines.clear()
    assert [slot.asks_id for slot in engines.open(1)] == [0], "a new controller knows no numbers"


def test_what_is_stopping_is_not_counted_as_live_but_as_launched() -> None:
    engines = running(3)
    engines.stopping([0])
    assert len(engines.live()) == 2
    assert engines.counts().launched == 3


def test_usage_belongs_to_the_living() -> None:
    engines = running(2)
    slot = engines.get(0)
    assert slot is not None
    engines.exited(0, slot.uuid, Exit(signal=9))
    engines.used({0: Usage(cpu=1.0, memory=5), 1: Usage(cpu=0.5, memory=7)})
    models = [slot.model() for slot in engines]
    assert [(m.cpu, m.memory) for m in models] == [(None, None), (0.5, 7)]


def test_a_restart_of_the_server_keeps_slots_causes_and_counts() -> None:
    engines = running(3)
    slot = engines.get(1)
    assert slot is not None
    engines.exited(1, slot.uuid, Exit(signal=11))
    engines.completed(engines.get(0).uuid, 42)  # type: ignore[union-attr]
    again = EngineSet()
    again.restore(engines.saved())
    models = [slot.model() for slot in again]
    assert [m.state for m in models] == ["starting", "lost", "starting"], "alive only when the hub has said so"
    assert models[1].cause == slot.cause
    assert models[0].completed == 42
    assert [s.number for s in again.open(1)] == [1]
    assert again.victims(1)[0].number == 2 or again.victims(1)[0].number == 1
