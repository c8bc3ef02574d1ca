"""What has finished is on record before anything depends on it, and is never done again; each effect has one key."""

from __future__ import annotations

from typing import Any

from prefect.states import AwaitingRetry

from agents.sandbox.port import AgentFailure, AgentRequest, AgentResult
from compiler.plan import Foreach, Retries

PASSING = AgentResult(failure=AgentFailure(kind="transient", message="busy"))


async def test_a_result_is_on_record_before_anything_that_depends_on_it_begins(bench, node) -> None:
    seen: list[Any] = []

    async def look(request: AgentRequest) -> AgentResult:
        results = await bench.records.node_results(request.run_id)
        seen.append((results["first", None].status, results["first", None].output))
        return AgentResult(output={})

    bench.sandbox.answer("first", {"n": 1})
    bench.sandbox.answer("second", look)
    plan = await bench.deploy(node("first"), node("second", "first"))
    assert (await bench.execute(await bench.start(plan))).is_completed()
    assert seen == [("SUCCESS", {"n": 1})]


async def test_a_second_execution_repeats_only_the_items_that_did_not_finish(bench, node) -> None:
    broken = True

    async def answer(request: AgentRequest) -> AgentResult:
        if request.inputs["n"] == 2 and broken:
            return AgentResult(failure=AgentFailure(kind="exit", message="broke"))
        return AgentResult(output={"n": request.inputs["n"]})

    bench.sandbox.answer("each", answer)
    items = Foreach(items=[1, 2, 3], max_parallel=3)
    flow_run = await bench.start(await bench.deploy(node("each", foreach=items, inputs={"n": "{{ item }}"})))
    state = await bench.execute(flow_run)
    assert state.message == "node 'each' failed: item 1 of 3: broke"
    broken = False
    await bench.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
    assert (await bench.execute(flow_run)).is_completed()
    assert sorted(request.inputs["n"] for request in bench.sandbox.requests) == [1, 2, 2, 3]
    run = await bench.record(flow_run)
    assert (await bench.records.node_results(run.id))["each", None].output == [{"n": 1}, {"n": 2}, {"n": 3}]


async def test_a_key_is_of_run_node_item_and_what_it_does_and_the_same_in_each_attempt(bench, node) -> None:
    bench.sandbox.answer("a", PASSING, {}, PASSING, {})
    bench.sandbox.answer("b", {}, {})
    bench.sandbox.answer("each", {})
    plan = await bench.deploy(
        node("a", inputs={"x": 1}, retries=Retries(max=1, backoff_seconds=0.01)),
        node("b", inputs={"x": "{{ context.x }}"}),
        node("each", foreach=Foreach(items=[7, 7]), inputs={"n": "{{ item }}"}),
    )
    for x in (1, 2):
        assert (await bench.execute(await bench.start(plan, context={"x": x}))).is_completed()
    keys: dict[tuple[str, str], list[str]] = {}
    for request in bench.sandbox.requests:
        keys.setdefault((request.run_id, request.node_id), []).append(request.idempotency_key)
    assert all(len(found) == 2 for (_, each), found in keys.items() if each in ("a", "each"))
    assert all(len(set(found)) == 1 for (_, each), found in keys.items() if each == "a"), "each attempt"
    assert all(len(set(found)) == 2 for (_, each), found in keys.items() if each == "each"), "each item"
    different = [key for found in keys.values() for key in set(found)]
    assert len(different) == len(set(different)) == 8, "each run and node"


async def test_a_handler_runs_on_the_failure_of_its_node_and_a_tolerated_failure_fails_no_run(bench, node) -> None:
    bench.sandbox.fail("risky", "exit", "broke")
    bench.sandbox.fail("optional", "exit", "broke as well")
    bench.sandbox.answer("tidy-up", {})
    bench.sandbox.answer("after-optional", {})
    plan = await bench.deploy(
        node("risky", on_failure="handler:tidy-up"),
        node("tidy-up", "risky", handler_only=True),
        node("after-risky", "risky"),
        node("optional", on_failure="continue"),
        node("after-optional", "optional"),
    )
    flow_run = await bench.start(plan)
    state = await bench.execute(flow_run)
    assert state.is_completed(), state.message
    assert sorted(bench.ran()) == ["after-optional", "optional", "risky", "tidy-up"]
    results = await bench.records.node_results((await bench.record(flow_run)).id)
    assert results["after-risky", None].status == "SKIPPED"
