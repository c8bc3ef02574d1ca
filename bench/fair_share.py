"""`python bench/fair_share.py`: how long a run of one project takes to start beside hundreds of events of another.

Both in one life of the platform, by turns: the same event of project 2 alone, then while project 1 has a backlog. Times
are seconds from the publish: `created` in Prefect, `claimed` and `running` there, `started` on record (the listener's,
Prefect's and the worker's part), and `ended`. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import nats
from scale.platform import AGENT, Up

from deployments.stack.connection import StackConnection, connect_to

_CONTEXT = {"type": "object", "required": ["number"], "properties": {"number": {"type": "integer"}}}
_WORKFLOW = {
    "name": "short",
    "trigger": {"event": "order.came"},
    "context": _CONTEXT,
    "nodes": [
        {"id": "work", "agent": "counter", "action": "count", "inputs": {"number": "{{ context.number }}"}},
    ],
}
_EVENT = b'{"number": 1}'
_SECONDS = 600
_STATES = {"Pending": "claimed", "Running": "running"}


async def measure(folder: Path, *, backlog: int, repeats: int) -> dict[str, Any]:
    """Medians alone and beside the backlog, and their ratio."""
    up = Up(folder)
    try:
        await up.start()
        file = folder / "short.yaml"
        file.write_text(json.dumps(_WORKFLOW), encoding="utf-8")  # JSON is YAML
        streams: dict[int, Any] = {}
        for project in (1, 2):
            await up.cli("agents", "register", str(AGENT), "--project", str(project))
            await up.cli("deploy", str(file), "--project", str(project))
            said = await up.cli("publishers", "add", f"shop-{project}", "--project", str(project), "--json")
            streams[project] = (await nats.connect(json.loads(said)["url"])).jetstream()
        async with connect_to(up.addresses) as connection:
            for project in (2, 1, 2):
                await _one(connection, streams[project], project)  # what is loaded once is loaded
            alone = [await _one(connection, streams[2], 2) for _ in range(repeats)]
            began, ended_before = time.monotonic(), await _ended(connection)
            for _ in range(backlog):
                await streams[1].publish("order.came", _EVENT)
            await asyncio.sleep(2)
            beside: list[dict[str, float]] = []
            for _ in range(repeats):
                beside.append(await _one(connection, streams[2], 2))
                await asyncio.sleep(1)
            ended, seconds = await _ended(connection) - ended_before, time.monotonic() - began
            assert ended < backlog, "the backlog was gone before the last event"
            while await _ended(connection) - ended_before < backlog:  # noqa: ASYNC110 - it is in another process
                await asyncio.sleep(0.5)
            in_all = time.monotonic() - began
    finally:
        await up.stop()
    medians = {name: _medians(each) for name, each in (("alone", alone), ("beside", beside))}
    ratios = {stage: round(medians["beside"][stage] / medians["alone"][stage], 1) for stage in medians["alone"]}
    return {
        **medians,
        "ratios": ratios,
        "runs a second of the backlog while events of another came": round(ended / seconds, 2),
        "runs a second of the backlog in all": round(backlog / in_all, 2),
    }


async def _one(connection: StackConnection, stream: Any, project: int) -> dict[str, float]:
    """The stages of one event's run, in seconds from its publish."""
    records = connection.records
    before = {each.id for each in await records.runs(project, limit=50)}
    began = time.time()
    await stream.publish("order.came", _EVENT)
    while time.time() < began + _SECONDS:
        found = [each for each in await records.runs(project, limit=50) if each.id not in before]
        if found and found[0].finished_at is not None:
            run = found[0]
            assert run.status == "SUCCESS", run.message
            flow_run = UUID(str(run.flow_run_id))
            created = await connection.prefect.read_flow_run(flow_run)
            assert created.created is not None
            stages = {"created": created.created.timestamp() - began}
            for state in await connection.prefect.read_flow_run_states(flow_run):
                if stage := _STATES.get(str(state.name)):
                    stages[stage] = state.timestamp.timestamp() - began
            stages["started"] = run.started_at.timestamp() - began
            stages["ended"] = run.finished_at.timestamp() - began
            return stages
        await asyncio.sleep(0.05)
    raise RuntimeError(f"no run of project {project} has ended within {_SECONDS} s")


async def _ended(connection: StackConnection) -> int:
    return sum(each.finished_at is not None for each in await connection.records.runs(1, limit=5_000))


def _medians(stages: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(each[name] for each in stages), 3) for name in stages[0]}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backlog", type=int, default=400, help="events of project 1")
    parser.add_argument("--repeats", type=int, default=5, help="events of project 2, alone and beside")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-fair-") as folder:
        print(
            json.dumps(
                asyncio.run(measure(Path(folder), backlog=options.backlog, repeats=options.repeats)), indent=1
            )
        )


if __name__ == "__main__":
    main()
