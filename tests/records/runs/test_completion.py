"""The event of a run's end fits its limit whatever the outputs are; what no database stores is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records import PayloadRefused, Records
from records.database.payload import MAX_EVENT_BYTES, MAX_JSON_BYTES
from records.runs.completion import _fitting

SIZES = st.lists(st.integers(0, 950_000), max_size=6)


def event(results: list[int], outputs: list[int], *, character: str = "x") -> dict[str, Any]:
    """An event whose outputs have these sizes."""
    return {
        "results": [
            {"agentName": "a", "output": character * size, "nodeKey": f"n{index}"}
            for index, size in enumerate(results)
        ],
        "outputs": {f"o{index}": character * size for index, size in enumerate(outputs)} or None,
        "skipped": [],
    }


def size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


@settings(max_examples=150, deadline=None)
@given(SIZES, SIZES, st.sampled_from("xü\n"))
def test_whatever_the_sizes_the_event_fits_and_says_what_it_leaves_out(results, outputs, character) -> None:
    whole = event(results, outputs, character=character)
    fitted = _fitting(whole)
    assert size(fitted) <= MAX_EVENT_BYTES
    for before, after in zip(whole["results"], fitted["results"], strict=True):
        assert after["output"] == before["output"] or after["outputBytes"] == size(before["output"])
    for name, value in (whole["outputs"] or {}).items():
        assert fitted["outputs"][name] == value or fitted["outputsLeftOut"][name] == size(value)
    if size(whole) <= MAX_EVENT_BYTES:
        assert fitted == whole


@pytest.mark.parametrize("room", range(-40, 41, 8))
def test_an_event_around_the_limit_fits(room: int) -> None:
    empty = size(event([0], [0]))
    for results, outputs in (([MAX_EVENT_BYTES - empty + room], [0]), ([0], [MAX_EVENT_BYTES - empty + room])):
        assert size(_fitting(event(results, outputs))) <= MAX_EVENT_BYTES


def test_a_large_output_stays_where_the_event_has_room_for_it() -> None:
    whole = event([100], [600_000])
    assert _fitting(whole) == whole


def test_agents_outputs_are_left_out_before_those_of_the_workflow() -> None:
    fitted = _fitting(event([500_000], [600_000]))
    assert fitted["results"][0]["output"] is None
    assert len(fitted["outputs"]["o0"]) == 600_000
    assert "outputsLeftOut" not in fitted


def test_only_the_largest_of_the_workflows_outputs_is_left_out_and_named() -> None:
    fitted = _fitting(event([10], [880_000, 50_000]))
    assert (fitted["outputs"]["o0"], len(fitted["outputs"]["o1"])) == (None, 50_000)
    assert fitted["outputsLeftOut"] == {"o0": 880_002}


def test_names_alone_may_be_too_long() -> None:
    whole = event([10] * 3, []) | {"outputs": {"n" * 200 + str(index): index for index in range(6_000)}}
    fitted = _fitting(whole)
    assert size(fitted) <= MAX_EVENT_BYTES
    assert (fitted["outputs"], fitted["outputsBytes"]) == (None, size(whole["outputs"]))


async def test_a_good_run_with_large_outputs_stays_one(run_id: str, records: Records) -> None:
    outputs = {"first": "x" * 899_500, "second": "y" * 400}
    assert await records.finish_run(run_id, "SUCCESS", outputs=outputs)
    assert (await records.run(run_id)).outputs == outputs
    payload = (await records.pending_events())[-1].payload
    assert payload["outputs"] == {"first": None, "second": "y" * 400}
    assert payload["outputsLeftOut"] == {"first": 899_502}


@pytest.mark.parametrize(
    ("outputs", "named"),
    [
        ({"small": 1, "large": "x" * MAX_JSON_BYTES}, "the output 'large' of the workflow has 5,000,002 bytes"),
        ({"small": 1, "odd": "a\0"}, "the output 'odd' of the workflow contains the character U\\+0000"),
        ({"a": "x" * 2_600_000, "b": "y" * 2_700_000}, "the largest is 'b' with 2,700,002 bytes"),
    ],
)
async def test_outputs_that_cannot_be_stored_are_refused_and_the_one_at_fault_is_named(
    run_id: str, records: Records, outputs: Any, named: str
) -> None:
    with pytest.raises(PayloadRefused, match=named):
        await records.finish_run(run_id, "SUCCESS", outputs=outputs)
    assert (await records.run(run_id)).finished_at is None


async def test_a_reopened_run_has_no_outputs_until_it_ends_again(run_id: str, records: Records) -> None:
    await records.finish_run(run_id, "FAILED", "broke")
    assert (await records.run(run_id)).outputs is None
    assert await records.reopen_run(run_id)
    await records.finish_run(run_id, "SUCCESS", outputs={"n": None, "list": [1]})
    assert (await records.run(run_id)).outputs == {"n": None, "list": [1]}
    told = [
        each.payload for each in await records.pending_events() if each.subject.startswith("workflow.completed")
    ]
    assert [each["outputs"] for each in told] == [None, {"n": None, "list": [1]}]
    assert not await records.reopen_run(run_id), "a run that ended well stays so"
    assert (await records.run(run_id)).outputs == {"n": None, "list": [1]}


async def test_lists_of_runs_are_without_outputs(run_id: str, records: Records) -> None:
    await records.finish_run(run_id, "SUCCESS", outputs={"n": 1})
    assert [(each.id, each.status, each.outputs) for each in await records.runs(1)] == [(run_id, "SUCCESS", None)]
