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

from fault_harness.totals import differences

from records import Records

WRITER = """
import asyncio, sys, uuid
from datetime import UTC, datetime
from compiler.plan import ApprovalRule
from records import Records

async def main(url, digest):
    async with await Records.open(url) as records:
        async def work(name):
            for number in range(10_000):
                flow, received = str(uuid.uuid4()), datetime.now(UTC)
                place = uuid.UUID(flow).int >> 70
                async def arrive():  # as a listener does that was killed, and does it again
                    for _ in range(2):
                        await records.record_event(
                            "S", place, subject="a.b", workflow="audit", flow_run_id=flow, received_at=received)
                if number % 2:
                    await arrive()
                run = await records.start_run(
                    flow_run_id=flow, plan_digest=digest, trigger="a.b", context={})
                agent_run, _ = await records.start_attempt(
                    run_id=run, node_id="scan", agent_name="scanner", inputs={}, action="work")
                status = "SUCCESS" if number % 3 else "FAILED"
                await records.finish_agent_run(
                    agent_run, status=status, duration_ms=number, failure_kind=None if number % 3 else "exit",
                    denied_egress=["a:1"] * (number % 4), memory_kb=number << 12, cpu_ms=number * 3)
                if number % 4 == 0:
                    await records.open_gate(
                        run_id=run, node_id="fix", digest="sha256:1", card={}, rule=ApprovalRule())
                if number % 8 == 0:
                    await records.decide(
                        (run, "fix"), decision="APPROVED", by="Ann", verified=True, channel="http")
                    await records.start_attempt(  # never ended by itself
                        run_id=run, node_id="fix", agent_name="patcher", inputs={}, action="work",
                        approved="sha256:1")
                await records.finish_run(run, status)
                await arrive()
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
    ended = [run for run in runs if run.finished_at]
    assert len(ended) >= KILLS
    assert await differences(records) == []
    wanted = Counter({"workflow.audit started": len(runs), "workflow.audit": len(ended)})
    for run in runs:
        told = [each for each in await records.agent_runs(run.id) if each.finished_at]
        wanted.update(f"agent.{each.agent_name}.work" for each in told)
    names = Counter(each.span.name for each in await records.waiting_spans(100_000))
    others = {name: names.pop(name) for name in ("event.intake", "approval.fix")}
    assert min(others.values()) > 0
    assert names == wanted
