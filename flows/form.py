"""Open gates -> the form in Prefect's UI, and the form's answers -> decisions.

One form asks for every open gate. Field names carry the approval's id, so an answer can only ever count for the row it
was asked for. Leaving a gate on `wait` decides nothing; so does an answer without a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prefect.input import RunInput
from pydantic import Field, create_model

from records import Verdict
from tasks.card import markdown

Choice = Literal["wait", "approve", "reject"]
_VERDICTS: Mapping[str, Verdict] = {"approve": "APPROVED", "reject": "REJECTED"}
_DECISION = "decision_"
_NOTES = "notes_"
_NAME = "your_name"
MAX_NOTES = 2_000


@dataclass(frozen=True, kw_only=True)
class OpenGate:
    """A gate somebody has to decide."""

    approval_id: str
    node_id: str
    card: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One decision taken from the form. The name is what somebody typed: nobody verified it."""

    approval_id: str
    decision: Verdict
    name: str
    notes: str


def form(gates: Iterable[OpenGate]) -> type[RunInput]:
    """The form for these gates."""
    shown = list(gates)
    fields: dict[str, Any] = {
        _NAME: (
            str,
            # Not required, so that a run whose gates were decided elsewhere can be woken with an empty answer.
            Field(
                default="",
                min_length=1,
                max_length=200,
                title="Your name",
                description="On record as given; not verified.",
            ),
        )
    }
    for gate in shown:
        fields[_DECISION + gate.approval_id] = (Choice, Field(default="wait", title=f"{gate.node_id}: decision"))
        fields[_NOTES + gate.approval_id] = (
            str,
            Field(default="", max_length=MAX_NOTES, title=f"{gate.node_id}: notes"),
        )
    model = create_model("Approval", __base__=RunInput, **fields)
    return model.with_initial_data(description="\n\n---\n\n".join(markdown(gate.card) for gate in shown))


def answers(response: Mapping[str, Any]) -> list[Answer]:
    """The decisions in a form's stored response; anything that is not plainly one is left out."""
    name = response.get(_NAME)
    if not isinstance(name, str) or not name.strip():
        return []
    found: list[Answer] = []
    for field, choice in response.items():
        if field.startswith(_DECISION) and isinstance(choice, str) and choice in _VERDICTS:
            approval_id = field.removeprefix(_DECISION)
            notes = response.get(_NOTES + approval_id)
            found.append(
                Answer(
                    approval_id=approval_id,
                    decision=_VERDICTS[choice],
                    name=name.strip(),
                    notes=notes if isinstance(notes, str) else "",
                )
            )
    return found
