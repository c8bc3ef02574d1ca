"""What metrics and traces cost: CPU time of the records' part of a run of five nodes, without, with one, with both.

The rounds alternate, and CPU time is compared rather than time, so that other work on the machine matters little.
Writes docs/reports/observing.md. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from compiler.catalogue import ActionSpec, AgentSpec
from compiler.plan import Plan, PlanNode
from observability.traces.otlp import encode
from records import Records, upgrade

REPORT = Path(__file__).parents[1] / "docs" / "reports" / "observing.md"
NODES = 5
_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


async def _nothing(*_: object) -> None:
    """Counts nothing."""


async def _prepare(records: Records) -> Plan:
    action = ActionSpec(name="work", input_schema={}, output_schema={})
    agent = AgentSpec(name="a", type="RULE", version="1", risk="AUTO", entry_path="x", actions={"work": action})
    await records.register_agent(1, agent)
    nodes = tuple(
        PlanNode(
            id=f"n{number}",
            agent="a",
            agent_type="RULE",
            agent_version="1",
            entry_path="x",
            action="work",
            risk="AUTO",
            inputs={},
            input_schema={},
            output_schema={},
        )
        for number in range(NODES)
    )
    plan = Plan(name="w5", project_id=1, nodes=nodes, trigger_source={"event": "bench"})
    await records.save_workflow(plan)
    return plan


async def _run(records: Records, plan: Plan) -> None:
    """What a worker writes for one run."""
    run = await records.start_run(flow_run_id=str(uuid4()), plan_digest=plan.digest, trigger="bench", context={})
    token = await records.claim_run(run)
    await records.set_run_status(run, "RUNNING", fencing_token=token)
    for node in plan.nodes:
        agent_run, _ = await records.start_attempt(
            run_id=run, node_id=node.id, agent_name="a", inputs={}, action="work", fencing_token=token
        )
        await records.finish_agent_run(
            agent_run,
            status="SUCCESS",
            output={"x": 1},
            duration_ms=5,
            memory_kb=9_000,
            cpu_ms=4,
            fencing_token=token,
        )
    await records.finish_run(run, "SUCCESS", fencing_token=token)


async def _export(records: Records) -> None:
    """What the listener does with the spans, without the network."""
    while waiting := await records.waiting_spans():
        encode([each.span for each in waiting], resource={})
        await records.mark_exported([each.id for each in waiting])


async def _spent(records: Records, work: Callable[[], Coroutine[Any, Any, None]], times: int) -> float:
    """CPU milliseconds for each run."""
    began = time.process_time()
    for _ in range(times):
        await work()
    await _export(records)
    return (time.process_time() - began) * 1_000 / times


async def measure(*, rounds: int, times: int) -> dict[str, list[float]]:
    """Variant -> CPU milliseconds per run, of each round."""
    found: dict[str, list[float]] = {"nothing": [], "metrics": [], "metrics and traces": []}
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/records.db"
        await upgrade(url)
        os.environ.pop(_ENDPOINT, None)
        async with await Records.open(url) as plain:
            os.environ[_ENDPOINT] = "http://127.0.0.1:4318"
            async with await Records.open(url) as traced:
                plan = await _prepare(plain)
                for number in range(rounds + 1):
                    with (
                        patch.multiple("records.measures.ended", count=_nothing),
                        patch.multiple("records.runs.run_store", count=_nothing),
                    ):
                        nothing = await _spent(plain, lambda: _run(plain, plan), times)
                    metrics = await _spent(plain, lambda: _run(plain, plan), times)
                    both = await _spent(traced, lambda: _run(traced, plan), times)
                    if number:  # the first one warms up
                        for name, value in zip(found, (nothing, metrics, both), strict=True):
                            found[name].append(value)
                await plain.fold_totals(at_least=1)
    return found


def write(found: dict[str, list[float]], *, times: int) -> str:
    """The page."""
    plain = statistics.median(found["nothing"])
    lines = [
        "# What observing costs",
        "",
        f"`bench/observing.py`: CPU time of the records for a run of {NODES} nodes on SQLite, {times} runs in each of",
        f"{len(found['nothing'])} alternating rounds, median (lowest to highest). Tracing includes its export.",
        "",
        "| with | ms of CPU per run | more |",
        "|---|---|---|",
    ]
    for name, values in found.items():
        median = statistics.median(values)
        span = f"{median:.2f} ({min(values):.2f} to {max(values):.2f})"
        lines.append(f"| {name} | {span} | {median - plain:.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=40)
    options = parser.parse_args()
    found = asyncio.run(measure(rounds=options.rounds, times=options.times))
    page = write(found, times=options.times)
    REPORT.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
