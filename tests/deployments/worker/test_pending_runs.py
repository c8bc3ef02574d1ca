"""When a worker polls again for runs that events have told of."""

from uuid import uuid4

import pytest

from deployments.worker.pending_runs import LOOKS, MAX_REMEMBERED, PendingRuns

pytestmark = pytest.mark.unit

RUN, STATE = uuid4(), uuid4()


def test_an_announced_run_that_is_not_there_yet_is_looked_for_again_and_again_and_then_given_up() -> None:
    announced = PendingRuns()
    assert announced.heard(RUN, STATE, in_hand=False)
    pauses = [announced.polled() for _ in range(LOOKS)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, None]


def test_a_run_that_was_found_is_not_looked_for_any_more() -> None:
    announced = PendingRuns()
    announced.heard(RUN, STATE, in_hand=False)
    announced.taken(RUN, STATE)
    assert not announced
    assert announced.polled() is None


def test_an_event_that_comes_after_the_run_was_taken_in_that_state_says_nothing_new() -> None:
    announced = PendingRuns()
    announced.taken(RUN, STATE)
    assert not announced.heard(RUN, STATE, in_hand=True)
    assert announced.heard(RUN, uuid4(), in_hand=True)


def test_a_run_in_hand_is_looked_for_when_this_process_is_done_with_it() -> None:
    announced = PendingRuns()
    announced.heard(RUN, STATE, in_hand=True)
    assert announced.polled() is None
    assert announced  # so the end of the run wakes the worker
    announced.done_with(RUN)
    assert not announced


def test_only_the_newest_runs_are_remembered() -> None:
    announced = PendingRuns()
    for _ in range(3 * MAX_REMEMBERED):
        announced.heard(uuid4(), uuid4(), in_hand=False)
        announced.polled()
    announced.heard(RUN, STATE, in_hand=False)
    announced.polled()
    assert len(announced._looks) <= MAX_REMEMBERED
    assert RUN in announced._looks
