"""What a client of the database writes is no approval: questions, votes and decisions carry a signature."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update

from compiler.plan import ApprovalRule
from records import NotApproved, Records
from records.database.signing import SigningKeyUnusable
from records.tables import APPROVAL_AUDIT, APPROVAL_VOTE, WORKFLOW_APPROVAL
from records.tables.columns import now

A, B = "sha256:a", "sha256:b"


@pytest.fixture
def ask(records: Records, run_id: str) -> Any:
    def _ask(node_id: str = "fix", digest: str = A, **rule: Any) -> Any:
        fields = {"card": {"action": "work"}, "rule": ApprovalRule(**rule)}
        return records.open_gate(run_id=run_id, node_id=node_id, digest=digest, **fields)

    return _ask


@pytest.fixture
def begin_agent(records: Records, run_id: str) -> Any:
    def _begin(node_id: str = "fix", digest: str = A) -> Any:
        return records.start_attempt(
            run_id=run_id, node_id=node_id, agent_name="patcher", inputs={}, approved=digest
        )

    return _begin


async def decide(records: Records, approval_id: str, by: str = "ann") -> Any:
    return await records.decide(approval_id, decision="APPROVED", by=by, verified=True, channel="cli")


async def change(records: Records, approval_id: str, **values: Any) -> None:
    """As a client of the database would."""
    this = WORKFLOW_APPROVAL.c.id == approval_id
    async with records._db.write() as connection:
        await connection.execute(update(WORKFLOW_APPROVAL).where(this).values(**values))


async def test_what_the_platform_decided_lets_the_agent_begin(ask, begin_agent, records) -> None:
    approval = await ask(quorum=2)
    await decide(records, approval.id, "ann")
    assert (await decide(records, approval.id, "bob")).applied
    assert await begin_agent()


async def test_a_row_that_says_approved_is_not_an_approval(ask, begin_agent, records) -> None:
    approval = await ask()
    await change(records, approval.id, status="APPROVED", respondedBy="ann", verified=True, respondedAt=now())
    with pytest.raises(NotApproved, match="the platform did not sign that decision"):
        await begin_agent()


async def test_the_signature_of_one_decision_does_not_serve_another(ask, begin_agent, records) -> None:
    signed, forged = await ask("scan", B), await ask()
    assert (await decide(records, signed.id)).applied
    async with records._db.read() as connection:
        this = WORKFLOW_APPROVAL.c.id == signed.id
        row = (await connection.execute(select(WORKFLOW_APPROVAL).where(this))).mappings().one()
    copied = {name: row[name] for name in ("status", "respondedBy", "verified", "channel", "signature")}
    await change(records, forged.id, **copied)
    with pytest.raises(NotApproved, match="did not sign"):
        await begin_agent()


@pytest.mark.parametrize(
    "changed",
    [{"respondedBy": "eve"}, {"verified": False}, {"channel": "form"}, {"closedAs": "policy"}, {"baseDigest": B}],
    ids=str,
)
async def test_a_decision_that_was_changed_afterwards_opens_nothing(ask, begin_agent, records, changed) -> None:
    approval = await ask()
    assert (await decide(records, approval.id)).applied
    await change(records, approval.id, **changed)
    with pytest.raises(NotApproved):
        await begin_agent()


@pytest.mark.parametrize("values", [{"rule": {"quorum": 1}}, {"digest": B}], ids=str)
async def test_a_question_that_was_changed_in_the_database_takes_no_answer(ask, records, values) -> None:
    approval = await ask(quorum=2)
    rule = ApprovalRule(**values["rule"]).model_dump(mode="json") if "rule" in values else None
    await change(records, approval.id, **({"rule": rule} if rule else values))
    decision = await decide(records, approval.id)
    assert not decision.counted
    assert "was changed in the database" in decision.reason
    assert decision.status == "PENDING"


async def test_a_vote_that_was_written_into_the_database_does_not_count(ask, begin_agent, records) -> None:
    approval = await ask(quorum=2)
    forged = {
        "id": "v1",
        "approvalId": approval.id,
        "voter": "bob",
        "name": "bob",
        "verified": True,
        "channel": "api",
    }
    async with records._db.write() as connection:
        await connection.execute(insert(APPROVAL_VOTE).values(**forged))
    decision = await decide(records, approval.id, "ann")
    assert (decision.status, decision.votes) == ("PENDING", ("ann",))


async def test_votes_are_counted_again_when_the_agent_begins(ask, begin_agent, records) -> None:
    approval = await ask(quorum=2)
    await decide(records, approval.id, "ann")
    await decide(records, approval.id, "bob")
    async with records._db.write() as connection:
        await connection.execute(delete(APPROVAL_VOTE).where(APPROVAL_VOTE.c.voter == "bob"))
    with pytest.raises(NotApproved, match="1 of 2 votes"):
        await begin_agent()


async def test_with_another_key_nothing_that_was_decided_runs(
    ask, begin_agent, records, url, tmp_path, monkeypatch, run_id
) -> None:
    approval = await ask()
    assert (await decide(records, approval.id)).applied
    monkeypatch.setenv("COMMANDCENTER_SIGNING_KEY_FILE", str(tmp_path / "other.key"))
    async with await Records.open(url) as other:
        with pytest.raises(NotApproved, match="did not sign"):
            await other.start_attempt(run_id=run_id, node_id="fix", agent_name="patcher", inputs={}, approved=A)


async def test_a_key_file_that_was_cut_short_is_refused_with_a_sentence(url, make, tmp_path, monkeypatch) -> None:
    broken = tmp_path / "broken.key"
    broken.write_bytes(b"short")
    monkeypatch.setenv("COMMANDCENTER_SIGNING_KEY_FILE", str(broken))
    async with await Records.open(url) as records:
        with pytest.raises(SigningKeyUnusable, match=r"has 5 bytes, not 32: restore it from a backup"):
            await records.register_agent(1, make.agent("scanner"))


async def test_the_key_is_readable_by_its_owner_only(ask, tmp_path, monkeypatch, url, make) -> None:
    key = tmp_path / "folder" / "signing.key"
    monkeypatch.setenv("COMMANDCENTER_SIGNING_KEY_FILE", str(key))
    async with await Records.open(url) as records:
        approval = await ask()
        await records.decide(approval.id, decision="REJECTED", by="ann", verified=True, channel="cli")
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


async def _tamper(records: Records, statement: Any) -> None:
    """Past the trigger that keeps the audit append-only, as the owner of the database could."""
    async with records._db.write() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            for verb in ("update", "delete"):
                await connection.execute(text(f'DROP TRIGGER IF EXISTS "ApprovalAudit_no_{verb}"'))
        await connection.execute(statement)


async def _history(ask: Any, records: Records) -> list[int]:
    approval = await ask(quorum=2)
    await decide(records, approval.id, "ann")
    await decide(records, approval.id, "bob")
    await decide(records, approval.id, "bob")
    # With the entries that say what counts for the agents.
    return [entry["id"] for entry in await records.audit_page(after=0, limit=100)]


async def test_the_audit_is_a_chain_of_hashes(ask, records) -> None:
    ids = await _history(ask, records)
    report = await records.verify_audit()
    assert (report.intact, report.entries, report.before_chain) == (True, len(ids), 0)
    assert (await records.verify_audit(expected_head=report.head)).intact


@pytest.mark.parametrize("place", [0, 1, -1])
async def test_a_changed_entry_is_found(ask, records, place) -> None:
    ids = await _history(ask, records)
    await _tamper(records, update(APPROVAL_AUDIT).where(APPROVAL_AUDIT.c.id == ids[place]).values(by="mallory"))
    report = await records.verify_audit()
    assert (report.intact, report.broken_at) == (False, ids[place])


async def test_a_removed_entry_is_found_and_the_end_by_a_head_noted_elsewhere(ask, records) -> None:
    ids = await _history(ask, records)
    head = (await records.verify_audit()).head
    await _tamper(records, delete(APPROVAL_AUDIT).where(APPROVAL_AUDIT.c.id == ids[-1]))
    assert (await records.verify_audit()).intact
    assert not (await records.verify_audit(expected_head=head)).intact
    await _tamper(records, delete(APPROVAL_AUDIT).where(APPROVAL_AUDIT.c.id == ids[1]))
    assert (await records.verify_audit()).broken_at == ids[2]
