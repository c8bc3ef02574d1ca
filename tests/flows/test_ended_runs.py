"""Runs that Prefect has ended without their flow: ended on record, however many others wait."""

from datetime import timedelta

import pytest
from prefect.states import Cancelled, Completed, Crashed, Suspended

from compiler.plan import ApprovalRule
from triggers.reconcile import ended_runs
from triggers.reconcile.ended_runs import EndedRuns


@pytest.fixture
async def waiting(bench, node):
    """A run that waits for a person; gives its flow run."""
    plan = await bench.deploy(node("fix", gate=ApprovalRule()))
    flow_run = await bench.start(plan)
    assert (await bench.execute(flow_run)).name == "Suspended"
    return flow_run


async def test_a_waiting_run_that_is_cancelled_is_ended_at_the_next_look(bench, waiting) -> None:
    hook = EndedRuns(client=bench.client, records=bench.records)
    assert await hook() == 0
    await bench.client.set_flow_run_state(waiting.id, Cancelled(message="not any more"), force=True)
    assert await hook() == 1
    run = await bench.record(waiting)
    assert (run.status, run.message) == ("FAILED", "the run was cancelled in Prefect: not any more")
    assert await bench.records.approvals(1, status="PENDING") == []
    assert await hook() == 0


async def test_prefect_is_asked_rarely_while_nothing_is_unfinished_and_at_once_when_something_is(
    bench, node, monkeypatch
) -> None:
    hook, asked = EndedRuns(client=bench.client, records=bench.records), []
    read = bench.client.read_flow_runs

    async def counted(**options):
        asked.append(options)
        return await read(**options)

    monkeypatch.setattr(bench.client, "read_flow_runs", counted)
    for _ in range(3):
        assert await hook() == 0
    assert len(asked) == 1
    flow_run = await bench.start(await bench.deploy(node("fix", gate=ApprovalRule())))
    await bench.execute(flow_run)
    assert await hook() == 0
    await bench.client.set_flow_run_state(flow_run.id, Cancelled(), force=True)
    assert await hook() == 1
    hook._looked -= ended_runs.QUIET_SECONDS + 1
    asked.clear()
    assert await hook() == 0
    assert len(asked) == 1


async def test_all_pages_of_bad_ends_are_read(bench, node, monkeypatch) -> None:
    monkeypatch.setattr(ended_runs, "BATCH", 2)
    plan = await bench.deploy(node("fix", gate=ApprovalRule()))
    runs = [await bench.start(plan) for _ in range(5)]
    for flow_run in runs:
        await bench.execute(flow_run)
    hook = EndedRuns(client=bench.client, records=bench.records)
    assert await hook() == 0
    for flow_run in runs:
        await bench.client.set_flow_run_state(flow_run.id, Crashed(), force=True)
    assert await hook() == 5


async def test_a_waiting_run_that_is_deleted_or_set_to_completed_is_ended_by_the_sweep(
    bench, waiting, node
) -> None:
    other = await bench.start(await bench.deploy(node("fix", gate=ApprovalRule()), name="another"))
    await bench.execute(other)
    hook = EndedRuns(client=bench.client, records=bench.records)
    assert await hook() == 0
    await bench.client.delete_flow_run(waiting.id)
    await bench.client.set_flow_run_state(other.id, Completed(), force=True)
    assert await hook() == 0
    hook._swept -= ended_runs.SWEEP_SECONDS + 1
    assert await hook() == 2
    assert (await bench.record(waiting)).message == "the run was deleted in Prefect"
    assert (await bench.record(other)).message.startswith("the run was set to completed in Prefect")


async def test_an_end_committed_a_little_before_the_last_look_is_not_missed(bench, waiting) -> None:
    hook = EndedRuns(client=bench.client, records=bench.records)
    assert await hook() == 0
    await bench.client.set_flow_run_state(waiting.id, Cancelled(), force=True)
    assert hook._asked is not None
    hook._asked += timedelta(seconds=30)
    assert await hook() == 1


async def test_a_run_at_work_that_a_lost_process_has_suspended_is_woken_at_the_second_look(
    bench, waiting, node
) -> None:
    run = await bench.record(waiting)
    fencing_token = await bench.records.claim_run(run.id)
    await bench.records.set_run_status(run.id, "RUNNING", fencing_token=fencing_token)
    hook = EndedRuns(client=bench.client, records=bench.records)
    assert await hook() == 0
    assert (await bench.client.read_flow_run(waiting.id)).state_name == "Suspended"
    assert await hook() == 0
    assert (await bench.client.read_flow_run(waiting.id)).state.is_scheduled()
    # It asks again what is still to be decided.
    assert (await bench.execute(waiting)).name == "Suspended"
    assert [each.status for each in await bench.records.approvals(run_id=run.id)] == ["PENDING"]


async def test_a_run_that_a_person_has_suspended_in_prefect_is_left_alone(bench, node) -> None:
    plan = await bench.deploy(node("a"))
    flow_run = await bench.start(plan)
    await bench.records.start_run(
        flow_run_id=str(flow_run.id), plan_digest=plan.digest, trigger="manual", context={}
    )
    hook = EndedRuns(client=bench.client, records=bench.records)
    await bench.client.set_flow_run_state(flow_run.id, Suspended(timeout_seconds=60), force=True)
    assert await hook() == await hook() == 0
    assert (await bench.client.read_flow_run(flow_run.id)).state_name == "Suspended"
