"""Schedules whose platform was down for minutes, by the real clock."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from deployments.stack.connection import connect_to

_WORKFLOW = """\
name: minutely-{policy}
trigger:
  schedule: "* * * * *"
  missed: {policy}
nodes:
  - id: check
    agent: compliance-checker
    action: auditProject
    inputs: {{projectId: "{{{{ context.projectId }}}}", standards: [SOC2]}}
"""
POLICIES = ("skip", "once", "all")
DOWN_SECONDS = 220


async def planned(connection: Any, *, seconds: float = 240) -> None:
    """Prefect has planned runs of all three schedules ahead."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        runs = await connection.prefect.read_flow_runs(limit=200)
        ahead = datetime.now(UTC) + timedelta(seconds=DOWN_SECONDS)
        minutely = [run for run in runs if run.parameters.get("trigger") == "schedule:* * * * *"]
        far = [run for run in minutely if run.auto_scheduled and run.expected_start_time > ahead]
        if len({run.deployment_id for run in far}) == len(POLICIES):
            return
        await asyncio.sleep(1)
    raise AssertionError("Prefect has planned nothing ahead")


async def test_after_an_outage_each_schedule_does_what_its_policy_says(own_platform, tmp_path) -> None:
    for policy in POLICIES:
        file = tmp_path / f"{policy}.yaml"
        file.write_text(_WORKFLOW.format(policy=policy))
        own_platform.cli("deploy", str(file))
    async with connect_to(own_platform.addresses) as connection:
        await planned(connection)
    own_platform.kill_everything()
    killed = datetime.now(UTC)
    await asyncio.sleep(DOWN_SECONDS)
    own_platform.start_again()
    back = datetime.now(UTC)
    async with connect_to(own_platform.addresses) as connection:
        missed = {policy: await _missed(connection, policy, killed, back) for policy in POLICIES}
    ended = {policy: [run.status for _, run in found] for policy, found in missed.items()}
    assert all(len(found) >= 2 for found in missed.values()), ended
    assert set(ended["all"]) == {"SUCCESS"}, [run.message for _, run in missed["all"]]
    for (_, earlier), (_, later) in pairwise(missed["all"]):
        assert earlier.finished_at < later.finished_at
    assert ended["skip"] == ["FAILED"] * len(ended["skip"])
    assert {run.message.split(":")[0] for _, run in missed["skip"]} == {"skipped"}
    assert ended["once"] == ["FAILED"] * len(ended["once"])
    assert all("was due again at" in run.message for _, run in missed["once"])
    # The newest of the backlog was done, though: that is the run due right before the platform was back, or after.
    async with connect_to(own_platform.addresses) as connection:
        await _one_success(connection, "minutely-once", since=back)


async def _missed(connection: Any, policy: str, killed: datetime, back: datetime) -> list[tuple[datetime, Any]]:
    """The runs due while the platform was down, but for the last minute, by due time, as soon as all have ended."""
    deadline = time.monotonic() + 240
    until = back - timedelta(seconds=80)
    expected = int(until.timestamp() // 60) - int(killed.timestamp() // 60)
    due: list[tuple[datetime, Any]] = []
    while time.monotonic() < deadline:
        runs = await connection.records.runs(1, workflow=f"minutely-{policy}", limit=100)
        due = sorted(
            ((moment, run) for run in runs if killed < (moment := _due(run)) < until),
            key=lambda each: each[0],
        )
        if len(due) == expected and all(run.finished_at for _, run in due):
            return due
        await asyncio.sleep(1)
    raise AssertionError([(moment, run.status, run.message) for moment, run in due])


async def _one_success(connection: Any, workflow: str, *, since: datetime) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        runs = await connection.records.runs(1, workflow=workflow, status="SUCCESS", limit=50)
        if any(run.started_at > since - timedelta(seconds=60) for run in runs):
            return
        await asyncio.sleep(1)
    raise AssertionError("no run after the outage")


def _due(run: Any) -> datetime:
    return datetime.fromisoformat(run.context["scheduledAt"])
