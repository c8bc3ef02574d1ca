"""A run whose container or process died under one of Prefect's own workers -> back in the queue, three times at most.

Our worker takes over from another of its kind by itself. Prefect's workers (Docker, Kubernetes, process) say of a run
whose infrastructure is gone that it has crashed, and leave it at that. What has finished is on record and not repeated.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import AwaitingRetry

log = logging.getLogger(__name__)

TAKEOVERS = "commandcenter.takeovers"
"""Label of a run: how often it was taken from a dead worker or container."""
MAX_TAKEOVERS = 3
OUR_WORKERS = "commandcenter:"
"""How the `infrastructure_pid` begins of a run that one of our workers executes."""


def takeovers(run: FlowRun) -> int:
    """How often the run was taken over so far."""
    count = run.labels.get(TAKEOVERS, 0)
    return count if isinstance(count, int) else 0


def may_be_taken_over(run: FlowRun) -> bool:
    """Whether the run crashed under a worker of Prefect's, and not too often. A run that was never started did not."""
    return (
        run.state is not None
        and run.state.type == StateType.CRASHED
        and bool(run.infrastructure_pid)
        and not str(run.infrastructure_pid).startswith(OUR_WORKERS)
        and str(run.parameters.get("plan", "")).startswith("sha256:")
        and takeovers(run) < MAX_TAKEOVERS
    )


async def take_over(client: PrefectClient, seen: FlowRun) -> bool:
    """Put the run back into the queue; False where it has changed meanwhile."""
    run = await client.read_flow_run(seen.id)
    if run.state_id != seen.state_id or not may_be_taken_over(run):
        return False
    count = takeovers(run) + 1
    # Counted first: what dies in between counts once too often, and never endlessly.
    await client.update_flow_run_labels(run.id, {TAKEOVERS: count})
    said = run.state.message if run.state is not None and run.state.message else "it crashed"
    state = AwaitingRetry(
        message=f"Taken over (takeover {count} of {MAX_TAKEOVERS}): {said}", scheduled_time=datetime.now(UTC)
    )
    await client.set_flow_run_state(run.id, state, force=True)
    log.warning("Flow run %r (%s) goes on in the queue, takeover %d: %s", run.name, run.id, count, said)
    return True
