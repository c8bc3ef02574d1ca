"""Plans -> the tables Plan, Workflow and WorkflowNode. A plan never changes; a workflow points at its newest."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import RowMapping, Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from compiler.plan import Plan, PlanNode, digest_of
from records.catalogue.agent_registry import agent_row_id
from records.catalogue.versions import add_version
from records.catalogue.workflow import Workflow, WorkflowStatus
from records.database.connections import Database
from records.database.ids import new_id, subject_token
from records.database.payload import checked, dumps
from records.database.read_row import read_row
from records.database.signed_plans import PLAN_FIELDS, read_plan, require_newest, select_pointers
from records.database.signing import signer_of
from records.database.store import Store, first, insert_new, rows
from records.database.told_once import ToldOnce
from records.errors import NotFound, RowForged
from records.events.changes import note_change
from records.projects.limits import check_count
from records.tables import PLAN, WORKFLOW, WORKFLOW_NODE
from records.tables.columns import now
from reliability.shielded import shielded

log = logging.getLogger(__name__)
_PLANS_KEPT = 256


class WorkflowStore(Store):
    """Workflows and the plans that runs are pinned to."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._plans: dict[str, Plan] = {}
        self._pointers: dict[str, RowMapping] = {}
        """Workflows whose rows were found to be the platform's: with many, each event would else check them anew."""
        self._told = ToldOnce(log)

    @shielded
    async def save_workflow(
        self,
        plan: Plan,
        *,
        source: str | None = None,
        text: str | None = None,
        by: str | None = None,
        expected: int | None = None,
    ) -> str:
        """Record the plan and make it the workflow's current one; returns the workflow's id, which stays the same.

        `text`: the YAML, kept as a new version with who saved it where plan or text differ from the last one's.
        `source`: the file that holds it, with the digest of its text; None: it came by another way.
        `expected`: number of the newest version that the writer knows, 0 for none.

        Raises NotFound where an agent of the plan is not registered, NameRefused for a name NATS cannot carry,
        VersionConflict where another version is the newest, LimitReached where the project has too many.
        """
        subject_token("workflow", plan.name)
        async with self._db.write() as connection:
            await _insert_plan(connection, plan)
            workflow_id = await _upsert_workflow(connection, plan, source, text)
            kept = (WORKFLOW.c.projectId == plan.project_id) & (WORKFLOW.c.status != "ARCHIVED")
            counted = select(func.count()).select_from(WORKFLOW).where(kept)
            await check_count(connection, plan.project_id, "workflows", counted)
            await _replace_nodes(connection, workflow_id, plan)
            # The workflow's row is locked by now: two writers compare one after the other.
            await add_version(connection, workflow_id, plan, text=text, by=by, expected=expected)
            await note_change(connection, plan.project_id, "workflow", plan.name)
        return workflow_id

    @shielded
    async def plan(self, digest: str) -> Plan:
        """The plan of that digest. Raises NotFound, and RowForged for one that a client of the database wrote."""
        if digest not in self._plans:
            async with self._db.read() as connection:
                return await self._read(connection, digest)
        return self._plans[digest]

    async def _read(self, connection: AsyncConnection, digest: str) -> Plan:
        known = self._plans  # plans never change
        if digest not in known:
            plan = await read_plan(connection, digest)
            if len(known) >= _PLANS_KEPT:
                known.pop(next(iter(known)))
            known[digest] = plan
        return known[digest]

    @shielded
    async def active_plans(self, project_id: int | None = None) -> list[Plan]:
        """The current plan of each ACTIVE workflow, of one project or (None) of all."""
        active = select_pointers().where(WORKFLOW.c.status == "ACTIVE", WORKFLOW.c.planDigest.is_not(None))
        if project_id is not None:
            active = active.where(WORKFLOW.c.projectId == project_id)
        async with self._db.read() as connection:
            found = await self._unchanged(connection, active.order_by(WORKFLOW.c.projectId, WORKFLOW.c.name))
        return [plan for plan, _ in found]

    @shielded
    async def active_plan(self, project_id: int, name: str) -> Plan | None:
        """The plan that a new run of the workflow takes; None where it starts none. Raises RowForged."""
        mine = (WORKFLOW.c.projectId == project_id) & (WORKFLOW.c.name == name)
        chosen = select_pointers().where(mine, WORKFLOW.c.status == "ACTIVE", WORKFLOW.c.planDigest.is_not(None))
        async with self._db.read() as connection:
            row = await first(connection, chosen)
            if row is None:
                return None
            await require_newest(connection, row)
            return await self._read(connection, row["pointsAt"])

    async def _unchanged(
        self, connection: AsyncConnection, chosen: Select[tuple[Any, ...]]
    ) -> list[tuple[Plan, WorkflowStatus]]:
        """Those of the workflows that are as they were deployed. Others are logged: one must not stop all others."""
        kept: list[tuple[Plan, WorkflowStatus]] = []
        for row in await rows(connection, chosen):
            try:
                if self._pointers.get(row["workflowId"]) != row:
                    await require_newest(connection, row)
                    self._pointers[row["workflowId"]] = row
                kept.append((await self._read(connection, row["pointsAt"]), row["status"]))
            except RowForged as exc:
                self._told.error(str(exc))
        return kept

    @shielded
    async def current_plans(self, project_id: int) -> list[tuple[Plan, WorkflowStatus]]:
        """The current plan of each workflow of the project, with what it may do now."""
        mine = select_pointers().where(WORKFLOW.c.projectId == project_id, WORKFLOW.c.planDigest.is_not(None))
        async with self._db.read() as connection:
            return await self._unchanged(connection, mine.order_by(WORKFLOW.c.name))

    @shielded
    async def workflows(self, project_id: int | None = None) -> list[Workflow]:
        """All workflows, of one project or (None) of all, by name."""
        chosen = select(WORKFLOW).order_by(WORKFLOW.c.projectId, WORKFLOW.c.name)
        if project_id is not None:
            chosen = chosen.where(WORKFLOW.c.projectId == project_id)
        async with self._db.read() as connection:
            return [_workflow(row) for row in await rows(connection, chosen)]

    @shielded
    async def set_workflow_status(self, project_id: int, name: str, status: WorkflowStatus) -> bool:
        """Switch a workflow on or off; False if the project has none of that name."""
        mine = (WORKFLOW.c.projectId == project_id) & (WORKFLOW.c.name == name)
        async with self._db.write() as connection:
            change = update(WORKFLOW).where(mine).values(status=status, updatedAt=now())
            if (await connection.execute(change)).rowcount != 1:
                return False
            await note_change(connection, project_id, "workflow", name)
        return True


async def _insert_plan(connection: AsyncConnection, plan: Plan) -> None:
    content = dumps(checked(f"the plan of {plan.name!r}", plan.model_dump(mode="json")))
    row = {"digest": plan.digest, "projectId": plan.project_id, "name": plan.name, "content": content}
    row["signature"] = signer_of(connection).sign("plan", row, PLAN_FIELDS)
    if not await insert_new(connection, PLAN, row):
        # In place of what somebody else wrote under this digest, or of what a key that is gone has signed.
        other = (PLAN.c.digest == plan.digest) & PLAN.c.signature.is_distinct_from(row["signature"])
        changed = (PLAN.c.digest == plan.digest) & (PLAN.c.content != content)
        await connection.execute(update(PLAN).where(other | changed).values(**row))


async def _upsert_workflow(connection: AsyncConnection, plan: Plan, source: str | None, text: str | None) -> str:
    values = {
        "description": plan.description or None,
        # A workflow that is only started by hand has no trigger; the mission's column is never NULL.
        "trigger": {} if plan.trigger_source is None else plan.trigger_source,
        "status": plan.status,
        "updatedAt": now(),
        "planDigest": plan.digest,
        "approvalPolicy": {"trustedTriggers": list(plan.trusted_triggers)} if plan.trusted_triggers else None,
    }
    if source is not None:
        values |= {"source": source, "fileDigest": None if text is None else digest_of(text)}
    mine = (WORKFLOW.c.projectId == plan.project_id) & (WORKFLOW.c.name == plan.name)
    fresh = {"id": new_id(), "projectId": plan.project_id, "name": plan.name, **values}
    if not await insert_new(connection, WORKFLOW, fresh):
        await connection.execute(update(WORKFLOW).where(mine).values(**values))
    row = await first(connection, select(WORKFLOW.c.id).where(mine))
    assert row is not None
    return row["id"]


async def _replace_nodes(connection: AsyncConnection, workflow_id: str, plan: Plan) -> None:
    """Nodes keep their row as long as their id in the YAML stays."""
    mine = WORKFLOW_NODE.c.workflowId == workflow_id
    found = await rows(connection, select(WORKFLOW_NODE.c.id, WORKFLOW_NODE.c.key).where(mine))
    old = {row["key"]: row["id"] for row in found}
    # The mission's table holds nodes of agents: one that calls a workflow has none.
    nodes = [node for node in plan.nodes if node.calls is None]
    ids = {node.id: old.get(node.id) or new_id() for node in nodes}
    await connection.execute(delete(WORKFLOW_NODE).where(mine, WORKFLOW_NODE.c.id.not_in(ids.values())))
    for node in nodes:
        values = await _node_values(connection, plan, node) | {
            "dependsOn": [ids[name] for name in node.depends_on if name in ids]
        }
        if node.id in old:
            await connection.execute(
                update(WORKFLOW_NODE).where(WORKFLOW_NODE.c.id == ids[node.id]).values(**values)
            )
        else:
            key = {"id": ids[node.id], "workflowId": workflow_id, "key": node.id}
            await connection.execute(WORKFLOW_NODE.insert().values(**key, **values))


async def _node_values(connection: AsyncConnection, plan: Plan, node: PlanNode) -> dict[str, Any]:
    agent_id = await agent_row_id(connection, plan.project_id, subject_token("agent", node.agent))
    if agent_id is None:
        hint = f"node {node.id!r} of {plan.name!r} needs it in project {plan.project_id}: register it first"
        raise NotFound("the agent", node.agent, hint)
    return {
        "agentId": agent_id,
        "action": node.action,
        "inputsJson": node.inputs,
        "approvalRequired": node.gate is not None,
    }


def _workflow(row: RowMapping) -> Workflow:
    return read_row(Workflow, row)
