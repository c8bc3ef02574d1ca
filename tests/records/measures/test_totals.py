"""Totals equal the rows they count, also after a worker was lost, and whoever adds them up."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from compiler.plan import ApprovalRule
from observability.metrics.definitions import AGENT_DURATION, JAIL_DENIALS, METRICS, Sample
from observability.metrics.exposition import render
from operations.show_stats import show_stats
from records import Records
from records.measures.totals import count


async def _run(
    records: Records, make: Any, flow_run_id: str = "flow-1", trigger: str = "graph.file.updated"
) -> str:
    plan = make.plan()
    for agent in ("scanner", "patcher"):
        await records.register_agent(1, make.agent(agent))
    await records.save_workflow(plan)
    return await records.start_run(flow_run_id=flow_run_id, plan_digest=plan.digest, trigger=trigger, context={})


async def _counts(records: Records, metric: str) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for total in await records.metric_totals():
        if total.metric == metric:
            found[total.labels] += total.count
    return found


async def test_every_end_is_counted_once(records: Records, make: Any) -> None:
    run = await _run(records, make)
    first, _ = await records.start_attempt(run_id=run, node_id="scan", agent_name="scanner", inputs={})
    second, _ = await records.start_attempt(run_id=run, node_id="scan", agent_name="scanner", inputs={})
    for _ in range(2):  # the answer to the first call was lost
        await records.finish_agent_run(
            second, status="SUCCESS", duration_ms=40, denied_egress=["a:1", "b:2"], memory_kb=30_000, cpu_ms=20
        )
    await records.start_attempt(run_id=run, node_id="fix", agent_name="patcher", inputs={})
    await records.finish_run(run, "FAILED", "enough")
    await records.finish_run(run, "FAILED", "enough")
    runs = await records.agent_runs(run)
    rows = Counter((each.agent_name, each.status) for each in runs)
    assert (
        await _counts(records, "agent_execution_duration_ms")
        == rows
        == {
            ("scanner", "FAILED"): 1,
            ("scanner", "SUCCESS"): 1,
            ("patcher", "FAILED"): 1,
        }
    )
    assert next(each for each in runs if each.id == first).failure_kind == "worker-lost"
    assert await _counts(records, "commandcenter_agent_failures") == {
        ("scanner", "worker-lost"): 1,
        ("patcher", "run-ended"): 1,
    }
    assert await _counts(records, "workflow_run_duration_ms") == {("audit", "FAILED"): 1}
    assert await _counts(records, "commandcenter_jail_denials") == {("scanner",): 2}
    assert await _counts(records, "commandcenter_agent_memory_mb") == {("scanner",): 1}
    assert await _counts(records, "commandcenter_runs_started") == {("audit", "graph.file.updated"): 1}


async def test_only_a_persons_answer_is_a_response(records: Records, make: Any) -> None:
    run = await _run(records, make)
    for digest in ("sha256:1", "sha256:2"):
        await records.open_gate(run_id=run, node_id="fix", digest=digest, card={}, rule=ApprovalRule())
    await records.decide((run, "fix"), decision="APPROVED", by="Ann", verified=True, channel="http")
    assert await _counts(records, "approval_response_time_ms") == {("audit", "true"): 1}
    assert await _counts(records, "commandcenter_approvals_closed") == {
        ("audit", "superseded"): 1,
        ("audit", "decided"): 1,
    }


async def test_going_on_after_a_decision_is_timed(records: Records, make: Any) -> None:
    run = await _run(records, make)
    await records.set_run_status(run, "RUNNING")
    assert not await _counts(records, "commandcenter_decision_to_resume_ms")
    await records.open_gate(run_id=run, node_id="fix", digest="sha256:1", card={}, rule=ApprovalRule())
    await records.set_run_status(run, "WAITING_APPROVAL")
    await records.decide((run, "fix"), decision="APPROVED", by="Ann", verified=True, channel="http")
    await records.set_run_status(run, "RUNNING")
    assert await _counts(records, "commandcenter_decision_to_resume_ms") == {(): 1}


async def test_an_event_is_timed_to_its_run_and_to_its_end(records: Records, make: Any) -> None:
    run = await _run(records, make)
    received = datetime.now(UTC) - timedelta(seconds=2)
    for _ in range(2):
        await records.record_event(
            "S", 1, subject="a.b", workflow="audit", flow_run_id="flow-1", received_at=received
        )
    await records.finish_run(run, "SUCCESS")
    assert await _counts(records, "commandcenter_event_to_run_ms") == {("audit",): 1}
    assert await _counts(records, "commandcenter_trigger_to_completion_ms") == {("audit", "SUCCESS"): 1}


async def test_what_events_say_is_no_label(records: Records, make: Any) -> None:
    for number in range(20):
        await _run(records, make, flow_run_id=f"flow-{number}", trigger=f"hostile.subject.{number}")
        await records.dead_letter(
            "S", number, subject=f"x.{number}", payload=b"", reason=f"no {number}", kind="refused"
        )
    assert await _counts(records, "commandcenter_runs_started") == {("audit", "manual"): 20}
    assert await _counts(records, "commandcenter_dead_letters") == {("refused",): 20}


async def test_folding_keeps_every_total_while_others_count(records: Records) -> None:
    async def add(number: int) -> None:
        async with records._db.write() as connection:
            await count(connection, Sample(metric=JAIL_DENIALS, labels=(f"agent-{number % 3}",), count=number))

    await asyncio.gather(
        *(add(number) for number in range(60)), *(records.fold_totals(at_least=5) for _ in range(6))
    )
    await records.fold_totals(at_least=5)
    expected = {(f"agent-{rest}",): sum(number for number in range(60) if number % 3 == rest) for rest in range(3)}
    assert await _counts(records, "commandcenter_jail_denials") == expected
    assert await records.fold_totals(at_least=5) == 0  # less than five rows are left


async def test_the_page_names_every_metric_and_adds_buckets_up(records: Records, make: Any) -> None:
    run = await _run(records, make)
    for duration in (5, 80, 10**9):
        agent_run, _ = await records.start_attempt(agent_name="scanner", inputs={}, project_id=1)
        await records.finish_agent_run(agent_run, status="SUCCESS", duration_ms=duration)
    page = render(await records.metric_totals(), []).splitlines()
    labels = 'agent_name="scanner",status="SUCCESS"'
    assert f'agent_execution_duration_ms_bucket{{{labels},le="10"}} 1' in page
    assert f'agent_execution_duration_ms_bucket{{{labels},le="100"}} 2' in page
    assert f'agent_execution_duration_ms_bucket{{{labels},le="+Inf"}} 3' in page
    assert f"agent_execution_duration_ms_sum{{{labels}}} {10**9 + 85}" in page
    assert f"agent_execution_total{{{labels}}} 3" in page
    for metric in METRICS:
        name = metric.name if metric.buckets else f"{metric.name}_total"
        assert f"# HELP {name} {metric.help}" in page
    assert run


async def test_numbers_of_this_moment(records: Records, make: Any) -> None:
    run = await _run(records, make)
    await records.open_gate(run_id=run, node_id="fix", digest="sha256:1", card={}, rule=ApprovalRule())
    numbers = await records.live_numbers()
    assert numbers.runs == {"PENDING": 1, "RUNNING": 0, "WAITING_APPROVAL": 0}
    assert numbers.approvals == {"audit": 1}
    assert (numbers.outbox, numbers.dead_letters, numbers.spans) == (2, 0, 0)
    assert 0 <= numbers.oldest_event < 60
    assert numbers.database_bytes > 10_000


async def test_the_figures_of_a_project_agree_with_the_totals_of_the_dashboards(
    records: Records, make: Any
) -> None:
    """The page of the console counts rows, `commandcenter stats` and the dashboards add up totals: of the same runs."""
    since = datetime.now(UTC) - timedelta(days=1)
    durations = [5, 40, 40, 70, 90, 300, 900, 2_000, 4_000, 9_000]
    for number, duration in enumerate(durations):
        run = await _run(records, make, flow_run_id=f"flow-{number}")
        attempt, _ = await records.start_attempt(run_id=run, node_id="scan", agent_name="scanner", inputs={})
        status = "FAILED" if number % 4 == 0 else "SUCCESS"
        await records.finish_agent_run(attempt, status=status, duration_ms=duration)
        if number < 6:
            await records.open_gate(run_id=run, node_id="fix", digest="sha256:1", card={}, rule=ApprovalRule())
        if number < 4:
            decision = "REJECTED" if number == 0 else "APPROVED"
            await records.decide((run, "fix"), decision=decision, by="Ann", verified=True, channel="http")
        if number == 9:  # goes on: it is in neither
            await records.start_attempt(run_id=run, node_id="more", agent_name="scanner", inputs={})
        elif number > 4:
            await records.finish_run(run, status)

    figures, stats = await records.statistics(1, since), await show_stats(records)
    agent = figures.agents["scanner"]
    (shown,) = stats.agents
    assert (agent.count, agent.failed) == (10, 3)
    assert (shown["executions"], shown["failed"]) == (10, "30 %")
    for exact, bucket in ((agent.p50, shown["p50_ms"]), (agent.p95, shown["p95_ms"])):
        bounds = [0, *AGENT_DURATION.buckets]
        upper = int(str(bucket).removeprefix("<= "))
        assert bounds[bounds.index(upper) - 1] < (exact or 0) <= upper
    (workflow,) = stats.workflows
    by_status = Counter[str]()
    for counts in figures.runs.values():
        by_status.update(counts)
    assert by_status.total() == workflow["started"] == 10
    assert by_status["FAILED"] == workflow["failed"]
    assert by_status["FAILED"] + by_status["SUCCESS"] == workflow["ended"]
    (approvals,) = cast("list[dict[str, Any]]", stats.approvals)
    assert figures.approvals.count == approvals["approved"] + approvals["rejected"] == 4
    assert figures.approvals.failed == approvals["rejected"] == 1
    assert figures.pending_approvals == approvals["pending"]
