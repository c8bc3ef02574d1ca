"""A person's decision on a gate -> its effect, the same on every channel: form, command line, API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from operations.edit_inputs import EditRefused, edited_work
from records import Approval, Decision, DecisionValue, PayloadRefused, Records
from records.approvals.gate_rows import GateRef


@dataclass(frozen=True, kw_only=True)
class DecisionRequest:
    """What a person says about one gate, and who that is as far as the channel knows."""

    decision: DecisionValue
    by: str
    verified: bool
    channel: str
    notes: str | None = None
    digest: str | None = None
    """Of the card that was read; None: of whatever is asked now."""
    edits: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """Inputs to change before it is approved."""

    @property
    def who(self) -> dict[str, Any]:
        """The person, as the records take it."""
        return {"by": self.by, "verified": self.verified, "channel": self.channel}


async def decide_gate(
    word: DecisionRequest, which: GateRef, *, records: Records, project_id: int | None = None
) -> Decision:
    """Decide the gate. The first decision stands; one that does not count is answered with why, and audited.

    Raises `EditRefused`, with nothing decided or changed, and NotFound where there is no such gate (in that project).
    """
    digest = word.digest
    if word.edits:
        if word.decision != "APPROVED":
            raise EditRefused("edits belong to an approval: a rejected node runs with no inputs at all")
        asked = await records.question(which, project_id=project_id)
        if asked.status == "PENDING" and digest in (None, asked.digest):
            amended = await _amended(word, asked, records)
            # Without an amendment this says why not, and the audit keeps that.
            which, digest = amended.id, amended.digest
    return await records.decide(
        which, decision=word.decision, notes=word.notes, digest=digest, project_id=project_id, **word.who
    )


async def _amended(word: DecisionRequest, asked: Approval, records: Records) -> Approval:
    """The question with the edited inputs, which now stands; the old one where this word cannot count."""
    edited = await edited_work(asked, word.edits, records=records)
    if await records.objection(asked.id, decision="APPROVED", digest=asked.digest, **word.who) is not None:
        return asked
    try:
        amended = await records.amend_gate(
            asked.id,
            digest=edited.digest,
            card=edited.amended_card(asked.card),
            edits={**(asked.edits or {}), **word.edits},
            seen=asked.digest,
            **word.who,
        )
    except PayloadRefused as exc:
        raise EditRefused(str(exc)) from exc
    return amended or asked
