"""Nobody answers in time: the rule does."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from compiler.plan import ApprovalRule
from records import Records


@pytest.fixture
def overdue(records: Records, run_id: str) -> Any:
    def _overdue(**rule: Any) -> Any:
        fields: dict[str, Any] = {"deadline_seconds": 0} | rule
        return records.open_gate(
            run_id=run_id, node_id="fix", digest="sha256:a", card={}, rule=ApprovalRule(**fields)
        )

    return _overdue


async def _approve(records: Records, approval: Any) -> Any:
    return await records.decide(approval.id, decision="APPROVED", by="bob", verified=True, channel="cli")


async def test_a_decision_after_the_deadline_is_too_late_even_if_no_clock_has_run(
    overdue: Any, records: Records
) -> None:
    late = await _approve(records, await overdue())
    assert (late.applied, late.status, late.decided_by) == (False, "REJECTED", None)
    assert late.approval.closed_as == "expired"
    assert "deadline has passed" in late.reason


async def test_the_clock_rejects_by_default_once_and_tells_it(overdue: Any, records: Records, run_id: str) -> None:
    approval = await overdue()
    rounds = await asyncio.gather(*(records.expire_gates() for _ in range(5)))
    changed = [each for one in rounds for each in one]
    assert [(each.id, each.status) for each in changed] == [(approval.id, "REJECTED")]
    assert [entry.event for entry in await records.audit_trail(run_id=run_id)] == ["requested", "expired"]
    assert [event.subject for event in await records.pending_events()][-1] == "workflow.approval.decided"


async def test_the_clock_approves_only_where_the_rule_says_so(overdue: Any, records: Records) -> None:
    await overdue(on_expiry="approve")
    (changed,) = await records.expire_gates()
    assert changed.allows("sha256:a")
    assert (changed.responded_by, changed.channel, changed.closed_as) == (None, "deadline", "expired")


async def test_an_escalated_question_stays_open_and_is_told_once(overdue: Any, records: Records) -> None:
    approval = await overdue(on_expiry="escalate")
    (changed,) = await records.expire_gates()
    assert changed.status == "PENDING"
    assert changed.escalated_at is not None
    assert await records.expire_gates() == []
    assert [event.subject for event in await records.pending_events()].count("workflow.approval.escalated") == 1
    assert (await _approve(records, approval)).applied


async def test_a_question_in_time_is_left_alone(overdue: Any, records: Records) -> None:
    approval = await overdue(deadline_seconds=3600)
    assert await records.expire_gates() == []
    assert (await _approve(records, approval)).applied


async def test_a_quiet_question_is_reminded_of_once_per_interval(overdue: Any, records: Records) -> None:
    approval = await overdue(deadline_seconds=None)
    assert await records.remind_gates(timedelta(hours=1)) == []
    rounds = await asyncio.gather(*(records.remind_gates(timedelta(0)) for _ in range(3)))
    assert {each.id for one in rounds for each in one} == {approval.id}
    assert await records.remind_gates(timedelta(minutes=5)) == []
    await _approve(records, approval)
    assert await records.remind_gates(timedelta(0)) == []
