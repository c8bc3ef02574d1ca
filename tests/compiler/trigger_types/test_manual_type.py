"""`trigger: manual`: the types of its fields in templates, dry runs and editors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from compiler import Case, Catalogue, Plan, Source, changes, compile, editor_schema, run_cases
from compiler.completion import complete
from compiler.simulation.dry_run import dry_run

WORKFLOW = """\
name: release
trigger: manual
context:
  version: {type: string, pattern: "^[0-9]", description: What is released}
  channel: {type: string, enum: ["#a", "#b"], default: "#a"}
  note: {type: string, required: false}
nodes:
  - id: tell
    agent: notifier
    action: sendSlackAlert
    inputs:
      channel: "{{ context.channel }}"
      message: MESSAGE
"""


def text(message: str) -> str:
    return WORKFLOW.replace("MESSAGE", f'"{message}"')


def found(source: str, catalogue: Catalogue) -> list[str]:
    return [each.code for each in compile(Source(source), catalogue).diagnostics]


@pytest.mark.parametrize(
    ("message", "codes"),
    [
        ("{{ context.version }}", []),  # required, so never null
        ("{{ context.channel }}", []),  # nor with a default
        ("{{ context.projectId ~ '' }}", []),  # the platform's own
        ("{{ context.note }}", ["CC602"]),
        ("{{ context.note | default('none') }}", []),
        ("{{ context.verison }}", ["CC506"]),
    ],
)
def test_templates_know_the_types_of_the_fields(message: str, codes: list[str], catalogue: Catalogue) -> None:
    assert found(text(message), catalogue) == codes


@pytest.mark.parametrize(
    "field",
    ["{type: integer, default: one}", "{type: integr}", "integer", "{type: string, enum: [a], default: b}"],
)
def test_a_field_that_cannot_be_used_is_an_error_at_its_place(field: str, catalogue: Catalogue) -> None:
    source = text("hello").replace("{type: string, required: false}", field)
    errors = [each for each in compile(Source(source), catalogue).diagnostics if each.code == "CC307"]
    assert len(errors) == 1
    head, _, nodes = source.partition("nodes:")
    own = (
        head.replace("trigger: manual\ncontext:", "trigger: {manual: {").replace("\n  ", ", ").replace("{, ", "{")
    )
    assert "CC307" in found(f"{own.rstrip()}}}}}\nnodes:{nodes}", catalogue)


def test_with_other_triggers_it_has_fields_of_its_own(planned: Callable[[str], Plan]) -> None:
    source = text("{{ context.version | default('nightly') }}").replace(
        "trigger: manual\ncontext:\n", 'trigger:\n  - schedule: "0 6 * * *"\n  - manual:\n'
    )
    source = source.replace("\n  version", "\n      version").replace("\n  channel", "\n      channel")
    source = source.replace("\n  note", "\n      note").replace("{{ context.channel }}", "#a")
    plan = planned(source)

    by_clock, by_hand = dry_run(plan, Case(trigger="schedule")), dry_run(plan, Case(trigger="manual"))

    assert by_clock.started
    assert "version" not in by_clock.context
    assert by_hand.context["channel"] == "#a"


def test_a_dry_run_fills_defaults_in_and_refuses_what_does_not_fit(planned: Callable[[str], Plan]) -> None:
    plan = planned(text("{{ context.version }} of {{ context.projectId }}"))
    good = Case.model_validate({"name": "good", "context": {"version": "1.4"}})
    bad = Case.model_validate({"name": "bad", "context": {"version": "x", "channel": "#c"}})

    results = run_cases(plan, [good, bad]).cases

    assert results[0].passed
    assert results[0].played is not None
    assert results[0].played.runs["tell"].inputs == ({"channel": "#a", "message": "1.4 of 1"},)
    assert not results[1].passed
    assert "version" in results[1].failures[0]
    assert "channel" in results[1].failures[0]


def test_a_review_says_that_other_values_are_taken(planned: Callable[[str], Plan]) -> None:
    old, new = planned(text("hi")), planned(text("hi").replace('"#b"]', '"#b", "#c"]'))
    assert [each.message for each in changes(old, new) if each.kind == "trigger-widened"] == [
        "manual: takes other values"
    ]


def test_editors_know_it(catalogue: Catalogue) -> None:
    schema = editor_schema(catalogue)
    node: dict[str, Any] = {
        "id": "tell",
        "agent": "notifier",
        "action": "sendSlackAlert",
        "inputs": {"channel": "#a", "message": "hi"},
    }
    for trigger in ("manual", {"manual": {"version": {"type": "string"}}}, [{"event": "a.b"}, "manual"]):
        jsonschema.validate({"name": "w", "trigger": trigger, "nodes": [node]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "w", "trigger": "nightly", "nodes": [node]}, schema)
    lines = text("{{ context. }}").split("\n")
    line = next(number for number, each in enumerate(lines, 1) if "message" in each)
    offered = complete("\n".join(lines), line, lines[line - 1].index("context.") + 9, catalogue)
    assert {"version", "channel", "note"} <= {each.label for each in offered}
    assert [each.label for each in complete("trigger: m", 1, 11, catalogue)] == ["manual"]
