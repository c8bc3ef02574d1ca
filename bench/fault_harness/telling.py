"""What the platform told about itself, after everything: one whole trace per run, and counters that equal the rows."""

from __future__ import annotations

import asyncio
import time

from fault_harness.totals import differences
from fault_harness.world import CALLED, NAME, World

_EXPORT_SECONDS = 60.0


async def untold(world: World) -> list[str]:
    """What is wrong with traces and metrics; empty when all is well. Nothing is in flight any more."""
    return [
        *await _traces(world),
        *await differences(world.connection.records),
    ]


async def _traces(world: World) -> list[str]:
    waiting = await _not_exported(world)
    faults = [f"{waiting} spans were not exported"] if waiting else world.spans.faults()
    runs = [
        run
        for workflow in (NAME, CALLED)
        for run in await world.connection.records.runs(1, workflow=workflow, limit=100_000)
    ]
    for run in runs:
        spans = world.spans.of_trace((run.flow_run_id or "").replace("-", ""))
        wanted = len([each for each in await world.connection.records.agent_runs(run.id) if each.finished_at])
        found = len([span for span in spans.values() if span.name.startswith("agent.")])
        if wanted != found:
            faults.append(
                f"run of {run.workflow_name} {run.context['number']} has {wanted} agent runs and {found} spans of them"
            )
    return faults


async def _not_exported(world: World) -> int:
    """How many spans still wait after a while."""
    deadline = time.monotonic() + _EXPORT_SECONDS
    while True:
        waiting = (await world.connection.records.live_numbers()).spans
        if not waiting or time.monotonic() > deadline:
            return waiting
        await asyncio.sleep(0.3)
