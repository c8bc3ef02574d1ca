"""The Python client against the real API: start, watch, approve, read the log, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from client import ApiProblem, CommandCenter, NoAnswer


@pytest.fixture
def center(address: str) -> Any:
    with CommandCenter(address, token="ann-token") as center:
        yield center


async def test_a_workflow_is_saved_started_watched_approved_and_its_log_read(
    center: CommandCenter, records: Any, workflow_yaml: Any, launch: Any, resumed: list[str], ask: Any
) -> None:
    saved = await asyncio.to_thread(center.save_workflow, "talk", workflow_yaml("talk"))
    assert (saved["name"], [each["code"] for each in saved["warnings"]]) == ("talk", ["CC901"])
    started = await asyncio.to_thread(
        center.start_run, "talk", {"context": {"repositoryPath": "/repo", "filePath": "a.py"}}
    )
    assert started["planDigest"] == saved["planDigest"]

    approval = await ask(flow_run_id=started["flowRunId"])
    run = await asyncio.to_thread(
        center.wait_for_run, started["flowRunId"], until=lambda run: bool(run["approvals"]), seconds=30
    )
    assert (run["id"], run["states"]["shout"]) == (approval.run_id, "WAITING_APPROVAL")
    [asked] = await asyncio.to_thread(lambda: center.list_approvals(run_id=run["id"], status="PENDING"))
    decided = await asyncio.to_thread(
        center.decide_approval, asked["id"], {"decision": "approve", "digest": asked["digest"]}
    )
    assert (decided["applied"], decided["run"], resumed) == (True, "resumed", [started["flowRunId"]])

    with pytest.raises(TimeoutError, match="after 0 s run"):
        await asyncio.to_thread(center.wait_for_run, run["id"], seconds=0)
    await records.finish_run(run["id"], "SUCCESS", "")
    ended = await asyncio.to_thread(center.wait_for_run, run["id"], seconds=30)
    assert ended["status"] == "SUCCESS"
    assert await asyncio.to_thread(lambda: list(center.follow_log(run["id"]))) == []


async def test_changes_are_told_as_they_happen(center: CommandCenter, ann: Any, workflow_yaml: Any) -> None:
    def first() -> dict[str, Any]:
        with center.connection.changes(after="0") as changes:
            return next(changes)

    await ann.put("/workflows/talk", content=workflow_yaml("talk"))
    change = await asyncio.to_thread(first)
    assert {"type", "id", "runId", "cursor"} == set(change)


@pytest.mark.parametrize("token", ["", "two words", "line\n", "schlüssel"])
def test_a_token_that_no_header_carries_is_refused_before_anything_is_sent(address: str, token: str) -> None:
    with pytest.raises(ValueError, match="tokens add"):
        CommandCenter(address, token=token)


async def test_what_is_refused_says_why(center: CommandCenter, address: str, ask: Any) -> None:
    approval = await ask(triggered_by="Ann")
    with pytest.raises(ApiProblem, match=r"404: .*'none'") as unknown:
        await asyncio.to_thread(center.show_run, "none")
    assert unknown.value.members["title"] == "Not Found"
    body: Any = {"decision": "approve", "digest": approval.digest}
    with pytest.raises(ApiProblem) as own:
        await asyncio.to_thread(center.decide_approval, approval.id, body)
    assert own.value.status == 403
    with CommandCenter(address, token="wrong") as stranger, pytest.raises(ApiProblem, match="401"):
        await asyncio.to_thread(stranger.list_runs)
    with CommandCenter("http://127.0.0.1:9", token="x") as nowhere, pytest.raises(NoAnswer):
        await asyncio.to_thread(nowhere.list_runs)
