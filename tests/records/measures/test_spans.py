"""One tree per run, sent to a real OTLP endpoint, whatever happened to the run and to the endpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fault_harness.otlp_receiver import OtlpReceiver, attributes

from compiler.plan import ApprovalRule
from observability.metrics.exposition import render
from observability.traces.export import NotExported, SpanExporter
from observability.traces.parts import AttemptPart
from observability.traces.settings import TraceSettings, load_trace_settings
from observability.traces.span import epoch_ms
from records import Records
from records.approvals.audit import Actor

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")


@pytest.fixture
async def receiver() -> AsyncIterator[OtlpReceiver]:
    async with OtlpReceiver() as receiver:
        yield receiver


async def _export(records: Records, receiver: OtlpReceiver, **environment: str) -> int:
    settings = load_trace_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **environment})
    assert settings is not None
    async with SpanExporter(outbox=records, settings=settings) as exporter:
        return await exporter.export()


async def _start(records: Records, make: Any) -> tuple[str, str]:
    plan, flow_run_id = make.plan(), str(uuid4())
    for agent in ("scanner", "patcher"):
        await records.register_agent(1, make.agent(agent))
    await records.save_workflow(plan)
    run = await records.start_run(flow_run_id=flow_run_id, plan_digest=plan.digest, trigger="a.b", context={})
    return run, flow_run_id


async def _attempt(records: Records, run: str, node: str = "scan", agent: str = "scanner") -> str:
    begun, _ = await records.start_attempt(
        run_id=run, node_id=node, agent_name=agent, inputs={}, action="work", agent_version="1.2.3"
    )
    return begun


async def test_a_run_with_a_lost_worker_a_gate_and_a_retry_is_one_tree(
    records: Records, make: Any, receiver: OtlpReceiver
) -> None:
    run, flow = await _start(records, make)
    received = datetime.now(UTC) - timedelta(seconds=3)
    await records.record_event(
        "S", 7, subject="a.b", workflow="audit", flow_run_id=flow, received_at=received, traceparent=CALLER
    )
    await _attempt(records, run)  # its worker dies
    scan = await _attempt(records, run)
    for _ in range(2):
        await records.finish_agent_run(scan, status="SUCCESS", duration_ms=5, memory_kb=2048)
    await records.open_gate(run_id=run, node_id="fix", digest="sha256:1", card={}, rule=ApprovalRule())
    await records.decide((run, "fix"), decision="APPROVED", by="Ann", verified=True, channel="http")
    fix = await _attempt(records, run, "fix", "patcher")
    await records.finish_agent_run(fix, status="FAILED", error="no", failure_kind="exit")
    await records.finish_run(run, "FAILED", "because node 'fix' failed")
    assert await records.reopen_run(run)
    again = await _attempt(records, run, "fix", "patcher")
    await records.finish_agent_run(again, status="SUCCESS")
    await records.finish_run(run, "SUCCESS")

    assert await _export(records, receiver) == len(receiver.spans) == 9
    assert receiver.faults() == []
    spans = receiver.of_trace(flow.replace("-", ""))
    names = sorted(span.name for span in spans.values())
    assert names == [
        "agent.patcher.work",
        "agent.patcher.work",
        "agent.scanner.work",
        "agent.scanner.work",
        "approval.fix",
        "event.intake",
        "workflow.audit",
        "workflow.audit",
        "workflow.audit started",
    ]
    (root,) = (span for span in spans.values() if not span.parent_span_id)
    about = attributes(root)
    assert (about["workflow.run_id"], about["project.id"], about["cicd.pipeline.result"]) == (run, 1, "failure")
    assert [link.trace_id.hex() for link in root.links] == [CALLER[3:35]]
    lost = next(span for span in spans.values() if attributes(span).get("error.type") == "worker_lost")
    assert (lost.name, lost.status.code) == ("agent.scanner.work", 2)
    gate = next(attributes(span) for span in spans.values() if span.name == "approval.fix")
    assert (gate["approval.by"], gate["approval.channel"], gate["approval.status"]) == ("Ann", "http", "APPROVED")
    intake = next(span for span in spans.values() if span.name == "event.intake")
    assert 2.9e9 < intake.end_time_unix_nano - intake.start_time_unix_nano < 60e9
    whole = next(attributes(s) for s in spans.values() if s.name == "agent.scanner.work" and s.status.code == 1)
    assert (whole["agent.version"], whole["commandcenter.attempt"], whole["commandcenter.agent.memory_kb"]) == (
        "1.2.3",
        2,
        2048,
    )
    assert await _export(records, receiver) == 0


async def test_items_a_gate_by_timeout_a_cancelled_run_that_runs_again_and_what_it_called_leave_whole_trees(
    records: Records, make: Any, receiver: OtlpReceiver
) -> None:
    run, flow = await _start(records, make)
    token = await records.claim_run(run)
    for item in (0, 1):
        begun, _ = await records.start_attempt(
            run_id=run, node_id="scan", item=item, agent_name="scanner", inputs={}, action="work"
        )
        await records.finish_agent_run(begun, status="SUCCESS")
    await records.open_gate(
        run_id=run, node_id="fix", digest="sha256:1", card={}, rule=ApprovalRule(deadline_seconds=0)
    )
    assert len(await records.expire_gates()) == 1
    called = str(uuid4())
    child = await records.start_run(
        flow_run_id=called,
        plan_digest=(await records.run(run)).plan_digest or "",
        trigger="manual",
        context={},
    )
    await records.note_call(run, "call", called, fencing_token=token)
    await records.finish_run(child, "SUCCESS")
    await _attempt(records, run, "more")  # cancelled while it works
    await records.finish_run(run, "FAILED", "cancelled by Ann")
    assert await records.request_rerun(
        run, ["more"], by=Actor(name="Ann", verified=True, channel="http"), notes=""
    )
    assert await records.reopen_for_rerun(run)
    await records.finish_agent_run(await _attempt(records, run, "more"), status="SUCCESS")
    await records.finish_run(run, "SUCCESS")

    await _export(records, receiver)
    assert receiver.faults() == []
    spans = receiver.of_trace(flow.replace("-", ""))
    names = Counter(span.name for span in spans.values())
    assert names == {
        "workflow.audit started": 1,
        "workflow.audit": 2,
        "agent.scanner.work": 4,
        "approval.fix": 1,
    }
    gate = next(attributes(span) for span in spans.values() if span.name == "approval.fix")
    assert gate["approval.closed_as"] == "expired"
    items = [attributes(span).get("commandcenter.node.item") for span in spans.values()]
    assert {0, 1} <= set(items)
    kinds = {attributes(span).get("error.type") for span in spans.values()}
    assert kinds == {None, "run-ended"}
    theirs = receiver.of_trace(called.replace("-", ""))
    whole = next(span for span in theirs.values() if span.name == "workflow.audit")
    assert [link.trace_id.hex() for link in whole.links] == [flow.replace("-", "")]
    assert {link.span_id.hex() for link in whole.links} <= set(spans)
    about = attributes(whole)
    assert (about["commandcenter.parent.run_id"], about["commandcenter.parent.node"]) == (run, "call")


async def test_parts_of_an_attempt_and_of_a_proposal_are_spans_below_them_once(
    records: Records, make: Any, receiver: OtlpReceiver
) -> None:
    run, flow = await _start(records, make)
    chat = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 70, "gen_ai.usage.output_tokens": 5}
    now = epoch_ms(datetime.now(UTC))
    parts = [
        AttemptPart(name="outer", start_ms=now, end_ms=now + 9, number=0),
        AttemptPart(
            name="chat m", start_ms=now, end_ms=now + 1, kind="client", attributes=chat, number=1, within=0
        ),
    ]
    for _ in range(2):  # the second is not recorded
        await records.save_proposal(
            run_id=run,
            node_id="fix",
            key="k",
            effect="publish-branch",
            result={"a": 1},
            duration_ms=20,
            agent_name="patcher",
            parts=parts,
        )
    fix = await _attempt(records, run, "fix", "patcher")
    effect = AttemptPart(name="effect.publish-branch", start_ms=now, end_ms=now, kind="client", number=1 << 53)
    for _ in range(2):
        await records.finish_agent_run(fix, status="SUCCESS", parts=[effect, *parts])
    await records.finish_run(run, "SUCCESS")

    await _export(records, receiver)
    assert receiver.faults() == []
    spans = receiver.of_trace(flow.replace("-", ""))
    parents = sorted(
        (span.name, spans[span.parent_span_id.hex()].name if span.parent_span_id else "")
        for span in spans.values()
    )
    assert parents == [
        ("agent.patcher.work", "workflow.audit"),
        ("chat m", "outer"),
        ("chat m", "outer"),
        ("effect.publish-branch", "agent.patcher.work"),
        ("outer", "agent.patcher.work"),
        ("outer", "proposal.patcher"),
        ("proposal.patcher", "workflow.audit"),
        ("workflow.audit", ""),
        ("workflow.audit started", "workflow.audit"),
    ]
    used = {"calls": 1, "inputTokens": 70, "outputTokens": 5, "costUsd": 0.0}
    assert [each.model_use for each in await records.agent_runs(run)] == [used]
    assert [each.model_use for each in await records.proposals(run)] == [used]
    page = render(await records.metric_totals(), [])
    assert 'commandcenter_model_calls_total{agent_name="patcher"} 2' in page
    assert 'commandcenter_model_tokens_total{agent_name="patcher",direction="input"} 140' in page


async def test_a_total_has_the_trace_of_its_newest_run_also_when_folded(records: Records, make: Any) -> None:
    traces: list[str] = []
    for duration in (40, 41, 900):
        run, flow = await _start(records, make)
        traces.append(flow.replace("-", ""))
        await records.finish_agent_run(await _attempt(records, run), status="SUCCESS", duration_ms=duration)

    async def examples() -> list[tuple[str, int]]:
        totals = [each for each in await records.metric_totals() if each.metric == "agent_execution_duration_ms"]
        return [(each.example.trace_id, each.example.value) for each in totals if each.example is not None]

    expected = [(traces[1], 41), (traces[2], 900)]
    assert sorted(await examples()) == sorted(expected)
    await records.fold_totals(at_least=2)
    assert sorted(await examples()) == sorted(expected)


async def test_an_endpoint_that_is_away_or_refuses_for_now_loses_nothing(
    records: Records, make: Any, receiver: OtlpReceiver
) -> None:
    run, _ = await _start(records, make)
    await records.finish_run(run, "SUCCESS")
    settings = TraceSettings(url="http://127.0.0.1:9/v1/traces", timeout_seconds=1)
    async with SpanExporter(outbox=records, settings=settings) as exporter:
        with pytest.raises(NotExported, match="does not answer"):
            await exporter.export()
    receiver.status = 503
    with pytest.raises(NotExported, match="503"):
        await _export(records, receiver)
    assert (await records.live_numbers()).spans == 2
    receiver.status = 200
    assert await _export(records, receiver) == 2
    assert receiver.faults() == []


async def test_standard_variables_are_followed(records: Records, make: Any, receiver: OtlpReceiver) -> None:
    await _start(records, make)
    await _export(
        records,
        receiver,
        OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20abc,x-tenant=1",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        OTEL_SERVICE_NAME="cc",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
    )
    assert (receiver.headers["authorization"], receiver.headers["x-tenant"]) == ("Bearer abc", "1")
    assert receiver.resource == {"service.name": "cc", "deployment.environment.name": "test"}


async def test_events_carry_the_trace_of_their_run(records: Records, make: Any) -> None:
    run, flow = await _start(records, make)
    await records.finish_run(run, "SUCCESS")
    carried = [event.traceparent for event in await records.pending_events()]
    assert len(carried) == 2
    assert {(each or "")[3:35] for each in carried} == {flow.replace("-", "")}


async def test_without_tracing_nothing_is_written(url: str, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    async with await Records.open(url) as records:
        run, _ = await _start(records, make)
        await records.finish_agent_run(await _attempt(records, run), status="SUCCESS")
        await records.finish_run(run, "SUCCESS")
        assert (await records.live_numbers()).spans == 0
        assert {event.traceparent for event in await records.pending_events()} == {None}
