"""Events that come within a second -> runs that get their slots in the order in which the events came, each time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nats
import pytest

AGENT = Path(__file__).parent / "agents" / "misbehaving"
WORKFLOW = """\
name: in-order-{rule}
trigger: {{event: order.{rule}.came}}
context:
  type: object
  properties: {{batch: {{type: string}}, place: {{type: integer}}}}
  required: [batch, place]
concurrency: {{limit: 1, key: "{{{{ context.batch }}}}", onConflict: {rule}}}
nodes:
  - {{id: work, agent: misbehaving, action: behave, approvalRequired: {gated}}}
"""
TIMES = 5


@pytest.fixture
def deploy(platform: Any, tmp_path: Path) -> Callable[..., str]:
    platform.cli("agents", "register", str(AGENT))

    def deploy(rule: str, *, gated: bool) -> str:
        file = tmp_path / f"{rule}.yaml"
        file.write_text(WORKFLOW.format(rule=rule, gated=str(gated).lower()))
        platform.cli("deploy", str(file))
        return f"order.{rule}.came"

    return deploy


async def publish(platform: Any, subject: str, batch: str, count: int) -> None:
    """Events 1 to `count`, one after the other, within a second."""
    client = await nats.connect(platform.addresses.nats_url)
    try:
        stream = client.jetstream()
        for n in range(1, count + 1):
            await stream.publish(subject, json.dumps({"projectId": 1, "batch": batch, "place": n}).encode())
    finally:
        await client.close()


async def runs_until(connection: Any, workflow: str, settled: Callable[[list[Any]], bool]) -> list[Any]:
    deadline = time.monotonic() + 400
    found: list[Any] = []
    while time.monotonic() < deadline:
        found = await connection.records.runs(1, workflow=workflow, limit=200)
        if settled(found):
            return found
        await asyncio.sleep(0.5)
    raise AssertionError([(run.context["batch"], run.context["place"], run.status, run.message) for run in found])


def of(found: list[Any], batch: int) -> list[Any]:
    return [run for run in found if run.context["batch"] == str(batch)]


async def test_eight_events_within_a_second_are_worked_on_in_their_order(platform, deploy, connection) -> None:
    subject = deploy("queue", gated=False)
    for batch in range(TIMES):
        await publish(platform, subject, str(batch), 8)
    found = await runs_until(
        connection,
        "in-order-queue",
        lambda found: len(found) == 8 * TIMES and all(run.finished_at for run in found),
    )
    assert {run.status for run in found} == {"SUCCESS"}
    for batch in range(TIMES):
        begun = {}
        for run in of(found, batch):
            (agent_run,) = await connection.records.agent_runs(run.id)
            begun[run.context["place"]] = agent_run.started_at
        assert sorted(begun, key=lambda n: begun[n]) == list(range(1, 9)), f"batch {batch}"


async def test_of_four_events_within_a_second_the_newest_cancels_the_older(platform, deploy, connection) -> None:
    subject = deploy("cancel-older", gated=True)
    for batch in range(TIMES):
        await publish(platform, subject, str(batch), 4)

    def settled(found: list[Any]) -> bool:
        return len(found) == 4 * TIMES and all(
            run.finished_at or run.status == "WAITING_APPROVAL" for run in found
        )

    await runs_until(connection, "in-order-cancel-older", settled)
    # One that waits may still be cancelled by a newer one that has not asked yet.
    found = await runs_until(
        connection,
        "in-order-cancel-older",
        lambda found: settled(found) and sum(not run.finished_at for run in found) == TIMES,
    )
    for batch in range(TIMES):
        ends = {run.context["place"]: run for run in of(found, batch)}
        assert [n for n in ends if ends[n].status == "WAITING_APPROVAL"] == [4], f"batch {batch}"
        for n in (1, 2, 3):
            assert ends[n].message.startswith("cancelled: the newer run"), ends[n].message
