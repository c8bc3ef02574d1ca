"""A node's attempt that counts is one; what any other writes is refused."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from records import NodeFinished, NotFound, PayloadRefused, Records, StaleAttempt


@pytest.fixture
def start(records: Records, run_id: str) -> Any:
    async def _start(node: str = "scan", **options: Any) -> str:
        fields = {"agent_name": "scanner", "inputs": {"path": "a.py"}} | options
        begun, _ = await records.start_attempt(run_id=run_id, node_id=node, **fields)
        return begun

    return _start


async def test_a_finished_node_is_there_for_the_next_run_of_the_flow(
    start: Any, records: Records, run_id: str
) -> None:
    begun = await start()
    assert await records.node_results(run_id) == {}
    assert await records.running_nodes(run_id) == {("scan", None): begun}
    await records.finish_agent_run(begun, status="SUCCESS", output={"found": [1]}, duration_ms=12)
    result = (await records.node_results(run_id))["scan", None]
    assert (result.status, result.output, result.attempt, result.agent_run_id) == (
        "SUCCESS",
        {"found": [1]},
        1,
        begun,
    )
    assert await records.running_nodes(run_id) == {}


async def test_all_that_is_known_of_an_agent_run_is_kept(start: Any, records: Records, run_id: str) -> None:
    begun = await start(idempotency_key="key-1", item=3)
    await records.finish_agent_run(
        begun,
        status="FAILED",
        error="boom \0 at line 1",
        failure_kind="exit",
        exit_code=3,
        duration_ms=7,
        limits={"memory": "cgroup"},
        denied_egress=["evil.example:443"],
        artifacts=["artifact:" + "0" * 64 + "/a.pdf"],
        log_tail="last line",
    )
    (run,) = await records.agent_runs(run_id)
    assert run == await records.agent_run(begun)
    assert (run.status, run.error, run.failure_kind, run.exit_code) == ("FAILED", "boom � at line 1", "exit", 3)
    assert (run.item, run.idempotency_key, run.inputs, run.duration_ms) == (3, "key-1", {"path": "a.py"}, 7)
    assert (run.limits, run.denied_egress, run.log_tail) == (
        {"memory": "cgroup"},
        ("evil.example:443",),
        "last line",
    )
    result = (await records.node_results(run_id))["scan", 3]
    assert (result.status, result.reason) == ("FAILED", "boom � at line 1")


async def test_a_finish_said_twice_counts_once_and_makes_one_event(start: Any, records: Records) -> None:
    begun = await start()
    assert await records.finish_agent_run(begun, status="SUCCESS", output=1)
    assert not await records.finish_agent_run(begun, status="SUCCESS", output=2)
    assert (await records.agent_run(begun)).output == 1
    events = [event for event in await records.pending_events() if event.subject == "agent.executed.scanner"]
    assert [event.payload["status"] for event in events] == ["SUCCESS"]
    with pytest.raises(StaleAttempt, match="has ended already"):
        await records.finish_agent_run(begun, status="FAILED", error="late")


async def test_a_process_that_wakes_up_after_a_takeover_changes_nothing(
    start: Any, records: Records, run_id: str
) -> None:
    asleep = await start(attempt=1)
    taken = await start(attempt=2)
    with pytest.raises(StaleAttempt, match=r"attempt 1\) has ended already \(FAILED: taken over by attempt 2\)"):
        await records.finish_agent_run(asleep, attempt=1, status="SUCCESS", output="old")
    assert await records.finish_agent_run(taken, attempt=2, status="SUCCESS", output="new")
    assert (await records.node_results(run_id))["scan", None].output == "new"
    assert [run.status for run in await records.agent_runs(run_id)].count("SUCCESS") == 1


async def test_the_same_attempt_begun_by_two_processes_belongs_to_the_later_one(
    start: Any, records: Records
) -> None:
    first, second = await start(attempt=1), await start(attempt=1)
    with pytest.raises(StaleAttempt):
        await records.finish_agent_run(first, status="SUCCESS")
    assert await records.finish_agent_run(second, status="SUCCESS")


async def test_of_ten_processes_that_begin_a_node_at_once_one_can_finish_it(start: Any, records: Records) -> None:
    begun = await asyncio.gather(*(start() for _ in range(10)))
    ends = await asyncio.gather(
        *(records.finish_agent_run(each, status="SUCCESS", output=each) for each in begun), return_exceptions=True
    )
    assert len([end for end in ends if end is True]) == 1
    assert len([end for end in ends if isinstance(end, StaleAttempt)]) == 9


async def test_an_older_attempt_cannot_begin_and_an_unnumbered_one_is_the_next(
    start: Any, records: Records
) -> None:
    failed = await start(attempt=3)
    await records.finish_agent_run(failed, status="FAILED", error="x")
    with pytest.raises(StaleAttempt, match="at attempt 3 already"):
        await start(attempt=2)
    assert (await records.agent_run(await start())).attempt == 4


async def test_a_finish_under_another_attempts_number_is_refused(start: Any, records: Records) -> None:
    begun = await start(attempt=2)
    with pytest.raises(StaleAttempt, match="cannot be finished by attempt 1"):
        await records.finish_agent_run(begun, attempt=1, status="SUCCESS")


async def test_a_node_that_ended_well_is_not_begun_again(start: Any, records: Records) -> None:
    await records.finish_agent_run(await start(), status="SUCCESS", output=1)
    with pytest.raises(NodeFinished, match="use its recorded result"):
        await start()


async def test_items_of_a_node_are_apart_from_each_other_and_from_the_whole(
    start: Any, records: Records, run_id: str
) -> None:
    for item in (0, 1):
        await records.finish_agent_run(await start(item=item), status="SUCCESS", output=item)
    await records.record_node(run_id, "scan", state="SUCCESS", output=[0, 1])
    results = await records.node_results(run_id)
    assert {key: result.output for key, result in results.items()} == {
        ("scan", 0): 0,
        ("scan", 1): 1,
        ("scan", None): [0, 1],
    }


async def test_a_skipped_node_is_remembered_with_its_reason_and_has_no_agent_run(
    records: Records, run_id: str
) -> None:
    await records.record_node(run_id, "fix", state="SKIPPED", reason="scan failed")
    result = (await records.node_results(run_id))["fix", None]
    assert (result.status, result.reason, result.agent_run_id) == ("SKIPPED", "scan failed", None)
    assert await records.agent_runs(run_id) == []


async def test_an_agent_run_by_itself_belongs_to_a_project(records: Records) -> None:
    begun, _ = await records.start_attempt(agent_name="scanner", inputs={}, project_id=1)
    assert await records.finish_agent_run(begun, status="SUCCESS", output={"ok": True})
    run = await records.agent_run(begun)
    assert (run.run_id, run.output) == (None, {"ok": True})
    with pytest.raises(NotFound, match="register it in project 2 first"):
        await records.start_attempt(agent_name="scanner", inputs={}, project_id=2)


async def test_an_output_no_database_stores_is_refused_before_anything_is_written(
    start: Any, records: Records
) -> None:
    begun = await start()
    with pytest.raises(PayloadRefused, match="the agent's output contains the character"):
        await records.finish_agent_run(begun, status="SUCCESS", output={"text": "a\0b"})
    assert (await records.agent_run(begun)).status == "RUNNING"


@pytest.mark.parametrize("output", [None, False, 0, "", [], {}, {"a": [None, 1.5, "€"]}, "\\u0000 as text"])
async def test_every_json_value_comes_back_as_it_went_in(
    start: Any, records: Records, run_id: str, output: Any
) -> None:
    await records.finish_agent_run(await start(), status="SUCCESS", output=output)
    assert (await records.node_results(run_id))["scan", None].output == output


async def test_good_runs_of_an_action_are_found_newest_first(records: Records) -> None:
    begun: list[str] = []
    for number, (action, status) in enumerate(
        [("scan", "SUCCESS"), ("scan", "FAILED"), ("other", "SUCCESS"), ("scan", "SUCCESS"), ("scan", "SUCCESS")]
    ):
        one, _ = await records.start_attempt(agent_name="scanner", inputs={}, project_id=1, action=action)
        await records.finish_agent_run(one, status=cast("Any", status), output={"n": number})
        begun.append(one)
    found = await records.good_agent_runs(1, agent="scanner", action="scan", limit=2)
    assert {each.output["n"] for each in found} <= {0, 3, 4}
    assert [each.started_at for each in found] == sorted((each.started_at for each in found), reverse=True)
    assert len(await records.good_agent_runs(1, agent="scanner", action="scan", limit=9)) == 3
    assert await records.good_agent_runs(2, agent="scanner", action="scan", limit=9) == []
