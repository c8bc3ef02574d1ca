"""Events leave once and come in once; what nobody can handle is kept."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from operations.events import discard_dead_letter
from records import NotFound, Records
from records.tables.columns import now


async def test_events_wait_in_order_until_they_are_published(run_id: str, records: Records) -> None:
    await records.finish_run(run_id, "SUCCESS")
    started, completed = await records.pending_events()
    assert started.subject.startswith("workflow.started.")
    assert completed.subject == "workflow.completed.audit"
    assert started.id < completed.id
    assert json.loads(completed.data) == completed.payload
    assert [event.id for event in await records.pending_events(limit=1)] == [started.id]
    await records.mark_published([started.id])
    assert [event.id for event in await records.pending_events()] == [completed.id]
    await records.mark_published([])
    await records.mark_published([started.id, completed.id])
    assert await records.pending_events() == []


async def test_published_events_are_forgotten_when_told_to_and_waiting_ones_never(
    run_id: str, records: Records
) -> None:
    await records.finish_run(run_id, "SUCCESS")
    started, completed = await records.pending_events()
    await records.mark_published([started.id])
    assert await records.prune_events(now() - timedelta(hours=1)) == 0
    assert await records.prune_events(now() + timedelta(hours=1)) == 1
    assert [event.id for event in await records.pending_events()] == [completed.id]


async def test_a_change_that_is_rolled_back_leaves_no_event(begin: Any, records: Records) -> None:
    run_id = await begin()
    before = len(await records.pending_events())
    begun, _ = await records.start_attempt(run_id=run_id, node_id="scan", agent_name="scanner", inputs={})
    fencing_token = await records.claim_run(run_id)
    with pytest.raises(Exception, match="taken over"):
        await records.finish_agent_run(begun, status="SUCCESS", fencing_token=fencing_token - 1)
    assert len(await records.pending_events()) == before


async def test_a_message_delivered_in_parallel_is_recorded_once_per_workflow(records: Records) -> None:
    async def record(workflow: str) -> bool:
        return await records.record_event(
            "EVENTS", 7, subject="graph.file.updated", workflow=workflow, project_id=1
        )

    first = await asyncio.gather(*(record("audit") for _ in range(10)))
    assert first.count(True) == 1
    assert await record("other")
    assert await records.event_recorded("EVENTS", 7, workflow="audit")
    assert not await records.event_recorded("EVENTS", 8, workflow="audit")
    assert not await records.event_recorded("EVENTS", 7)


async def test_a_dead_letter_is_kept_once_with_its_bytes_and_the_reason(records: Records) -> None:
    letter = {
        "subject": "graph.file.updated",
        "payload": b"\xff\0 rubbish",
        "reason": "no JSON \0",
        "deliveries": 5,
    }
    assert await records.dead_letter("EVENTS", 9, project_id=2, **letter)
    assert not await records.dead_letter("EVENTS", 9, project_id=2, **letter)
    assert await records.dead_letter("EVENTS", 10, subject="x", payload=b"y" * 2_000_000, reason="too large")
    newest, oldest = await records.dead_letters()
    assert (oldest.payload, oldest.reason, oldest.deliveries) == (b"\xff\0 rubbish", "no JSON �", 5)
    assert len(newest.payload) == 1024 * 1024
    assert [each.sequence for each in await records.dead_letters(2)] == [9]
    assert await records.count_dead_letters() == 2


async def test_an_event_and_a_dead_letter_are_found_by_what_a_table_shows_of_their_ids(records: Records) -> None:
    for number in range(3):
        await records.dead_letter("S", number, project_id=1, subject="x", payload=b"{", reason="no")
        await records.receive_event(
            "S", number, subject="x", payload=b"{}", outcome="matched nothing", project_id=1
        )
    letter, event = (await records.dead_letters(1))[0], (await records.received_events(1))[0]
    for short in (letter.id, letter.id[:8], letter.id[:8].upper()):
        assert (await records.one_dead_letter(short, project_id=1)).id == letter.id
    assert (await records.received_event(event.id[:8], project_id=1)).id == event.id
    for wrong in (letter.id[:3], "%%%%", "____", "", letter.id + "x"):
        with pytest.raises(NotFound):
            await records.one_dead_letter(wrong, project_id=1)
    with pytest.raises(NotFound):
        await records.one_dead_letter(letter.id[:8], project_id=2)
    with pytest.raises(NotFound):
        await records.received_event(event.id[:8], project_id=2)
    done = await discard_dead_letter(letter.id[:8], records=records, project_id=1, by="Ann")
    assert done.id == letter.id
    assert (await records.one_dead_letter(letter.id, project_id=1)).settled_as == "discarded"


async def test_an_event_that_named_no_project_is_listed_and_discarded_by_the_machines_admin(records) -> None:
    await records.dead_letter("events", 7, subject="graph.x", payload=b"{}", reason="no projectId")
    assert await records.dead_letters(1) == []
    (letter,) = await records.dead_letters(1, of_no_project=True)
    with pytest.raises(NotFound):
        await discard_dead_letter(letter.id, records=records, project_id=1, by="Ann")
    await discard_dead_letter(letter.id, records=records, project_id=None, by="root")
    assert await records.dead_letters(of_no_project=True, settled=False) == []
