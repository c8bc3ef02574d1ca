"""Answers typed into Prefect's form -> decisions on the gates of a run; the same answer decides only once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import httpx
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRunInput
from pydantic import JsonValue

from operations.decide import DecisionRequest, decide_gate
from operations.edit_inputs import EditRefused
from records import Approval, DecisionValue, Records
from reliability import strict_json
from tasks.card_text import form_markdown
from tasks.safe_text import safe_text

PAUSE_KEY = "gates"
_PAUSED_PREFIX = f"suspended-{PAUSE_KEY}-"
CHANNEL = "form"
_DECISIONS: Mapping[str, DecisionValue] = {"approve": "APPROVED", "reject": "REJECTED"}
DECISION = "decision_"
NOTES = "notes_"
CHANGES = "changes_"
NAME = "your_name"
MAX_NAME = 200
MAX_NOTES = 2_000
MAX_CHANGES = 100_000
"""Names of the form's fields, and how long their texts may be."""
Logger = logging.Logger | logging.LoggerAdapter[Any]


@dataclass(frozen=True, kw_only=True)
class FormAnswer:
    """One decision taken from the form. The name is what somebody typed: nobody verified it."""

    approval_id: str
    decision: DecisionValue
    name: str
    notes: str
    changes: str = ""
    """Inputs to change before it is approved, as typed: nobody has looked whether it is a JSON object."""


async def apply_form_answers(
    flow_run_id: UUID,
    *,
    run_id: str,
    records: Records,
    client: PrefectClient | None = None,
    logger: Logger,
    tell: bool = False,
) -> None:
    """Turn the answers given in Prefect's form into decisions. Deciding is idempotent: old answers change nothing.

    `tell`: say in the run's log and on its page when `wait` was submitted; only the run itself can.
    """
    # Anybody can write inputs of any run: an answer counts for the open gates of its own run alone.
    own = {each.id: each for each in await records.approvals(run_id=run_id, status="PENDING")}
    if not own:
        return
    asked = {each.id: each for each in await records.approvals(run_id=run_id, superseded=True)}
    async with nullcontext(client) if client is not None else get_client() as opened:
        inputs = await opened.filter_flow_run_input(
            flow_run_id=flow_run_id, key_prefix=_PAUSED_PREFIX, limit=200, exclude_keys=set()
        )
    responses = [each for each in inputs if each.key.endswith("-response")]
    if tell:
        await _tell_if_nothing_was_decided(
            responses, open_nodes=[each.node_id for each in own.values()], logger=logger
        )
    stored = {each.key: each for each in inputs}
    for each in responses:
        answers = [found for found in form_answers(each.decoded_value) if found.approval_id in own]
        if answers and (objection := _replaced(each.key.removesuffix("-response"), stored, asked)) is not None:
            logger.warning("form: nothing was decided: %s", objection)
            continue
        for answer in answers:
            approval = own[answer.approval_id]
            try:
                decision = await decide_gate(_word(answer), approval.id, records=records)
            except EditRefused as exc:
                logger.warning(
                    "form, %s: nothing was decided: %s", approval.node_id, safe_text(str(exc), limit=600)
                )
            else:
                logger.info("form, %s: %s", approval.node_id, decision.reason)


def decision_title(node_id: str) -> str:
    """Above the choice in the form."""
    return f"{node_id}: decision"


def _replaced(key: str, stored: Mapping[str, FlowRunInput], asked: Mapping[str, Approval]) -> str | None:
    """Why the form of that key may not have shown what the rows ask; None: it is as it was made.

    Whoever has Prefect's password can write another text over the form that a person reads and answers.
    """
    schema, text = (_decoded(stored.get(f"{key}-{name}")) for name in ("schema", "description"))
    fields: Any = cast("dict[str, Any]", schema).get("properties") if isinstance(schema, dict) else None
    if not isinstance(fields, dict):
        return "the form that was answered is not there any more: answer the one that is asked now"
    titles = {
        name.removeprefix(DECISION): cast("dict[str, Any]", field).get("title")
        if isinstance(field, dict)
        else None
        for name, field in cast("dict[str, Any]", fields).items()
        if name.startswith(DECISION)
    }
    shown = [asked[name] for name in titles if name in asked]
    if (
        len(shown) != len(titles)
        or any(titles[each.id] != decision_title(each.node_id) for each in shown)
        or text != form_markdown(each.card for each in shown)
    ):
        return "the form did not show what is on record: somebody has changed it, or it is of another version"
    return None


def _decoded(found: FlowRunInput | None) -> Any:
    try:
        return None if found is None else found.decoded_value
    except ValueError:
        return None


async def _tell_if_nothing_was_decided(
    responses: Sequence[FlowRunInput], *, open_nodes: Sequence[str], logger: Logger
) -> None:
    """Prefect says "resumed" to whoever submits `wait`: say in the log and as an artifact that nothing was decided."""
    latest = max(responses, key=_number, default=None)
    if latest is None or not left_waiting(latest.decoded_value):
        return
    nodes = ", ".join(repr(each) for each in open_nodes)
    said = f"The form was submitted with 'wait': nothing was decided, and the run waits again for {nodes}"
    logger.warning("%s", said)
    try:
        # What Prefect's page shows beside the log; the run does not depend on it.
        await acreate_markdown_artifact(markdown=f"{said}.", description="Nothing was decided")
    except (httpx.HTTPError, ValueError) as exc:
        logger.debug("no artifact was made of it: %s", exc)


def _number(response: FlowRunInput) -> int:
    """Which pause of the run it answers."""
    number = response.key.removeprefix(_PAUSED_PREFIX).removesuffix("-response")
    return int(number) if number.isdecimal() else 0


def _word(answer: FormAnswer) -> DecisionRequest:
    """Raises `EditRefused`: whoever wants other inputs has not approved these."""
    edits = _changes(answer.changes) if answer.decision == "APPROVED" else {}
    return DecisionRequest(
        decision=answer.decision, by=answer.name, verified=False, channel=CHANNEL, notes=answer.notes, edits=edits
    )


def _changes(text: str) -> dict[str, JsonValue]:
    if not text.strip():
        return {}
    try:
        found = strict_json.loads(text)
    except ValueError as exc:
        raise EditRefused(f"the inputs to change are not valid JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise EditRefused('the inputs to change are not a JSON object like {"name": "value"}')
    return cast("dict[str, JsonValue]", found)


def left_waiting(response: Mapping[str, Any]) -> bool:
    """Whether the response is a submitted form in which nobody decided anything."""
    choices = [value for field, value in response.items() if field.startswith(DECISION)]
    return bool(choices) and not any(isinstance(each, str) and each in _DECISIONS for each in choices)


def form_answers(response: Mapping[str, Any]) -> list[FormAnswer]:
    """The decisions in a form's stored response; anything that is not plainly one is left out."""
    name = response.get(NAME)
    if not isinstance(name, str) or not name.strip():
        return []
    found: list[FormAnswer] = []
    for field, choice in response.items():
        if field.startswith(DECISION) and isinstance(choice, str) and choice in _DECISIONS:
            approval_id = field.removeprefix(DECISION)
            found.append(
                FormAnswer(
                    approval_id=approval_id,
                    decision=_DECISIONS[choice],
                    name=name.strip(),
                    notes=_text(response, NOTES + approval_id),
                    changes=_text(response, CHANGES + approval_id),
                )
            )
    return found


def _text(response: Mapping[str, Any], field: str) -> str:
    value = response.get(field)
    return value if isinstance(value, str) else ""
