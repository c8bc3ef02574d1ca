"""Runs: order, failures, skips, retries, items, and what a second execution repeats."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import prefect
import pytest
from prefect.states import AwaitingRetry, Running

from agents.sandbox.port import AgentFailure, AgentRequest, AgentResult
from compiler.plan import ApprovalRule, Foreach, Retries
from compiler.simulation.cases import Case, Mock
from compiler.simulation.dry_run import dry_run
from reliability import retry


async def test_a_run_passes_outputs_on_with_their_types_and_is_on_record(bench, node) -> None:
    bench.sandbox.answer("scan", {"found": [{"n": 1}, {"n": 2}]})
    bench.sandbox.answer("tell", {"sent": True})
    plan = await bench.deploy(
        node("scan", inputs={"path": "{{ context.path }}"}),
        node(
            "tell",
            "scan",
            inputs={"list": "{{ nodes.scan.output.found }}", "text": "{{ nodes.scan.output.found }}!"},
        ),
    )
    flow_run = await bench.start(plan, context={"path": "/x"}, trigger="graph.file.updated")
    state = await bench.execute(flow_run)
    assert state.is_completed()
    scan, tell = bench.sandbox.requests
    assert scan.inputs == {"path": "/x"}
    assert tell.inputs["list"] == [{"n": 1}, {"n": 2}]
    assert isinstance(tell.inputs["text"], str)
    run = await bench.record(flow_run)
    assert (run.status, run.trigger, run.context["path"]) == ("SUCCESS", "graph.file.updated", "/x")
    assert [each.status for each in await bench.records.agent_runs(run.id)] == ["SUCCESS", "SUCCESS"]
    subjects = [each.subject for each in await bench.records.pending_events(10)]
    assert subjects == [
        f"workflow.started.{run.workflow_id}",
        "agent.executed.worker-bee",
        "agent.executed.worker-bee",
        "workflow.completed.flow-under-test",
    ]


async def test_a_node_has_the_patience_of_a_run_with_a_server_that_is_away(bench, node, monkeypatch) -> None:
    monkeypatch.setattr(retry, "WAIT_SECONDS", 0.0)
    calls = 0

    async def away_twice() -> None:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise ConnectionError("away")

    async def waiting(request: AgentRequest) -> AgentResult:
        await retry.retry_transient(away_twice, is_transient=lambda error: isinstance(error, ConnectionError))
        return AgentResult(output={})

    bench.sandbox.answer("a", waiting)
    assert (await bench.execute(await bench.start(await bench.deploy(node("a"))))).is_completed()


async def test_text_from_an_event_is_never_a_template(bench, node) -> None:
    bench.sandbox.answer("a", {})
    plan = await bench.deploy(node("a", inputs={"text": "{{ context.text }}", "mixed": "say {{ context.text }}"}))
    hostile = "{{ context.secret }} {% for x in range(9) %}{{ 7*7 }}{% endfor %}"
    await bench.execute(await bench.start(plan, context={"text": hostile, "secret": "s3"}))
    assert bench.sandbox.requests[0].inputs == {"text": hostile, "mixed": f"say {hostile}"}


async def test_independent_nodes_run_side_by_side_and_a_slow_one_holds_up_only_its_own(bench, node) -> None:
    order: list[str] = []

    passed = asyncio.Event()

    async def quick(request: AgentRequest) -> AgentResult:
        order.append(request.node_id)
        if request.node_id == "after-quick":
            passed.set()
        return AgentResult(output={})

    async def slow(request: AgentRequest) -> AgentResult:
        async with asyncio.timeout(30):
            await passed.wait()
        order.append(request.node_id)
        return AgentResult(output={})

    bench.sandbox.answer("slow", slow)
    for each in ("quick", "after-quick"):
        bench.sandbox.answer(each, quick)
    plan = await bench.deploy(node("slow"), node("quick"), node("after-quick", "quick"))
    assert (await bench.execute(await bench.start(plan))).is_completed()
    assert order == ["quick", "after-quick", "slow"]


async def test_a_number_too_large_for_a_digest_fails_its_node_with_a_clear_reason(bench, node) -> None:
    plan = await bench.deploy(node("a", inputs={"n": "{{ context.n }}"}), node("b"))
    bench.sandbox.answer("b", {})
    state = await bench.execute(await bench.start(plan, context={"n": 2**60}))
    assert state.is_failed()
    assert "node 'a': its inputs have no digest" in state.message
    assert "give large numbers as text" in state.message
    assert bench.ran() == ["b"]


async def test_a_failed_node_fails_the_run_with_its_name_and_reason_and_others_finish(bench, node) -> None:
    bench.sandbox.fail("bad", "exit", "the agent ended with status 3")
    bench.sandbox.answer("good", {})
    plan = await bench.deploy(node("bad"), node("good"), node("after-bad", "bad"), node("after-good", "good"))
    bench.sandbox.answer("after-good", {})
    flow_run = await bench.start(plan)
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert state.message == "node 'bad' failed: the agent ended with status 3"
    run = await bench.record(flow_run)
    assert (run.status, run.message) == ("FAILED", state.message)
    nodes = {key[0]: each for key, each in (await bench.records.node_results(run.id)).items()}
    assert nodes["after-bad"].status == "SKIPPED"
    assert nodes["after-good"].status == "SUCCESS"


async def test_a_missing_value_fails_the_node_before_anything_runs(bench, node) -> None:
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    plan = await bench.deploy(node("a", inputs={"text": "{{ context.nothing }}"}, input_schema=schema))
    flow_run = await bench.start(plan)
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert "do not fit 'act'" in (state.message or "")
    assert bench.ran() == []


async def test_a_false_condition_skips_the_node_and_dependents_see_null(bench, node) -> None:
    bench.sandbox.answer("b", {})
    plan = await bench.deploy(
        node("a", when="{{ context.go }}"), node("b", "a", inputs={"x": "{{ nodes.a.output.y }}"})
    )
    state = await bench.execute(await bench.start(plan, context={"go": False}))
    assert state.is_completed()
    assert bench.ran() == ["b"]
    assert bench.sandbox.requests[0].inputs == {"x": None}


async def test_only_passing_failures_are_tried_again(bench, node) -> None:
    quick = Retries(max=2, backoff_seconds=0.01)
    passing = AgentResult(failure=AgentFailure(kind="transient", message="busy"))
    bench.sandbox.answer("flaky", passing, passing, {"ok": True})
    bench.sandbox.fail("broken", "invalid-output", "rubbish")
    bench.sandbox.fail("stays", "exit", "no such file")
    plan = await bench.deploy(
        node("flaky", retries=quick), node("broken", retries=quick), node("stays", retries=quick)
    )
    flow_run = await bench.start(plan)
    state = await bench.execute(flow_run)
    assert bench.ran().count("stays") == 1
    assert "no such file (not tried again: an agent says by TransientError" in (state.message or "")
    assert bench.ran().count("flaky") == 3
    assert bench.ran().count("broken") == 1
    keys = {request.idempotency_key for request in bench.sandbox.requests if request.node_id == "flaky"}
    assert len(keys) == 1
    executions = {request.execution_id for request in bench.sandbox.requests}
    assert len(executions) == 5
    runs = await bench.records.agent_runs((await bench.record(flow_run)).id)
    assert sorted(each.attempt for each in runs if each.node_id == "flaky") == [1, 2, 3]
    assert [each.attempt for each in bench.sandbox.requests if each.node_id == "flaky"] == [1, 2, 3]


async def test_foreach_runs_once_per_item_within_its_limit_and_gives_a_list(bench, node) -> None:
    going = most = 0

    async def answer(request: AgentRequest) -> AgentResult:
        nonlocal going, most
        going += 1
        most = max(most, going)
        await asyncio.sleep(0.05)
        going -= 1
        return AgentResult(output={"double": request.inputs["n"] * 2})

    bench.sandbox.answer("each", answer)
    bench.sandbox.answer("sum", {})
    plan = await bench.deploy(
        node("each", foreach=Foreach(items="{{ context.items }}", max_parallel=2), inputs={"n": "{{ item }}"}),
        node("sum", "each", inputs={"all": "{{ nodes.each.output }}"}),
    )
    state = await bench.execute(await bench.start(plan, context={"items": [1, 2, 3, 4, 5]}))
    assert state.is_completed(), state.message
    assert most == 2
    assert bench.sandbox.requests[-1].inputs == {"all": [{"double": n * 2} for n in (1, 2, 3, 4, 5)]}


async def test_the_workflows_outputs_are_on_record_in_the_event_and_as_the_dry_run_says(bench, node) -> None:
    bench.sandbox.answer("scan", {"count": 3, "name": "<b>x</b>"})
    outputs = {
        "count": "{{ nodes.scan.output.count }}",
        "text": "found {{ nodes.scan.output.name }}",
        "fixed": [1],
    }
    plan = await bench.deploy(node("scan"), outputs=outputs)
    flow_run = await bench.start(plan)
    state = await bench.execute(flow_run)
    assert state.is_completed(), state.message
    run = await bench.record(flow_run)
    assert run.outputs == {"count": 3, "text": "found <b>x</b>", "fixed": [1]}
    events = [
        each for each in await bench.records.pending_events() if each.subject.startswith("workflow.completed")
    ]
    assert events[-1].payload["outputs"] == run.outputs
    case = Case(name="same", mocks={"scan": Mock(output={"count": 3, "name": "<b>x</b>"})})
    assert dry_run(plan, case).outputs == run.outputs


async def test_an_output_that_cannot_be_evaluated_fails_the_run_and_is_named(bench, node) -> None:
    bench.sandbox.answer("scan", {"count": 3})
    plan = await bench.deploy(node("scan"), outputs={"first": "{{ 1 / (nodes.scan.output.count - 3) }}"})
    state = await bench.execute(await bench.start(plan))
    assert state.is_failed()
    assert "the output 'first'" in state.message


@pytest.mark.parametrize("gate", [None, ApprovalRule()], ids=["ungated", "gated"])
async def test_foreach_over_an_empty_list_asks_nobody_and_gives_an_empty_list(bench, node, gate) -> None:
    bench.sandbox.answer("after", {})
    risk = "AUTO" if gate is None else "APPROVAL_REQUIRED"
    plan = await bench.deploy(
        node(
            "each", foreach=Foreach(items="{{ context.items }}"), inputs={"n": "{{ item }}"}, gate=gate, risk=risk
        ),
        node("after", "each", inputs={"all": "{{ nodes.each.output }}"}),
    )
    flow_run = await bench.start(plan, context={"items": []})
    state = await bench.execute(flow_run)
    assert state.is_completed(), state.message
    assert bench.ran() == ["after"]
    assert bench.sandbox.requests[-1].inputs == {"all": []}
    run = await bench.record(flow_run)
    assert await bench.records.approvals(run_id=run.id) == []


async def test_retry_from_the_ui_repeats_only_what_failed(bench, node) -> None:
    bench.sandbox.answer("first", {"n": 1})
    bench.sandbox.answer("second", AgentResult(failure=AgentFailure(kind="exit", message="broke")), {"n": 2})
    bench.sandbox.answer("third", {})
    plan = await bench.deploy(node("first"), node("second", "first"), node("third", "second"))
    flow_run = await bench.start(plan)
    assert (await bench.execute(flow_run)).is_failed()
    await bench.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
    assert (await bench.execute(flow_run)).is_completed()
    assert bench.ran() == ["first", "second", "second", "third"]
    assert (await bench.record(flow_run)).status == "SUCCESS"


async def test_a_run_keeps_the_plan_it_started_with_and_a_foreign_plan_is_refused(bench, node) -> None:
    old = await bench.deploy(node("a"))
    new = await bench.deploy(node("a", memory_mb=256))
    other = await bench.deploy(node("b"), name="another-workflow")
    flow_run = await bench.start(new, plan=other.digest)
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert "belongs to workflow 'another-workflow'" in (state.message or "")
    assert old.digest != new.digest
    assert bench.ran() == []


async def test_a_new_run_cannot_go_back_to_a_version_that_was_replaced_before(bench, node, monkeypatch) -> None:
    monkeypatch.setattr("flows.claim.CLOCKS_DIFFER", timedelta(0))
    without = await bench.deploy(node("a"))
    waiting = await bench.start(without)
    await bench.deploy(node("a", gate=ApprovalRule()))
    # Parameters are what whoever has Prefect's password says they are.
    flow_run = await bench.start(without, plan=without.digest)
    for _ in range(2):
        state = await bench.execute(flow_run)
        assert state.is_failed()
        assert "no longer the one that new runs take" in (state.message or "")
        await bench.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
    called = await bench.start(without, plan=without.digest, trigger="workflow:flow-under-test")
    monkeypatch.setattr("flows.claim._CALL_LOOKS", 1)
    assert (await bench.execute(called)).is_failed()
    assert bench.ran() == []
    bench.sandbox.answer("a", {})
    # One that was made before the gate came keeps its version.
    assert (await bench.execute(waiting)).is_completed()
    assert bench.ran() == ["a"]


async def test_a_failed_end_that_a_crash_hid_from_prefect_is_neither_repeated_nor_told_twice(bench, node) -> None:
    plan = await bench.deploy(node("a"))
    flow_run = await bench.start(plan)
    record = await _end_on_record_only(bench, flow_run, plan)
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert state.message == "ended before the crash"
    assert bench.ran() == []
    told = [each for each in await bench.records.pending_events() if each.subject.startswith("workflow.completed")]
    assert len(told) == 1
    assert (await bench.record(flow_run)).finished_at == record.finished_at


async def _end_on_record_only(bench, flow_run, plan):
    """What a worker leaves that dies between the end on record and the end in Prefect."""
    run_id = await bench.records.start_run(
        flow_run_id=str(flow_run.id), plan_digest=plan.digest, trigger="manual", context={}
    )
    await bench.client.set_flow_run_state(flow_run.id, Running(), force=True)
    await bench.records.finish_run(run_id, "FAILED", "ended before the crash")
    await bench.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
    return await bench.record(flow_run)


async def test_a_run_names_the_sandbox_and_the_versions_that_executed_it(bench, node) -> None:
    bench.sandbox.answer("a", {})
    flow_run = await bench.start(await bench.deploy(node("a")))
    assert (await bench.execute(flow_run)).is_completed()
    named = (await bench.record(flow_run)).executed_by
    assert named["sandbox"] == "in-memory"
    assert named["prefect"] == prefect.__version__
    assert set(named) == {"sandbox", "commandcenter", "prefect", "python"}
