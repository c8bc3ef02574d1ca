"""What came in over HTTP: why each workflow started or did not, filters tried, dead letters replayed and discarded."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from compiler import matches
from triggers.intake import Intake
from triggers.nats.project_streams import MessageSource

FILTERED = """\
name: {name}
trigger:
  event: shop.file.changed
  filters:
    filePath: "**.py"
    size: {{gt: 10}}
nodes:
  - id: speak
    agent: speaker
    action: say
    inputs: {{text: hello}}
"""


class Message:
    """A message of NATS, as far as the intake reads it."""

    def __init__(self, subject: str, payload: Any, sequence: int) -> None:
        self.subject = subject
        self.data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.headers: dict[str, str] = {}
        self.metadata: Any = type("Metadata", (), {})()
        self.metadata.num_delivered = 1
        self.metadata.timestamp = datetime.now(UTC)
        self.metadata.sequence = type("Sequence", (), {"stream": sequence})()


@pytest.fixture
async def came(ann: Any, records: Any, launch: Any) -> Any:
    """Sends events in, to two workflows of which one has filters."""
    await ann.put("/workflows/picky", content=FILTERED.format(name="picky"))
    await ann.put("/workflows/gone", content=FILTERED.format(name="gone"))
    await ann.post("/workflows/gone/archive")
    intake = Intake(inbox=records, launch=launch, matches=matches)
    numbers = iter(range(1, 100))

    async def come(subject: str, payload: Any) -> None:
        await asyncio.sleep(0.002)  # two events of one millisecond have no order
        message: Any = Message(subject, payload, next(numbers))
        await intake.take(message, source=MessageSource(stream="S"))

    return come


async def test_an_event_that_starts_nothing_says_why_field_by_field(ann: Any, eve: Any, came: Any) -> None:
    await came("shop.file.changed", {"projectId": 1, "filePath": "a.js", "size": 11})
    await came("shop.file.changed", {"projectId": 1, "filePath": "a.py", "size": 11})
    newest, oldest = (await ann.get("/events")).json()
    assert (newest["outcome"], newest["workflows"]) == ("started", ["picky"])
    assert (oldest["outcome"], oldest["workflows"], oldest["looked"]) == ("matched nothing", [], 1)
    why = (await ann.get(f"/events/{oldest['id']}/why")).json()
    assert why["payload"]["filePath"] == "a.js"
    matches = {each["workflow"]: each for each in why["matches"]}
    assert matches["picky"]["reason"] == "its filter on filePath does not accept the event"
    (trigger,) = matches["picky"]["triggers"]
    assert trigger["subjectMatches"] is True
    assert [(each["field"], each["found"], each["accepted"]) for each in trigger["fields"]] == [
        ("filePath", "a.js", False),
        ("size", 11, True),
    ]
    assert "ARCHIVED" in matches["gone"]["reason"]
    started = (await ann.get(f"/events/{newest['id']}/why")).json()["matches"]
    assert next(each for each in started if each["workflow"] == "picky")["flowRunId"]
    assert (await eve.get("/events")).json() == []
    assert (await eve.get(f"/events/{newest['id']}/why")).status_code == 404


async def test_events_are_paged_and_chosen(ann: Any, came: Any) -> None:
    for number in range(5):
        await came("shop.file.changed", {"projectId": 1, "filePath": "a.py", "size": 9 + number})
    await came("hub.health.status", {"projectId": 1})
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        answer = await ann.get("/events", params=query)
        seen += [each["id"] for each in answer.json()]
        if "X-Next-Cursor" not in answer.headers:
            break
        query["cursor"] = answer.headers["X-Next-Cursor"]
    assert (len(seen), len(set(seen))) == (6, 6)
    assert len((await ann.get("/events", params={"outcome": "matched nothing"})).json()) == 3
    assert len((await ann.get("/events", params={"subject": "hub.health.status"})).json()) == 1
    assert len((await ann.get("/events", params={"workflow": "picky"})).json()) == 3
    assert (await ann.get("/events", params={"cursor": "x"})).status_code == 422


async def test_a_filter_is_tried_on_recorded_events(ann: Any, came: Any) -> None:
    for size in (1, 5, 50):
        await came("shop.file.changed", {"projectId": 1, "filePath": "a.py", "size": size})
    body = {"event": "shop.file.*", "filters": {"size": {"gte": 5}}}
    found = (await ann.post("/events/try-filter", json=body)).json()
    assert (found["tried"], found["matched"]) == (3, 2)
    assert {each["match"]["matched"] for each in found["events"]} == {True, False}
    broken = {"event": "shop.file.changed", "expression": "{{ context.nothing > 1 }}"}
    found = (await ann.post("/events/try-filter", json=broken)).json()
    assert found["matched"] == 0
    assert found["events"][0]["match"]["expressionError"]
    assert found["problems"] == []
    for wrong, words in (
        ({"event": "shop.file.changed", "filters": {"filePath": "**.{py"}}, "a `{` is not closed"),
        ({"event": "shop.file.changed", "expression": "context.x >"}, "cannot be read"),
        ({"event": "no such > subject"}, "is not a NATS subject"),
        ({"event": "graph.file.updated", "filters": {"nope": "x"}}, "has no field 'nope'"),
    ):
        (said,) = (await ann.post("/events/try-filter", json=wrong)).json()["problems"]
        assert words in said


async def test_a_dead_letter_is_replayed_once_by_a_person(ann: Any, eve: Any, came: Any, launch: Any) -> None:
    await came("workflow.trigger.later", {"projectId": 1, "context": {"a": 1}})
    (letter,) = (await ann.get("/dead-letters")).json()
    assert (await eve.post(f"/dead-letters/{letter['id']}/replay")).status_code == 404
    refused = await ann.post(f"/dead-letters/{letter['id']}/replay")
    assert refused.status_code == 422
    assert "later" in refused.json()["detail"]
    await ann.put("/workflows/later", content=FILTERED.format(name="later"))
    done = await ann.post(f"/dead-letters/{letter['id']}/replay")
    assert done.status_code == 202
    assert list(done.json()["started"]) == ["later"]
    assert (await ann.post(f"/dead-letters/{letter['id']}/replay")).status_code == 409
    assert (await ann.post(f"/dead-letters/{letter['id']}/discard")).status_code == 409
    (settled,) = (await ann.get("/dead-letters", params={"settled": True})).json()
    assert (settled["settledAs"], settled["settledBy"]) == ("replayed", "Ann")
    assert (await ann.get("/dead-letters", params={"settled": False})).json() == []


async def test_a_dead_letter_is_discarded_with_a_name(ann: Any, came: Any) -> None:
    await came("workflow.trigger.nobody", {"projectId": 1})
    (letter,) = (await ann.get("/dead-letters")).json()
    assert (await ann.post(f"/dead-letters/{letter['id']}/discard")).status_code == 204
    (settled,) = (await ann.get("/dead-letters")).json()
    assert (settled["settledAs"], settled["settledBy"]) == ("discarded", "Ann")
    (event,) = (await ann.get("/events")).json()
    assert event["outcome"] == "dead letter"
