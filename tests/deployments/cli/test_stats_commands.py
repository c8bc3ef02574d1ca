"""`stats` shows the totals that the dashboards show."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from forked_command import run_command

from compiler.catalogue import ActionSpec, AgentSpec
from observability.metrics.definitions import APPROVAL_RESPONSE, RUN_DURATION, RUNS_STARTED, Sample
from records import Records, upgrade
from records.measures.totals import count
from records.runs.run import EndStatus


async def _fill(url: str) -> None:
    await upgrade(url)
    async with await Records.open(url) as records:
        action = ActionSpec(name="work", input_schema={}, output_schema={})
        agent = AgentSpec(
            name="scanner", type="SCRIPT", version="1", risk="AUTO", entry_path="x", actions={"work": action}
        )
        await records.register_agent(1, agent)
        ends: list[tuple[EndStatus, int]] = [("SUCCESS", 80), ("SUCCESS", 90), ("FAILED", 4_000)]
        for status, duration in ends:
            agent_run, _ = await records.start_attempt(agent_name="scanner", inputs={}, project_id=1)
            await records.finish_agent_run(agent_run, status=status, duration_ms=duration, memory_kb=40_000)
        async with records._db.write() as connection:
            await count(
                connection,
                Sample(metric=RUNS_STARTED, labels=("audit", "graph.file.updated"), count=4),
                Sample(metric=RUN_DURATION, labels=("audit", "SUCCESS"), value=1_000, count=3),
                Sample(metric=RUN_DURATION, labels=("audit", "FAILED"), value=5_000),
                Sample(metric=APPROVAL_RESPONSE, labels=("audit", "true"), value=60_000),
            )


def test_numbers_of_runs_agents_approvals_and_events(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    asyncio.run(_fill(url))
    done = run_command(["stats", "--database-url", url, "--json"])
    assert done.returncode == 0, done.stderr
    stats = json.loads(done.stdout)
    (workflow,) = stats["workflows"]
    assert (workflow["started"], workflow["failed"], workflow["success"], workflow["mean_ms"]) == (
        4,
        1,
        "75 %",
        2_000,
    )
    (agent,) = stats["agents"]
    assert (agent["executions"], agent["failed"], agent["p50_ms"], agent["p95_ms"]) == (
        3,
        "33 %",
        "<= 100",
        "<= 5000",
    )
    assert agent["memory_p95_mb"] == "<= 64"
    assert stats["approvals"][0]["approved"] == 1
    assert stats["events"][0] == {"event": "graph.file.updated", "became": "runs", "count": 4}
    table = run_command(["stats", "--database-url", url])
    assert "# agents" in table.stdout
    assert "scanner\t3\t33 %" in table.stdout
