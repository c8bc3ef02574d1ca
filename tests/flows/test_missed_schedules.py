"""What becomes of runs that a schedule missed; `tests/end_to_end/test_missed_schedules.py` lets the clock do it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from compiler.plan import Plan, ScheduleTrigger
from flows.missed_schedules import Other, decide, policy_of

NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)


def minutes(*numbers: int, going: bool = True, began: datetime | None = None) -> list[Other]:
    """Runs due that many minutes after nine."""
    return [Other(due=NINE + timedelta(minutes=number), going=going, began=began) for number in numbers]


def turns(policy, began: datetime) -> list[str]:
    """Five runs due at nine and each minute after it, all of which begin then."""
    due = minutes(0, 1, 2, 3, 4)
    return [
        decide(policy, due=mine.due, began=began, others=[each for each in due if each is not mine])
        for mine in due
    ]


def test_once_skips_all_but_the_newest_that_is_due() -> None:
    found = turns("once", NINE + timedelta(minutes=4, seconds=20))
    assert [each == "go" for each in found] == [False] * 4 + [True]
    assert found[0] == "the schedule was due again at 2026-03-01 09:04 UTC"
    # Planned for later, and not due yet.
    assert decide("once", due=NINE, began=NINE + timedelta(seconds=30), others=minutes(1, 2)) == "go"


def test_skip_drops_what_begins_late() -> None:
    found = turns("skip", NINE + timedelta(minutes=4, seconds=20))
    assert [each == "go" for each in found] == [False] * 4 + [True]
    assert found[1] == "it began 3 min after it was due"
    assert decide("skip", due=NINE, began=NINE + timedelta(hours=5), others=[]).startswith("it began 5 h")


def test_all_go_one_after_the_other() -> None:
    assert turns("all", NINE + timedelta(minutes=6)) == ["go"] + ["wait"] * 4
    ended = minutes(0, 1, going=False) + minutes(3, 4)
    assert decide("all", due=NINE + timedelta(minutes=2), began=NINE + timedelta(minutes=6), others=ended) == "go"
    # The newest, which is not a minute late, does not overtake those that were missed, whether they have begun or not.
    back = NINE + timedelta(minutes=4, seconds=40)
    assert turns("all", back) == ["go"] + ["wait"] * 4
    for begun in (None, back):
        assert decide("all", due=NINE + timedelta(minutes=4), began=back, others=minutes(1, began=begun)) == "wait"
    # One that began in time and takes long holds nobody up: it is `concurrency` that limits those.
    in_time = minutes(-1, began=NINE - timedelta(seconds=59))
    assert decide("all", due=NINE, began=NINE + timedelta(seconds=5), others=in_time) == "go"


@pytest.mark.parametrize("policy", ["skip", "once", "all"])
def test_a_run_in_time_is_done_under_every_policy(policy) -> None:
    assert decide(policy, due=NINE, began=NINE + timedelta(seconds=2), others=minutes(-1, going=False)) == "go"


def test_a_schedules_policy_is_found_by_the_runs_trigger_and_a_default_leaves_no_trace_in_the_plan(node) -> None:
    triggers = (ScheduleTrigger(cron="* * * * *", missed="all"), ScheduleTrigger(cron="0 9 * * *"))
    plan = Plan(name="w", project_id=1, nodes=(node("a"),), triggers=triggers)
    assert policy_of(plan, "schedule:* * * * *") == "all"
    assert policy_of(plan, "schedule:0 9 * * *") == "once"
    assert policy_of(plan, "schedule:1 1 * * *") == "once"
    assert "missed" not in triggers[1].model_dump_json()
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
