"""A run's id -> what a person debugs with: graph, states of all nodes, timeline, root cause, artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from compiler.plan import Plan, PlanDigest
from compiler.plan_graph import PlanGraph, plan_graph
from operations.run_detail import RunDetail, run_detail
from records import AgentRun, Approval, NodeResult, NotFound, RecordedArtifact, Records

_SHORT = timedelta(milliseconds=50)
"""A wait that nobody needs to see."""


@dataclass(frozen=True, kw_only=True)
class TimelineEntry:
    """A stretch of time of a run."""

    kind: Literal["run", "queue", "approval", "attempt"]
    """`queue`: a node could have begun and waited for a place."""
    node_id: str | None
    item: int | None
    attempt: int | None
    started_at: datetime
    finished_at: datetime | None
    status: str


@dataclass(frozen=True, kw_only=True)
class RootCause:
    """The failure that no other failure explains."""

    node_id: str
    message: str
    kind: str | None
    attempt: int | None
    log_tail: str


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """One run with what belongs to it."""

    detail: RunDetail
    plan: Plan | None
    """None where retention has deleted it, or another program wrote the run."""
    graph: PlanGraph | None
    states: Mapping[str, str]
    """Of every node of the plan: also PENDING, RUNNING and WAITING_APPROVAL; NOT_STARTED once the run has ended."""
    timeline: tuple[TimelineEntry, ...]
    root_cause: RootCause | None
    artifacts: tuple[RecordedArtifact, ...]


async def run_report(records: Records, run_id: str, *, project_id: int) -> RunReport:
    """Everything about one run of the project. Raises NotFound."""
    detail = await run_detail(records, run_id, project_id=project_id)
    plan: Plan | None = None
    try:
        plan = await records.plan(PlanDigest(detail.run.plan_digest or ""))
    except NotFound:
        pass
    whole = {node: result for (node, item), result in detail.nodes.items() if item is None}
    states = {} if plan is None else _states(plan, detail, whole)
    return RunReport(
        detail=detail,
        plan=plan,
        graph=None if plan is None else plan_graph(plan),
        states=states,
        timeline=tuple(_timeline(detail, plan)),
        root_cause=_root_cause(plan, whole, detail.agent_runs) if detail.run.status == "FAILED" else None,
        artifacts=tuple(await records.artifacts(detail.run.id)),
    )


def _states(plan: Plan, detail: RunDetail, ended: Mapping[str, NodeResult]) -> dict[str, str]:
    rest = "NOT_STARTED" if detail.run.finished_at is not None else "PENDING"
    return {
        node.id: ended[node.id].status if node.id in ended else detail.open_nodes.get(node.id, rest)
        for node in plan.nodes
    }


def _timeline(detail: RunDetail, plan: Plan | None) -> list[TimelineEntry]:
    run = detail.run
    found = [
        TimelineEntry(
            kind="run",
            node_id=None,
            item=None,
            attempt=None,
            started_at=run.started_at,
            finished_at=run.finished_at,
            status=run.status,
        )
    ]
    for each in detail.approvals:
        found.append(
            TimelineEntry(
                kind="approval",
                node_id=each.node_id,
                item=None,
                attempt=None,
                started_at=each.requested_at,
                finished_at=each.responded_at or each.superseded_at or run.finished_at,
                status=each.closed_as or each.status,
            )
        )
    for each in detail.agent_runs:
        found.append(
            TimelineEntry(
                kind="attempt",
                node_id=each.node_id,
                item=each.item,
                attempt=each.attempt,
                started_at=each.started_at,
                finished_at=each.finished_at,
                status=each.status,
            )
        )
    if plan is not None:
        found += _queues(detail, plan)
    return sorted(found, key=lambda each: (each.started_at, each.kind != "run"))


def _queues(detail: RunDetail, plan: Plan) -> list[TimelineEntry]:
    """Between the end of what a node depends on and its own beginning, or its question."""
    ends: dict[str, datetime] = {}
    for each in detail.agent_runs:
        if each.node_id is not None and each.finished_at is not None:
            ends[each.node_id] = max(ends.get(each.node_id, each.finished_at), each.finished_at)
    found: list[TimelineEntry] = []
    for node in plan.nodes:
        begins = _begins(node.id, detail.agent_runs, detail.approvals)
        if begins is None or not all(parent in ends for parent in node.depends_on):
            continue
        ready = max((ends[parent] for parent in node.depends_on), default=detail.run.started_at)
        if begins - ready > _SHORT:
            found.append(
                TimelineEntry(
                    kind="queue",
                    node_id=node.id,
                    item=None,
                    attempt=None,
                    started_at=ready,
                    finished_at=begins,
                    status="SUCCESS",
                )
            )
    return found


def _begins(node: str, agent_runs: Sequence[AgentRun], approvals: Sequence[Approval]) -> datetime | None:
    moments = [each.started_at for each in agent_runs if each.node_id == node]
    moments += [each.requested_at for each in approvals if each.node_id == node]
    return min(moments, default=None)


def _root_cause(
    plan: Plan | None, ended: Mapping[str, NodeResult], agent_runs: Sequence[AgentRun]
) -> RootCause | None:
    failed = {node: result for node, result in ended.items() if result.status == "FAILED"}
    parents = {node.id: set(node.depends_on) for node in plan.nodes} if plan is not None else {}
    first = [each for each in failed.values() if not parents.get(each.node_id, set()) & failed.keys()]
    if not first:
        return None
    cause = min(first, key=lambda each: each.updated_at)
    tries = [each for each in agent_runs if each.node_id == cause.node_id and each.error]
    last = max(tries, key=lambda each: each.started_at, default=None)
    return RootCause(
        node_id=cause.node_id,
        message=(last.error if last else None) or cause.reason or "no reason on record",
        kind=last.failure_kind if last else None,
        attempt=last.attempt if last else None,
        log_tail=last.log_tail if last else "",
    )
