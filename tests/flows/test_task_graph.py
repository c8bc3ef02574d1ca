"""The graph on a run's page in Prefect: nodes once, with edges, over waits, retries and a dead worker."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.states import AwaitingRetry

from agents.sandbox.port import AgentFailure, AgentResult
from compiler.plan import ApprovalRule, Foreach, Retries


async def graph(bench: Any, flow_run: Any, count: int) -> dict[str, set[str]]:
    """Label -> labels of what it came after, once Prefect has all task runs; it takes them in a little later."""
    deadline = time.monotonic() + 60
    nodes: list[tuple[str, dict[str, Any]]] = []
    while time.monotonic() < deadline:
        found = (await bench.client._client.get(f"/flow_runs/{flow_run.id}/graph-v2")).json()
        nodes = found["nodes"]
        if len(nodes) >= count:
            break
        await asyncio.sleep(0.2)
    labels = {node_id: node["label"] for node_id, node in nodes}
    assert len(set(labels.values())) == len(nodes) == count, labels
    return {node["label"]: {labels[parent["id"]] for parent in node["parents"]} for _, node in nodes}


async def states(bench: Any, flow_run: Any) -> dict[str, str]:
    """Label -> state, of the task runs that no process executes."""
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
    found = await bench.client.read_task_runs(flow_run_filter=mine)
    return {each.name: each.state.name for each in found if each.dynamic_key == str(each.id)}


async def approve(bench: Any, flow_run: Any) -> None:
    approval = await bench.records.approval((await bench.record(flow_run)).id, "fix")
    await bench.records.decide(approval.id, decision="APPROVED", by="kim", verified=True, channel="api")
    await bench.resume(flow_run)


async def test_edges_are_drawn_over_a_wait_items_retries_and_a_skipped_node(bench: Any, node: Any) -> None:
    slow = AgentResult(failure=AgentFailure(kind="timeout", message="slow"))
    bench.sandbox.answer("scan", slow, AgentResult(output={"all": [1, 2]}))
    for name in ("each", "fix", "tell"):
        bench.sandbox.answer(name, {})
    plan = await bench.deploy(
        node("scan", retries=Retries(max=1, backoff_seconds=0)),
        node("each", "scan", foreach=Foreach(items="{{ nodes.scan.output.all }}")),
        node("never", "scan", when="{{ context.no == 1 }}"),
        node("fix", "each", gate=ApprovalRule(), risk="APPROVAL_REQUIRED"),
        node("tell", "fix"),
        name="graph-over-a-wait",
    )
    flow_run = await bench.start(plan, context={"no": 2})
    assert (await bench.execute(flow_run)).is_paused()
    first = await graph(bench, flow_run, 6)
    assert await states(bench, flow_run) == {"fix approval": "Waiting for approval", "never": "Skipped"}
    await approve(bench, flow_run)
    state = await bench.execute(flow_run)

    assert state.is_completed(), state.message
    assert first == {
        "scan": set(),
        "scan (retry 1)": {"scan"},
        "each[0]": {"scan (retry 1)"},
        "each[1]": {"scan (retry 1)"},
        "never": {"scan (retry 1)"},
        "fix approval": {"each[0]", "each[1]"},
    }
    assert await graph(bench, flow_run, 8) == {**first, "fix": {"fix approval"}, "tell": {"fix"}}
    assert await states(bench, flow_run) == {"fix approval": "Approved", "never": "Skipped"}


async def test_a_node_whose_worker_died_stands_there_once(bench: Any, node: Any) -> None:
    for name in ("scan", "tell"):
        bench.sandbox.answer(name, {})
    flow_run = await bench.start(await bench.deploy(node("scan"), node("tell", "scan"), name="graph-taken-over"))
    whole = bench.services
    dying = DiesAt("tell", whole.sandbox)
    bench.services = replace(whole, sandbox=dying)
    execution = asyncio.create_task(bench.execute(flow_run))
    await asyncio.wait_for(dying.reached.wait(), 60)
    assert await graph(bench, flow_run, 2) == {"scan": set(), "tell": {"scan"}}
    # Nothing more is heard of the first worker; a second one takes the run over.
    bench.services = whole
    await bench.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
    assert (await bench.execute(flow_run)).is_completed()

    assert await graph(bench, flow_run, 2) == {"scan": set(), "tell": {"scan"}}
    execution.cancel()
    await asyncio.gather(execution, return_exceptions=True)


class DiesAt:
    """A sandbox that never comes back from a node."""

    def __init__(self, node_id: str, inner: Any) -> None:
        self.node_id, self.inner = node_id, inner
        self.reached = asyncio.Event()

    async def run(self, request: Any, *args: Any, **more: Any) -> Any:
        if request.node_id == self.node_id:
            self.reached.set()
            await asyncio.Event().wait()
        return await self.inner.run(request, *args, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)
