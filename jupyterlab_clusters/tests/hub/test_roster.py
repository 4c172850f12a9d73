"""What the roster makes of news in every order in which they may come."""

from __future__ import annotations

import pytest

from jupyterlab_clusters.hub.roster import Queue, Roster

from .conftest import Recorder


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def roster(recorder):
    roster = Roster(recorder)
    roster.registered(1, "one")
    return roster


def test_each_fact_is_told_once(roster, recorder):
    assert not roster.registered(1, "one")
    roster.present({1: "one"}, ())
    roster.worked(1, "busy", "a")
    roster.worked(1, "busy", "a")
    assert recorder.news == [("registered", 1, "one"), ("busy", 1, "one", True)]


def test_an_id_used_again_is_another_engine(roster, recorder):
    roster.worked(1, "busy", "a")
    roster.registered(1, "two")
    assert recorder.news[-2:] == [("unregistered", 1, "one"), ("registered", 1, "two")]
    roster.worked(1, "busy", "b")
    assert recorder.news[-1] == ("busy", 1, "two", True)


def test_who_is_present(roster):
    roster.registered(2, "two")
    assert roster.present({2: "two", 3: "three"}, ()) == ([3], [1])
    assert sorted(roster.ids()) == [2, 3]


def test_newer_news_overtake_an_answer(roster):
    roster.registered(2, "two")
    assert roster.present({3: "three"}, {2, 3}) == ([], [1])
    assert roster.ids() == [2]


def test_a_result_the_hub_saw_before_we_heard_the_end_counts_once(roster, recorder):
    roster.worked(1, "busy", "a")
    roster.seed(1, Queue(queue=0, completed=1, tasks=0))
    roster.worked(1, "idle", "a")
    assert recorder.done == {1: 1}


def test_a_result_the_hub_saw_after_we_heard_the_end_counts_once(roster, recorder):
    roster.worked(1, "busy", "a")
    roster.worked(1, "idle", "a")
    roster.seed(1, Queue(queue=0, completed=1, tasks=0))
    assert recorder.done == {1: 1}


def test_an_end_without_beginning_counts_if_the_hub_was_waiting_for_it(roster, recorder):
    roster.seed(1, Queue(queue=1, completed=4, tasks=0))
    assert recorder.busy_now == {1}
    roster.worked(1, "idle", "a")
    assert recorder.done == {1: 5} and not recorder.busy_now


def test_an_end_without_beginning_does_not_count_if_the_hub_had_counted_it(roster, recorder):
    roster.seed(1, Queue(queue=0, completed=4, tasks=0))
    roster.worked(1, "idle", "a")
    assert recorder.done == {1: 4}


def test_the_engines_own_word_on_being_busy_is_the_better_one(roster, recorder):
    roster.worked(1, "busy", "a")
    roster.worked(1, "idle", "a")
    roster.seed(1, Queue(queue=1, completed=0, tasks=0))
    assert not recorder.busy_now
    roster.deaf()
    roster.seed(1, Queue(queue=0, completed=1, tasks=1))
    assert recorder.busy_now == {1}


def test_a_lost_end_is_doubted_at_the_second_look_only(roster, recorder):
    idle = {1: Queue(queue=0, completed=0, tasks=0)}
    roster.worked(1, "busy", "a")
    assert roster.doubtful(idle) == {}
    assert roster.doubtful({1: Queue(queue=1, completed=0, tasks=0)}) == {}
    assert roster.doubtful(idle) == {1: "a"}
    roster.worked(1, "idle", "a")
    roster.worked(1, "busy", "b")
    assert roster.doubtful(idle) == {}
    roster.ended(1, "a")
    assert recorder.busy_now == {1}, "that was another task"
    roster.ended(1, "b")
    assert not recorder.busy_now


def test_news_of_the_unknown_are_nothing(roster, recorder):
    before = list(recorder.news)
    roster.worked(9, "busy", "a")
    roster.seed(9, Queue(0, 5, 0))
    assert not roster.unregistered(9)
    assert recorder.news == before
