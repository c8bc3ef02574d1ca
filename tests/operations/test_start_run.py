"""What a run may start with, whichever way it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compiler import matches
from compiler.plan import ManualTrigger, Plan, PlanNode
from compiler.trigger_types.registry import start_misfits, started_context
from deployments.cli.run_commands import read_context
from operations.errors import PermanentTriggerError
from operations.event import parse
from operations.routing import route
from operations.start_run import InvalidContext, checked_context, context_misfits, typed_context

SCHEMA = {
    "type": "object",
    "properties": {
        "sha": {"type": "string"},
        "version": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "count": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


@pytest.fixture
def plan() -> Plan:
    node = PlanNode(
        id="a",
        agent="a",
        agent_type="RULE",
        agent_version="1",
        entry_path="agents.a",
        action="act",
        risk="AUTO",
        inputs={},
        input_schema={"type": "object"},
        output_schema={"type": "object"},
    )
    return Plan(name="w", project_id=1, context_schema=SCHEMA, nodes=(node,))


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("sha", "12e4567", "12e4567"),
        ("sha", "null", "null"),
        ("sha", '"quoted"', '"quoted"'),
        ("version", "1.10", "1.10"),
        ("version", "true", "true"),
        ("count", "3", 3),
        ("tags", '["a", "b"]', ["a", "b"]),
        ("free", "1.10", "1.10"),
        ("free", "1.5", 1.5),
        ("free", "12e4567", "12e4567"),
        ("free", "007", "007"),
        ("free", "9007199254740991", 9007199254740991),
        ("free", "9007199254740993", "9007199254740993"),
        ("free", "123456789012345678901234567890", "123456789012345678901234567890"),
        ("free", "true", True),
        ("free", "null", None),
        ("free", '{"a": 1}', {"a": 1}),
        ("free", "plain words", "plain words"),
    ],
)
def test_text_stays_as_it_was_typed_where_the_schema_says_text(
    plan: Plan, key: str, text: str, value: Any
) -> None:
    found = typed_context([(key, text)], plan)[key]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", '{"a": [NaN]}', "[Infinity]"])
def test_what_is_no_number_in_json_is_refused(plan: Plan, text: str) -> None:
    with pytest.raises(InvalidContext, match="not a finite number"):
        typed_context([("x", text)], plan)


def test_a_key_that_is_there_twice_is_refused(plan: Plan) -> None:
    with pytest.raises(InvalidContext, match="x: the key 'a' is there twice"):
        typed_context([("x", '{"a": 1, "a": 2}')], plan)


def test_a_key_that_is_nearly_a_declared_one_is_refused(plan: Plan) -> None:
    misspelt = context_misfits(plan, {"vrsion": "1.10", "ticket": "T-1", "projectId": 1})
    assert misspelt == ["it declares no 'vrsion': did you mean 'version'?"]
    assert context_misfits(plan, {"version": "1", "versions": "2", "ticket": "T-1"}) == []


def test_json_that_is_nested_too_deeply_is_refused(plan: Plan) -> None:
    with pytest.raises(InvalidContext, match="x: the JSON is nested too deeply"):
        typed_context([("x", "[" * 100_000 + "]" * 100_000)], plan)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a": {"b": 1, "b": 2}}', "the key 'b' is there twice"),
        (b'{"a": 1' + b"0" * 100_000 + b"}", "64 bits"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"[1]", "must hold a JSON object"),
        (b"", "Expecting value"),
        (b'{"a": "\xe9"}', "can't decode"),
    ],
)
def test_a_file_of_a_context_is_refused_in_one_sentence(
    plan: Plan, tmp_path: Path, text: bytes, sentence: str
) -> None:
    (tmp_path / "context.json").write_bytes(text)
    with pytest.raises(InvalidContext, match=sentence):
        read_context([f"@{tmp_path}/context.json"], plan)


def test_a_file_of_a_context_may_begin_with_a_byte_order_mark(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "context.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_context([f"@{tmp_path}/context.json"], plan) == {"a": 1}


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({"x": {"__prefect_kind": "jinja", "template": "{{ 7*7 }}"}}, "which Prefect would interpret"),
        ({"x": "a\0b"}, "U\\+0000|NUL|control"),
        ({"x": "y" * 700_000}, "at most"),
        ({"x": float("nan")}, "not JSON|not a finite"),
        ({"x": 2**70}, "64 bits"),
        ({"x": "\ud800"}, "."),
        ({"projectId": 2}, "one project"),
    ],
    ids=[
        "prefect's marker",
        "NUL",
        "too large",
        "NaN",
        "too wide a number",
        "half a character",
        "another project",
    ],
)
def test_what_no_event_may_carry_starts_no_run(plan: Plan, context: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PermanentTriggerError, match=sentence):
        checked_context(context, plan)


def test_nesting_is_bounded(plan: Plan) -> None:
    deep: Any = "x"
    for _ in range(2_000):
        deep = [deep]
    with pytest.raises(PermanentTriggerError):
        checked_context({"x": deep}, plan)


def test_a_good_context_gets_the_projects_id(plan: Plan) -> None:
    assert checked_context({"x": [1, "é"]}, plan) == {"x": [1, "é"], "projectId": 1}


@pytest.fixture
def typed_plan(plan: Plan) -> Plan:
    """Started by hand, with typed fields."""
    fields = {
        "type": "object",
        "properties": {
            "version": {"type": "string", "pattern": "^[0-9]"},
            "factor": {"type": "number"},
            "environment": {"enum": ["1", "2"], "default": "1"},
        },
        "required": ["version"],
        "additionalProperties": False,
    }
    return plan.model_copy(update={"triggers": (ManualTrigger(context=fields),), "context_schema": None})


def test_a_terminal_reads_each_field_by_its_type(typed_plan: Plan) -> None:
    typed = typed_context([("version", "1.10"), ("factor", "1.10"), ("environment", "2")], typed_plan)
    assert typed == {"version": "1.10", "factor": 1.1, "environment": "2"}


@pytest.mark.parametrize("by", ["manual", "workflow.trigger.w", "workflow:other"])
def test_defaults_are_filled_in_for_whoever_starts_it_by_name(typed_plan: Plan, by: str) -> None:
    assert started_context(typed_plan, by, {"version": "1"}) == {"version": "1", "environment": "1"}
    assert start_misfits(typed_plan, by, {"version": "1", "projectId": 1}) == []
    assert len(start_misfits(typed_plan, by, {"version": "x", "environment": "3", "else": 1})) == 3


def test_an_event_is_not_asked_for_the_fields(typed_plan: Plan) -> None:
    assert started_context(typed_plan, "graph.file.updated", {"a": 1}) == {"a": 1}
    assert start_misfits(typed_plan, "graph.file.updated", {"a": 1}) == []


def test_a_message_that_asks_for_the_workflow_by_name_must_fit_as_well(typed_plan: Plan) -> None:
    message = parse("workflow.trigger.w", b'{"projectId": 1, "context": {"version": 3}}')
    with pytest.raises(PermanentTriggerError, match=r"does not fit workflow 'w': .*version"):
        route(message, [typed_plan], matches)
    right = parse("workflow.trigger.w", b'{"projectId": 1, "context": {"version": "3"}}')
    assert route(right, [typed_plan], matches) == (typed_plan,)
