"""Outputs of a workflow: what they are, and where they are told, whatever happens in between."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterType
from prefect.states import AwaitingRetry, Running

import flows.outputs
import flows.run
from compiler.simulation.cases import Case, Mock
from compiler.simulation.dry_run import dry_run


class Killed(BaseException):
    """Stands for the death of the process: nothing of ours catches it."""


async def tables(bench: Any, flow_run: Any) -> list[Any]:
    """The tables on the run's page in Prefect."""
    wanted = ArtifactFilter(
        flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run.id]), type=ArtifactFilterType(any_=["table"])
    )
    return await bench.client.read_artifacts(artifact_filter=wanted)


async def test_skipped_and_tolerated_nodes_give_null(bench, node) -> None:
    bench.sandbox.fail("optional", "exit", "broke")
    plan = await bench.deploy(
        node("skipped", when="{{ context.wanted }}"),
        node("optional", on_failure="continue"),
        outputs={
            "skipped": "{{ nodes.skipped.output }}",
            "tolerated": "{{ nodes.optional.output }}",
            "status": "{{ nodes.optional.status }}",
            "count": "{{ nodes.skipped.output.count | default(0) }}",
            "text": "found {{ nodes.skipped.output }}",
        },
    )
    flow_run = await bench.start(plan, context={"wanted": False})
    assert (await bench.execute(flow_run)).is_completed()
    run = await bench.record(flow_run)
    assert run.outputs["skipped"] is None
    assert run.outputs["tolerated"] is None
    assert (run.outputs["status"], run.outputs["count"]) == ("FAILED", 0)
    case = Case(name="same", context={"wanted": False}, mocks={"optional": Mock(fail="broke")})
    assert dry_run(plan, case).outputs == run.outputs


async def test_a_run_that_fails_has_none_in_any_place(bench, node) -> None:
    bench.sandbox.fail("scan", "exit", "broke")
    flow_run = await bench.start(await bench.deploy(node("scan"), outputs={"n": 1}))
    assert (await bench.execute(flow_run)).is_failed()
    assert (await bench.record(flow_run)).outputs is None
    assert (await bench.records.pending_events())[-1].payload["outputs"] is None
    assert await tables(bench, flow_run) == []


@pytest.mark.parametrize("point", ["run-ending", "run-ended"])
async def test_a_crash_before_the_end_or_before_the_table_loses_and_doubles_nothing(
    bench, node, monkeypatch, point
) -> None:
    bench.sandbox.answer("scan", {"count": 3})
    plan = await bench.deploy(node("scan"), outputs={"count": "{{ nodes.scan.output.count }}"})
    flow_run = await bench.start(plan)

    def die(name: str) -> None:
        if name == point:
            raise Killed

    monkeypatch.setattr(flows.run, "fault_point", die)
    with pytest.raises(Killed):
        await bench.execute(flow_run)
    monkeypatch.undo()
    assert await tables(bench, flow_run) == []
    for _ in range(2):  # as after a takeover; the second time the table is there already
        await bench.client.set_flow_run_state(flow_run.id, Running(), force=True)
        await bench.client.set_flow_run_state(flow_run.id, AwaitingRetry(), force=True)
        assert (await bench.execute(flow_run)).is_completed()
    assert bench.ran() == ["scan"]
    run = await bench.record(flow_run)
    assert (run.status, run.outputs) == ("SUCCESS", {"count": 3})
    (table,) = await tables(bench, flow_run)
    assert "count" in str(table.data)
    told = [each for each in await bench.records.pending_events() if each.subject.startswith("workflow.completed")]
    assert [each.payload["outputs"] for each in told] == [{"count": 3}]


async def test_whatever_goes_wrong_with_the_table_the_run_has_succeeded(bench, node, monkeypatch) -> None:
    async def broken(**_: Any) -> None:
        raise RuntimeError("no artifacts today")

    monkeypatch.setattr(flows.outputs, "acreate_table_artifact", broken)
    bench.sandbox.answer("scan", {})
    flow_run = await bench.start(await bench.deploy(node("scan"), outputs={"n": 1}))
    assert (await bench.execute(flow_run)).is_completed()
    assert (await bench.record(flow_run)).outputs == {"n": 1}


async def test_outputs_that_cannot_be_stored_fail_the_run_once_and_name_the_one_at_fault(bench, node) -> None:
    bench.sandbox.answer("scan", {"text": "x" * 3_000_000})
    twice = ["{{ nodes.scan.output.text }}"] * 2
    flow_run = await bench.start(await bench.deploy(node("scan"), outputs={"small": 1, "twice": twice}))
    state = await bench.execute(flow_run)
    assert state.is_failed()
    assert "the output 'twice' of the workflow has 6,000,007 bytes" in state.message
    run = await bench.record(flow_run)
    assert (run.status, run.outputs, run.message) == ("FAILED", None, state.message)
    assert await tables(bench, flow_run) == []


async def test_what_ended_a_run_from_outside_stands_also_in_prefect(bench, node, monkeypatch) -> None:
    bench.sandbox.answer("scan", {})
    flow_run = await bench.start(await bench.deploy(node("scan"), outputs={"n": 1}))
    end = bench.records.finish_run

    async def overtaken(run_id: str, *_: Any, **__: Any) -> bool:
        await end(run_id, "FAILED", "cancelled by somebody")
        return False

    monkeypatch.setattr(bench.records, "finish_run", overtaken)
    state = await bench.execute(flow_run)
    assert (state.is_failed(), state.message) == (True, "cancelled by somebody")
    assert await tables(bench, flow_run) == []
