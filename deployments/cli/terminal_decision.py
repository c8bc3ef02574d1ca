"""A person's word at a terminal -> the gate's row, and the run that waits for it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from pydantic import JsonValue

from deployments.cli.output import console
from deployments.errors import DeploymentError
from deployments.stack.connection import Connection
from operations.decide import Word, decide_gate
from operations.edit_inputs import EditRefused
from records import Decision, Verdict
from tasks.safe_text import inert
from triggers.errors import Transient
from triggers.reconcile.resume import resume

WAY = "cli"


class BadEdit(DeploymentError):
    """`--set` was not `field=value`, or the field may not be changed like that."""


def typed(
    decision: Verdict, *, by: str, notes: str, digest: str | None, edits: Mapping[str, JsonValue] | None = None
) -> Word:
    """The word of the user of this terminal, whom nobody has verified."""
    return Word(decision=decision, by=by, verified=False, way=WAY, notes=notes, digest=digest, edits=edits or {})


async def decide_and_wake(
    word: Word, gate: tuple[str, str], *, flow_run_id: str, project_id: int, connection: Connection
) -> Decision:
    """Decide the gate (run, node), and wake the run where this very word decided. Raises `BadEdit`."""
    try:
        decision = await decide_gate(word, gate, project_id=project_id, records=connection.records)
    except EditRefused as exc:
        raise BadEdit(str(exc)) from exc
    if decision.applied:
        # Where Prefect is away, the decision stands and the platform's own loop wakes the run.
        with suppress(Transient):
            await resume(connection.prefect, flow_run_id)
    return decision


def tell(decision: Decision) -> None:
    """Print what became of it; the names in it are what somebody typed."""
    console.print(inert(decision.reason), markup=False, highlight=False)
