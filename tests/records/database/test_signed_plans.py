"""What leads to an effect without a person is signed: plans, which of them is current, runs, agents, noted events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Table, insert, inspect, select, update
from sqlalchemy.exc import DBAPIError

from compiler.plan import ApprovalRule
from records import NotApproved, NotFound, Records, upgrade
from records.database.connections import Database
from records.database.payload import dumps
from records.database.signing import KEY_FILE_VARIABLE, SigningKeyUnusable
from records.database.told_once import SECONDS, ToldOnce
from records.errors import RowForged
from records.tables import (
    AGENT,
    AGENT_CAPABILITY,
    APPROVAL_AUDIT,
    METADATA,
    PLAN,
    PROCESSED_EVENT,
    WORKFLOW,
    WORKFLOW_APPROVAL,
    WORKFLOW_RUN,
    WORKFLOW_VERSION,
)


async def execute(records: Records, *statements: Any) -> None:
    """As a client of the database with the platform's rights."""
    async with records._db.write() as connection:
        for statement in statements:
            await connection.execute(statement)


async def rows(records: Records, table: Table) -> list[dict[str, Any]]:
    async with records._db.read() as connection:
        return [dict(row) for row in (await connection.execute(select(table))).mappings().all()]


def fresh(records: Records) -> Records:
    """As a part that has just been started: nothing is known from before."""
    return Records(records._db)


def plan_row(plan: Any) -> dict[str, Any]:
    content = dumps(plan.model_dump(mode="json"))
    return {"digest": plan.digest, "projectId": plan.project_id, "name": plan.name, "content": content}


async def test_a_plan_of_his_own_that_a_client_of_the_database_points_a_workflow_at_starts_nothing(
    records: Records, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    deployed, other = make.plan(), make.plan(name="other")
    for each in (deployed, other):
        await records.save_workflow(each)
    ungated = make.plan(nodes=(make.node("fix", agent="patcher"),))
    (signed, _) = await rows(records, PLAN)
    await execute(
        records,
        insert(PLAN).values(**plan_row(ungated), signature=signed["signature"]),
        update(WORKFLOW).where(WORKFLOW.c.name == "audit").values(planDigest=ungated.digest),
    )
    part = fresh(records)
    with pytest.raises(RowForged, match="was not deployed by this platform"):
        await part.plan(ungated.digest)
    with pytest.raises(RowForged, match="does not point at the plan that was deployed last"):
        await part.active_plan(1, "audit")
    with pytest.raises(RowForged, match="does not point at"):
        await part.replaced_at(1, "audit", ungated.digest)
    assert await part.active_plans(1) == [other]
    assert "workflow 'audit' of project 1" in caplog.text
    await part.save_workflow(deployed)
    assert await fresh(records).active_plan(1, "audit") == deployed
    await part.save_workflow(ungated)  # deployed by an act, it is a plan like any other
    assert await fresh(records).active_plan(1, "audit") == ungated


async def test_no_older_plan_becomes_the_current_one_again_by_hand(records: Records, make: Any) -> None:
    older = make.plan(nodes=(make.node("fix", agent="patcher"),))
    workflow_id = await records.save_workflow(older)
    newest = make.plan()
    await records.save_workflow(newest)
    kept = next(row for row in await rows(records, WORKFLOW_VERSION) if row["planDigest"] == older.digest)
    copy = {**kept, "id": "again", "number": 3, "savedAt": datetime(2100, 1, 1, tzinfo=UTC)}
    await execute(
        records,
        update(WORKFLOW).values(planDigest=older.digest),
        insert(WORKFLOW_VERSION).values(**copy),
    )
    with pytest.raises(RowForged, match="deployed last"):
        await fresh(records).active_plan(1, "audit")
    assert await fresh(records).active_plans() == []
    # The time of the copy says nothing about until when another one counted.
    assert await fresh(records).replaced_at(1, "audit", newest.digest) == datetime.min.replace(tzinfo=UTC)
    await records.save_workflow(newest)
    assert await fresh(records).active_plan(1, "audit") == newest
    mine = WORKFLOW_VERSION.c.workflowId == workflow_id
    for statement in (
        WORKFLOW_VERSION.delete().where(mine),
        update(WORKFLOW_VERSION).where(mine).values(planDigest=older.digest),
        update(WORKFLOW_VERSION).where(mine).values(number=WORKFLOW_VERSION.c.number + 10),
        update(WORKFLOW).where(WORKFLOW.c.id == workflow_id).values(id="elsewhere"),
        WORKFLOW.delete().where(WORKFLOW.c.id == workflow_id),
    ):
        with pytest.raises(DBAPIError, match="neither changed nor deleted"):
            await execute(records, statement)
    await execute(records, update(WORKFLOW).values(name="renamed"))
    assert await fresh(records).active_plans() == []


async def test_a_run_keeps_its_plan_its_trigger_and_who_started_it(
    records: Records, begin: Any, make: Any
) -> None:
    older = make.plan(nodes=(make.node("fix", agent="patcher"),))
    await records.save_workflow(older)
    run_id = await begin(triggered_by="ann")
    assert (await records.run_to_execute("flow-1")) is not None
    gate = await records.open_gate(run_id=run_id, node_id="fix", digest="sha256:a", card={}, rule=ApprovalRule())
    changes: tuple[dict[str, Any], ...] = (
        {"planDigest": older.digest},
        {"triggeredBy": None},
        {"triggeredByVerified": True},
        {"trigger": "schedule"},
        {"signature": None},
    )
    for changed in changes:
        (before,) = await rows(records, WORKFLOW_RUN)
        await execute(records, update(WORKFLOW_RUN).values(**changed))
        with pytest.raises(RowForged, match="is not as it began"):
            await records.run_to_execute("flow-1")
        decision = await records.decide(gate.id, decision="APPROVED", by="ann", verified=True, channel="api")
        assert not decision.counted
        await execute(records, update(WORKFLOW_RUN).values(**{name: before[name] for name in changed}))
    assert (await records.decide(gate.id, decision="APPROVED", by="bob", verified=True, channel="api")).applied


async def test_an_event_that_only_the_database_knows_makes_no_run_trusted(records: Records) -> None:
    noted: dict[str, Any] = {"subject": "graph.file.updated", "workflow": "audit", "project_id": 1}
    await records.record_event("events", 1, **noted, flow_run_id="started", context_digest="sha256:1")
    (row,) = await rows(records, PROCESSED_EVENT)
    forgeries: tuple[dict[str, Any], ...] = ({}, {"signature": None})
    for number, forged in enumerate(forgeries, start=2):
        copy = {**row, **forged, "id": f"e{number}", "sequence": number, "flowRunId": "by hand"}
        await execute(records, insert(PROCESSED_EVENT).values(**copy))
    audit = {"workflow": "audit", "project_id": 1}
    event = await records.starting_event("started", **audit)
    assert event is not None
    assert (event.subject, event.context_digest) == ("graph.file.updated", "sha256:1")
    assert await records.starting_event("by hand", **audit) is None
    for changed in ({"subject": "emergency"}, {"subject": row["subject"], "contextDigest": "sha256:2"}):
        await execute(records, update(PROCESSED_EVENT).values(**changed))
        assert await records.starting_event("started", **audit) is None


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        (AGENT, {"riskLevel": "AUTO"}),
        (AGENT, {"entryPath": "agents.builtin.notifier"}),
        (AGENT, {"codeDigest": "sha256:other"}),
        (AGENT, {"network": ["evil.example:443"]}),
        (AGENT_CAPABILITY, {"riskLevel": "AUTO"}),
        (AGENT_CAPABILITY, {"effect": "send-mail"}),
    ],
    ids=lambda each: each.name if isinstance(each, Table) else next(iter(each)),
)
async def test_an_agent_that_was_made_harmless_in_the_database_needs_an_approval_for_everything(
    records: Records, make: Any, table: Table, changed: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    spec = make.agent("risky", risk="APPROVAL_REQUIRED")
    agent_id = await records.register_agent(1, spec)
    assert (await records.catalogue(1)).agents["risky"] == spec
    mine = table.c.id == agent_id if table is AGENT else table.c.agentId == agent_id
    await execute(records, update(table).where(mine).values(**changed))
    for part in (records, fresh(records)):
        found = (await part.catalogue(1)).agents["risky"]
        assert found.action_risk("work") == "APPROVAL_REQUIRED"
        assert found.network == ()
    assert "not as it was registered" in caplog.text
    await records.register_agent(1, make.agent("risky"))  # by an act that was let do so
    assert (await records.catalogue(1)).agents["risky"].action_risk("work") == "AUTO"


async def test_an_agent_that_was_removed_does_not_come_back_by_hand(
    records: Records, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    spec = make.agent("gone")
    agent_id = await records.register_agent(1, spec)
    for first_time in (True, False):  # removed again, it is still the same that began runs go on with
        assert await records.archive_agent(1, "gone")
        await execute(records, update(AGENT).where(AGENT.c.id == agent_id).values(archivedAt=None))
        for part in (records, fresh(records)):
            caplog.clear()
            for _ in range(3):  # as for three events
                assert "gone" not in (await part.catalogue(1)).agents
            # Told by each part, and not at each look; by the one that lives on, only the first time.
            told = [each for each in caplog.messages if "it stays removed" in each]
            assert len(told) == (part is not records or first_time)
            assert (await part.catalogue(1, archived=True)).agents["gone"] == spec
    await records.register_agent(1, spec)
    assert (await records.catalogue(1)).agents["gone"] == spec


async def test_an_approval_that_was_used_or_replaced_does_not_come_back(records: Records, begin: Any) -> None:
    run_id = await begin()

    async def approved(digest: str) -> Any:
        gate = await records.open_gate(run_id=run_id, node_id="fix", digest=digest, card={}, rule=ApprovalRule())
        return (
            await records.decide(gate.id, decision="APPROVED", by="ann", verified=True, channel="api")
        ).approval

    first = await approved("sha256:a")
    second = await approved("sha256:b")
    current = WORKFLOW_APPROVAL.c.id
    await execute(
        records,
        update(WORKFLOW_APPROVAL).where(current == second.id).values(supersededAt=datetime.now(UTC)),
        update(WORKFLOW_APPROVAL).where(current == first.id).values(supersededAt=None),
    )
    with pytest.raises(NotApproved, match="the audit says that it was superseded"):
        await records.start_attempt(
            run_id=run_id, node_id="fix", agent_name="patcher", inputs={}, approved="sha256:a"
        )


async def test_what_an_older_version_deployed_and_began_goes_on_after_the_upgrade(
    url: str,
    records: Records,
    begin: Any,
    make: Any,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: Any,
) -> None:
    if not url.startswith("sqlite"):
        old_url = request.getfixturevalue("postgres_url")
    else:
        old_url = f"sqlite:///{tmp_path}/old.db"
    await upgrade(old_url, revision="0032")
    waiting, unversioned = make.plan(), make.plan(name="unversioned")
    run_id = await begin(waiting)
    await records.open_gate(run_id=run_id, node_id="fix", digest="sha256:a", card={}, rule=ApprovalRule())
    await records.save_workflow(unversioned)
    database = Database(old_url)
    async with database.write() as connection:
        there = await connection.run_sync(lambda each: inspect(each).get_multi_columns())
        names = {table: {column["name"] for column in columns} for (_, table), columns in there.items()}
        for table in METADATA.sorted_tables:
            for row in await rows(records, table):
                if table is WORKFLOW_VERSION and row["planDigest"] == unversioned.digest:
                    continue
                kept = names[table.name] if table is WORKFLOW_APPROVAL else names[table.name] - {"signature"}
                old = {name: value for name, value in row.items() if name in kept}
                await connection.execute(insert(table).values(**old))
    await database.close()
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv(KEY_FILE_VARIABLE, str(tmp_path / "another.key"))
        with pytest.raises(SigningKeyUnusable, match="do this where it is"):
            await upgrade(old_url)
    await upgrade(old_url)
    async with await Records.open(old_url) as after:
        assert await after.active_plans() == [waiting, unversioned]
        assert await after.run_to_execute("flow-1") is not None
        assert await after.replaced_at(1, "audit", waiting.digest) is None
        assert (await after.catalogue(1)).agents == (await records.catalogue(1)).agents
        assert await after.sign_again() == 0


async def test_a_version_that_is_not_the_platforms_is_passed_over_whatever_its_number(
    records: Records, make: Any
) -> None:
    workflow_id = await records.save_workflow(make.plan())
    newest = await records.newest_version(1, "audit")
    assert newest is not None
    forged = {"workflowId": workflow_id, "planDigest": newest.plan_digest, "signature": "v1:0"}
    for number in (2, 3, 2**31 - 1):
        await execute(records, insert(WORKFLOW_VERSION).values(id=str(number), number=number, **forged))
    assert await fresh(records).active_plan(1, "audit") == make.plan()
    assert await fresh(records).newest_version(1, "audit") == newest
    with pytest.raises(NotFound):
        await records.workflow_version(1, "audit", 2)
    second = make.plan(nodes=(make.node("fix", agent="patcher"),))
    await records.save_workflow(second)
    assert await fresh(records).active_plan(1, "audit") == second
    assert [each.number for each in await records.workflow_versions(1, "audit")] == [4, 1]


async def test_an_agent_as_it_was_registered_before_counts_no_more(records: Records, make: Any) -> None:
    harmless = make.agent("changed")
    await records.register_agent(1, harmless)
    before = {table: await rows(records, table) for table in (AGENT, AGENT_CAPABILITY)}
    risky = replace(harmless, risk="APPROVAL_REQUIRED", version="2.0.0")
    await records.register_agent(1, risky)
    assert (await fresh(records).catalogue(1)).agents["changed"] == risky
    await execute(
        records,
        *(table.delete() for table in (AGENT_CAPABILITY, AGENT)),
        *(insert(table).values(**row) for table, found in before.items() for row in found),
    )
    agent = (await fresh(records).catalogue(1)).agents["changed"]
    assert agent.risk == "APPROVAL_REQUIRED"
    assert {action.risk for action in agent.actions.values()} == {"APPROVAL_REQUIRED"}
    # Nor once what the audit said of it before is appended to it again.
    kept = [each for each in await rows(records, APPROVAL_AUDIT) if each["approvalId"] == "agent:1:changed"]
    assert len(kept) == 2
    await execute(records, insert(APPROVAL_AUDIT).values(**{**kept[0], "id": 1000}))
    forged = {**kept[0], "id": 1001, "notes": kept[0]["notes"].replace("1 ", "9 ", 1)}
    await execute(records, insert(APPROVAL_AUDIT).values(**forged))
    agent = (await fresh(records).catalogue(1)).agents["changed"]
    assert agent.risk == "APPROVAL_REQUIRED"
    await records.register_agent(1, harmless)
    assert (await fresh(records).catalogue(1)).agents["changed"] == harmless


async def test_a_workflow_that_was_changed_is_told_of_once_and_not_at_each_event(
    records: Records, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    deployed = make.plan()
    await records.register_agent(1, make.agent("scanner"))
    await records.register_agent(1, make.agent("patcher", risk="APPROVAL_REQUIRED"))
    await records.save_workflow(deployed)
    await execute(records, update(PLAN).values(content="{}"))
    part = fresh(records)
    for _ in range(3):
        assert await part.active_plans(1) == []
    assert len([each for each in caplog.records if each.levelname == "ERROR"]) == 1
    told, at = [], [0.0]
    keeper = ToldOnce(
        cast("Any", SimpleNamespace(error=lambda _form, text: told.append(text))), clock=lambda: at[0]
    )
    for text in ("a", "b", "a"):
        keeper.error(text)
    at[0] = SECONDS
    keeper.error("a")
    assert told == ["a", "b", "a"]
