"""`/metrics` of the HTTP API: there only with a token, and not for the token of a person."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from api.app import create_app
from records import Records

TOKEN = "t" * 32


@pytest.fixture
def metrics_client(records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def make(token: str | None) -> httpx.AsyncClient:
        if token is not None:
            (tmp_path / "token").write_text(token)
            monkeypatch.setenv("COMMANDCENTER_METRICS_TOKEN_FILE", str(tmp_path / "token"))
        app = create_app(records, {})
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")

    return make


async def test_without_a_token_there_is_no_page(metrics_client) -> None:
    async with metrics_client(None) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 404
    assert "COMMANDCENTER_METRICS_TOKEN_FILE" in answer.text


async def test_the_tokens_holder_reads_the_page(metrics_client) -> None:
    async with metrics_client(TOKEN) as client:
        assert (await client.get("/metrics")).status_code == 401
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    for name in ("agent_execution_duration_ms", "agent_execution_total", "workflow_run_duration_ms"):
        assert f"# TYPE {name} " in answer.text
    assert 'commandcenter_runs{status="RUNNING"} 0' in answer.text
    assert "commandcenter_oldest_queued_run_seconds 0" in answer.text
