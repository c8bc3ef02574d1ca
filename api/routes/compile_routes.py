"""Texts of workflows: compile, complete, play, explain a schedule. Nothing is saved."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.context import Platform
from api.problems import refusal
from api.schemas import DiagnosticAnswer
from api.sign_in import Caller
from api.workflow_schemas import (
    CompileAnswer,
    CompletionAnswer,
    ConnectionAnswer,
    CounterfactualAnswer,
    DryRunAnswer,
    OfferAnswer,
    ScheduleAnswer,
)
from compiler import CaseError
from operations.compile_source import (
    InvalidSchedule,
    WorkflowMistakes,
    compile_source,
    complete_source,
    dry_run_source,
    explain_schedule,
    offer_references,
    show_connections,
)
from operations.counterfactual import replay_events

router = APIRouter(prefix="/compile", tags=["compile"])

MAX_SOURCE = 1_000_000


class SourceBody(BaseModel):
    """A workflow's YAML."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(max_length=MAX_SOURCE)


class CursorBody(SourceBody):
    """A workflow's YAML and where the cursor stands in it."""

    line: int = Field(ge=1, le=1_000_000)
    column: int = Field(ge=1, le=1_000_000)


class NodeBody(SourceBody):
    """A workflow's YAML and one of its nodes."""

    node: str = Field(max_length=200)


class DryRunBody(SourceBody):
    """A workflow's YAML and what to play."""

    context: dict[str, Any] | None = Field(default=None, description="None: an example of what its trigger sends.")
    trigger: str | None = Field(default=None, max_length=1000)
    mocks: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Node -> `output`, or `fail`.")
    approvals: dict[str, Literal["approve", "reject"]] = Field(default_factory=dict)
    cases: str | None = Field(
        default=None, max_length=MAX_SOURCE, description="Text of a test file, played instead of the above."
    )


class PastEventsBody(SourceBody):
    """A workflow's YAML and how far to look back."""

    days: int = Field(default=7, ge=1, le=366)
    limit: int = Field(default=200, ge=1, le=1_000, description="Of the newest events.")


class ScheduleBody(BaseModel):
    """A schedule."""

    model_config = ConfigDict(extra="forbid")

    cron: str = Field(max_length=200)
    timezone: str = Field(default="UTC", max_length=100)


@router.post("", summary="Compile a workflow")
async def compile_workflow(body: SourceBody, caller: Caller, platform: Platform) -> CompileAnswer:
    """All diagnostics, and the plan with its graph where there is no error. Nothing is saved."""
    return CompileAnswer.of(
        await compile_source(body.source, records=platform.records, project_id=caller.projectId)
    )


@router.post("/complete", summary="Complete at the cursor")
async def complete_workflow(body: CursorBody, caller: Caller, platform: Platform) -> list[CompletionAnswer]:
    """Keywords, agents, actions, inputs, nodes, and paths in templates by their inferred types."""
    found = await complete_source(
        body.source, body.line, body.column, records=platform.records, project_id=caller.projectId
    )
    return [CompletionAnswer.model_validate(each) for each in found]


@router.post("/offers", summary="Tell what the inputs of a node may take", operation_id="offer_references")
async def offer_references_of(body: NodeBody, caller: Caller, platform: Platform) -> list[OfferAnswer]:
    """Paths that its templates may read, with types: of the context, and of the nodes that it runs after."""
    found = await offer_references(body.source, body.node, records=platform.records, project_id=caller.projectId)
    return [OfferAnswer.model_validate(vars(each)) for each in found]


@router.post("/connections", summary="Tell what edges of a node could carry", operation_id="show_connections")
async def show_connections_of(body: NodeBody, caller: Caller, platform: Platform) -> list[ConnectionAnswer]:
    """For each other node, the edges to it and from it: what of the one output fits which input, or why none."""
    found = await show_connections(body.source, body.node, records=platform.records, project_id=caller.projectId)
    return [ConnectionAnswer.model_validate(vars(each)) for each in found]


@router.post("/dry-run", summary="Play a workflow")
async def dry_run_workflow(body: DryRunBody, caller: Caller, platform: Platform) -> DryRunAnswer:
    """Runs the plan with mocks for agents and decisions given beforehand: no agent is started."""
    try:
        plan, results = await dry_run_source(
            body.source,
            records=platform.records,
            project_id=caller.projectId,
            context=body.context,
            trigger=body.trigger,
            mocks=body.mocks,
            approvals=body.approvals,
            cases=body.cases,
        )
    except WorkflowMistakes as exc:
        raise _mistakes(exc) from exc
    except CaseError as exc:
        raise refusal(422, str(exc)) from exc
    except ValidationError as exc:
        wrong = exc.errors(include_url=False, include_input=False)[0]
        raise refusal(422, f"the mocks: {'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from exc
    return DryRunAnswer.of(plan, results)


@router.post("/past-events", summary="Play a workflow with recorded events", operation_id="replay_events")
async def replay_past_events(body: PastEventsBody, caller: Caller, platform: Platform) -> CounterfactualAnswer:
    """What this version would have done with them, beside what was done: runs, gates, differences. Starts nothing."""
    try:
        found = await replay_events(
            body.source,
            records=platform.records,
            project_id=caller.projectId,
            days=body.days,
            limit=body.limit,
        )
    except WorkflowMistakes as exc:
        raise _mistakes(exc) from exc
    return CounterfactualAnswer.of(found)


@router.post("/schedule", summary="Explain a schedule")
async def show_schedule(body: ScheduleBody, caller: Caller) -> ScheduleAnswer:
    """In words, and when it fires next."""
    del caller
    try:
        words, times = explain_schedule(body.cron, body.timezone)
    except InvalidSchedule as exc:
        raise refusal(422, str(exc)) from exc
    return ScheduleAnswer(words=words, next=times, timezone=body.timezone)


def _mistakes(exc: WorkflowMistakes) -> HTTPException:
    found = [DiagnosticAnswer.of(each).model_dump(mode="json") for each in exc.diagnostics]
    return refusal(422, str(exc), diagnostics=found)
