"""Schedules of a running platform, started by the clock and by nothing else."""

from __future__ import annotations

import asyncio
import itertools
import time

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
    starts = sorted(run.started_at for run in runs)
    for earlier, later in itertools.pairwise(starts):
        assert 55 < (later - earlier).total_seconds() < 65


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
