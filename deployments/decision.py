"""A person's word at a terminal -> the gate's row, and the run that waits for it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import JsonValue

from deployments.connection import Connection
from deployments.errors import DeploymentError
from deployments.output import console
from records import Decision, Records, Verdict
from tasks.edits import Approver, EditRefused, approve_edited
from tasks.inert import inert
from triggers.faults import Transient
from triggers.resume import resume

WAY = "cli"


class BadEdit(DeploymentError):
    """`--set` was not `field=value`, or the field may not be changed like that."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """What a person says about one gate."""

    decision: Verdict
    by: str
    """The user of the terminal; nobody verified it."""
    notes: str
    digest: str | None
    """Of the card that was read; None: of whatever is asked now."""
    edits: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


async def decide(
    word: Word, gate: tuple[str, str], *, flow_run_id: str, project_id: int, connection: Connection
) -> Decision:
    """Decide the gate (run, node), and wake the run where this very word decided. Raises `BadEdit`."""
    decision = await _decided(word, gate, project_id=project_id, records=connection.records)
    if decision.applied:
        # Where Prefect is away, the decision stands and the platform's own loop wakes the run.
        with suppress(Transient):
            await resume(connection.prefect, flow_run_id)
    return decision


def tell(decision: Decision) -> None:
    """Print what became of it; the names in it are what somebody typed."""
    console.print(inert(decision.reason), markup=False, highlight=False)


async def _decided(word: Word, gate: tuple[str, str], *, project_id: int, records: Records) -> Decision:
    if word.edits:
        asked = await records.question(gate, project_id=project_id)
        if asked.status == "PENDING" and word.digest in (None, asked.digest):
            by = Approver(name=word.by, verified=False, way=WAY)
            try:
                return await approve_edited(asked, word.edits, by=by, notes=word.notes, records=records)
            except EditRefused as exc:
                raise BadEdit(str(exc)) from exc
    return await records.decide(
        gate,
        decision=word.decision,
        by=word.by,
        verified=False,
        way=WAY,
        notes=word.notes,
        digest=word.digest,
        project_id=project_id,
    )
