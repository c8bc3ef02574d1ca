"""Open gates -> the form in Prefect's UI, and what was typed into it -> answers.

One form asks for every open gate. Field names carry the approval's id, so an answer can only ever count for the row it
was asked for. Leaving a gate on `wait` decides nothing; so does an answer without a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from uuid import UUID

import httpx
from prefect.client.orchestration import PrefectClient
from prefect.input import RunInput
from prefect.input.run_input import Keyset, keyset_from_base_key
from pydantic import Field, create_model

from operations.form_answers import (
    CHANGES,
    DECISION,
    MAX_CHANGES,
    MAX_NAME,
    MAX_NOTES,
    NAME,
    NOTES,
    decision_title,
)
from tasks.card_text import form_markdown
from tasks.safe_text import safe_text

Choice = Literal["wait", "approve", "reject"]
_SUSPENDED = "suspended-"
"""What Prefect puts before a pause's key to name its form."""


@dataclass(frozen=True, kw_only=True)
class OpenGate:
    """A gate somebody has to decide."""

    approval_id: str
    node_id: str
    card: Mapping[str, Any]
    editable: tuple[str, ...] = ()
    """Names of the inputs that who approves may change."""


class Form(RunInput):
    """A form that is saved before its run is suspended.

    Prefect saves a form after it: a process that dies in between leaves a run that waits for answers to a form that
    is not there, and that Prefect refuses to resume for ever.
    """

    @classmethod
    async def asave(cls, keyset: Keyset, flow_run_id: UUID | None = None) -> None:
        """Called by Prefect when the run is suspended: it is saved already."""

    @classmethod
    async def publish(cls, client: PrefectClient, flow_run_id: UUID, key: str) -> None:
        """Save it for the pause of that key, in place of what an execution that came no further has left."""
        keyset = keyset_from_base_key(_SUSPENDED + key)
        try:
            await super().asave(keyset, flow_run_id)
        except httpx.HTTPStatusError as exc:
            if exc.response.status_code != HTTPStatus.CONFLICT:
                raise
            found = await client.filter_flow_run_input(
                flow_run_id=flow_run_id, key_prefix=_SUSPENDED + key, limit=200, exclude_keys={keyset["response"]}
            )
            for each in found:
                if each.key in (keyset["schema"], keyset["description"]):
                    await client.delete_flow_run_input(flow_run_id, each.key)
            await super().asave(keyset, flow_run_id)


def form(gates: Iterable[OpenGate]) -> type[Form]:
    """The form for these gates."""
    shown = list(gates)
    fields: dict[str, Any] = {
        NAME: (
            str,
            # Required: a run whose gates were decided elsewhere is woken with a name of ours (`WAKE_INPUT`).
            Field(
                min_length=1,
                max_length=MAX_NAME,
                pattern=r"\S",
                title="Your name",
                description="Required. It goes on record as you type it; nobody verifies it here.",
            ),
        )
    }
    for gate in shown:
        fields[DECISION + gate.approval_id] = (
            Choice,
            Field(
                default="wait",
                title=decision_title(gate.node_id),
                description="approve or reject; with wait nothing is decided, and the run asks again.",
            ),
        )
        fields[NOTES + gate.approval_id] = (
            str,
            Field(
                default="",
                max_length=MAX_NOTES,
                title=f"{gate.node_id}: notes",
                description="Why; goes on record with the decision.",
            ),
        )
        if gate.editable:
            fields[CHANGES + gate.approval_id] = (str, _changes(gate))
    model = create_model("Approval", __base__=Form, **fields)
    return model.with_initial_data(description=form_markdown(gate.card for gate in shown))


def _changes(gate: OpenGate) -> Any:
    names = ", ".join(safe_text(name) for name in gate.editable)
    return Field(
        default="",
        max_length=MAX_CHANGES,
        title=f"{gate.node_id}: inputs to change before it is approved",
        description=f'A JSON object like {{"name": "value"}}. Inputs that may be changed: {names}. '
        "Leave it empty to approve the inputs as shown.",
    )
