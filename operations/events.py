"""What came in, and what was given up: why each workflow started or did not, filters tried, dead letters settled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from compiler import Source, compile, matches
from compiler.catalogue import Catalogue
from compiler.plan import EventTrigger, Plan, PlanDigest
from compiler.trigger_types.explaining import TriggerMatch, explain
from compiler.trigger_types.registry import listeners
from operations.deployment_names import idempotency_key
from operations.errors import PermanentTriggerError
from operations.event import Event, parse
from operations.routing import route
from operations.start_run import Launch
from records import DeadLetter, NotFound, ReceivedEvent, Records

_TRIGGER_LINE = 2
_UNKNOWN_EVENT = "CC708"
"""Said of each event of one's own: nothing is wrong with trying it."""
LETTERS = "dead-letters"
"""Names the source of replayed messages, beside the streams of NATS."""


class LetterSettled(ValueError):
    """Somebody has replayed or discarded the dead letter already."""


@dataclass(frozen=True, kw_only=True)
class WorkflowMatch:
    """One workflow that was looked at for an event."""

    workflow: str
    plan_digest: str | None
    status: str
    """`ACTIVE`, or why it was not looked at: `ARCHIVED`, `DRAFT`, `UNKNOWN` where its plan is gone."""
    matched: bool
    triggers: tuple[TriggerMatch, ...]
    """Empty for a manual trigger, which names its workflow."""
    flow_run_id: str | None
    error: str | None
    """Why it could not be started."""
    reason: str
    """One sentence."""


@dataclass(frozen=True, kw_only=True)
class EventExplanation:
    """Why an event started what it did."""

    event: ReceivedEvent
    fault: str | None
    """Why the message is no event at all."""
    workflows: tuple[WorkflowMatch, ...]


@dataclass(frozen=True, kw_only=True)
class ReplayedLetter:
    """A dead letter that was sent in again."""

    letter: DeadLetter
    started: Mapping[str, str]
    """Workflow -> flow run."""


async def explain_event(event_id: str, *, records: Records, project_id: int) -> EventExplanation:
    """Each workflow that was looked at then, by the plan it had then; and the others of today. Raises NotFound."""
    received = await records.received_event(event_id, project_id=project_id)
    try:
        event = parse(received.subject, received.payload, project_id=received.project_id)
    except PermanentTriggerError as exc:
        return EventExplanation(event=received, fault=str(exc), workflows=())
    found: list[WorkflowMatch] = []
    for looked in received.looked:
        found.append(await _match(looked, event, records))
    names = {each.workflow for each in found}
    for workflow in await records.workflows(project_id):
        if workflow.name not in names:
            reason = f"it is {workflow.status}: only active workflows are looked at"
            if workflow.status == "ACTIVE":
                reason = "it was not active when the event came"
            found.append(_unseen(workflow.name, workflow.plan_digest, workflow.status, reason))
    return EventExplanation(event=received, fault=None, workflows=tuple(found))


async def try_filter(
    trigger: EventTrigger, *, records: Records, project_id: int, limit: int = 200
) -> list[tuple[ReceivedEvent, TriggerMatch]]:
    """The trigger against the newest recorded events of the project whose subject it asks for, and others behind."""
    found: list[tuple[ReceivedEvent, TriggerMatch]] = []
    for received in await records.received_events(project_id, limit=limit):
        try:
            event = parse(received.subject, received.payload, project_id=received.project_id)
        except PermanentTriggerError:
            continue
        found.append((received, explain(trigger, event.subject, event.context)))
    return found


def trigger_problems(trigger: EventTrigger) -> list[str]:
    """What the compiler would say against a workflow with this trigger: why it never matches, or cannot be deployed."""
    written = trigger.model_dump(mode="json", exclude={"kind"}, exclude_none=True)
    # On a line of its own: the rest of the workflow is not there, and is not what is asked about.
    text = f'{{"name": "tried",\n"trigger": {json.dumps(written)},\n"nodes": []}}'
    found = compile(Source(text=text), Catalogue(agents={})).diagnostics
    said = (each for each in found if each.line == _TRIGGER_LINE and each.code != _UNKNOWN_EVENT)
    return [": ".join(part for part in (each.message, each.hint) if part) for each in said]


def context_of(received: ReceivedEvent) -> JsonValue:
    """The payload as JSON; as text where it is none."""
    try:
        return json.loads(received.payload)
    except (ValueError, RecursionError):
        return received.payload.decode("utf-8", errors="replace")


async def replay_dead_letter(
    letter_id: str, *, records: Records, launch: Launch, project_id: int, by: str
) -> ReplayedLetter:
    """Start what the message would start now, once however often this is done; then the letter is settled.

    A person started it: no policy that trusts the event's name lets such a run pass a gate. Raises NotFound,
    LetterSettled, PermanentTriggerError for a message that still starts nothing, TransientTriggerError.
    """
    letter = await _open_letter(letter_id, records=records, project_id=project_id)
    event = parse(letter.subject, letter.payload, project_id=letter.project_id)
    if event.project_id != project_id:
        raise NotFound("the dead letter", letter_id, f"it is not of project {project_id}")
    plans = route(event, await records.active_plans(project_id), matches)
    if not plans:
        raise PermanentTriggerError(
            f"no active workflow of project {project_id} takes {letter.subject!r} with this payload"
        )
    started: dict[str, str] = {}
    for plan in plans:
        started[plan.name] = await _start(plan, event, letter, launch=launch, by=by)
    if not await records.settle_dead_letter(letter.id, project_id=project_id, settled_as="replayed", by=by):
        raise LetterSettled("somebody has dealt with this dead letter meanwhile")
    return ReplayedLetter(letter=letter, started=started)


async def discard_dead_letter(letter_id: str, *, records: Records, project_id: int | None, by: str) -> DeadLetter:
    """Note that nothing is to be done about it. Raises NotFound, LetterSettled.

    `project_id` None: it is one that named no project, which only who runs the machine may see.
    """
    letter = await _open_letter(letter_id, records=records, project_id=project_id)
    if not await records.settle_dead_letter(letter.id, project_id=project_id, settled_as="discarded", by=by):
        raise LetterSettled("somebody has dealt with this dead letter meanwhile")
    return letter


async def _open_letter(letter_id: str, *, records: Records, project_id: int | None) -> DeadLetter:
    letter = await records.one_dead_letter(letter_id, project_id=project_id)
    if letter.settled_as is not None:
        raise LetterSettled(f"{letter.settled_by} has {letter.settled_as} this dead letter already")
    return letter


async def _start(plan: Plan, event: Event, letter: DeadLetter, *, launch: Launch, by: str) -> str:
    return await launch.start(
        plan,
        context=event.context,
        trigger=event.subject,
        triggered_by=by,
        idempotency_key=idempotency_key(f"{LETTERS}:{letter.id}", 0, plan.name),
    )


async def _match(looked: Mapping[str, Any], event: Event, records: Records) -> WorkflowMatch:
    name, digest = str(looked.get("workflow")), looked.get("digest")
    matched, error = bool(looked.get("matched")), looked.get("error")
    try:
        plan = await records.plan(PlanDigest(str(digest)))
    except NotFound:
        return _unseen(name, digest, "UNKNOWN", "its plan of then is no longer kept")
    triggers: tuple[TriggerMatch, ...] = ()
    if event.workflow is None:
        triggers = tuple(explain(each, event.subject, event.context) for each in listeners(plan))
    return WorkflowMatch(
        workflow=name,
        plan_digest=plan.digest,
        status="ACTIVE",
        matched=matched,
        triggers=triggers,
        flow_run_id=looked.get("flowRunId"),
        error=error,
        reason=_reason(triggers, event, matched=matched, error=error),
    )


def _reason(triggers: tuple[TriggerMatch, ...], event: Event, *, matched: bool, error: str | None) -> str:
    if error is not None:
        return f"it matched, but did not start: {error}"
    if matched:
        return "it matched and started"
    if event.workflow is not None:
        return f"the message asks for workflow {event.workflow!r}"
    if not triggers:
        return "it has no event trigger"
    return nearest_miss(triggers, event.subject)


def nearest_miss(triggers: Sequence[TriggerMatch], subject: str) -> str:
    """What kept the trigger that came closest from matching."""
    near = max(triggers, key=lambda each: (each.subject_matches, sum(field.accepted for field in each.fields)))
    if not near.subject_matches:
        return f"it asks for {near.event!r}, the subject is {subject!r}"
    refused = [field.field for field in near.fields if not field.accepted]
    if refused:
        return f"its filter on {', '.join(refused)} does not accept the event"
    return f"its expression does not hold{f': {near.expression_error}' if near.expression_error else ''}"


def _unseen(name: str, digest: str | None, status: str, reason: str) -> WorkflowMatch:
    return WorkflowMatch(
        workflow=name,
        plan_digest=digest,
        status=status,
        matched=False,
        triggers=(),
        flow_run_id=None,
        error=None,
        reason=reason,
    )
