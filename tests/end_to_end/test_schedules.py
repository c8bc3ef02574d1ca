"""Schedules of a running platform, started by the clock and by nothing else."""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import datetime

_WORKFLOW = """\
name: every-minute
trigger:
  schedule: "* * * * *"
nodes:
  - id: check
    agent: compliance-checker
    action: auditProject
    inputs:
      projectId: "{{ context.projectId }}"
      standards: ["SOC2"]
"""


async def test_the_clock_starts_a_run_each_minute(platform, connection, tmp_path) -> None:
    file = tmp_path / "every-minute.yaml"
    file.write_text(_WORKFLOW)
    platform.cli("deploy", str(file))
    try:
        runs = await _ended_runs(connection, at_least=2, seconds=200)
    finally:
        deployment = await connection.prefect.read_deployment_by_name("every-minute/project-1")
        await connection.prefect.delete_deployment(deployment.id)
    assert [run.status for run in runs] == ["SUCCESS"] * len(runs)
    assert {run.trigger for run in runs} == {"schedule:* * * * *"}
    due = sorted(datetime.fromisoformat(run.context["scheduledAt"]) for run in runs)
    assert {(later - earlier).total_seconds() for earlier, later in itertools.pairwise(due)} == {60}
    for run in runs:
        # As soon as a busy machine can. Prefect rounds the time to wait to whole seconds, so half of one is not early.
        assert -0.6 < (run.started_at - datetime.fromisoformat(run.context["scheduledAt"])).total_seconds() < 30


async def _ended_runs(connection, *, at_least: int, seconds: float):
    deadline = time.monotonic() + seconds
    found = []
    while time.monotonic() < deadline:
        found = [run for run in await connection.records.runs(1, limit=50) if run.workflow_name == "every-minute"]
        ended = [run for run in found if run.status in ("SUCCESS", "FAILED")]
        if len(ended) >= at_least:
            return ended
        await asyncio.sleep(1)
    raise AssertionError(f"the clock started {len(found)} runs in {seconds} s")
