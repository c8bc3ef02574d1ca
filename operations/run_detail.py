"""A run, by any of its ids -> everything on record about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pydantic import BaseModel

from compiler.plan import PlanDigest
from operations.find_run import find_run
from records import AgentRun, Approval, AuditEntry, NodeResult, NotFound, Records, Run


@dataclass(frozen=True, kw_only=True)
class RunDetail:
    """One run with what belongs to it."""

    run: Run
    agent_runs: tuple[AgentRun, ...]
    approvals: tuple[Approval, ...]
    nodes: Mapping[tuple[str, int | None], NodeResult]
    """Those that have ended."""
    open_nodes: Mapping[str, str]
    """The others -> RUNNING, WAITING_APPROVAL or PENDING; NOT_STARTED once the run has ended."""
    audit: tuple[AuditEntry, ...]
    """All that happened to its approvals, oldest first."""
    called: tuple[Run, ...] = ()
    """Runs of other workflows that its nodes called, oldest first."""
    order: tuple[str, ...] = ()
    """The nodes as the plan has them; empty where it is gone."""

    @property
    def flow_run_id(self) -> str:
        """Prefect's id of the run."""
        return self.run.flow_run_id or ""

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data, with the field names of the tables."""
        return {
            "run": row(self.run),
            "agentRuns": [row(each) for each in self.agent_runs],
            "approvals": [row(each) for each in self.approvals],
            "nodes": sorted(self._nodes(), key=self._place),
            "audit": [row(each) for each in self.audit],
            "called": [
                {
                    "node": each.parent_node,
                    "runId": each.id,
                    "workflowName": each.workflow_name,
                    "status": each.status,
                    "message": each.message,
                }
                for each in self.called
            ],
        }

    def _nodes(self) -> list[dict[str, Any]]:
        return [row(each) for each in self.nodes.values()] + [
            {"nodeId": node, "item": None, "status": status} for node, status in self.open_nodes.items()
        ]

    def _place(self, node: Mapping[str, Any]) -> tuple[int, int]:
        """In the order of the plan, a node before its items."""
        known = self.order.index(node["nodeId"]) if node["nodeId"] in self.order else len(self.order)
        return known, -1 if node["item"] is None else node["item"]


async def run_detail(records: Records, run_id: str, *, project_id: int) -> RunDetail:
    """Everything about one run of the project. Raises NotFound, also where a beginning fits several runs."""
    run = await find_run(records, run_id, project_id=project_id)
    approvals = tuple(await records.approvals(project_id, run_id=run.id))
    nodes = await records.node_results(run.id)
    order = await _order(records, run)
    return RunDetail(
        run=run,
        agent_runs=tuple(await records.agent_runs(run.id)),
        approvals=approvals,
        nodes=nodes,
        open_nodes=await _open_nodes(records, run, order, ended={node for node, item in nodes if item is None}),
        order=order,
        audit=tuple(await records.audit_trail(run_id=run.id, project_id=project_id)),
        called=tuple(await records.called_runs(run.id)),
    )


async def _order(records: Records, run: Run) -> tuple[str, ...]:
    """The ids of the plan's nodes; none where retention has deleted it, or another program wrote the run."""
    if run.plan_digest is None:
        return ()
    try:
        plan = await records.plan(PlanDigest(run.plan_digest))
    except NotFound:
        return ()
    return tuple(node.id for node in plan.nodes)


async def _open_nodes(
    records: Records, run: Run, order: Collection[str], *, ended: Collection[str]
) -> dict[str, str]:
    """Nodes of the plan that have not ended, in its order."""
    if run.finished_at is not None:
        return {node: "NOT_STARTED" for node in order if node not in ended}
    begun = {node for node, _ in await records.running_nodes(run.id)}
    asked = {each.node_id for each in await records.approvals(run_id=run.id, status="PENDING")}
    states = {node: "RUNNING" if node in begun else "PENDING" for node in order if node not in ended}
    return states | {node: "WAITING_APPROVAL" for node in asked if node in states}


def row(record: object) -> dict[str, Any]:
    """A record as plain data in camelCase, as its table has it."""
    found: dict[str, Any] = {}
    for field in fields(record):  # pyright: ignore[reportArgumentType]
        head, *rest = field.name.split("_")
        value = getattr(record, field.name)
        found[head + "".join(part.title() for part in rest)] = (
            value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        )
    return found
