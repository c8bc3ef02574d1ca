"""Cancel, retry, rerun from a node, replay: on a real Prefect server, by the operations and by the command line."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from forked_command import run_command

from agents.sandbox.port import AgentFailure, AgentResult, LogLine
from compiler.plan import ApprovalRule, Foreach
from operations.launcher import Launcher
from operations.run_acts import RunRefused, cancel_run, nodes_from, replay_run, rerun_run, retry_run
from operations.run_report import run_report
from records.approvals.audit import Actor

ANN = Actor(name="Ann", verified=True, channel="api")
BROKEN = AgentResult(failure=AgentFailure(kind="exit", message="it broke"))


@pytest.fixture
def acting(bench: Any) -> dict[str, Any]:
    return {"records": bench.records, "client": bench.client, "by": ANN, "project_id": 1}


async def approve(bench: Any, flow_run: Any, node: str) -> None:
    run = await bench.record(flow_run)
    decision = await bench.records.decide(
        (run.id, node), decision="APPROVED", by="Bob", verified=True, channel="api"
    )
    assert decision.applied, decision.reason
    await bench.resume(flow_run)


async def test_a_rerun_keeps_outputs_and_an_approval_is_for_doing_something_once(bench, node, acting) -> None:
    bench.sandbox.answer("scan", {"n": 1})
    bench.sandbox.answer("fix", {"fixed": 1}, {"fixed": 2})
    bench.sandbox.answer("tell", {}, {})
    plan = await bench.deploy(
        node("scan"),
        node("fix", "scan", gate=ApprovalRule(), inputs={"n": "{{ nodes.scan.output.n }}"}),
        node("tell", "fix"),
    )
    flow_run = await bench.start(plan)
    assert (await bench.execute(flow_run)).is_paused()
    await approve(bench, flow_run, "fix")
    assert (await bench.execute(flow_run)).is_completed()
    run = await bench.record(flow_run)
    done = await rerun_run(run.id, "fix", **acting)
    assert done.nodes == ("fix", "tell")
    assert (await bench.records.run(run.id)).status == "SUCCESS"  # until an execution begins
    assert (await bench.execute(flow_run)).is_paused()
    assert bench.ran() == ["scan", "fix", "tell"]
    await approve(bench, flow_run, "fix")
    assert (await bench.execute(flow_run)).is_completed()
    assert bench.ran() == ["scan", "fix", "tell", "fix", "tell"]
    results = await bench.records.node_results(run.id)
    assert results["fix", None].output == {"fixed": 2}
    assert (results["scan", None].attempt, results["fix", None].attempt) == (1, 2)
    asked = await bench.records.approvals(1, run_id=run.id, superseded=True)
    assert [each.status for each in asked] == ["APPROVED", "APPROVED"]
    trail = await bench.records.audit_trail(run_id=run.id)
    assert [(each.event, each.by, each.notes) for each in trail if each.node_id == ""] == [
        ("rerun", "Ann", "from node 'fix'")
    ]
    assert (await bench.records.verify_audit()).intact
    # Prefect asks once more, as after every end: nothing is done again without a person.
    assert (await bench.execute(flow_run)).is_completed()
    assert len(bench.ran()) == 5


async def test_what_was_done_is_done_again_under_another_key_and_what_failed_under_the_same(
    bench, node, acting
) -> None:
    bench.sandbox.answer("fix", {}, {})
    bench.sandbox.answer("each", {}, {})
    bench.sandbox.answer("tell", BROKEN, BROKEN, BROKEN, BROKEN)
    plan = await bench.deploy(
        node("fix", gate=ApprovalRule()), node("each", foreach=Foreach(items=[7])), node("tell", "fix", "each")
    )
    flow_run = await bench.start(plan)
    await bench.execute(flow_run)
    await approve(bench, flow_run, "fix")
    assert (await bench.execute(flow_run)).is_failed()
    run = await bench.record(flow_run)
    await rerun_run(run.id, "fix", **acting)
    await bench.execute(flow_run)
    await approve(bench, flow_run, "fix")
    assert (await bench.execute(flow_run)).is_failed()
    await retry_run(run.id, **acting)
    assert (await bench.execute(flow_run)).is_failed()
    keys: dict[str, list[str]] = {}
    for request in bench.sandbox.requests:
        keys.setdefault(request.node_id, []).append(request.idempotency_key)
    assert len(set(keys["fix"])) == len(keys["fix"]) == 2
    assert len(set(keys["each"])) == len(keys["each"]) == 1
    assert len(set(keys["tell"])) == 1
    assert len(keys["tell"]) == 3
    await rerun_run(run.id, "each", **acting)
    assert (await bench.execute(flow_run)).is_failed()
    each = [request.idempotency_key for request in bench.sandbox.requests if request.node_id == "each"]
    assert len(set(each)) == len(each) == 2


async def test_a_rerun_asks_again_where_something_else_would_run(bench, node, acting) -> None:
    bench.sandbox.answer("scan", {"n": 1}, {"n": 2})
    bench.sandbox.answer("fix", {}, {})
    plan = await bench.deploy(
        node("scan"), node("fix", "scan", gate=ApprovalRule(), inputs={"n": "{{ nodes.scan.output.n }}"})
    )
    flow_run = await bench.start(plan)
    await bench.execute(flow_run)
    await approve(bench, flow_run, "fix")
    assert (await bench.execute(flow_run)).is_completed()
    run = await bench.record(flow_run)
    await rerun_run(run.id, "scan", **acting)
    assert (await bench.execute(flow_run)).is_paused()
    assert bench.ran() == ["scan", "fix", "scan"]
    assert (await bench.records.approval(run.id, "fix")).status == "PENDING"


async def test_what_was_rejected_is_asked_again_by_a_rerun_and_not_by_a_retry(bench, node, acting) -> None:
    bench.sandbox.answer("scan", {})
    bench.sandbox.answer("fix", {})
    flow_run = await bench.start(await bench.deploy(node("scan"), node("fix", "scan", gate=ApprovalRule())))
    assert (await bench.execute(flow_run)).is_paused()
    run = await bench.record(flow_run)
    await bench.records.decide((run.id, "fix"), decision="REJECTED", by="Bob", verified=True, channel="api")
    await bench.resume(flow_run)
    assert (await bench.execute(flow_run)).is_failed()
    with pytest.raises(RunRefused, match=f"'fix' was rejected.*`commandcenter rerun {run.id[:8]} fix` asks again"):
        await retry_run(run.id, **acting)
    await rerun_run(run.id, "fix", **acting)
    assert (await bench.execute(flow_run)).is_paused()
    assert (await bench.records.approval(run.id, "fix")).status == "PENDING"
    assert bench.ran() == ["scan"], "nothing ran on an old answer"
    asked = await bench.records.approvals(1, run_id=run.id, superseded=True)
    assert [each.status for each in asked] == ["REJECTED", "PENDING"]
    assert (await bench.records.verify_audit()).intact
    await approve(bench, flow_run, "fix")
    assert (await bench.execute(flow_run)).is_completed()
    assert bench.ran() == ["scan", "fix"]


async def test_a_failed_run_is_retried_and_no_other(bench, node, acting) -> None:
    bench.sandbox.answer("a", {"n": 1})
    bench.sandbox.answer("b", BROKEN, {})
    bench.sandbox.answer("c", {})
    flow_run = await bench.start(await bench.deploy(node("a"), node("b", "a"), node("c", "b")))
    assert (await bench.execute(flow_run)).is_failed()
    run = await bench.record(flow_run)
    report = await run_report(bench.records, run.id, project_id=1)
    assert report.root_cause is not None
    assert (report.root_cause.node_id, report.root_cause.message) == ("b", "it broke")
    assert report.states == {"a": "SUCCESS", "b": "FAILED", "c": "SKIPPED"}
    await retry_run(run.id, **acting)
    with pytest.raises(RunRefused, match="in a moment"):
        await retry_run(run.id, **acting)
    assert (await bench.execute(flow_run)).is_completed()
    assert bench.ran() == ["a", "b", "b", "c"]
    with pytest.raises(RunRefused, match="only a failed run"):
        await retry_run(run.id, **acting)


async def test_a_waiting_run_is_cancelled_with_its_question(bench, node, acting) -> None:
    flow_run = await bench.start(await bench.deploy(node("fix", gate=ApprovalRule())))
    assert (await bench.execute(flow_run)).is_paused()
    run = await bench.record(flow_run)
    with pytest.raises(RunRefused, match="cancel it first"):
        await rerun_run(run.id, "fix", **acting)
    assert await cancel_run(run.id, reason="not today", **acting)
    ended = await bench.records.run(run.id)
    assert (ended.status, ended.message) == ("FAILED", "cancelled by Ann: not today")
    (approval,) = await bench.records.approvals(1, run_id=run.id)
    assert (approval.status, approval.closed_as) == ("REJECTED", "run-ended")
    assert (await bench.client.read_flow_run(flow_run.id)).state.is_cancelled()
    with pytest.raises(RunRefused, match="has ended already"):
        await cancel_run(run.id, **acting)
    # Nobody has rejected it: a retry asks again.
    await retry_run(run.id, **acting)
    assert (await bench.execute(flow_run)).is_paused()


async def test_a_replay_is_a_new_run_of_a_person_with_another_context(bench, node, acting) -> None:
    bench.sandbox.answer("a", {}, {})
    plan = await bench.deploy(node("a", inputs={"x": "{{ context.x }}"}))
    flow_run = await bench.start(plan, context={"x": 1}, trigger="graph.file.updated")
    await bench.execute(flow_run)
    run = await bench.record(flow_run)
    launch = Launcher(bench.client)
    started = await replay_run(
        run.id, records=bench.records, launch=launch, by=ANN, project_id=1, context={"x": 2}
    )
    assert (await bench.execute(await bench.client.read_flow_run(started.flow_run_id))).is_completed()
    again = await bench.records.run_of_flow_run(started.flow_run_id)
    assert (again.trigger, again.triggered_by, again.context["x"]) == ("manual", "Ann", 2)
    assert [dict(request.inputs) for request in bench.sandbox.requests] == [{"x": 1}, {"x": 2}]


async def test_what_agents_write_is_kept_with_the_run_and_found(bench, node) -> None:
    lines = [LogLine(level=logging.INFO, text=f"line {number}") for number in range(20)]
    bench.sandbox.answer("a", {}, logs=[*lines, LogLine(level=logging.ERROR, text="100% BAD_thing")])
    flow_run = await bench.start(await bench.deploy(node("a")))
    await bench.execute(flow_run)
    run = await bench.record(flow_run)
    kept = await bench.records.kept_log(run.id)
    assert [each.message for each in kept] == [*(f"line {number}" for number in range(20)), "100% BAD_thing"]
    assert {(each.node_id, each.attempt) for each in kept} == {("a", 1)}
    assert [each.level for each in await bench.records.kept_log(run.id, search="0% bad_")] == ["ERROR"]
    assert await bench.records.kept_log(run.id, search="line_1") == []
    page = await bench.records.kept_log(run.id, after=kept[4].id, limit=2)
    assert [each.message for each in page] == ["line 5", "line 6"]


async def test_the_nodes_behind_a_node_include_its_failure_handler(bench, node) -> None:
    plan = await bench.deploy(
        node("a", on_failure="handler:h"), node("b", "a"), node("x"), node("h", handler_only=True)
    )
    assert nodes_from(plan, "a") == ("a", "b", "h")
    with pytest.raises(RunRefused, match="no node 'z'"):
        nodes_from(plan, "z")


async def test_the_command_line_has_the_same_acts(bench, node, prefect_api: str, tmp_path: Path) -> None:
    bench.sandbox.answer("b", BROKEN, {}, {})
    flow_run = await bench.start(await bench.deploy(node("b")))
    await bench.execute(flow_run)
    run = await bench.record(flow_run)
    env = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/records.db",
        "PREFECT_API_URL": prefect_api,
        "NATS_URL": "nats://localhost",
    }

    async def command(*arguments: str) -> tuple[int, str]:
        done = await asyncio.to_thread(run_command, arguments, env=env)
        return done.returncode, done.stdout + done.stderr

    assert (await command("retry", run.id[:8])) == (0, f"run {run.id} goes again\n")
    assert (await bench.execute(flow_run)).is_completed()
    assert (await command("rerun", run.id, "b")) == (0, f"run {run.id} goes again: b\n")
    assert (await bench.execute(flow_run)).is_completed()
    status, said = await command("cancel", run.id)
    assert status == 1
    assert "nothing to cancel" in said
    status, said = await command("replay", run.id, "--context", "x=1")
    assert (status, said.startswith("started flow-under-test:")) == (0, True)
    trail = await bench.records.audit_trail(run_id=run.id)
    assert [each.event for each in trail] == ["retried", "rerun", "replayed"]
