"""`events` and `dead-letters`: what came in, what it started and why, what failed to; and a way to publish."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer

from deployments.cli.identity import acting
from deployments.cli.options import DEFAULT_STATE, Json, Project, State, Wide, run
from deployments.cli.output import console, print_json, print_rows
from deployments.errors import DeploymentError
from deployments.stack.addresses import addresses_of
from deployments.stack.connection import connect, open_records
from operations.compile_source import WorkflowMistakes
from operations.counterfactual import ReplayOutcome, replay_events
from operations.errors import TriggerError
from operations.event import check_value
from operations.events import (
    EventExplanation,
    LetterSettled,
    WorkflowMatch,
    context_of,
    discard_dead_letter,
    explain_event,
    replay_dead_letter,
)
from operations.prefect_page import prefect_page
from records import EventOutcome
from reliability import strict_json
from reliability.settings import MAX_EVENT_BYTES, MAX_EVENT_DEPTH
from tasks.safe_text import safe_text

OUTCOMES: tuple[str, ...] = get_args(EventOutcome)

events = typer.Typer(help="What comes in: list, explain, publish.", no_args_is_help=True)
dead_letters = typer.Typer(help="Events that were given up.", no_args_is_help=True)


class EventRefused(DeploymentError):
    """An event, or a dead letter, with which that cannot be done."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(events, name="events")
    app.add_typer(dead_letters, name="dead-letters")


Homeless = Annotated[
    bool, typer.Option("--no-project", help="Those that named no project, for the admin of the machine.")
]


@events.command("list")
def list_command(
    subject: Annotated[str | None, typer.Option(help="Only events with this subject.")] = None,
    outcome: Annotated[str | None, typer.Option(help=f"One of: {', '.join(OUTCOMES)}.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only events that this workflow matched.")] = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=1_000)] = 20,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """List what came in, also what started nothing."""
    if outcome not in (None, *OUTCOMES):
        raise EventRefused(f"--outcome {outcome!r}: give one of {', '.join(OUTCOMES)}")
    chosen = {"subject": subject, "outcome": outcome, "workflow": workflow, "limit": limit}
    run(_list(chosen, state=state, project_id=project, as_json=as_json))


@events.command("publish")
def publish_command(
    subject: Annotated[str, typer.Argument(help="Such as graph.file.updated, or workflow.trigger.NAME.")],
    payload: Annotated[
        str, typer.Argument(metavar="JSON", help="The event, a JSON object; `-` reads it from stdin.")
    ],
    event_id: Annotated[
        str | None, typer.Option("--id", help="The same id again within an hour is taken once.")
    ] = None,
    state: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Publish an event, and wait until it is kept. Uses NATS_PUBLISHER_URL, else the platform that runs here."""
    text = sys.stdin.read() if payload == "-" else payload
    run(_publish(subject, _event(text), event_id=event_id, state=state, as_json=as_json))


def _event(text: str) -> bytes:
    """The text as it is sent. Raises EventRefused where the listener would make a dead letter of it."""
    try:
        found: Any = strict_json.loads(text)
        data = text.encode()
    except UnicodeEncodeError as exc:
        raise EventRefused("the event is not UTF-8 text: save or send it as UTF-8") from exc
    except ValueError as exc:
        raise EventRefused(f"the event is not valid JSON: {exc}; in a shell, put it in single quotes") from exc
    if not isinstance(found, dict):
        raise EventRefused('the event is no JSON object: write it as \'{"key": "value"}\'')
    try:
        check_value(cast("object", found), max_depth=MAX_EVENT_DEPTH)
    except TriggerError as exc:
        raise EventRefused(f"{exc}: a dead letter would become of it") from exc
    if len(data) > MAX_EVENT_BYTES:
        raise EventRefused(f"the event has {len(data):,} bytes; at most {MAX_EVENT_BYTES:,} are taken")
    return data


async def _publish(subject: str, payload: bytes, *, event_id: str | None, state: Path, as_json: bool) -> None:
    # Here, since the commands that read the records need no NATS.
    from triggers.nats.publish_event import NotPublished, publish_event

    url = os.environ.get("NATS_PUBLISHER_URL")
    if not url:
        addresses = addresses_of(state)
        url = addresses.publisher_url or addresses.nats_url
    try:
        done = await publish_event(url, subject, payload, event_id=event_id)
    except NotPublished as exc:
        raise EventRefused(str(exc)) from exc
    if as_json:
        print_json({"stream": done.stream, "sequence": done.sequence, "duplicate": done.duplicate})
        return
    what = "was kept before, by this id" if done.duplicate else "is kept"
    console.print(f"{safe_text(subject)} {what}: {done.stream} {done.sequence}", markup=False, highlight=False)


@events.command("why")
def why_command(
    event_id: Annotated[str, typer.Argument(metavar="EVENT", help="Id of an event, or the beginning of one.")],
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Say of each workflow whether the event started it, and if not, which field was to blame."""
    run(_why(event_id, state=state, project_id=project, as_json=as_json))


@events.command("replay")
def replay_events_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A workflow's YAML.")],
    days: Annotated[int, typer.Option(help="How far to look back.", min=1, max=366)] = 7,
    limit: Annotated[int, typer.Option(help="How many events, the newest first.", min=1, max=1_000)] = 200,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """Say what this version would have done with recorded events, beside what was done. Nothing is started."""
    run(_replay_events(file, days=days, limit=limit, state=state, project_id=project, as_json=as_json))


@dead_letters.command("list")
def letters_command(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are settled.")] = False,
    homeless: Homeless = False,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=1_000)] = 20,
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
    wide: Wide = False,
) -> None:
    """List events that were given up, with the reason."""
    chosen: dict[str, Any] = {"settled": None if all_ else False, "limit": limit, "of_no_project": homeless}
    run(_letters(chosen, state=state, project_id=project, as_json=as_json))


@dead_letters.command("replay")
def replay_command(
    letter_id: Annotated[
        str, typer.Argument(metavar="LETTER", help="Id of a dead letter, or the beginning of one.")
    ],
    state: State = DEFAULT_STATE,
    project: Project = 1,
    as_json: Json = False,
) -> None:
    """Start what the event would start now. You count as who started it, so gates ask."""
    run(_replay(letter_id, state=state, project_id=project, as_json=as_json))


@dead_letters.command("discard")
def discard_command(
    letter_id: Annotated[
        str, typer.Argument(metavar="LETTER", help="Id of a dead letter, or the beginning of one.")
    ],
    homeless: Homeless = False,
    state: State = DEFAULT_STATE,
    project: Project = 1,
) -> None:
    """Note that nothing is to be done about it."""
    run(_discard(letter_id, state=state, project_id=project, of_no_project=homeless))


async def _replay_events(
    file: Path, *, days: int, limit: int, state: Path, project_id: int, as_json: bool
) -> None:
    text = file.read_text(encoding="utf-8")
    async with open_records(state) as records:
        try:
            found = await replay_events(text, records=records, project_id=project_id, days=days, limit=limit)
        except WorkflowMistakes as exc:
            raise EventRefused(f"{exc}; `commandcenter check {file}` shows where") from exc
    print_rows(
        [
            {
                "event": each.event.id,
                "receivedAt": each.event.received_at,
                "subject": each.event.subject,
                "then": _outcome(each.then),
                "now": _outcome(each.now),
                "differences": "; ".join(each.differences),
            }
            for each in found.events
        ],
        columns=("event", "receivedAt", "subject", "then", "now", "differences"),
        title=f"{safe_text(found.plan.name)}: {found.changed} of {found.looked} events would be different",
        as_json=as_json,
    )


def _outcome(outcome: ReplayOutcome) -> str:
    if not outcome.started:
        return "not started"
    asked = f", asked about {', '.join(outcome.gates)}" if outcome.gates else ""
    return f"{(outcome.status or 'not ended').lower()}{asked}"


async def _list(chosen: dict[str, Any], *, state: Path, project_id: int, as_json: bool) -> None:
    async with open_records(state) as records:
        found = await records.received_events(project_id, **chosen)
    print_rows(
        [
            {
                "id": each.id,
                "receivedAt": each.received_at,
                "subject": each.subject,
                "outcome": each.outcome,
                "workflows": ", ".join(str(one["workflow"]) for one in each.looked if one.get("matched")),
            }
            for each in found
        ],
        columns=("id", "receivedAt", "subject", "outcome", "workflows"),
        title="Events",
        as_json=as_json,
    )


async def _why(event_id: str, *, state: Path, project_id: int, as_json: bool) -> None:
    async with open_records(state) as records:
        found = await explain_event(event_id, records=records, project_id=project_id)
    if as_json:
        print_json(_as_json(found))
        return
    console.print(f"{safe_text(found.event.subject)}: {found.event.outcome}", markup=False, highlight=False)
    if found.fault is not None:
        console.print(f"it is no event: {safe_text(found.fault)}", markup=False, highlight=False)
    for each in found.workflows:
        mark = "+" if each.matched else "-"
        console.print(f"{mark} {each.workflow}: {safe_text(each.reason)}", markup=False, highlight=False)
        for field in _fields(each):
            console.print(f"    {field}", markup=False, highlight=False, soft_wrap=True)


def _fields(match: WorkflowMatch) -> list[str]:
    """Each filter of the triggers whose subject fits."""
    return [
        f"{'ok  ' if field.accepted else 'NO  '}{safe_text(field.field)}: wanted {safe_text(str(field.wanted))}, "
        + (f"found {safe_text(str(field.found), limit=200)}" if field.present else "not there")
        for trigger in match.triggers
        if trigger.subject_matches
        for field in trigger.fields
    ]


def _as_json(found: EventExplanation) -> dict[str, Any]:
    return {
        "id": found.event.id,
        "subject": found.event.subject,
        "outcome": found.event.outcome,
        "payload": context_of(found.event),
        "fault": found.fault,
        "workflows": [
            {
                "workflow": each.workflow,
                "matched": each.matched,
                "reason": each.reason,
                "flowRunId": each.flow_run_id,
                "triggers": [
                    {
                        "event": trigger.event,
                        "subjectMatches": trigger.subject_matches,
                        "fields": [vars(field) for field in trigger.fields],
                        "expression": trigger.expression,
                        "expressionHolds": trigger.expression_holds,
                    }
                    for trigger in each.triggers
                ],
            }
            for each in found.workflows
        ],
    }


async def _letters(chosen: dict[str, Any], *, state: Path, project_id: int, as_json: bool) -> None:
    async with open_records(state) as records:
        if chosen["of_no_project"]:
            await acting(records, project_id=project_id, right="admin")
        found = await records.dead_letters(project_id, **chosen)
        homeless = (
            0 if chosen["of_no_project"] else len(await records.dead_letters(settled=False, of_no_project=True))
        )
    print_rows(
        [
            {
                "id": each.id,
                "createdAt": each.created_at,
                "subject": each.subject,
                "reason": each.reason,
                "settledAs": each.settled_as,
                "settledBy": each.settled_by,
            }
            for each in found
        ],
        columns=("id", "createdAt", "subject", "reason"),
        wide_columns=("settledAs", "settledBy"),
        title="Dead letters",
        as_json=as_json,
    )
    if homeless:
        sys.stderr.write(f"{homeless} more named no project: --no-project lists them\n")


async def _replay(letter_id: str, *, state: Path, project_id: int, as_json: bool) -> None:
    from operations.launcher import Launcher  # with Prefect

    async with connect(state) as connection:
        me = await acting(connection.records, project_id=project_id, right="operator")
        try:
            done = await replay_dead_letter(
                letter_id,
                records=connection.records,
                launch=Launcher(connection.prefect),
                project_id=project_id,
                by=me.name,
            )
        except (LetterSettled, TriggerError) as exc:
            raise EventRefused(str(exc)) from exc
    if as_json:
        print_json({"started": dict(done.started)})
        return
    for workflow, flow_run_id in done.started.items():
        link = prefect_page(connection.addresses.ui_url, flow_run_id)
        console.print(f"started {workflow}: {link}", markup=False, highlight=False, soft_wrap=True)


async def _discard(letter_id: str, *, state: Path, project_id: int, of_no_project: bool) -> None:
    async with open_records(state) as records:
        me = await acting(records, project_id=project_id, right="admin" if of_no_project else "operator")
        of = None if of_no_project else project_id
        try:
            letter = await discard_dead_letter(letter_id, records=records, project_id=of, by=me.name)
        except LetterSettled as exc:
            raise EventRefused(str(exc)) from exc
    console.print(f"dead letter {letter.id} is discarded", markup=False, highlight=False)
