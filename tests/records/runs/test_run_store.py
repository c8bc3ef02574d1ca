"""A run begins once and ends once, and its events say so once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from records import NodeFinished, NotFound, PayloadRefused, Records, StaleAttempt, run_cursor
from records.tables import WORKFLOW_RUN


async def _subjects(records: Records) -> list[str]:
    return [event.subject for event in await records.pending_events()]


async def test_twenty_parallel_starters_of_a_flow_run_make_one_run_and_one_event(
    begin: Any, records: Records
) -> None:
    ids = await asyncio.gather(*(begin(flow_run_id="f") for _ in range(20)))
    assert len(set(ids)) == 1
    assert len(await records.runs()) == 1
    assert len([subject for subject in await _subjects(records) if subject.startswith("workflow.started.")]) == 1


async def test_twenty_starters_with_connections_of_their_own_make_one_run(
    url: str, records: Records, make: Any
) -> None:
    plan = make.plan()
    await records.save_workflow(plan)

    async def start() -> str:
        async with await Records.open(url, pool_size=1) as own:
            return await own.start_run(flow_run_id="f", plan_digest=plan.digest, trigger="manual", context={})

    assert len(set(await asyncio.gather(*(start() for _ in range(20))))) == 1
    assert len(await records.pending_events()) == 1


async def test_a_run_keeps_what_it_was_started_with(begin: Any, records: Records, make: Any) -> None:
    context = {"path": "ä.py", "deep": [{"n": None}], "text": "{{ not a template }}"}
    run_id = await begin(context=context, triggered_by="ann")
    run = await records.run(run_id)
    assert (run.context, run.triggered_by, run.status) == (context, "ann", "PENDING")
    assert (run.plan_digest, run.workflow_name, run.project_id) == (make.plan().digest, "audit", 1)
    assert run.started_at.tzinfo is not None
    assert await records.run_of_flow_run("flow-1") == run
    assert await records.run_of_flow_run("flow-2") is None


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"x": "a" * 6_000_000}, "has 6,000,008 bytes of JSON, at most 5,000,000"),
        ({"x": float("nan")}, "it is not valid JSON"),
        ({"x": "nul \0"}, "U\\+0000"),
        ({"x": ["\ud800"]}, "it is not valid JSON"),
        ({"x": object()}, "it is not valid JSON"),
    ],
)
async def test_a_context_no_database_stores_is_refused_with_the_reason(
    begin: Any, records: Records, context: dict[str, Any], message: str
) -> None:
    with pytest.raises(PayloadRefused, match=f"the context of the run.*{message}"):
        await begin(context=context)
    assert await records.runs() == []


async def test_a_run_of_a_plan_nobody_saved_is_refused(records: Records) -> None:
    with pytest.raises(NotFound, match="deploy its workflow first"):
        await records.start_run(flow_run_id="f", plan_digest="sha256:0", trigger="manual", context={})


async def test_the_first_end_of_a_run_stands_and_tells_its_results_in_plan_order(
    run_id: str, records: Records
) -> None:
    for node, output in (("fix", {"prNumber": 1}), ("scan", {"found": [1, 2]})):
        agent = "patcher" if node == "fix" else "scanner"
        begun, _ = await records.start_attempt(run_id=run_id, node_id=node, agent_name=agent, inputs={})
        await records.finish_agent_run(begun, status="SUCCESS", output=output)
    assert await records.finish_run(run_id, "SUCCESS", "all well")
    assert not await records.finish_run(run_id, "FAILED", "forced")
    assert not await records.set_run_status(run_id, "RUNNING")
    run = await records.run(run_id)
    assert (run.status, run.message) == ("SUCCESS", "all well")
    assert run.finished_at is not None
    completed = [event for event in await records.pending_events() if event.subject == "workflow.completed.audit"]
    assert len(completed) == 1
    payload = completed[0].payload
    assert payload["workflowRunId"] == run_id
    assert payload["status"] == "SUCCESS"
    told = [(result["agentName"], result["output"]) for result in payload["results"]]
    assert told == [("scanner", {"found": [1, 2]}), ("patcher", {"prNumber": 1})]
    assert (payload["projectId"], payload["workflowName"], payload["message"]) == (1, "audit", "all well")


async def test_an_event_too_large_for_nats_leaves_out_the_largest_output_and_says_so(
    run_id: str, records: Records
) -> None:
    for item, size in enumerate((600_000, 500_000, 10)):
        begun, _ = await records.start_attempt(
            run_id=run_id, node_id="scan", item=item, agent_name="scanner", inputs={}
        )
        await records.finish_agent_run(begun, status="SUCCESS", output="x" * size)
    await records.finish_run(run_id, "SUCCESS")
    event = (await records.pending_events())[-1]
    assert len(event.data) < 900_000
    large, middle, small = event.payload["results"]
    assert (large["output"], large["outputBytes"]) == (None, 600_002)
    assert len(middle["output"]) == 500_000
    assert small["output"] == "x" * 10


async def test_a_run_of_very_many_results_can_still_end(
    run_id: str, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.runs.completion._MOST_RESULTS", 5)
    for item in range(7):
        begun, _ = await records.start_attempt(
            run_id=run_id, node_id="scan", item=item, agent_name="scanner", inputs={}
        )
        await records.finish_agent_run(begun, status="SUCCESS", output=item)
    await records.finish_run(run_id, "SUCCESS")
    payload = (await records.pending_events())[-1].payload
    assert [result["item"] for result in payload["results"]] == [0, 1, 2, 3, 4]
    assert payload["resultsLeftOut"] == 2


async def test_an_ended_run_leaves_nothing_running_and_lets_nothing_begin(run_id: str, records: Records) -> None:
    begun, _ = await records.start_attempt(run_id=run_id, node_id="scan", agent_name="scanner", inputs={})
    await records.finish_run(run_id, "FAILED", "cancelled")
    assert [run.status for run in await records.agent_runs(run_id)] == ["FAILED"]
    with pytest.raises(StaleAttempt, match="ended"):
        await records.finish_agent_run(begun, status="SUCCESS", output={})
    with pytest.raises(StaleAttempt, match="has ended"):
        await records.start_attempt(run_id=run_id, node_id="fix", agent_name="patcher", inputs={})
    with pytest.raises(StaleAttempt, match="has ended"):
        await records.record_node(run_id, "fix", state="SKIPPED")


async def test_a_failed_run_can_be_tried_again_and_its_second_end_is_told_too(
    run_id: str, records: Records
) -> None:
    assert not await records.reopen_run(run_id)
    await records.finish_run(run_id, "FAILED", "first")
    assert await records.reopen_run(run_id)
    assert (await records.run(run_id)).status == "RUNNING"
    await records.finish_run(run_id, "SUCCESS")
    assert not await records.reopen_run(run_id)
    ends = [event.payload["status"] for event in await records.pending_events() if "completed" in event.subject]
    assert ends == ["FAILED", "SUCCESS"]


async def test_who_took_a_run_over_shuts_the_former_process_out_of_every_write(
    run_id: str, records: Records
) -> None:
    old = await records.claim_run(run_id)
    begun, _ = await records.start_attempt(
        run_id=run_id, node_id="scan", agent_name="scanner", inputs={}, fencing_token=old
    )
    new = await records.claim_run(run_id)
    assert new > old
    stale: dict[str, Any] = {"fencing_token": old}
    for write in (
        records.set_run_status(run_id, "RUNNING", **stale),
        records.finish_run(run_id, "SUCCESS", **stale),
        records.record_node(run_id, "fix", state="SKIPPED", **stale),
        records.start_attempt(run_id=run_id, node_id="fix", agent_name="patcher", inputs={}, **stale),
        records.finish_agent_run(begun, status="SUCCESS", output={}, **stale),
    ):
        with pytest.raises(StaleAttempt, match="was taken over"):
            await write
    assert await records.node_results(run_id) == {}
    assert await records.set_run_status(run_id, "RUNNING", fencing_token=new)


async def test_parallel_claims_give_each_process_a_lease_of_its_own(run_id: str, records: Records) -> None:
    leases = await asyncio.gather(*(records.claim_run(run_id) for _ in range(10)))
    assert sorted(leases) == list(range(1, 11))


async def test_runs_are_found_by_project_status_and_workflow(begin: Any, records: Records, make: Any) -> None:
    first = await begin(flow_run_id="a")
    second = await begin(make.plan(name="other"), flow_run_id="b")
    await records.finish_run(first, "FAILED", "no")
    assert {run.id for run in await records.runs(1)} == {first, second}
    assert await records.runs(2) == []
    assert [run.id for run in await records.runs(status="FAILED")] == [first]
    assert [run.id for run in await records.runs(unfinished=True)] == [second]
    assert [run.id for run in await records.runs(workflow="other")] == [second]
    assert len(await records.runs(limit=1)) == 1
    with pytest.raises(NotFound, match="project 2 has none"):
        await records.run(first, project_id=2)
    with pytest.raises(NotFound, match="the run 'nope'"):
        await records.run("nope")


async def test_a_node_that_ended_well_is_never_recorded_otherwise(run_id: str, records: Records) -> None:
    await records.record_node(run_id, "scan", state="SUCCESS", output=[1])
    with pytest.raises(NodeFinished):
        await records.record_node(run_id, "scan", state="FAILED", reason="late")
    assert (await records.node_results(run_id))["scan", None].output == [1]


async def test_pages_of_runs_hold_each_run_once_also_where_some_began_at_the_same_moment(
    begin: Any, records: Records
) -> None:
    made = [await begin(flow_run_id=f"flow-{number}") for number in range(7)]
    async with records._db.write() as connection:
        moment = datetime(2026, 3, 1, 9, tzinfo=UTC)
        await connection.execute(
            update(WORKFLOW_RUN).where(WORKFLOW_RUN.c.id.in_(made[:5])).values(startedAt=moment)
        )
    seen: list[str] = []
    cursor = None
    while page := await records.runs(1, limit=2, after=cursor):
        seen += [run.id for run in page]
        cursor = run_cursor(page[-1])
        await begin(flow_run_id=f"new-{len(seen)}")  # what begins meanwhile shifts nothing
    assert sorted(seen) == sorted(made)


async def test_runs_are_found_by_trigger_and_time(begin: Any, records: Records) -> None:
    by_hand = await begin(flow_run_id="a", trigger="manual")
    by_event = await begin(flow_run_id="b", trigger="graph.file.updated")
    moment = datetime(2026, 3, 1, 9, tzinfo=UTC)
    async with records._db.write() as connection:
        old = update(WORKFLOW_RUN).where(WORKFLOW_RUN.c.id == by_hand).values(startedAt=moment)
        await connection.execute(old)
    later = moment + timedelta(seconds=1)
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"trigger": "manual"}, [by_hand]),
        ({"trigger": "manu"}, []),
        ({"since": later}, [by_event]),
        ({"since": moment, "until": later}, [by_hand]),
        ({"until": moment}, []),
    ]
    for chosen, expected in cases:
        assert [run.id for run in await records.runs(1, **chosen)] == expected, chosen


@pytest.mark.parametrize("cursor", ["", "x", "äö", "MjAyNi0wMy0wMQ", "MjAyNi0wMy0wMSB4", "%00", "A" * 5_000])
async def test_a_cursor_that_is_none_is_refused(records: Records, cursor: str) -> None:
    with pytest.raises(PayloadRefused, match="the cursor is not one"):
        await records.runs(1, after=cursor)
