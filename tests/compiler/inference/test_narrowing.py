"""A condition that tells null apart: what it lets through has a value, and only that."""

from __future__ import annotations

import pytest

from compiler import Catalogue, Source, compile

WORKFLOW = """
name: narrowed
trigger: {{event: odd.thing}}
context:
  type: object
  properties:
    limit: {{type: [integer, "null"]}}
    other: {{type: [integer, "null"]}}
    nested: {{anyOf: [{{type: object, properties: {{name: {{type: string}}}}, required: [name]}}, {{type: "null"}}]}}
  required: [limit, other, nested]
nodes:
  - id: tell
    agent: notifier
    action: sendSlackAlert
    when: "{{{{ {condition} }}}}"
    inputs: {{channel: "#a", message: "{{{{ {value} }}}}!"}}
"""


def may_be_null(catalogue: Catalogue, condition: str, value: str) -> bool:
    """Whether the compiler says so of the value in a node under the condition."""
    compiled = compile(Source(WORKFLOW.format(condition=condition, value=value), "w.yaml"), catalogue)
    errors = [each.message for each in compiled.diagnostics if each.severity == "error"]
    assert not [each for each in errors if "null" not in each], errors
    return any("null" in each.message for each in compiled.diagnostics)


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("context.limit != null", "context.limit"),
        ("null != context.limit", "context.limit"),
        ("not (context.limit == null)", "context.limit"),
        ("context.limit == 3", "context.limit"),
        ("context.limit != null and context.other != null", "context.other"),
        ("context.nested != null", "context.nested.name"),
        ("context.nested.name != null", "context.nested.name"),
        ("context.nested.name == 'a'", "context.nested.name"),
        ("context.limit != null and context.limit > 3", "context.limit + 1"),
        ("context.limit == null or context.limit > 3", "1"),
        ("true == true", "context.limit + 1 if context.limit != null else 0"),
        ("true == true", "0 if context.limit == null else context.limit + 1"),
    ],
)
def test_what_the_condition_lets_through_has_a_value(catalogue: Catalogue, condition: str, value: str) -> None:
    assert not may_be_null(catalogue, condition, value)


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("context.limit == null", "context.limit"),
        ("context.limit != 3", "context.limit"),
        ("context.other != null", "context.limit"),
        ("context.limit != null or context.other != null", "context.limit"),
        ("not (context.limit != null)", "context.limit"),
        ("context.limit != null and context.other > 3", "1"),
        ("context.limit == null and context.limit > 3", "1"),
        ("true == true", "context.limit + 1 if context.limit == null else 0"),
    ],
)
def test_what_it_says_nothing_of_may_still_be_null(catalogue: Catalogue, condition: str, value: str) -> None:
    assert may_be_null(catalogue, condition, value)
