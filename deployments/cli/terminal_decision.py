"""A person's word at a terminal -> the gate's row, and the run that waits for it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from pydantic import JsonValue

from deployments.cli.output import console
from deployments.errors import DeploymentError
from deployments.stack.connection import Connection
from operations.decide import DecisionRequest, decide_gate
from operations.edit_inputs import EditRefused
from operations.errors import TransientTriggerError
from records import Decision, DecisionVerdict
from tasks.safe_text import safe_text
from triggers.reconcile.resume import resume

CHANNEL = "cli"


class InvalidEdit(DeploymentError):
    """`--set` was not `field=value`, or the field may not be changed like that."""


def typed(
    decision: DecisionVerdict,
    *,
    by: str,
    notes: str,
    digest: str | None,
    edits: Mapping[str, JsonValue] | None = None,
) -> DecisionRequest:
    """The word of the user of this terminal, whom nobody has verified."""
    return DecisionRequest(
        decision=decision, by=by, verified=False, channel=CHANNEL, notes=notes, digest=digest, edits=edits or {}
    )


async def decide_and_wake(
    word: DecisionRequest, gate: tuple[str, str], *, flow_run_id: str, project_id: int, connection: Connection
) -> Decision:
    """Decide the gate (run, node), and wake the run where this very word decided. Raises `InvalidEdit`."""
    try:
        decision = await decide_gate(word, gate, project_id=project_id, records=connection.records)
    except EditRefused as exc:
        raise InvalidEdit(str(exc)) from exc
    if decision.applied:
        # Where Prefect is away, the decision stands and the platform's own loop wakes the run.
        with suppress(TransientTriggerError):
            await resume(connection.prefect, flow_run_id)
    return decision


def tell(decision: Decision) -> None:
    """Print what became of it; the names in it are what somebody typed."""
    console.print(safe_text(decision.reason), markup=False, highlight=False)
