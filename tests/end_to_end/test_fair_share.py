"""Four hundred events of one project, and one of another: it does not wait behind them."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Any

import nats

from deployments.stack.connection import connect_to

AGENT = Path(__file__).parent / "agents" / "misbehaving"
WORKFLOW = """\
name: short
trigger: {event: order.came}
nodes:
  - {id: work, agent: misbehaving, action: behave}
"""
MANY = 400
SECONDS = 300.0
GENEROUS = 5.0
"""How much longer than alone its start may take on a machine that is loaded anyway; an idle one needs less than 2."""


async def test_a_run_of_one_project_starts_while_four_hundred_events_of_another_wait(
    own_platform: Any, tmp_path: Path
) -> None:
    platform = own_platform
    file = tmp_path / "short.yaml"
    file.write_text(WORKFLOW)
    clients: dict[int, Any] = {}
    for project in (1, 2):
        platform.cli("agents", "register", str(AGENT), "--project", str(project))
        platform.cli("deploy", str(file), "--project", str(project))
        added = platform.cli("publishers", "add", f"shop-{project}", "--project", str(project), "--json")
        clients[project] = await nats.connect(json.loads(added.stdout)["url"])
    publishers = {project: client.jetstream() for project, client in clients.items()}
    async with connect_to(platform.addresses) as connection:
        records = connection.records

        async def one() -> float:
            """Seconds from an event of project 2 to the start of its run, which has then ended."""
            before = len(await records.runs(2, limit=100))
            began = time.time()
            await publishers[2].publish("order.came", b"{}")
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                found = await records.runs(2, limit=100)
                if len(found) > before and found[0].finished_at is not None:
                    assert found[0].status == "SUCCESS", found[0].message
                    assert found[0].triggered_by == "publisher:shop-2"
                    return found[0].started_at.timestamp() - began
                await asyncio.sleep(0.05)
            raise AssertionError("the run of project 2 did not end")

        await one()  # what is loaded once is loaded
        alone = statistics.median([await one() for _ in range(3)])
        for _ in range(MANY):
            await publishers[1].publish("order.came", b"{}")
        async with asyncio.timeout(SECONDS):
            while True:
                if any(run.status == "RUNNING" for run in await records.runs(1, limit=5)):
                    break
                await asyncio.sleep(0.05)
        beside = statistics.median([await one() for _ in range(3)])
        left = MANY - len([run for run in await records.runs(1, limit=MANY) if run.finished_at is not None])
    print(f"alone {alone:.2f} s, beside {beside:.2f} s, ratio {beside / alone:.1f}; {left} of project 1 left")
    # It came last, and passed those that came before.
    assert left > MANY // 4
    assert beside < max(GENEROUS * alone, 2.0)
    for each in clients.values():
        await each.close()
