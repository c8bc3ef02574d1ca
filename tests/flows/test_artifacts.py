"""Files that an agent saved: on its record, on Prefect's page, and downloaded."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it import MarkdownIt
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

from agents.sandbox.port import AgentResult, Artifact
from tasks.attempt_page import API_URL, artifact_list

REPORT = Artifact(name="report.pdf", media_type="application/pdf", content=b"%PDF-")


@pytest.fixture
async def done(bench: Any, node: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(API_URL, "https://api.example.com")
    bench.sandbox.answer("report", AgentResult(output={}, artifacts=(REPORT,)))
    flow_run = await bench.start(await bench.deploy(node("report")))
    assert (await bench.execute(flow_run)).is_completed()
    return flow_run


async def test_what_an_agent_saved_is_on_its_record_and_on_prefects_page(bench, done) -> None:
    run = await bench.record(done)
    (agent_run,) = await bench.records.agent_runs(run.id)
    (saved,) = await bench.records.artifacts(run.id)
    assert agent_run.artifacts == (saved.ref,)
    assert await bench.records.artifact(saved.ref) == b"%PDF-"
    by_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[done.id]))
    (shown,) = await bench.client.read_artifacts(artifact_filter=by_run)
    assert f"https://api.example.com/runs/{run.id}/artifacts/report.pdf" in shown.data
    assert f"commandcenter artifacts {run.id} --all" in shown.data


@pytest.mark.parametrize("name", ["](javascript:alert(1))", "a`b<img src=x>", "\u202egpj.exe", "**x**"])
def test_the_name_of_a_file_is_inert_on_prefects_page(name: str) -> None:
    saved = Artifact(name=name, media_type="text/<script>", content=b"")
    html = MarkdownIt("commonmark").render(artifact_list([saved], run_id="r", api_url="https://api.example.com/x"))
    assert html.count("<a href=") == html.count('<a href="https://api.example.com/x/runs/r/artifacts/') == 1
    for interpreted in ("<img", "<script", "<strong>", "\u202e"):
        assert interpreted not in html
