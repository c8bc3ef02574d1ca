"""What the records know of earlier executions of a run -> where this one goes on.

Only what an agent really did is taken over. Skips, refusals and rejections are worked out again from it: they follow
from the plan, the outputs and the approvals' rows, and so come out the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from compiler.plan import Plan
from records import NodeResult, Records
from tasks.outcome import NodeOutcome, failed
from tasks.services import RunRef


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What need not be done again."""

    ended: Mapping[str, NodeOutcome]
    items: Mapping[str, Mapping[int | None, JsonValue]]
    """Outputs of single items of `foreach` nodes that have not ended as a whole."""


async def load_checkpoint(plan: Plan, run: RunRef, records: Records, *, retry_failed: bool) -> Checkpoint:
    """Read the progress. `retry_failed`: nodes that failed are run again, as a person asked for it."""
    ended: dict[str, NodeOutcome] = {}
    items: dict[str, dict[int | None, JsonValue]] = {}
    for (node_id, item), result in (await records.node_results(run.run_id)).items():
        if item is not None:
            if result.status == "SUCCESS":
                items.setdefault(node_id, {})[item] = result.output
        elif result.status == "SUCCESS":
            ended[node_id] = NodeOutcome(status="SUCCESS", output=result.output)
        elif _failed_for_good(plan, result) and not retry_failed:
            ended[node_id] = failed(plan.node(node_id), result.reason or "no reason on record")
    return Checkpoint(ended=ended, items=items)


def _failed_for_good(plan: Plan, result: NodeResult) -> bool:
    """An agent failed, and a crash did not cut its further attempts off."""
    if result.status != "FAILED" or result.agent_run_id is None:
        return False
    return result.attempt > plan.node(result.node_id).retries.max
