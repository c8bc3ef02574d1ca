"""What people typed into Prefect's form -> decisions on the gates of a run, once and for all executions of it."""

from __future__ import annotations

import json
import logging
from typing import Any, cast
from uuid import UUID

from prefect.client.orchestration import get_client
from pydantic import JsonValue

from flows.form import FormAnswer, form_answers
from operations.decide import DecisionRequest, decide_gate
from operations.edit_inputs import EditRefused
from records import Records
from tasks.safe_text import safe_text
from tasks.services import Run

PAUSE_KEY = "gates"
_PAUSED_PREFIX = f"suspended-{PAUSE_KEY}-"
_WAY = "form"
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
    for each in inputs:
        if not each.key.endswith("-response"):
            continue
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


def _word(answer: FormAnswer) -> DecisionRequest:
    """Raises `EditRefused`: whoever wants other inputs has not approved these."""
    edits = _changes(answer.changes) if answer.decision == "APPROVED" else {}
    return DecisionRequest(
        decision=answer.decision, by=answer.name, verified=False, channel=_WAY, notes=answer.notes, edits=edits
    )


def _changes(text: str) -> dict[str, JsonValue]:
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise EditRefused(f"the inputs to change are no JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise EditRefused('the inputs to change are no JSON object like {"name": "value"}')
    return cast("dict[str, JsonValue]", found)
