"""Runs over HTTP: filters, pages, and the files that their agents saved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

HOSTILE = b"<script>alert(1)</script>"


@pytest.fixture
async def begin(ann: Any, records: Any, workflow_yaml: Any) -> Any:
    """Begins runs of a workflow."""
    saved = (await ann.put("/workflows/talk", content=workflow_yaml("talk"))).json()

    async def begin(flow_run_id: str, trigger: str = "manual") -> str:
        return await records.start_run(
            flow_run_id=flow_run_id, plan_digest=saved["planDigest"], trigger=trigger, context={}
        )

    return begin


async def test_pages_follow_each_other_by_the_cursor_of_the_header(ann, begin) -> None:
    made = [await begin(str(number)) for number in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        answer = await ann.get("/runs", params=query)
        seen += [each["id"] for each in answer.json()]
        if "X-Next-Cursor" not in answer.headers:
            break
        query["cursor"] = answer.headers["X-Next-Cursor"]
    assert sorted(seen) == sorted(made)
    assert (await ann.get("/runs", params={"cursor": "nonsense"})).status_code == 422


async def test_runs_are_chosen_by_trigger_and_time(ann, begin) -> None:
    await begin("a", "manual")
    event = await begin("b", "graph.file.updated")
    found = (await ann.get("/runs", params={"trigger": "graph.file.updated"})).json()
    assert [each["id"] for each in found] == [event]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await ann.get("/runs", params={"since": later})).json() == []
    assert len((await ann.get("/runs", params={"until": later})).json()) == 2
    assert (await ann.get("/runs", params={"since": "2026-03-01T09:00:00"})).status_code == 422


async def test_every_route_of_a_run_takes_prefects_id_of_it(ann, eve, begin) -> None:
    flow_run_id = "7bb3f1f0-62f2-4c5e-8f4e-0d6c1c1a9d11"
    run_id = await begin(flow_run_id)
    paths = (await ann.get("/openapi.json")).json()["paths"]
    shown = [path for path, routes in paths.items() if path.startswith("/runs/{run_id}") and "get" in routes]
    asked = [path for path in shown if "{" not in path.replace("{run_id}", "")]
    assert len(asked) > 3
    for path in asked:
        query = {"node": "say", "follow": "false"}
        by_record, by_prefect = [
            await ann.get(path.format(run_id=each), params=query) for each in (run_id, flow_run_id)
        ]
        assert (by_prefect.status_code, by_prefect.text) == (by_record.status_code, by_record.text), path
        assert by_prefect.status_code in (200, 409), path
        assert (await eve.get(path.format(run_id=flow_run_id), params=query)).status_code == 404, path


async def test_an_artifact_is_downloaded_as_a_file_that_no_browser_shows_as_a_page(
    ann, eve, begin, records
) -> None:
    run = await begin("a")
    await records.save_artifact(HOSTILE, 'a"\u202e.html', "text/html", run)
    (listed,) = (await ann.get(f"/runs/{run}/artifacts")).json()
    assert (listed["size"], listed["mediaType"]) == (len(HOSTILE), "text/html")
    for wanted in (listed["id"], "a%22%E2%80%AE.html"):
        answer = await ann.get(f"/runs/{run}/artifacts/{wanted}")
        assert answer.content == HOSTILE
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%22%E2%80%AE.html"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert (await eve.get(f"/runs/{run}/artifacts")).status_code == 404
    assert (await eve.get(f"/runs/{run}/artifacts/{listed['id']}")).status_code == 404
    assert (await ann.get(f"/runs/{run}/artifacts/other")).status_code == 404


async def test_an_approval_has_its_card_as_text(ann, ask) -> None:
    approval = await ask()
    shown = (await ann.get(f"/approvals/{approval.id}")).json()
    assert "If this is approved, agent speaker" in shown["cardText"]


async def test_outputs_are_in_a_runs_detail_and_not_in_the_list(ann, begin, records) -> None:
    run_id = await begin("flow-1")
    assert await records.finish_run(run_id, "SUCCESS", outputs={"count": 3, "none": None})
    (listed,) = (await ann.get("/runs")).json()
    assert "outputs" not in listed
    shown = (await ann.get(f"/runs/{run_id}")).json()
    assert shown["outputs"] == {"count": 3, "none": None}
