"""What Prefect's page of a run shows beside the attempts: on a real server, over all ways in which nodes end."""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import uuid4

import pytest
from markdown_it import MarkdownIt
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled
from prefect.utilities.names import generate_slug

from agents.sandbox.port import AgentFailure, AgentResult
from compiler.plan import ApprovalRule, Call, Foreach
from deployments.cli.retention_commands import PrefectFlowRuns
from operations.run_acts import cancel_run, retry_run
from operations.run_detail import run_detail
from records import NotFound
from records.approvals.audit import Actor
from tasks.shown_nodes import name_of
from tests.flows.test_task_graph import graph, states
from triggers.reconcile.ended_runs import EndedRuns

KIM = Actor(name="kim", verified=True, channel="api")


async def decide(bench: Any, flow_run: Any, node_id: str, decision: str) -> None:
    approval = await bench.records.approval((await bench.record(flow_run)).id, node_id)
    await bench.records.decide(
        approval.id, decision=decision, by="kim", verified=True, channel="api", notes="no\u202e"
    )


async def artifacts(bench: Any, flow_run: Any) -> dict[str, str]:
    """Title -> Markdown."""
    by_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run.id]))
    return {each.description: each.data for each in await bench.client.read_artifacts(artifact_filter=by_run)}


async def test_every_node_is_on_the_page_however_it_ended(bench: Any, node: Any) -> None:
    bench.sandbox.answer("list", AgentResult(output={"items": [1, 2], "none": []}))
    bench.sandbox.answer("bad", AgentResult(failure=AgentFailure(kind="exit", message="no")))
    plan = await bench.deploy(
        node("list"),
        node("nothing", "list", foreach=Foreach(items="{{ nodes.list.output.none }}")),
        node("lacks", "list", foreach=Foreach(items="{{ nodes.list.output }}")),
        node("bad", "list"),
        node("after", "bad"),
        node("each", "list", foreach=Foreach(items="{{ nodes.list.output.items }}"), gate=ApprovalRule()),
        node("fix", "list", gate=ApprovalRule()),
        name="every-end",
    )
    bench.sandbox.answer("each", {})
    flow_run = await bench.start(plan)
    assert (await bench.execute(flow_run)).is_paused()
    await decide(bench, flow_run, "each", "APPROVED")
    await decide(bench, flow_run, "fix", "REJECTED")
    await bench.resume(flow_run)
    assert (await bench.execute(flow_run)).is_failed()

    shown = await graph(bench, flow_run, 9)
    assert shown.pop("list") == set()
    assert shown.pop("each[0]") == shown.pop("each[1]") == {"each approval"}
    assert shown.pop("after") == {"bad"}
    assert set(shown) == {"nothing", "lacks", "bad", "each approval", "fix approval"}
    assert all(parents == {"list"} for parents in shown.values())
    assert await states(bench, flow_run) == {
        "nothing": "Completed",
        "lacks": "Failed",
        "after": "Skipped",
        "each approval": "Approved",
        "fix approval": "Rejected",
    }
    mine = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
    found = {each.name: each for each in await bench.client.read_task_runs(flow_run_filter=mine)}
    messages = {name: each.state.message for name, each in found.items()}
    gate = found["fix approval"]
    assert gate.start_time < gate.end_time, "the wait has a length"
    assert messages["fix approval"] == "rejected by kim: no\\u202e"
    assert "'lacks' failed" in messages["lacks"]
    assert "'bad' failed" in messages["after"]

    # Tried again, what ends as before is there once.
    await retry_run(
        (await bench.record(flow_run)).id, records=bench.records, client=bench.client, by=KIM, project_id=1
    )
    assert (await bench.execute(flow_run)).is_failed()
    again: list[str] = []
    deadline = time.monotonic() + 60
    while again.count("bad") < 2:  # Prefect takes attempts in a little later
        assert time.monotonic() < deadline
        again = [each.name for each in await bench.client.read_task_runs(flow_run_filter=mine)]
    assert sorted(again) == sorted([*found, "bad"]), "only what failed in an agent has run again"


@pytest.mark.parametrize("name", ["nightly-audit", "of-ann", "amber-cat-2", "audit 8f3k2m1q"])
def test_a_name_that_somebody_gave_a_run_stays(name: str) -> None:
    assert name_of(FlowRun(name=name, flow_id=uuid4()), "audit") == name


def test_two_random_words_of_prefect_are_no_name() -> None:
    for _ in range(200):
        flow_run = FlowRun(name=generate_slug(2), flow_id=uuid4())
        assert re.fullmatch(r"audit [a-z0-9]{8}", name_of(flow_run, "audit"))


async def test_a_run_is_found_by_its_id_on_record_and_its_values_are_inert_text(bench: Any, node: Any) -> None:
    hostile = "\x1b[31m\u202e</code><img src=x onerror=alert(1)>\n```\n# [click](javascript:alert(1))"
    bench.sandbox.answer("scan", AgentResult(output={"found": hostile, "long": "x" * 100_000}))
    bench.sandbox.answer("bad", AgentResult(failure=AgentFailure(kind="exit", message=hostile)))
    plan = await bench.deploy(node("scan", inputs={"what": "{{ context.what }}"}), node("bad"), name="values")
    flow_run = await bench.start(plan, context={"what": hostile})
    await bench.client.update_flow_run(flow_run.id, tags=["mine"])
    assert (await bench.execute(flow_run)).is_failed()

    run = await bench.record(flow_run)
    wanted = FlowRunFilter(tags=FlowRunFilterTags(all_=[f"run:{run.id}"]))
    (found,) = await bench.client.read_flow_runs(flow_run_filter=wanted)
    assert found.id == flow_run.id
    assert "mine" in found.tags
    assert found.name == f"values {run.id[:8]}"
    id = str(flow_run.id)
    for way in (
        id,
        id.upper(),
        id[:8],
        run.id[:6],
        f"http://127.0.0.1:4200/runs/flow-run/{id}?tab=Logs",
        f" {run.id} ",
    ):
        assert (await run_detail(bench.records, way, project_id=1)).run == run
    for none in ("%", "zzzz", id[:3], "http://"):
        with pytest.raises(NotFound):
            await run_detail(bench.records, none, project_id=1)
    with pytest.raises(NotFound):
        await run_detail(bench.records, id, project_id=2)
    shown = await artifacts(bench, flow_run)
    # Both ended in one second, so that they share a page.
    [(title, both)] = shown.items()
    assert title in ("Inputs and output of nodes scan, bad", "Inputs and output of nodes bad, scan")
    pages = dict(each.split("`", 1) for each in both.split("## Node `")[1:])
    assert pages["scan"].count("onerror") == 2  # the input and the output
    assert "# [click]" in pages["bad"]
    assert len(pages["scan"]) < 20_000
    for text in shown.values():
        assert not {"\x1b", "\u202e"} & set(text)
        html = MarkdownIt("commonmark").render(text)
        assert not any(each in html for each in ("<img", "<a ", "<h1"))


async def test_what_is_cancelled_waits_for_nobody(bench: Any, node: Any) -> None:
    plan = await bench.deploy(
        node("fix", gate=ApprovalRule()), node("tell", "fix"), node("end", "tell"), name="withdrawn"
    )
    here, elsewhere = await bench.start(plan), await bench.start(plan)
    for each in (here, elsewhere):
        assert (await bench.execute(each)).is_paused()
        assert await states(bench, each) == {"fix approval": "Waiting for approval"}
        assert "What is asked" in await artifacts(bench, each)

    run = await bench.record(here)
    assert await cancel_run(run.id, records=bench.records, client=bench.client, by=KIM, project_id=1)
    await bench.client.set_flow_run_state(elsewhere.id, Cancelled(), force=True)
    await EndedRuns(client=bench.client, records=bench.records)()
    for each in (here, elsewhere):
        ended = await states(bench, each)
        # Prefect's own clean-up of a cancelled run, every 20 s, may come first.
        assert ended.pop("fix approval") in ("Withdrawn", "Cancelled")
        assert ended == {"tell": "Not started", "end": "Not started"}
        assert await graph(bench, each, 3) == {"fix approval": set(), "tell": {"fix approval"}, "end": {"tell"}}

    # Tried again, it comes to them: an attempt comes after what it depends on, not after what stood for it.
    bench.sandbox.answer("fix", {})
    bench.sandbox.answer("tell", {})
    bench.sandbox.answer("end", {})
    await retry_run(run.id, records=bench.records, client=bench.client, by=KIM, project_id=1)
    assert (await bench.execute(here)).is_paused()
    await decide(bench, here, "fix", "APPROVED")
    await bench.resume(here)
    assert (await bench.execute(here)).is_completed()

    await PrefectFlowRuns(bench.client).delete(str(here.id))
    assert await artifacts(bench, here) == {}
    assert "What is asked" in await artifacts(bench, elsewhere)


async def test_a_call_is_on_the_page_while_it_is_waited_for_and_afterwards(bench: Any, node: Any) -> None:
    # One without a gate is drawn inside its caller's: see test_calls.
    gated = node("say", gate=ApprovalRule(), risk="APPROVAL_REQUIRED")
    child = await bench.deploy(gated, name="shown-child")
    bench.sandbox.answer("say", {})
    asks = node("ask", agent="workflow", action=child.name, calls=Call(workflow=child.name, plan=child.digest))
    parent = await bench.start(await bench.deploy(asks, node("after", "ask"), name="shown-parent"))
    bench.sandbox.answer("after", {})
    await bench.execute(parent)
    assert await states(bench, parent) == {"ask": "Waiting for a workflow"}
    called = (await bench.records.open_calls((await bench.record(parent)).id))["ask"]
    inner = await bench.client.read_flow_run(called)
    assert (await bench.execute(inner)).is_paused()
    await decide(bench, inner, "say", "APPROVED")
    await bench.resume(inner)
    assert (await bench.execute(inner)).is_completed()
    assert (await bench.execute(parent)).is_completed()
    assert await graph(bench, parent, 2) == {"ask": set(), "after": {"ask"}}
    assert await states(bench, parent) == {"ask": "Completed"}
