"""An environment that is made leaves a span and a measure: in the run that needed it, or in a trace of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from fault_harness.otlp_receiver import OtlpReceiver, attributes
from package_server import package_server

from agents.sandbox.bubblewrap.binary import find_bwrap
from agents.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from compiler.plan import Plan, PlanNode
from observability.environment_build import EnvironmentBuild
from observability.traces.export import SpanExporter
from observability.traces.settings import load_trace_settings
from operations.register_agent import register_folder
from records import Records, upgrade
from tasks.agent_code import CodeUnavailable
from tasks.services import RunRef, Services

AGENT = """\
import tinywords
from agents.sdk import Agent, Context, Schema

agent = Agent(name="worded", type="SCRIPT", version="1.0.0", risk="AUTO")


class Said(Schema):
    text: str


@agent.action("say")
def say(said: Said, context: Context) -> Said:
    return Said(text=tinywords.WORD)
"""


async def _builds(records: Records) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for total in await records.metric_totals():
        if total.metric == "commandcenter_environment_build_ms":
            found[total.labels] += total.count
    return found


@pytest.mark.skipif(find_bwrap() is None, reason="no bubblewrap on this machine")
async def test_builds_are_spans_of_the_run_that_caused_them_or_traces_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    folder, scratch, url = tmp_path / "worded", tmp_path / "scratch", f"sqlite:///{tmp_path}/records.db"
    folder.mkdir()
    scratch.mkdir()
    (folder / "agent.py").write_text(AGENT)
    sandbox = BubblewrapSandbox(warm=0)
    async with OtlpReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        await upgrade(url)
        async with await Records.open(url) as records:
            with package_server() as index:
                monkeypatch.setenv("PIP_INDEX_URL", index.url)
                pin = index.add("tinywords", "2.1", {"tinywords.py": "WORD = 'Good day'\n"})
                (folder / "requirements.txt").write_text(pin)
                for _ in range(2):  # the second time it is there
                    spec = await register_folder(
                        folder, records=records, sandbox=sandbox, project_id=1, scratch=scratch
                    )
                # A run on another machine makes it again.
                run = await _start(records)
                services = Services(
                    records=records,
                    sandbox=sandbox,
                    secrets=(),
                    settings={},
                    repository_roots=(),
                    scratch=tmp_path / "elsewhere",
                )
                for _ in range(2):
                    assert (await services.code_of(spec, run)).environment is not None
            third = replace(services, scratch=tmp_path / "third")
            with pytest.raises(CodeUnavailable, match="did not answer"):
                await third.code_of(spec, run)
            await records.finish_run(run.run_id, "SUCCESS")
            settings = load_trace_settings()
            assert settings is not None
            async with SpanExporter(outbox=records, settings=settings) as exporter:
                await exporter.export()
            assert await _builds(records) == {("made",): 2, ("unavailable",): 1}
    await sandbox.close()

    assert receiver.faults() == []
    within = receiver.of_trace(run.flow_run_id.replace("-", ""))
    root = next(span for span in within.values() if not span.parent_span_id)
    found = {key: span for key, span in receiver.spans.items() if span.name == "environment.build"}
    made, away = (span for span in found.values() if span.trace_id == root.trace_id)
    assert {made.parent_span_id, away.parent_span_id} == {root.span_id}
    assert attributes(made) == {
        "project.id": 1,
        "agent.name": "worded",
        "environment.digest": attributes(made)["environment.digest"],
        "environment.packages": 1,
        "environment.outcome": "made",
    }
    assert made.end_time_unix_nano > made.start_time_unix_nano
    assert (attributes(away)["error.type"], away.status.code) == ("unavailable", 2)
    alone = [span for span in found.values() if span.trace_id != root.trace_id]
    assert [attributes(span)["environment.outcome"] for span in alone] == ["made"]


async def test_a_build_that_is_told_twice_is_counted_once_with_and_without_tracing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/records.db"
    await upgrade(url)
    for number, endpoint in enumerate(("", "http://collector:4318"), 1):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        async with await Records.open(url) as records:
            build = EnvironmentBuild(digest="0" * 64, packages=3, start_ms=5, end_ms=9, outcome="made")
            for _ in range(2):  # the answer to the first call was lost
                await records.note_environment_build(build, project_id=1)
            assert await _builds(records) == {("made",): number}
            assert len(await records.waiting_spans()) == number - 1


async def _start(records: Records) -> RunRef:
    node = PlanNode(
        id="say",
        agent="worded",
        agent_type="SCRIPT",
        agent_version="1.0.0",
        entry_path="/uploaded/worded",
        action="say",
        risk="AUTO",
        inputs={},
        input_schema={},
        output_schema={},
    )
    plan, flow_run_id = Plan(name="words", project_id=1, nodes=(node,), trigger_source={}), str(uuid4())
    await records.save_workflow(plan)
    run_id = await records.start_run(
        flow_run_id=flow_run_id, plan_digest=plan.digest, trigger="manual", context={}
    )
    return RunRef(
        run_id=run_id,
        flow_run_id=flow_run_id,
        project_id=1,
        workflow="words",
        trigger="manual",
        triggered_by="Ann",
        context={},
        attempt=1,
        by_clock=False,
        fencing_token=0,
    )
