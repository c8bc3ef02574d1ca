"""Answers typed into Prefect's form -> decisions on the gates of a run; the same answer decides only once."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import httpx
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRunInput
from pydantic import JsonValue

from flows.form import FormAnswer, form_answers, left_waiting
from operations.decide import DecisionRequest, decide_gate
from operations.edit_inputs import EditRefused
from records import Records
from tasks.safe_text import safe_text
from tasks.services import Run

PAUSE_KEY = "gates"
_PAUSED_PREFIX = f"suspended-{PAUSE_KEY}-"
CHANNEL = "form"
Logger = logging.Logger | logging.LoggerAdapter[Any]


async def apply_form_answers(flow_run_id: UUID, *, run: Run, records: Records, logger: Logger) -> None:
    """Turn the answers given in Prefect's form into decisions. Deciding is idempotent: old answers change nothing."""
    # Anybody can write inputs of any run: an answer counts for the open gates of its own run alone.
    own = {each.id: each for each in await records.approvals(run_id=run.run_id, status="PENDING")}
    if not own:
        return
    async with get_client() as client:
        inputs = await client.filter_flow_run_input(
            flow_run_id=flow_run_id, key_prefix=_PAUSED_PREFIX, limit=200, exclude_keys=set()
        )
    responses = [each for each in inputs if each.key.endswith("-response")]
    await _tell_if_nothing_was_decided(
        responses, open_nodes=[each.node_id for each in own.values()], logger=logger
    )
    for each in responses:
        for answer in form_answers(each.decoded_value):
            if (approval := own.get(answer.approval_id)) is None:
                continue
            try:
                decision = await decide_gate(_word(answer), approval.id, records=records)
            except EditRefused as exc:
                logger.warning(
                    "form, %s: nothing was decided: %s", approval.node_id, safe_text(str(exc), limit=600)
                )
            else:
                logger.info("form, %s: %s", approval.node_id, decision.reason)


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
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise EditRefused(f"the inputs to change are not valid JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise EditRefused('the inputs to change are not a JSON object like {"name": "value"}')
    return cast("dict[str, JsonValue]", found)
