"""A real run of the main job, watched by a real Prometheus and a real OTLP endpoint: no empty panel, no orphan."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from fault_harness.otlp_receiver import OtlpReceiver, attributes

from deployments.demo.demo import configure_agents, open_sinks
from deployments.demo.follow import Follower
from deployments.demo.start import start_by_event
from deployments.stack.connection import StackConnection, connect_to
from deployments.stack.prometheus import prometheus, serve_metrics_somewhere
from deployments.stack.stack import Stack
from deployments.stack.up import deploy_files, prepare_records
from observability.dashboards.panels import BOARDS
from operations.run_detail import RunDetail
from reliability.settings import StackSettings

WORKFLOWS = Path(__file__).parents[2] / "workflows"
RUNS = 2


class Watched:
    """What is left of the runs."""

    def __init__(
        self, connection: StackConnection, detail: RunDetail, receiver: OtlpReceiver, address: str | None
    ) -> None:
        self.connection, self.detail, self.receiver, self.prometheus = connection, detail, receiver, address
        self.metrics = ""


@pytest.fixture
async def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    """The main job, approved, more than once so that counters have grown while they were watched."""
    state = tmp_path / "state"
    async with AsyncExitStack() as opened:
        receiver = await opened.enter_async_context(OtlpReceiver())
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("COMMANDCENTER_LOG_FORMAT", "json")
        sinks = await opened.enter_async_context(open_sinks())
        with pytest.MonkeyPatch.context() as patched:
            for name in ("COMMANDCENTER_METRICS_ADDRESS", "COMMANDCENTER_REPOSITORIES"):
                patched.delenv(name, raising=False)
            configure_agents(sinks, state=state)
            target = serve_metrics_somewhere()
            stack = Stack(
                StackSettings(state=state, database_url=None),
                prepare=lambda each: prepare_records(each, project_id=1),
            )
            await opened.enter_async_context(stack)
            await deploy_files(stack.addresses, [WORKFLOWS], project_id=1)
            connection = await opened.enter_async_context(connect_to(stack.addresses))
            address = await opened.enter_async_context(prometheus(state, target=target, every_seconds=1))
            detail = None
            for _ in range(RUNS):
                async with start_by_event(connection, state=state, project_id=1) as started:
                    follower = Follower(connection=connection, started=started, answer="approve", notes="")
                    detail = await follower.to_the_end()
                await asyncio.sleep(3)
            assert detail is not None
            assert detail.run.status == "SUCCESS", detail.run.message
            found = Watched(connection, detail, receiver, address)
            async with httpx.AsyncClient(trust_env=False) as client:
                found.metrics = (await client.get(f"http://{target}/metrics")).text
            yield found


async def test_a_real_run_is_one_whole_trace_and_fills_every_panel(watched: Watched) -> None:
    await _check_trace(watched)
    _check_page(watched)
    _check_logs(watched)
    if watched.prometheus is None:
        assert shutil.which("prometheus") is None
        pytest.skip("the dashboards were not tried: no prometheus here, install Debian's package to run this")
    empty: list[str] = []
    async with httpx.AsyncClient(base_url=watched.prometheus, trust_env=False, timeout=30) as client:
        for board in BOARDS:
            for panel in board.panels:
                for query in panel.queries:
                    expr = re.sub(r"\$__(rate_interval|range)", "1m", query.expr)
                    span = {"start": time.time() - 60, "end": time.time(), "step": 5, "query": expr}
                    answer = (await client.get("/api/v1/query_range", params=span)).json()
                    assert answer["status"] == "success", (expr, answer)
                    if not any(series["values"] for series in answer["data"]["result"]):
                        empty.append(f"{board.title}: {panel.title}: {expr}")
        asked = {"query": "workflow_run_duration_ms_bucket", "start": time.time() - 300, "end": time.time()}
        examples = (await client.get("/api/v1/query_exemplars", params=asked)).json()["data"]
        alerts = (await client.get("/api/v1/alerts")).json()["data"]["alerts"]
    assert empty == []
    trace = (watched.detail.run.flow_run_id or "").replace("-", "")
    assert trace in {each["labels"]["trace_id"] for series in examples for each in series["exemplars"]}
    assert [each["labels"]["alertname"] for each in alerts if each["state"] == "firing"] == []


async def _check_trace(watched: Watched) -> None:
    run = watched.detail.run
    for _ in range(100):
        spans = watched.receiver.of_trace((run.flow_run_id or "").replace("-", ""))
        if any(not span.parent_span_id for span in spans.values()):
            break
        await asyncio.sleep(0.1)
    assert watched.receiver.faults() == []
    names = sorted(span.name for span in spans.values())
    assert names == sorted(
        [
            "workflow.security-audit-deploy",
            "workflow.security-audit-deploy started",
            "event.intake",
            "approval.create-fix-pr",
            "proposal.patcher",
            *(name for name in names if name.startswith("effect.")),
            *(name for name in names if name.startswith("agent.")),
        ]
    )
    assert len([name for name in names if name.startswith("agent.")]) >= 4
    assert {"effect.publish-branch", "effect.send-chat"} <= set(names)
    (scan,) = (span for span in spans.values() if span.name == "agent.security-scanner.scanRepository")
    about = attributes(scan)
    assert about["workflow.run_id"] == run.id
    assert about["agent.version"]
    assert int(str(about["commandcenter.agent.memory_kb"])) > 1_000


def _check_logs(watched: Watched) -> None:
    """Every line of every part is JSON, and says which run, node and attempt it is about."""
    run = watched.detail.run
    logs = sorted((Path(watched.connection.addresses.state) / "logs").glob("*.log"))
    logs = [log for log in logs if log.stem != "prometheus"]  # which is no part of the platform
    found = {log.stem: [json.loads(line) for line in log.read_text().splitlines()] for log in logs}
    assert {"nats", "prefect", "worker", "listener"} <= set(found)
    for part, lines in found.items():
        assert {each["part"] for each in lines} <= {part}
        assert all(each["time"] and each["level"] and "message" in each for each in lines)
    assert any("ready" in each["message"] for each in found["nats"])
    assert any("ready" in each["message"] for each in found["listener"])
    mine = [each for each in found["worker"] if each.get("flow_run_id") == run.flow_run_id]
    assert len(mine) > 10
    assert {each["trace_id"] for each in mine} == {(run.flow_run_id or "").replace("-", "")}
    # From the first line on, which is written before the run is on record.
    assert {each["run_id"] for each in mine} == {run.id}
    of_nodes = [each for each in mine if each["logger"] == "prefect.task_runs"]
    assert {"scan", "assess", "notify-if-critical", "create-fix-pr"} <= {each["node"] for each in of_nodes}
    assert all(each["attempt"] >= 1 and each["run_id"] == run.id for each in of_nodes)


def _check_page(watched: Watched) -> None:
    """The counters are the rows."""
    page = watched.metrics
    assert (
        f'workflow_run_duration_ms_count{{workflow_name="security-audit-deploy",status="SUCCESS"}} {RUNS}' in page
    )
    assert f'agent_execution_total{{agent_name="security-scanner",status="SUCCESS"}} {RUNS}' in page
    assert f'commandcenter_event_to_run_ms_count{{workflow_name="security-audit-deploy"}} {RUNS}' in page
    assert f"commandcenter_decision_to_resume_ms_count {RUNS}" in page
    assert "commandcenter_workers_online 1" in page
    for source in ("nats", "workers", "logs"):
        assert f'commandcenter_metrics_source_up{{source="{source}"}} 1' in page
