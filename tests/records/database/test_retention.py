"""What is old is deleted, what is still needed is not, and the audit stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from compiler.plan import ApprovalRule
from operations.prune import InvalidRetention, Retention, prune
from records import NotFound, Records
from records.tables import AGENT_RUN, APPROVAL_VOTE, ARTIFACT, NODE_STATE, PLAN, WORKFLOW_APPROVAL, WORKFLOW_RUN

LATER = datetime.now(UTC) + timedelta(days=400)
NOTHING = Retention(
    runs=timedelta(days=1000),
    inbox=timedelta(days=1000),
    dead_letters=timedelta(days=1000),
    plans=timedelta(days=1000),
)


class FlowRuns:
    """Remembers what was deleted in Prefect."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    async def delete(self, flow_run_id: str) -> None:
        self.deleted.append(flow_run_id)


async def _count(records: Records, table: Any) -> int:
    async with records._db.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


@pytest.fixture
def full_run(begin: Any, records: Records) -> Any:
    """A run with an agent run, an approval, a vote and an artifact; ended unless told otherwise."""

    async def _full(flow_run_id: str, *, ended: bool = True) -> str:
        run_id = await begin(flow_run_id=flow_run_id)
        agent_run, _ = await records.start_attempt(run_id=run_id, node_id="scan", agent_name="scanner", inputs={})
        await records.finish_agent_run(agent_run, status="SUCCESS", output={})
        await records.save_artifact(run_id=run_id, name="a.txt", media_type="text/plain", content=b"a")
        rule = ApprovalRule(quorum=2)
        gate = await records.open_gate(run_id=run_id, node_id="fix", digest="d", card={}, rule=rule)
        await records.decide(gate.id, decision="APPROVED", by="ann", verified=True, channel="cli")
        if ended:
            await records.finish_run(run_id, status="FAILED", message="rejected")
        return run_id

    return _full


async def test_an_old_run_goes_with_all_that_belongs_to_it_and_the_audit_stays(full_run, records) -> None:
    run_id = await full_run("flow-1")
    flow_runs = FlowRuns()
    audited = len(await records.audit_trail(run_id=run_id))
    done = await prune(Retention(), records=records, flow_runs=flow_runs, at=LATER)
    assert done.runs == 1
    assert flow_runs.deleted == ["flow-1"]
    with pytest.raises(NotFound):
        await records.run(run_id)
    for table in (WORKFLOW_RUN, AGENT_RUN, NODE_STATE, ARTIFACT, WORKFLOW_APPROVAL, APPROVAL_VOTE):
        assert await _count(records, table) == 0, table.name
    assert len(await records.audit_trail(run_id=run_id)) == audited
    assert (await records.verify_audit()).intact


async def test_runs_that_wait_or_are_young_enough_stay(full_run, records) -> None:
    waiting, young = await full_run("waiting", ended=False), await full_run("young")
    old = await full_run("old")
    async with records._db.write() as connection:
        this = WORKFLOW_RUN.c.id == old
        past = datetime.now(UTC) - timedelta(days=91)
        await connection.execute(update(WORKFLOW_RUN).where(this).values(finishedAt=past))
    done = await prune(Retention(), records=records, flow_runs=FlowRuns(), at=datetime.now(UTC))
    assert done.runs == 1
    assert {run.id for run in await records.runs(1)} == {waiting, young}


async def test_more_runs_than_one_transaction_takes_all_go(full_run, records, monkeypatch) -> None:
    for number in range(5):
        await full_run(f"flow-{number}")
    small = records.ended_runs

    async def two_at_a_time(before: datetime, **options: Any) -> Any:
        return await small(before, limit=2)

    monkeypatch.setattr(records, "ended_runs", two_at_a_time)
    assert (await prune(Retention(), records=records, flow_runs=FlowRuns(), at=LATER)).runs == 5


async def test_plans_go_only_when_nothing_refers_to_them(full_run, records, make) -> None:
    await full_run("flow-1")
    await records.save_workflow(make.plan(description="newer"))
    keep_runs = Retention(runs=timedelta(days=1000))
    assert (await prune(keep_runs, records=records, flow_runs=FlowRuns(), at=LATER)).plans == 0
    assert (await prune(Retention(), records=records, flow_runs=FlowRuns(), at=LATER)).plans == 1
    assert await _count(records, PLAN) == 1


async def test_dead_letters_are_bounded_by_age_and_number(records) -> None:
    for number in range(5):
        await records.dead_letter("s", number, subject="a", payload=b"{}", reason="bad")
    few = Retention(max_dead_letters=2)
    done = await prune(few, records=records, flow_runs=FlowRuns(), at=datetime.now(UTC))
    assert (done.dead_letters, len(await records.dead_letters())) == (3, 2)
    assert (await prune(Retention(), records=records, flow_runs=FlowRuns(), at=LATER)).dead_letters == 2


async def test_the_inbox_is_never_forgotten_before_jetstream_has(records) -> None:
    with pytest.raises(InvalidRetention, match="at least 31 days"):
        await prune(
            Retention(inbox=timedelta(days=7)), records=records, flow_runs=FlowRuns(), at=datetime.now(UTC)
        )
    await records.record_event("s", 1, subject="a", workflow="w")
    assert (await prune(NOTHING, records=records, flow_runs=FlowRuns(), at=LATER)).inbox == 0
    assert (await prune(Retention(), records=records, flow_runs=FlowRuns(), at=LATER)).inbox == 1
