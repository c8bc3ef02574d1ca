"""A decision typed at a terminal -> recorded for its gate, and the run that waits for it is resumed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from pydantic import JsonValue

from deployments.cli.output import console
from deployments.errors import DeploymentError
from deployments.stack.connection import StackConnection
from operations.decide import DecisionRequest, decide_gate
from operations.edit_inputs import EditRefused
from operations.errors import TransientTriggerError
from records import Decision, DecisionValue
from tasks.safe_text import safe_text

CHANNEL = "cli"


class InvalidEdit(DeploymentError):
    """`--set` was not `field=value`, or the field may not be changed like that."""


def typed(
    decision: DecisionValue,
    *,
    by: str,
    notes: str,
    digest: str | None,
    edits: Mapping[str, JsonValue] | None = None,
    verified: bool = False,
) -> DecisionRequest:
    """The decision as a request; without a token, the name of the user of this terminal is not verified."""
    return DecisionRequest(
        decision=decision, by=by, verified=verified, channel=CHANNEL, notes=notes, digest=digest, edits=edits or {}
    )


async def decide_and_wake(
    word: DecisionRequest, gate: tuple[str, str], *, flow_run_id: str, project_id: int, connection: StackConnection
) -> Decision:
    """Decide the gate (run, node), and resume the run where this decision closed it. Raises `InvalidEdit`."""
    try:
        decision = await decide_gate(word, gate, project_id=project_id, records=connection.records)
    except EditRefused as exc:
        raise InvalidEdit(str(exc)) from exc
    if decision.applied:
        from triggers.reconcile.resume import resume  # with Prefect

        # Where Prefect does not answer, the decision stands and the reconciler resumes the run.
        with suppress(TransientTriggerError):
            await resume(connection.prefect, flow_run_id)
    return decision


def tell(decision: Decision) -> None:
    """Print the result of the decision; the names in it are what somebody typed, so they are shown as safe text."""
    console.print(safe_text(decision.reason), markup=False, highlight=False)
