"""Workflow `concurrency` on a whole platform: the worker, the queue of Prefect, and what wakes it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

AGENT = Path(__file__).parent / "agents" / "misbehaving"
WORKFLOW = """\
name: {name}
concurrency: {{limit: 1, onConflict: {rule}}}
nodes:
  - id: slow
    agent: misbehaving
    action: sleep
    when: "{{{{ context.slow == true }}}}"
    timeoutSeconds: {seconds}
    onFailure: continue
  - {{id: quick, agent: misbehaving, action: behave, dependsOn: [slow]}}
"""
SECONDS = 60.0


@pytest.fixture(scope="module")
def deploy(platform: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    platform.cli("agents", "register", str(AGENT))

    def deploy(rule: str, *, seconds: int) -> str:
        name = f"one-at-a-time-{rule}"
        file = tmp_path_factory.mktemp("workflows") / f"{name}.yaml"
        file.write_text(WORKFLOW.format(name=name, rule=rule, seconds=seconds))
        platform.cli("deploy", str(file))
        return name

    return deploy


async def runs(connection: Any, workflow: str, until: Callable[[list[Any]], bool]) -> list[Any]:
    """The workflow's runs, the oldest first, as soon as they are so."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = list(reversed(await connection.records.runs(1, workflow=workflow)))
        if until(found):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError([(run.status, run.message) for run in found])


def ended(count: int) -> Callable[[list[Any]], bool]:
    return lambda found: len(found) == count and all(run.finished_at for run in found)


async def test_runs_in_the_queue_follow_each_other_at_once_and_never_overlap(platform, deploy, connection) -> None:
    workflow = deploy("queue", seconds=2)
    # Not by the command line: three of its starts may take as long as three runs.
    deployment = await connection.prefect.read_deployment_by_name(f"{workflow}/project-1")
    for _ in range(3):
        parameters = {"context": {"slow": True}}
        await connection.prefect.create_flow_run_from_deployment(deployment.id, parameters=parameters)
    found = await runs(connection, workflow, ended(3))
    assert [run.status for run in found] == ["SUCCESS"] * 3
    spans = []
    for run in found:
        attempts = await connection.records.agent_runs(run.id)
        spans.append((min(each.started_at for each in attempts), run.finished_at))
    spans.sort()
    for (_, end), (begin, _) in pairwise(spans):
        assert 0 <= (begin - end).total_seconds() < 5


async def test_the_newest_run_takes_the_place_of_one_that_works(platform, deploy, connection) -> None:
    workflow = deploy("cancel-older", seconds=300)
    platform.cli("trigger", workflow, "--context", "slow=true")
    (older,) = await runs(connection, workflow, lambda found: bool(found) and found[0].status == "RUNNING")
    platform.cli("trigger", workflow, "--context", "slow=false")
    first, second = await runs(connection, workflow, ended(2))
    assert (first.id, first.status, second.status) == (older.id, "FAILED", "SUCCESS")
    assert "cancelled" in first.message
    assert (await connection.prefect.read_flow_run(first.flow_run_id)).state.is_cancelled()
