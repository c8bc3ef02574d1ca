"""Events of the caller's project: what came in and why it started what it did; what was given up, and settled."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.context import Platform
from api.problems import refusal
from api.routes.run_routes import NEXT_CURSOR
from api.schemas import DeadLetterAnswer, Problem, ResponseModel
from api.sign_in import Caller
from api.stored_text import Stored
from compiler.plan import EventTrigger
from compiler.trigger_types.explaining import TriggerMatch
from operations.errors import PermanentTriggerError, TransientTriggerError
from operations.events import (
    LetterSettled,
    context_of,
    discard_dead_letter,
    explain_event,
    replay_dead_letter,
    trigger_problems,
    try_filter,
)
from records import EventOutcome, ReceivedEvent, event_cursor

router = APIRouter(tags=["events"])


class EventAnswer(ResponseModel):
    """A message that came in."""

    id: str
    subject: str
    received_at: datetime
    outcome: EventOutcome
    workflows: list[str]
    """Those that it matched."""
    looked: int
    """How many workflows were looked at."""

    @classmethod
    def of(cls, event: ReceivedEvent) -> EventAnswer:
        """The event as JSON."""
        return cls(
            id=event.id,
            subject=event.subject,
            received_at=event.received_at,
            outcome=event.outcome,
            workflows=[str(each["workflow"]) for each in event.looked if each.get("matched")],
            looked=len(event.looked),
        )


class FieldAnswer(ResponseModel):
    """One filter against the event."""

    field: str
    wanted: Any
    present: bool
    found: Any
    accepted: bool


class TriggerAnswer(ResponseModel):
    """One trigger against the event."""

    event: str
    subject_matches: bool
    fields: list[FieldAnswer]
    expression: str | None
    expression_holds: bool | None
    expression_error: str | None
    matched: bool

    @classmethod
    def of(cls, match: TriggerMatch) -> TriggerAnswer:
        """The match as JSON."""
        return cls.model_validate(match)


class WorkflowMatchAnswer(ResponseModel):
    """One workflow that was, or was not, looked at."""

    workflow: str
    plan_digest: str | None
    status: str
    matched: bool
    reason: str
    triggers: list[TriggerAnswer]
    flow_run_id: str | None
    run_id: str | None
    error: str | None


class EventDetail(EventAnswer):
    """An event with its payload."""

    payload: Any


class WhyAnswer(EventDetail):
    """Why an event started what it did."""

    fault: str | None
    matches: list[WorkflowMatchAnswer]


class FilterBody(BaseModel):
    """An event trigger, as in YAML."""

    model_config = ConfigDict(extra="forbid")

    event: str = Field(min_length=1, max_length=500)
    filters: dict[str, Any] = Field(default_factory=dict, max_length=200)
    expression: str | None = Field(default=None, max_length=10_000)
    limit: int = Field(default=200, ge=1, le=1000)


class TriedEvent(ResponseModel):
    """One recorded event against the trigger."""

    id: str
    subject: str
    received_at: datetime
    match: TriggerAnswer


class TriedAnswer(ResponseModel):
    """A filter against recorded events."""

    tried: int
    matched: int
    events: list[TriedEvent]
    """Those of the subject it asks for, the newest first."""
    problems: list[str]
    """What the compiler would say against a workflow with this trigger."""


class ReplayedAnswer(ResponseModel):
    """What a dead letter started."""

    started: dict[str, str]
    """Workflow -> flow run."""


@router.get("/events", summary="List what came in")
async def list_events(
    caller: Caller,
    platform: Platform,
    response: Response,
    subject: Annotated[Stored | None, Query(max_length=500)] = None,
    outcome: EventOutcome | None = None,
    workflow: Annotated[Stored | None, Query(max_length=200, description="Only what it matched.")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="From the header of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[EventAnswer]:
    """The newest first, also those that started nothing. The header `X-Next-Cursor` leads to the next page."""
    found = await platform.records.received_events(
        caller.projectId, subject=subject, outcome=outcome, workflow=workflow, after=cursor, limit=limit + 1
    )
    if len(found) > limit:
        response.headers[NEXT_CURSOR] = event_cursor(found[limit - 1])
    return [EventAnswer.of(each) for each in found[:limit]]


@router.post("/events/try-filter", operation_id="try_filter", summary="Try a filter on recorded events")
async def try_one(body: FilterBody, caller: Caller, platform: Platform) -> TriedAnswer:
    """Which of the newest events the trigger would take, field by field. Nothing is started."""
    trigger = EventTrigger(event=body.event, filters=body.filters, expression=body.expression)
    found = await try_filter(trigger, records=platform.records, project_id=caller.projectId, limit=body.limit)
    return TriedAnswer(
        tried=len(found),
        matched=sum(match.matched for _, match in found),
        events=[
            TriedEvent(
                id=event.id,
                subject=event.subject,
                received_at=event.received_at,
                match=TriggerAnswer.of(match),
            )
            for event, match in found
            if match.subject_matches
        ],
        problems=await asyncio.to_thread(trigger_problems, trigger),
    )


@router.get("/events/{event_id}", summary="Show an event")
async def show_event(event_id: str, caller: Caller, platform: Platform) -> EventDetail:
    """With its payload."""
    event = await platform.records.received_event(event_id, project_id=caller.projectId)
    return EventDetail(**EventAnswer.of(event).model_dump(by_alias=False), payload=context_of(event))


@router.get(
    "/events/{event_id}/why", operation_id="explain_event", summary="Tell why an event started what it did"
)
async def show_why(event_id: str, caller: Caller, platform: Platform) -> WhyAnswer:
    """Each workflow that was looked at: matched or why not, field by field, by the plan it had then."""
    records = platform.records
    found = await explain_event(event_id, records=records, project_id=caller.projectId)
    matches: list[WorkflowMatchAnswer] = []
    for each in found.workflows:
        run = await records.run_of_flow_run(each.flow_run_id) if each.flow_run_id else None
        matches.append(
            WorkflowMatchAnswer(
                workflow=each.workflow,
                plan_digest=each.plan_digest,
                status=each.status,
                matched=each.matched,
                reason=each.reason,
                triggers=[TriggerAnswer.of(match) for match in each.triggers],
                flow_run_id=each.flow_run_id,
                run_id=run.id if run else None,
                error=each.error,
            )
        )
    return WhyAnswer(
        **EventAnswer.of(found.event).model_dump(by_alias=False),
        payload=context_of(found.event),
        fault=found.fault,
        matches=matches,
    )


@router.get("/dead-letters", summary="List the events that were given up")
async def list_dead_letters(
    caller: Caller,
    platform: Platform,
    settled: Annotated[bool | None, Query(description="Only those that are (not) settled.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[DeadLetterAnswer]:
    """The newest first, each with the reason. One without a readable project belongs to nobody here."""
    found = await platform.records.dead_letters(caller.projectId, limit=limit, settled=settled)
    return [DeadLetterAnswer.of(letter) for letter in found]


@router.post(
    "/dead-letters/{letter_id}/replay",
    operation_id="replay_dead_letter",
    status_code=202,
    summary="Send a dead letter in again",
    responses={409: {"model": Problem, "description": "It is settled already."}},
)
async def replay_letter(letter_id: str, caller: Caller, platform: Platform) -> ReplayedAnswer:
    """Starts what the message would start now; done twice, it starts nothing twice."""
    if platform.launch is None:
        raise refusal(503, "this server is not connected to Prefect")
    try:
        done = await replay_dead_letter(
            letter_id,
            records=platform.records,
            launch=platform.launch,
            project_id=caller.projectId,
            by=caller.name,
        )
    except LetterSettled as exc:
        raise refusal(409, str(exc)) from exc
    except PermanentTriggerError as exc:
        raise refusal(422, str(exc)) from exc
    except TransientTriggerError as exc:
        raise refusal(503, str(exc)) from exc
    return ReplayedAnswer(started=dict(done.started))


@router.post(
    "/dead-letters/{letter_id}/discard",
    operation_id="discard_dead_letter",
    status_code=204,
    summary="Discard a dead letter",
    responses={409: {"model": Problem, "description": "It is settled already."}},
)
async def discard_letter(letter_id: str, caller: Caller, platform: Platform) -> None:
    """Nothing is done about it; it stays on record with who decided that."""
    try:
        await discard_dead_letter(letter_id, records=platform.records, project_id=caller.projectId, by=caller.name)
    except LetterSettled as exc:
        raise refusal(409, str(exc)) from exc
