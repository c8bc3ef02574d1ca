"""The AsyncAPI document: valid, complete, true of what really goes out and comes in, and the same as its page."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from api.asyncapi import asyncapi_document
from api.event_channels import channels
from api.events_page import events_page
from compiler import ApprovalRule
from compiler.trigger_types.subjects import OUTGOING
from operations.errors import PermanentTriggerError
from operations.event import parse
from triggers.nats.stream_subjects import INCOMING, covers

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "events.md"
SPECIFICATION = ROOT / "console" / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
CHANNELS = {each.message: each for each in channels()}


def test_the_document_is_valid_by_the_specifications_own_schema() -> None:
    if not SPECIFICATION.exists():
        pytest.skip("the schema of AsyncAPI comes with the console's packages: make console")
    schema = json.loads(SPECIFICATION.read_text())
    # Its meta-schemas name themselves by addresses; each is in the file.
    jsonschema.Draft7Validator(schema).validate(asyncapi_document())
    broken = asyncapi_document()
    broken["channels"]["graphFileUpdated"]["address"] = 7
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(schema).validate(broken)


def test_every_subject_of_the_streams_is_in_it_and_no_other() -> None:
    named = {each.pattern: each.direction for each in CHANNELS.values()}
    for taken, direction in [*((each, "receive") for each in INCOMING), *((each, "send") for each in OUTGOING)]:
        assert any(covers(taken, name) and way == direction for name, way in named.items()), taken
    for name, direction in named.items():
        taken = INCOMING if direction == "receive" else OUTGOING
        assert any(covers(each, name) for each in taken), name


@pytest.mark.parametrize("message", CHANNELS)
def test_examples_fit_their_schemas_and_are_taken(message: str) -> None:
    channel = CHANNELS[message]
    described = asyncapi_document()["components"]["messages"][message]
    jsonschema.Draft202012Validator(described["payload"]).validate(described["examples"][0]["payload"])
    if channel.direction == "receive":
        subject = channel.pattern.replace("*", "x")
        assert parse(subject, json.dumps(channel.example).encode()).project_id == 1
        without = {key: value for key, value in channel.example.items() if key != "projectId"}
        assert not jsonschema.Draft202012Validator(described["payload"]).is_valid(without)
        with pytest.raises(PermanentTriggerError, match="projectId"):
            parse(subject, json.dumps(without).encode())


async def test_what_really_goes_out_fits_the_schemas(records: Any, ask: Any) -> None:
    approval = await ask(quorum=1)
    run = approval.run_id
    await records.decide(approval.id, decision="APPROVED", by="Ann", verified=True, channel="api", digest=None)
    await records.open_gate(run_id=run, node_id="speak", digest="sha256:2", card={}, rule=ApprovalRule())
    await records.finish_run(run, "FAILED", "it went wrong")
    messages = asyncapi_document()["components"]["messages"]
    seen: set[str] = set()
    for event in await records.pending_events():
        fitting = [each for each in CHANNELS.values() if covers(each.pattern, event.subject)]
        assert len(fitting) == 1, event.subject
        jsonschema.Draft202012Validator(messages[fitting[0].message]["payload"]).validate(event.payload)
        seen.add(fitting[0].message)
    assert seen >= {"RunStarted", "ApprovalRequested", "ApprovalDecided", "RunCompleted"}


async def test_it_is_served_without_sign_in(as_person: Any) -> None:
    answer = await as_person(None).get("/asyncapi.json")
    assert answer.json() == asyncapi_document()


def test_the_page_is_the_document() -> None:
    """To make it anew: `WRITE_GOLDEN=1 pytest tests/api/test_asyncapi.py`."""
    if os.environ.get("WRITE_GOLDEN"):
        PAGE.write_text(events_page())
    assert PAGE.read_text() == events_page()
