"""The first decision stands, whoever else decides; only those the rule entitles count."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from compiler.plan import ApprovalRule
from records import Decision, DecisionValue, Records
from records.database.person_key import person_key
from records.tables import APPROVAL_AUDIT

DIGEST = "sha256:a"


@pytest.fixture
def gate(records: Records, begin: Any) -> Any:
    async def _gate(*, triggered_by: str | None = None, **rule: Any) -> Any:
        run_id = await begin(triggered_by=triggered_by)
        return await records.open_gate(
            run_id=run_id, node_id="fix", digest=DIGEST, card={}, rule=ApprovalRule(**rule)
        )

    return _gate


@pytest.fixture
def decide(records: Records) -> Any:
    def _decide(approval: Any, by: str, decision: DecisionValue = "APPROVED", **options: Any) -> Any:
        fields = {"verified": True, "channel": "cli"} | options
        return records.decide(approval.id, decision=decision, by=by, **fields)

    return _decide


async def test_of_fifty_who_decide_at_once_exactly_one_decides(gate: Any, decide: Any, records: Records) -> None:
    approval = await gate()
    either = ["APPROVED", "REJECTED"]
    decisions: list[Decision] = await asyncio.gather(
        *(decide(approval, f"person {n}", either[n % 2], notes=f"note {n}") for n in range(50))
    )
    applied = [decision for decision in decisions if decision.applied]
    assert len(applied) == 1
    winner = applied[0]
    assert {decision.decided_by for decision in decisions} == {winner.decided_by}
    assert {decision.status for decision in decisions} == {winner.status}
    told = [decision.reason for decision in decisions if not decision.applied]
    assert all(f"by {winner.decided_by} at " in reason for reason in told)
    events = [event for event in await records.pending_events() if event.subject == "workflow.approval.decided"]
    assert len(events) == 1


async def test_fifty_with_connections_of_their_own_agree_on_one_decision(url: str, gate: Any) -> None:
    approval = await gate()

    async def decide(number: int) -> Decision:
        async with await Records.open(url, pool_size=1) as own:
            return await own.decide(
                approval.id, decision="APPROVED", by=f"person {number}", verified=True, channel="api"
            )

    decisions = await asyncio.gather(*(decide(number) for number in range(50)))
    assert len([decision for decision in decisions if decision.applied]) == 1
    assert len({decision.decided_by for decision in decisions}) == 1


async def test_a_quorum_reached_by_parallel_voters_decides_once(gate: Any, decide: Any) -> None:
    approval = await gate(quorum=5)
    decisions = await asyncio.gather(*(decide(approval, f"person {n}") for n in range(5)))
    assert len([decision for decision in decisions if decision.applied]) == 1
    assert all(decision.counted for decision in decisions)


async def test_a_quorum_counts_people_not_clicks(gate: Any, decide: Any) -> None:
    approval = await gate(quorum=2)
    for name in ("Ann Lee", "ann lee", " ANN  LEE ", "Ann\u200b Lee", "\uff21nn Lee"):
        decision = await decide(approval, name)
        assert (decision.applied, decision.status, decision.votes) == (False, "PENDING", ("Ann Lee",))
        counts = "your approval counts: 1 of 2 so far"
        again = "you have approved this already, and count once: 1 of 2 so far"
        assert decision.reason == (counts if name == "Ann Lee" else again)
    last = await decide(approval, "bob")
    assert (last.applied, last.status, last.votes, last.decided_by) == (
        True,
        "APPROVED",
        ("Ann Lee", "bob"),
        "bob",
    )


async def test_in_production_names_that_were_typed_count_as_one_person(
    gate: Any, decide: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMANDCENTER_MODE", "production")
    approval = await gate(quorum=2)
    for name in ("ann", "bob", "cid"):
        decision = await decide(approval, name, verified=False)
        assert (decision.status, decision.votes) == ("PENDING", ("ann",))
    assert (await decide(approval, "dora", verified=True)).status == "APPROVED"


async def test_one_rejection_decides_whatever_the_quorum(gate: Any, decide: Any) -> None:
    approval = await gate(quorum=3)
    await decide(approval, "ann")
    rejected = await decide(approval, "bob", "REJECTED", notes="no")
    assert (rejected.applied, rejected.status, rejected.approval.notes) == (True, "REJECTED", "no")
    late = await decide(approval, "cid")
    assert (late.applied, late.status, late.decided_by) == (False, "REJECTED", "bob")


async def test_only_named_approvers_decide(gate: Any, decide: Any) -> None:
    approval = await gate(approvers=("ann", "bob"))
    for decision in ("APPROVED", "REJECTED"):
        refused = await decide(approval, "eve", decision)
        assert (refused.applied, refused.counted, refused.status) == (False, False, "PENDING")
        assert refused.reason == "'eve' may not decide this; it is for ann, bob"
    assert (await decide(approval, "Bob")).applied


async def test_who_started_the_run_cannot_approve_it_but_may_reject_it(gate: Any, decide: Any) -> None:
    approval = await gate(triggered_by="Ann")
    refused = await decide(approval, "ann")
    assert (refused.applied, refused.status) == (False, "PENDING")
    assert "started this run" in refused.reason
    assert (await decide(approval, "ann", "REJECTED")).applied


async def test_self_approval_counts_where_the_rule_allows_it(gate: Any, decide: Any) -> None:
    assert (await decide(await gate(triggered_by="ann", allow_self_approval=True), "ann")).applied


async def test_an_unverified_name_is_marked_as_such_and_refused_where_the_rule_says_so(
    gate: Any, decide: Any
) -> None:
    approval = await gate(allow_unverified=False)
    refused = await decide(approval, "ann", verified=False, channel="form")
    assert "takes verified names only, and form does not know who you are" in refused.reason
    accepted = await decide(approval, "ann", verified=True, channel="api")
    assert (accepted.approval.verified, accepted.approval.channel) == (True, "api")


async def test_an_unverified_name_counts_by_default_and_the_record_says_so(gate: Any, decide: Any) -> None:
    decision = await decide(await gate(), "ann", verified=False, channel="form")
    assert (decision.applied, decision.approval.verified, decision.approval.channel) == (True, False, "form")


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "\x1b", "x" * 201])
async def test_a_decision_without_a_proper_name_does_not_count(gate: Any, decide: Any, name: str) -> None:
    refused = await decide(await gate(), name)
    assert (refused.applied, refused.counted) == (False, False)
    assert "name" in refused.reason


async def test_a_decision_about_another_card_is_refused(gate: Any, decide: Any) -> None:
    approval = await gate()
    refused = await decide(approval, "ann", digest="sha256:" + "0" * 64)
    assert not refused.applied
    assert refused.reason.startswith("what you saw is not what would run")
    for short in ("ab" * 32, "sha256:" + "ab" * 6, ""):
        refused = await decide(approval, "ann", digest=short)
        assert not refused.applied
        assert refused.reason.startswith("give the whole digest")
    assert (await decide(approval, "ann", digest=DIGEST)).applied


async def test_a_decision_said_twice_by_the_same_person_stays_one(gate: Any, decide: Any) -> None:
    approval = await gate()
    assert (await decide(approval, "ann")).applied
    again = await decide(approval, "ann")
    assert (again.applied, again.status, again.decided_by) == (False, "APPROVED", "ann")


async def test_everything_that_happened_is_in_the_audit_in_order(gate: Any, decide: Any, records: Records) -> None:
    approval = await gate(quorum=2, approvers=("ann", "bob"))
    await records.record_view(approval.id, by="ann", verified=True, channel="ui")
    await decide(approval, "eve", notes="let me in")
    await decide(approval, "ann", notes="fine")
    await decide(approval, "bob", notes="fine, too", channel="api")
    await decide(approval, "bob")
    trail = await records.audit_trail(approval_id=approval.id, project_id=1)
    assert [(entry.event, entry.by, entry.channel) for entry in trail] == [
        ("requested", None, None),
        ("viewed", "ann", "ui"),
        ("refused", "eve", "cli"),
        ("vote", "ann", "cli"),
        ("approved", "bob", "api"),
        ("refused", "bob", "cli"),
    ]
    assert {entry.digest for entry in trail} == {DIGEST}
    assert trail[4].notes == "fine, too"
    assert await records.audit_trail(approval_id=approval.id, project_id=2) == []


async def test_the_audit_cannot_be_changed_or_removed(gate: Any, records: Records, url: str) -> None:
    await gate()
    statements = [update(APPROVAL_AUDIT).values(by="nobody"), delete(APPROVAL_AUDIT)]
    statements += [text('TRUNCATE "ApprovalAudit"')] if url.startswith("postgres") else []
    for statement in statements:
        with pytest.raises(DBAPIError, match="append-only"):
            async with records._db.write() as connection:
                await connection.execute(statement)
    assert len(await records.audit_trail()) == 1


async def test_very_long_notes_are_cut_and_say_so(gate: Any, decide: Any) -> None:
    decision = await decide(await gate(), "ann", notes="x" * 10_000 + "\0")
    assert decision.approval.notes is not None
    assert decision.approval.notes.endswith("… (cut, 10,001 characters in all)")


@pytest.mark.parametrize("name", ["Ann Lee", "ann lee", "  Ann   Lee ", "A\u200bnn Lee", "\uff21nn Lee"])
def test_equal_people_are_one_voter(name: str) -> None:
    assert person_key(name) == "ann lee"
