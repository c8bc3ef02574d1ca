"""A workflow's text and recorded events -> what this version would have done with them, beside what was done.

Nothing is started: agents answer as they did in the run of then, or, where they did not run, with an example of what
they give. Gates are decided as they were, and approved where nobody was asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from compiler import Case, CaseError, Source, compile, dry_run
from compiler.catalogue import JsonSchema
from compiler.plan import EventTrigger, Plan
from compiler.schemas.validation import validate
from compiler.simulation.cases import Mock
from compiler.trigger_types.explaining import TriggerMatch, explain
from operations.compile_source import WorkflowMistakes
from operations.errors import PermanentTriggerError
from operations.event import Event, parse
from operations.events import nearest_miss
from records import NodeResult, ReceivedEvent, Records, Run


@dataclass(frozen=True, kw_only=True)
class ReplayOutcome:
    """What a version did, or would do, with one event."""

    started: bool
    status: Literal["SUCCESS", "FAILED"] | None
    """None where nothing started, or the run has not ended."""
    nodes: tuple[str, ...]
    """Those that ran, in the order of the plan."""
    gates: tuple[str, ...]
    """Nodes that a person was asked about."""


@dataclass(frozen=True, kw_only=True)
class ReplayedEvent:
    """One recorded event, then and now."""

    event: ReceivedEvent
    run_id: str | None
    """The run of then."""
    then: ReplayOutcome
    now: ReplayOutcome
    assumed: tuple[str, ...]
    """Nodes whose output is an example: they did not run then, or gave something that does not fit any more."""
    differences: tuple[str, ...]
    """Sentences; empty where nothing would be different."""


@dataclass(frozen=True, kw_only=True)
class Counterfactual:
    """All events of a stretch of time."""

    plan: Plan
    since: datetime
    looked: int
    """How many recorded events were looked at."""
    events: tuple[ReplayedEvent, ...]
    """Those that started the workflow then, or would now; the newest first."""

    @property
    def changed(self) -> int:
        """How many would be different."""
        return sum(bool(each.differences) for each in self.events)


async def replay_events(
    text: str, *, records: Records, project_id: int, days: int = 7, limit: int = 200
) -> Counterfactual:
    """Play the newest `limit` events of these days. Raises WorkflowMistakes for a text that does not compile."""
    catalogue = await records.catalogue(project_id)
    compiled = await asyncio.to_thread(compile, Source(text=text), catalogue, project_id=project_id)
    if compiled.plan is None:
        raise WorkflowMistakes(compiled.diagnostics)
    plan = compiled.plan
    since = datetime.now(UTC) - timedelta(days=days)
    received = await records.received_events(project_id, limit=limit)
    recent = [each for each in received if each.received_at >= since]
    found: list[ReplayedEvent] = []
    for each in recent:
        try:
            event = parse(each.subject, each.payload)
        except PermanentTriggerError:
            continue  # it starts nothing, then and now
        replayed = await _replay(plan, each, event, records)
        if replayed.then.started or replayed.now.started:
            found.append(replayed)
    return Counterfactual(plan=plan, since=since, looked=len(recent), events=tuple(found))


async def _replay(plan: Plan, received: ReceivedEvent, event: Event, records: Records) -> ReplayedEvent:
    run = await _run_of_then(plan.name, received, records)
    results = {} if run is None else await records.node_results(run.id)
    asked = [] if run is None else await records.approvals(run_id=run.id)
    matched = _looked(plan.name, received).get("matched", False)
    then = ReplayOutcome(
        started=bool(matched),
        status=run.status if run is not None and run.status in ("SUCCESS", "FAILED") else None,
        nodes=tuple(node for (node, item), each in results.items() if item is None and each.status != "SKIPPED"),
        gates=tuple(dict.fromkeys(each.node_id for each in asked)),
    )
    matches = _matches(plan, event)
    starts = plan.status == "ACTIVE" and (
        event.workflow == plan.name if event.workflow else any(each.matched for each in matches)
    )
    mocks, assumed = _mocks(plan, results)
    decisions = {each.node_id: each.status for each in asked if each.status in ("APPROVED", "REJECTED")}
    now = ReplayOutcome(started=False, status=None, nodes=(), gates=())
    if starts:
        case = Case(
            name=received.id,
            trigger="manual" if event.workflow else event.subject,
            context=dict(event.context),
            mocks=mocks,
            approvals={
                node.id: "reject" if decisions.get(node.id) == "REJECTED" else "approve"
                for node in plan.nodes
                if node.gate is not None
            },
        )
        now = await asyncio.to_thread(_played, plan, case)
    ran = set(now.nodes)
    return ReplayedEvent(
        event=received,
        run_id=None if run is None else run.id,
        then=then,
        now=now,
        assumed=tuple(node for node in assumed if node in ran),
        differences=tuple(
            _differences(
                then, now, matches, subject=event.subject, ended=run is not None and run.finished_at is not None
            )
        ),
    )


def _played(plan: Plan, case: Case) -> ReplayOutcome:
    try:
        played = dry_run(plan, case)
    except CaseError:
        return ReplayOutcome(started=False, status=None, nodes=(), gates=())
    if not played.started:
        return ReplayOutcome(started=False, status=None, nodes=(), gates=())
    ran = tuple(each.node for each in played.runs.values() if each.status != "SKIPPED")
    return ReplayOutcome(started=True, status=played.status, nodes=ran, gates=tuple(played.gates))


async def _run_of_then(workflow: str, received: ReceivedEvent, records: Records) -> Run | None:
    flow_run = _looked(workflow, received).get("flowRunId")
    return await records.run_of_flow_run(str(flow_run)) if flow_run else None


def _looked(workflow: str, received: ReceivedEvent) -> Mapping[str, Any]:
    for each in received.looked:
        if each.get("workflow") == workflow:
            return each
    return {}


def _matches(plan: Plan, event: Event) -> Sequence[TriggerMatch]:
    triggers = [each for each in plan.triggers if isinstance(each, EventTrigger)]
    return [explain(each, event.subject, event.context) for each in triggers]


def _mocks(plan: Plan, results: Mapping[tuple[str, int | None], NodeResult]) -> tuple[dict[str, Mock], list[str]]:
    """How agents answered then, as far as the plan still has the nodes; and the nodes whose answer is made up."""
    mocks: dict[str, Mock] = {}
    assumed: list[str] = []
    for node in plan.nodes:
        whole = results.get((node.id, None))
        if whole is None or whole.status == "SKIPPED":
            assumed.append(node.id)
        elif whole.status == "FAILED":
            mocks[node.id] = Mock(fail=whole.reason or "it failed then")
        else:
            items = {item: each.output for (name, item), each in results.items() if name == node.id}
            numbers = sorted(item for item in items if item is not None)
            outputs = [items[item] for item in numbers] if node.foreach is not None else [whole.output]
            if not all(_fits(each, node.output_schema) for each in outputs):
                assumed.append(node.id)
            elif node.foreach is not None:
                mocks[node.id] = Mock(outputs=outputs)
            else:
                mocks[node.id] = Mock(output=whole.output)
    return mocks, assumed


def _fits(output: Any, schema: JsonSchema) -> bool:
    return not validate(output, schema)


def _differences(
    then: ReplayOutcome, now: ReplayOutcome, matches: Sequence[TriggerMatch], *, subject: str, ended: bool
) -> list[str]:
    if then.started and not now.started:
        return [f"it would not start: {_why_not(matches, subject)}"]
    if now.started and not then.started:
        asks = f", and a person would be asked about {', '.join(now.gates)}" if now.gates else ""
        return [f"it would start, which it did not{asks}"]
    if not ended:
        return []  # what a run does that goes on cannot be compared
    found: list[str] = []
    for node in now.gates:
        if node not in then.gates:
            found.append(f"a person would be asked about {node}")
    for node in then.gates:
        if node not in now.gates:
            found.append(f"nobody would be asked about {node}")
    for node in now.nodes:
        if node not in then.nodes:
            found.append(f"{node} would run as well")
    for node in then.nodes:
        if node not in now.nodes:
            found.append(f"{node} would not run")
    if then.status != now.status:
        found.append(f"it would end as {now.status} instead of {then.status}")
    return found


def _why_not(matches: Sequence[TriggerMatch], subject: str) -> str:
    if not matches or any(each.matched for each in matches):
        return "the workflow is not active, or has no event trigger"
    return nearest_miss(matches, subject)
