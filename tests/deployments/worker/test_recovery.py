"""The decision about one run, without any server: who owns it, how old is its state, who lives."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, FlowRunPolicy
from prefect.states import AwaitingRetry, Cancelling, Pending, Running

from deployments.worker.recovery import MAX_TAKEOVERS, TAKEOVERS, Recovery, WorkerView, judge
from deployments.worker.worker_identity import WorkerIdentity

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ME = WorkerIdentity("b", "now")
FORMER_ME = WorkerIdentity("b", "before")
OTHER = WorkerIdentity("c", "x")


def run(state, owner, *, age=3600.0, **fields):
    state.timestamp = NOW - timedelta(seconds=age)
    return FlowRun(flow_id=uuid4(), state=state, infrastructure_pid=str(owner) if owner else None, **fields)


def view(*, in_hand=(), alive=("b",), trust_silence=True, trust_clock=True):
    return WorkerView(me=ME, in_hand=in_hand, alive=alive, trust_silence=trust_silence, trust_clock=trust_clock)


def test_an_owner_is_read_back_from_a_run_even_when_the_name_has_slashes():
    owner = WorkerIdentity("host/worker: 1", "abc")
    assert WorkerIdentity.parse(str(owner)) == owner


@pytest.mark.parametrize("pid", [None, "", "host:1234", "c0ffee"])
def test_other_kinds_of_workers_are_not_owners(pid):
    assert WorkerIdentity.parse(pid) is None


def test_a_run_in_hand_is_left_alone():
    mine = run(Running(), ME)
    assert judge(mine, view(in_hand={mine.id}), now=NOW) == "leave"


def test_a_run_in_hand_that_was_cancelled_unheard_is_cancelled_here():
    mine = run(Cancelling(), ME)
    assert judge(mine, view(in_hand={mine.id}), now=NOW) == "cancel here"


def test_a_run_of_my_former_life_is_taken_over_at_once():
    assert judge(run(Running(), FORMER_ME, age=0), view(), now=NOW) == "take over"


def test_a_run_that_i_own_and_do_not_execute_is_taken_over_when_its_state_has_settled():
    assert judge(run(Running(), ME, age=1), view(), now=NOW) == "leave"
    assert judge(run(Running(), ME, age=60), view(), now=NOW) == "take over"


def test_a_run_of_a_living_worker_is_left_alone():
    assert judge(run(Running(), OTHER), view(alive=("b", "c")), now=NOW) == "leave"


def test_a_run_of_a_silent_worker_is_taken_over():
    assert judge(run(Running(), OTHER), view(alive=("b",)), now=NOW) == "take over"


def test_silence_is_not_death_right_after_an_outage():
    assert judge(run(Running(), OTHER), view(trust_silence=False), now=NOW) == "leave"


def test_right_after_the_clock_was_set_no_state_is_old():
    assert judge(run(Pending(), None), view(trust_clock=False), now=NOW) == "leave"
    assert judge(run(Running(), FORMER_ME), view(trust_clock=False), now=NOW) == "take over"


def test_a_state_from_before_the_clock_was_set_back_is_old():
    assert judge(run(Pending(), OTHER, age=-3_500), view(), now=NOW) == "take over"
    assert judge(run(Pending(), OTHER, age=-3), view(), now=NOW) == "leave"


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_makes_no_living_worker_a_dead_one(hours, monkeypatch):
    """Until its next heartbeat, every other worker seems to have been silent for an hour."""
    offset, judged = 0.0, []
    nobody: Any = None
    recovery = Recovery(nobody, pool="p", me=ME, in_hand=frozenset, clock=lambda: time.time() + offset)
    monkeypatch.setattr(recovery, "_candidates", partial(_answer, [run(Running(), OTHER)]))
    monkeypatch.setattr(recovery, "_alive", partial(_answer, frozenset({"b"})))
    monkeypatch.setattr(recovery, "_act", lambda seen, action: _answer(judged.append(action)))
    offset = hours * 3600.0
    await recovery.sweep()
    assert judged == []
    monkeypatch.setattr("deployments.worker.recovery.OUTAGE_SECONDS", 0.0)
    await recovery.sweep()
    assert judged == ["take over"]


async def _answer(found):
    return found


def test_of_several_living_workers_only_the_first_by_name_takes_over():
    assert judge(run(Running(), OTHER), view(alive=("a", "b")), now=NOW) == "leave"
    assert judge(run(Running(), OTHER), view(alive=("b", "d")), now=NOW) == "take over"


def test_a_pending_run_may_have_a_new_owner_who_has_not_signed_yet():
    assert judge(run(Pending(), FORMER_ME, age=1), view(), now=NOW) == "leave"
    assert judge(run(Pending(), FORMER_ME, age=60), view(), now=NOW) == "take over"


def test_a_pending_run_that_nobody_has_signed_is_taken_over_in_the_end():
    assert judge(run(Pending(), None, age=1), view(), now=NOW) == "leave"
    assert judge(run(Pending(), None, age=60), view(), now=NOW) == "take over"


def test_a_run_that_was_only_said_to_be_running_is_taken_over_in_the_end():
    assert judge(run(Running(), None, age=30), view(), now=NOW) == "leave"
    assert judge(run(Running(), None, age=90), view(), now=NOW) == "take over"


def test_a_run_that_nobody_has_signed_waits_in_the_queue():
    assert judge(run(AwaitingRetry(), None), view(), now=NOW) == "leave"


def test_a_run_of_another_kind_of_worker_is_left_alone():
    assert judge(run(Running(), "host:1234"), view(), now=NOW) == "leave"


def test_a_retry_that_the_dead_process_would_have_made_is_made_elsewhere():
    waiting = run(AwaitingRetry(), FORMER_ME, empirical_policy=FlowRunPolicy(retry_type="in_process"))
    assert judge(waiting, view(), now=NOW) == "retry elsewhere"


def test_a_waiting_run_that_any_worker_can_take_is_left_alone():
    assert judge(run(AwaitingRetry(), FORMER_ME), view(), now=NOW) == "leave"


def test_a_cancelled_run_of_a_dead_worker_ends():
    assert judge(run(Cancelling(), FORMER_ME), view(), now=NOW) == "end as cancelled"


def test_after_the_last_takeover_the_run_is_given_up():
    tried = run(Running(), FORMER_ME, labels={TAKEOVERS: MAX_TAKEOVERS - 1})
    assert judge(tried, view(), now=NOW) == "take over"
    tried = run(Running(), FORMER_ME, labels={TAKEOVERS: MAX_TAKEOVERS})
    assert judge(tried, view(), now=NOW) == "give up"
