"""The same platform with its records in PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from deployments.stack.connection import connect_to


async def test_a_workflow_runs_with_its_records_in_postgresql(platform_on_postgres: Any) -> None:
    platform = platform_on_postgres
    assert platform.addresses.database_url.startswith("postgresql://")
    platform.cli("trigger", "compliance-check-weekly", "--context", "marker=pg")
    async with connect_to(platform.addresses) as connection:
        assert connection.records.database_kind == "postgresql"
        runs = await _ended(connection)
    assert runs[0]["status"] == "SUCCESS", runs
    (shown,) = json.loads(platform.cli("runs", "--json").stdout)
    assert shown["workflowName"] == "compliance-check-weekly"
    detail = json.loads(platform.cli("show", shown["id"], "--json").stdout)
    assert [each["status"] for each in detail["agentRuns"]] == ["SUCCESS"] * 3
    assert len(platform.mail.messages) == 1
    assert not list(platform.state.glob("records.db*"))


async def _ended(connection: Any) -> list[dict[str, Any]]:
    for _ in range(600):
        runs = await connection.records.runs(1)
        if runs and runs[0].finished_at is not None:
            return [{"status": run.status, "message": run.message} for run in runs]
        await asyncio.sleep(0.1)
    raise AssertionError("the run did not end")
