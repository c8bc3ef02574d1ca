"""`kill -9` of a process that ends runs: the counters, the spans and the rows tell the same."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from records import Records

WRITER = """
import asyncio, sys, uuid
from records import Records

async def main(url, digest):
    async with await Records.open(url) as records:
        async def work(name):
            for number in range(10_000):
                run = await records.start_run(
                    flow_run_id=str(uuid.uuid4()), plan_digest=digest, trigger="a.b", context={})
                agent_run, _ = await records.start_attempt(
                    run_id=run, node_id="scan", agent_name="scanner", inputs={}, action="work")
                status = "SUCCESS" if number % 3 else "FAILED"
                await records.finish_agent_run(agent_run, status=status, duration_ms=number)
                await records.finish_run(run, status)
                if number % 5 == 0:
                    await records.fold_totals(at_least=2)
                print(name, number, flush=True)
        await asyncio.gather(*(work(name) for name in "abc"))

asyncio.run(main(*sys.argv[1:]))
"""
KILLS = 4


def _write_until_killed(arguments: list[str], env: dict[str, str], seconds: float) -> None:
    command = [sys.executable, "-c", WRITER, *arguments]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline()
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)


async def test_counters_and_spans_equal_the_rows_however_often_the_writer_is_killed(
    records: Records, url: str, make: Any
) -> None:
    plan = make.plan()
    await records.register_agent(1, make.agent("scanner"))
    await records.register_agent(1, make.agent("patcher"))
    await records.save_workflow(plan)
    env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    dice = random.Random(1)
    for _ in range(KILLS):
        await asyncio.to_thread(_write_until_killed, [url, plan.digest], env, dice.uniform(0.05, 0.4))
    runs = await records.runs(1, limit=100_000)
    ended = Counter(("audit", run.status) for run in runs if run.finished_at)
    assert sum(ended.values()) >= KILLS
    agents: Counter[tuple[str, ...]] = Counter()
    for run in runs:
        agents.update(
            (each.agent_name, each.status) for each in await records.agent_runs(run.id) if each.finished_at
        )
    counted: dict[str, Counter[tuple[str, ...]]] = {}
    for total in await records.metric_totals():
        counted.setdefault(total.metric, Counter())[total.labels] += total.count
    assert counted["workflow_run_duration_ms"] == ended
    assert counted["agent_execution_duration_ms"] == agents
    assert counted["commandcenter_runs_started"] == {("audit", "manual"): len(runs)}
    names = Counter(each.span.name for each in await records.waiting_spans(100_000))
    assert names == {
        "workflow.audit started": len(runs),
        "workflow.audit": sum(ended.values()),
        "agent.scanner.work": sum(agents.values()),
    }
