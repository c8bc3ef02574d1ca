"""A question is bound to the digest of what will run; another digest is another question."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from compiler.plan import ApprovalRule
from records import NotApproved, NotFound, PayloadRefused, Records, StaleAttempt

A, B = "sha256:a", "sha256:b"


@pytest.fixture
def ask(records: Records, run_id: str) -> Any:
    def _ask(digest: str = A, **options: Any) -> Any:
        fields = {"card": {"action": "work", "inputs": {"path": "a.py"}}, "rule": ApprovalRule()} | options
        return records.open_gate(run_id=run_id, node_id="fix", digest=digest, **fields)

    return _ask


async def _approve(records: Records, approval_id: str, by: str = "bob") -> None:
    decision = await records.decide(approval_id, decision="APPROVED", by=by, verified=True, channel="cli")
    assert decision.applied, decision.reason


async def test_the_same_question_asked_in_parallel_is_asked_once(ask: Any, records: Records) -> None:
    asked = await asyncio.gather(*(ask() for _ in range(10)))
    assert len({approval.id for approval in asked}) == 1
    requested = [
        event for event in await records.pending_events() if event.subject == "workflow.approval.requested"
    ]
    assert len(requested) == 1


async def test_the_request_event_names_the_run_and_the_node_by_row_and_by_key(
    ask: Any, records: Records, run_id: str
) -> None:
    approval = await ask(rule=ApprovalRule(deadline_seconds=60))
    event = (await records.pending_events())[-1]
    assert event.payload["workflowRunId"] == run_id
    assert event.payload["approvalId"] == approval.id
    assert event.payload["nodeKey"] == "fix"
    assert event.payload["nodeId"] not in ("fix", None)
    assert event.payload["deadline"] == approval.deadline.isoformat()
    assert await records.approval(run_id, event.payload["nodeId"]) == approval


async def test_only_an_approval_of_exactly_that_digest_allows(ask: Any, records: Records, run_id: str) -> None:
    approval = await ask()
    assert not approval.allows(A)
    await _approve(records, approval.id)
    approved = await records.approval(run_id, "fix")
    assert approved is not None
    assert approved.allows(A)
    assert not approved.allows(B)
    assert not approved.allows("")


async def test_another_digest_is_asked_again_and_the_old_approval_never_counts_again(
    ask: Any, records: Records, run_id: str
) -> None:
    first = await ask(A)
    await _approve(records, first.id)
    second = await ask(B)
    assert (second.status, second.digest) == ("PENDING", B)
    third = await ask(A)
    assert third.id not in (first.id, second.id)
    assert third.status == "PENDING"
    everything = await records.approvals(run_id=run_id, superseded=True)
    assert [(each.digest, each.status, each.superseded_at is None) for each in everything] == [
        (A, "APPROVED", False),
        (B, "REJECTED", False),
        (A, "PENDING", True),
    ]
    assert not any(each.allows(each.digest) for each in everything)
    late = await records.decide(second.id, decision="APPROVED", by="bob", verified=True, channel="cli")
    assert not late.applied
    assert "has changed" in late.reason


async def test_a_rejection_stands_when_the_question_is_asked_again(ask: Any, records: Records) -> None:
    approval = await ask()
    await records.decide(
        approval.id, decision="REJECTED", by="bob", verified=True, channel="cli", notes="too risky"
    )
    again = await ask()
    assert (again.id, again.status, again.notes, again.responded_by) == (
        approval.id,
        "REJECTED",
        "too risky",
        "bob",
    )


async def test_an_ended_run_closes_its_questions_and_a_new_try_asks_again(
    ask: Any, records: Records, run_id: str
) -> None:
    approval = await ask()
    await records.finish_run(run_id, "FAILED", "cancelled")
    late = await records.decide(approval.id, decision="APPROVED", by="bob", verified=True, channel="cli")
    assert (late.applied, late.status, late.approval.closed_as) == (False, "REJECTED", "run-ended")
    assert "the run has ended" in late.reason
    with pytest.raises(StaleAttempt):
        await ask()
    await records.reopen_run(run_id)
    again = await ask()
    assert (again.id != approval.id, again.status) == (True, "PENDING")


async def test_a_node_does_not_begin_unless_its_digest_is_approved_at_that_moment(
    ask: Any, records: Records, run_id: str
) -> None:
    def start(digest: str) -> Any:
        return records.start_attempt(
            run_id=run_id, node_id="fix", agent_name="patcher", inputs={}, approved=digest
        )

    with pytest.raises(NotApproved, match="no approval was requested"):
        await start(A)
    approval = await ask()
    with pytest.raises(NotApproved, match="PENDING for sha256:a"):
        await start(A)
    await _approve(records, approval.id)
    with pytest.raises(NotApproved, match="not approved for sha256:b"):
        await start(B)
    assert await records.agent_runs(run_id) == []
    assert await start(A)


async def test_an_edit_is_a_new_question_that_remembers_the_old_one(
    ask: Any, records: Records, run_id: str
) -> None:
    rule = ApprovalRule(quorum=2, deadline_seconds=600)
    asked = await ask(A, rule=rule)
    await records.decide(asked.id, decision="APPROVED", by="ann", verified=True, channel="api")
    edited = await records.amend_gate(
        asked.id,
        digest=B,
        card={"inputs": {"path": "b.py"}},
        edits={"path": "b.py"},
        by="bob",
        verified=True,
        channel="api",
    )
    assert edited is not None
    assert (edited.digest, edited.base_digest, edited.edits) == (B, A, {"path": "b.py"})
    assert (edited.rule, edited.deadline) == (rule, asked.deadline)
    assert (await ask(A, rule=rule)).id == edited.id, (
        "the flow asks with what it knows, and gets the edited question"
    )
    first = await records.decide(edited.id, decision="APPROVED", by="bob", verified=True, channel="api", digest=B)
    assert first.votes == ("bob",), "votes for the old inputs do not count"
    await _approve(records, edited.id, by="ann")
    approved = await records.approval(run_id, "fix")
    assert approved is not None
    assert approved.allows(B)
    assert not approved.allows(A)
    late = {"digest": A, "card": {}, "edits": {}, "by": "x", "verified": True, "channel": "api"}
    assert await records.amend_gate(edited.id, **late) is None


async def test_what_the_policy_trusts_is_recorded_as_approved_by_it(
    ask: Any, records: Records, run_id: str
) -> None:
    approval = await ask(trusted="emergency")
    assert approval.allows(A)
    assert (approval.responded_by, approval.channel, approval.closed_as) == (
        "policy: emergency",
        "policy",
        "policy",
    )
    assert [entry.event for entry in await records.audit_trail(run_id=run_id)] == ["requested", "policy"]


async def test_a_card_too_large_is_refused(ask: Any) -> None:
    with pytest.raises(PayloadRefused, match="the approval card of node 'fix' has"):
        await ask(card={"text": "x" * 1_100_000})


async def test_questions_are_found_by_project_run_and_status(ask: Any, records: Records, run_id: str) -> None:
    approval = await ask()
    assert [each.id for each in await records.approvals(1, "PENDING")] == [approval.id]
    assert await records.approvals(2) == []
    assert await records.approvals(1, "APPROVED") == []
    assert await records.approval(run_id, "fix", project_id=2) is None
    assert await records.approval(run_id, "scan") is None
    with pytest.raises(NotFound, match="the approval"):
        await records.decide(approval.id, decision="APPROVED", by="b", verified=True, channel="api", project_id=2)
    with pytest.raises(NotFound, match=f"{run_id} scan"):
        await records.decide((run_id, "scan"), decision="APPROVED", by="b", verified=True, channel="api")


async def test_several_gates_of_a_run_are_decided_each_by_itself(records: Records, run_id: str) -> None:
    for node in ("fix", "scan"):
        await records.open_gate(run_id=run_id, node_id=node, digest=A, card={}, rule=ApprovalRule())
    await records.decide((run_id, "fix"), decision="REJECTED", by="bob", verified=True, channel="cli")
    (pending,) = await records.approvals(status="PENDING", run_id=run_id)
    assert pending.node_id == "scan"
