import json

import pytest

from operations.errors import PermanentTriggerError
from operations.event import parse
from reliability.settings import MAX_EVENT_BYTES


def refusal(subject, payload):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    with pytest.raises(PermanentTriggerError) as caught:
        parse(subject, data)
    return str(caught.value)


def test_an_event_gives_its_payload_as_context():
    event = parse("graph.file.updated", b'{"projectId": 3, "filePath": "a.py"}')
    assert event.project_id == 3
    assert event.context == {"projectId": 3, "filePath": "a.py"}
    assert event.workflow is None
    assert event.triggered_by == "event:graph.file.updated"


def test_the_project_may_stand_in_the_events_context():
    event = parse("audit.result.fail", b'{"context": {"projectId": 4}}')
    assert event.project_id == 4
    assert event.context == {"context": {"projectId": 4}, "projectId": 4}


def test_a_manual_trigger_names_its_workflow_by_subject_and_gives_its_context():
    event = parse("workflow.trigger.audit", b'{"context": {"a": 1}, "projectId": 2, "triggeredBy": "Ann"}')
    assert (event.workflow, event.project_id, event.triggered_by) == ("audit", 2, "Ann")
    assert event.context == {"a": 1, "projectId": 2}


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({"filePath": "a.py"}, "names no project"),
        ({"projectId": "1"}, "must be a whole number"),
        ({"projectId": True}, "must be a whole number"),
        ({"projectId": 0}, "must be a whole number"),
        ({"projectId": 2**31}, "must be a whole number"),
        ({"projectId": 1, "context": {"projectId": 2}}, "belongs to one project"),
        ([1], "must be a JSON object, not list"),
        (b"", "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        (b'{"projectId": 1, "projectId": 2}', "'projectId' is there twice"),
        (b'{"projectId": 1, "x": NaN}', "NaN is not JSON"),
        (b'{"projectId": 1, "x": 1e999}', "not a finite number"),
        (b'{"projectId": 1, "x": 9223372036854775808}', "64 bits"),
        (b'{"projectId": 1, "x": ' + b"1" * 5000 + b"}", "not JSON"),
        (b'{"projectId": 1, "x": "\\u0000"}', "U+0000"),
        (b'{"projectId": 1, "x": "\\ud800"}', "surrogate"),
        (b'{"projectId": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper than 32"),
        (b'{"projectId": 1, "x": ' + b"[" * 32 + b"]" * 32 + b"}", "nested deeper than 32"),
        (b'{"projectId": 1, "x": "' + b"a" * MAX_EVENT_BYTES + b'"}', f"at most {MAX_EVENT_BYTES}"),
        ({"projectId": 1, "x": [{"__prefect_kind": "jinja", "template": "{{ 1 }}"}]}, "Prefect would interpret"),
    ],
)
def test_what_is_no_event_is_refused_with_the_reason(payload, says):
    assert says in refusal("graph.file.updated", payload)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({"projectId": 1, "workflowName": "other"}, "payload for 'other'"),
        ({"projectId": 1, "contxt": {}}, "contxt"),
        ({"projectId": 1, "context": []}, "context"),
        ({"context": {}}, "names no project"),
    ],
)
def test_a_manual_trigger_that_contradicts_itself_is_refused(payload, says):
    assert says in refusal("workflow.trigger.audit", payload)
