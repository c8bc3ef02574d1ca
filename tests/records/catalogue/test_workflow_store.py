"""Plans are kept by digest; a workflow points at its newest one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select, update

from records import NotFound, Records
from records.database.connections import Database
from records.errors import RowForged
from records.tables import PLAN, WORKFLOW, WORKFLOW_NODE


async def _nodes(url: str) -> dict[str, Any]:
    database = Database(url)
    async with database.read() as connection:
        found = (await connection.execute(select(WORKFLOW_NODE))).mappings().all()
    await database.close()
    return {row["key"]: row for row in found}


async def test_a_saved_plan_comes_back_equal_by_its_digest(records: Records, make: Any) -> None:
    plan = make.plan(description="€ and 1e22", outputs={"ratio": 0.1, "one": 1.0, "b": 1, "a": 2})
    await records.save_workflow(plan)
    assert await records.plan(plan.digest) == plan
    fresh = Records(records._db)  # has nothing cached
    assert (await fresh.plan(plan.digest)).digest == plan.digest
    assert await fresh.plan(plan.digest) is await fresh.plan(plan.digest), "read once"


async def test_a_plan_that_was_changed_in_the_database_is_no_plan_and_stops_no_other(
    records: Records, make: Any, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever may write rows could else take a gate out of what an event starts."""
    plan, other = make.plan(), make.plan(name="other")
    for each in (plan, other):
        await records.save_workflow(each)
    database = Database(url)
    async with database.write() as connection:
        changed = plan.model_copy(update={"description": "no gate any more"}).model_dump_json()
        await connection.execute(update(PLAN).where(PLAN.c.digest == plan.digest).values(content=changed))
    await database.close()
    fresh = Records(records._db)
    with pytest.raises(RowForged, match="changed in the database"):
        await fresh.plan(plan.digest)
    assert [each.name for each in await fresh.active_plans(1)] == ["other"]
    assert "changed in the database" in caplog.text


async def test_an_unknown_digest_says_what_to_do(records: Records) -> None:
    with pytest.raises(NotFound, match=r"plan 'sha256:nope' is not recorded: deploy"):
        await records.plan("sha256:nope")


async def test_saving_a_plan_again_and_in_parallel_makes_one_workflow(
    records: Records, make: Any, url: str
) -> None:
    plan = make.plan()
    ids = await asyncio.gather(*(records.save_workflow(plan) for _ in range(8)))
    assert len(set(ids)) == 1
    assert set(await _nodes(url)) == {"scan", "fix"}


async def test_nodes_hold_each_others_database_ids_and_keep_them_when_the_plan_changes(
    records: Records, make: Any, url: str
) -> None:
    await records.save_workflow(make.plan())
    before = await _nodes(url)
    assert before["fix"]["dependsOn"] == [before["scan"]["id"]]
    assert before["fix"]["approvalRequired"] is True
    assert before["scan"]["dependsOn"] == []
    changed = make.plan(nodes=(make.node("scan"), make.node("report", "scan")))
    await records.save_workflow(changed)
    after = await _nodes(url)
    assert set(after) == {"scan", "report"}
    assert after["scan"]["id"] == before["scan"]["id"]


async def test_a_plan_with_an_unregistered_agent_is_refused_and_leaves_nothing_behind(
    records: Records, make: Any
) -> None:
    plan = make.plan(nodes=(make.node("scan", agent="ghost"),))
    with pytest.raises(
        NotFound, match=r"agent 'ghost' is not recorded: node 'scan' of 'audit' needs it in project 1"
    ):
        await records.save_workflow(plan)
    assert await records.workflows() == []
    with pytest.raises(NotFound):
        await records.plan(plan.digest)


async def test_only_the_newest_plan_of_active_workflows_is_active(records: Records, make: Any) -> None:
    await records.save_workflow(make.plan())
    newest = make.plan(description="newer")
    await records.save_workflow(newest)
    await records.save_workflow(make.plan(name="draft", status="DRAFT"))
    assert await records.active_plans(1) == [newest]
    assert await records.set_workflow_status(1, "audit", "ARCHIVED")
    assert await records.active_plans() == []


async def test_projects_do_not_see_each_others_workflows(records: Records, make: Any) -> None:
    for name in ("scanner", "patcher"):
        await records.register_agent(2, make.agent(name))
    mine, theirs = make.plan(), make.plan(project_id=2)
    assert await records.save_workflow(mine) != await records.save_workflow(theirs)
    assert await records.active_plans(1) == [mine]
    assert await records.active_plans(2) == [theirs]
    assert await records.active_plans() == [mine, theirs]
    assert [workflow.project_id for workflow in await records.workflows(2)] == [2]
    assert not await records.set_workflow_status(3, "audit", "ARCHIVED")


async def test_a_workflow_started_by_hand_only_and_one_with_a_policy_are_stored(
    records: Records, make: Any, url: str
) -> None:
    by_hand = make.plan(trusted_triggers=("emergency",)).model_copy(update={"trigger_source": None})
    await records.save_workflow(by_hand)
    database = Database(url)
    async with database.read() as connection:
        row = (await connection.execute(select(WORKFLOW))).mappings().one()
    await database.close()
    assert row["trigger"] == {}
    assert row["approvalPolicy"] == {"trustedTriggers": ["emergency"]}
