"""What expressions and templates give."""

from __future__ import annotations

from typing import Any

import pytest

from compiler import Scope, TemplateError, condition, render

SCOPE = Scope(
    context={"name": "Ann", "n": 3, "empty": "", "list": [3, 1, 2, 3], "odd-key": 1, "flag": True, "text": "a,b"},
    nodes={"scan-all": {"output": {"items": [{"f": "x", "n": 1}, {"f": "y"}]}, "status": "SUCCESS"}},
    run={"id": "r1", "projectId": 7},
    item={"file": "a.py"},
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("context.n", 3),
        ("context['odd-key']", 1),
        ('context["list"][0]', 3),
        ("context.list[-1]", 3),
        ("context.list[9]", None),
        ("context.missing.deeper", None),
        ("context.name.upper", None),
        ("nodes.scan-all.output.items[1].f", "y"),
        ("nodes['scan-all'].status", "SUCCESS"),
        ("nodes.other.output.x", None),
        ("run.projectId", 7),
        ("item.file", "a.py"),
        ("context.n + 1 * 2", 5),
        ("context.n - 1", 2),
        ("(context.n + 1) / 8", 0.5),
        ("7 // 2", 3),
        ("7 % 4", 3),
        ("-context.n", -3),
        ("+context.n", 3),
        ("'a' + 'b'", "ab"),
        ("'n=' ~ context.n ~ true", "n=3true"),
        ("context.n > 2 and context.name == 'Ann'", True),
        ("context.n > 5 or context.name", "Ann"),
        ("context.empty or 'none'", "none"),
        ("not context.empty", True),
        ("1 < context.n <= 3", True),
        ("1 == true", False),
        ("1 == 1.0", True),
        ("[1, [2]] == [1, [2.0]]", True),
        ("'b' > 'a'", True),
        ("2 in context.list", True),
        ("'nn' in context.name", True),
        ("'n' not in context", False),
        ("true in [1]", False),
        ("'yes' if context.flag else 'no'", "yes"),
        ("'yes' if context.missing", None),
        ("[1, context.n]", [1, 3]),
        ("{'a': context.n, 'b': []}", {"a": 3, "b": []}),
        ("null", None),
        ("none == context.missing", True),
        ("context.list | length", 4),
        ("context.name | length", 3),
        ("context.missing | default('x')", "x"),
        ("context.flag | default(false)", True),
        ("context.list | first + context.list | last", 6),
        ("[] | first", None),
        ("context.list | sort | join('-')", "1-2-3-3"),
        ("context.list | unique", [3, 1, 2]),
        ("[1, 1.0, true, '1'] | unique", [1, True, "1"]),
        ("context.list | sum", 9),
        ("context.name | upper | lower", "ann"),
        ("' x ' | trim", "x"),
        ("context.text | split(',')", ["a", "b"]),
        ("context.text | replace(',', ';')", "a;b"),
        ("2.567 | round(1)", 2.6),
        ("2.5 | round", 2),
        ("'12' | int", 12),
        ("12.9 | int", 12),
        ("context.n | string", "3"),
        ("{'b': 1, 'a': 'ü'} | tojson", '{"b":1,"a":"ü"}'),
        ("{'b': 1, 'a': 2} | keys", ["a", "b"]),
        ("nodes.scan-all.output.items | pluck('f')", ["x", "y"]),
        ("nodes.scan-all.output.items | pluck('n')", [1, None]),
    ],
)
def test_expressions(expression: str, value: Any) -> None:
    result = render("{{ " + expression + " }}", SCOPE)

    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("context.name > 3", "'>' cannot compare text with number"),
        ("context.missing > 3", "cannot compare null with number"),
        ("context.flag > 0", "cannot compare boolean with number"),
        ("context.name * 3", "'*' needs numbers, found text"),
        ("context.name + 1", "'+' needs numbers, found text"),
        ("1 / 0", "division by zero"),
        ("1 % 0", "division by zero"),
        ("9007199254740991 + 1", "too large"),
        ("context.n | upper", "the filter 'upper' takes text, found number"),
        ("context.missing | length", "found null"),
        ("'x' | int", "'x' is not a whole number"),
        ("[1, 'a'] | sort", "only a list of texts or a list of numbers"),
        ("'a' | split('')", "must not be empty"),
        ("'a' | join", "the filter 'join' takes list, found text"),
        ("1 in 2", "'in' cannot look for number in number"),
    ],
)
def test_what_has_no_value_says_why_and_names_the_expression(expression: str, says: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render("{{ " + expression + " }}", SCOPE)

    assert says in str(caught.value)
    assert expression in str(caught.value)


def test_text_around_templates_makes_text() -> None:
    template = "{{ context.n }}/{{ context.missing }}/{{ context.flag }}/{{ context.list }}/{{ 2.0 }}"

    assert render(template, SCOPE) == "3//true/[3,1,2,3]/2"


def test_braces_can_be_written_as_text() -> None:
    assert render("{{ '{{' }} and {{ '}}' }} and {{ {'a': {'b': 1}} }}", SCOPE) == '{{ and }} and {"a":{"b":1}}'


def test_templates_are_resolved_at_every_depth_and_keys_are_left_alone() -> None:
    value = {"a": [{"{{ x }}": "{{ context.n }}"}], "b": 1, "c": None}

    assert render(value, SCOPE) == {"a": [{"{{ x }}": 3}], "b": 1, "c": None}


def test_results_are_bounded() -> None:
    large = Scope(context={"t": "x" * 600_000, "l": ["y" * 1000] * 5_000})

    with pytest.raises(TemplateError, match="longer than"):
        render("{{ context.t ~ context.t }}", large)
    with pytest.raises(TemplateError, match="longer than"):
        render("{{ context.t }} {{ context.t }}", large)
    with pytest.raises(TemplateError, match="would hold more than"):
        render(["{{ context.l }}", "{{ context.l }}"], large)


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        (None, True),
        (True, True),
        (False, False),
        ("context.n > 2", True),
        ("{{ context.n > 2 }}", True),
        ("  {{ context.n > 3 }}  ", False),
        ("context.missing", False),
        ("context.flag", True),
    ],
)
def test_conditions(value: str | bool | None, holds: bool) -> None:
    assert condition(value, SCOPE) is holds


@pytest.mark.parametrize("value", ["context.name", "context.n", "'false'", "a {{ true }}", "{{ true }}{{ true }}"])
def test_a_condition_that_is_no_truth_value_is_refused(value: str) -> None:
    with pytest.raises(TemplateError):
        condition(value, SCOPE)
