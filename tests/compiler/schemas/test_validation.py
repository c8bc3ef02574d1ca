"""`validate` and `check_schema`: bounded answers, with the place, to any instance and any schema."""

import time
from typing import Any

import pytest
from pydantic import BaseModel

from compiler.schemas.validation import MAX_ERRORS, MAX_MESSAGE, check_schema, validate

DRAFT = "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    ("instance", "schema", "messages"),
    [
        ("x", {"type": "string"}, []),
        (1.0, {"type": "integer"}, []),
        (True, {"type": "integer"}, ["$: must be an integer, but is true"]),
        (None, {"type": ["string", "null"]}, []),
        (
            {"items": [{"line": "7"}]},
            {"properties": {"items": {"items": {"properties": {"line": {"type": "integer"}}}}}},
            ['$.items[0].line: must be an integer, but is "7"'],
        ),
        ({}, {"required": ["odd name"]}, ['$: the property "odd name" is missing']),
        (
            {"tilte": 1},
            {"properties": {"title": {}}, "additionalProperties": False},
            ['$: the property "tilte" is not known here; known are "title"'],
        ),
        ("LOUD", {"enum": ["LOW", "HIGH"]}, ['$: must be one of "LOW" or "HIGH", but is "LOUD"']),
        (3, {"anyOf": [{"type": "string"}, {"type": "null"}]}, ["$: must be a string or must be null, but is 3"]),
        (
            {"a": {"b": 1}},
            {"anyOf": [{"type": "string"}, {"properties": {"a": {"properties": {"b": {"type": "null"}}}}}]},
            ["$.a.b: must be null, but is 1"],
        ),
        ([1, 1.0], {"uniqueItems": True}, ["$: must have no two equal items, but has 1.0 twice"]),
        ([1, True], {"uniqueItems": True}, []),
        ("ab", {"pattern": "^b"}, ['$: must match the pattern "^b", but is "ab"']),
        ("a\n", {"pattern": "^a$"}, ['$: must match the pattern "^a$", but is "a\\n"']),
        (5, False, ["$: is not allowed here"]),
        ({"a b": 1}, {"additionalProperties": False}, ['$: the property "a b" is not known here']),
        ("2025-99-99", {"format": "date"}, []),
        (
            2,
            {"oneOf": [{"minimum": 1}, {"maximum": 3}]},
            ["$: must fit exactly one of 2 alternatives, and fits 2, but is 2"],
        ),
    ],
)
def test_says_what_is_wrong_and_where(instance: Any, schema: Any, messages: list[str]) -> None:
    assert validate(instance, schema) == messages


def test_never_prints_a_whole_value() -> None:
    huge = {"key": ["x" * 1_000] * 50_000}

    [message] = validate(huge, {"type": "string"})

    assert len(message) < 200


def test_makes_control_and_bidirectional_characters_visible() -> None:
    [message] = validate("\x1b[31m\u202eevil", {"type": "null"})

    assert message == '$: must be null, but is "\\u001b[31m\\u202eevil"'


def test_lists_at_most_so_many_errors_of_at_most_so_many_characters() -> None:
    schema = {"items": {"enum": ["y" * 500] * 100}}

    messages = validate(["x" * 10_000] * 1_000, schema)

    assert len(messages) == MAX_ERRORS
    assert max(map(len, messages)) <= MAX_MESSAGE


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {1: 2}, object(), {"a": b"bytes"}, 10**400])
def test_what_is_no_json_is_an_error_even_where_anything_goes(bad: Any) -> None:
    [message] = validate({"deep": [bad]}, True)

    assert message.startswith("$.deep[0]")


def test_an_unusable_schema_is_an_error_not_a_pass() -> None:
    assert validate(1, {"minimun": 5}) == [
        "the schema cannot be used: $: the keyword \"minimun\" is not known; did you mean 'minimum'?"
    ]
    assert validate(1, "not a schema") == [
        "the schema cannot be used: $: a schema must be an object, true or false, not a Python str"
    ]


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        ({"type": "strnig"}, '$.type: must be "array",'),
        ({"type": []}, "$.type"),
        ({"required": "name"}, "$.required: must be a list of names"),
        ({"required": ["a", "a"]}, "names something twice"),
        ({"minLength": -1}, "$.minLength: must be a whole number"),
        ({"multipleOf": 0}, "$.multipleOf: must be a number above 0"),
        ({"properties": []}, "$.properties: must map names to schemas"),
        ({"items": [{}]}, "$.items: a schema must be an object"),
        ({"anyOf": []}, "$.anyOf: must be a list of at least one schema"),
        ({"enum": 3}, "$.enum: must be a list"),
        ({"$ref": "https://example.com/schema.json"}, "references are never fetched"),
        ({"$ref": "other.json#/$defs/a"}, "references are never fetched"),
        ({"$ref": "#anchor"}, "is not local"),
        (
            {"$ref": "#/$defs/gone", "$defs": {"here": {}}},
            'nothing is at "#/$defs/gone"; there are "#/$defs/here"',
        ),
        ({"$ref": "#/title", "title": "x"}, "which is not a schema"),
        ({"$ref": "#"}, "go round in a circle"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}}, "go round in a circle"),
        ({"$dynamicRef": "#x"}, "'$dynamicRef' is not supported"),
        ({"unevaluatedProperties": False}, "use additionalProperties: false"),
        ({"properties": {"a": {"$id": "http://x"}}}, "$id is understood at the top of a schema only"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "only draft 2020-12 is understood"),
        ({"pattern": "(?=x)"}, "look-around"),
        ({"pattern": r"(a)\1"}, "backreferences are not supported"),
        ({"pattern": "[a-z"}, "unclosed character class"),
        ({"patternProperties": {"(": {}}}, "unclosed group"),
        ({"pattern": "((a{99}){99}){99}"}, "multiply to more than"),
        ({"pattern": "a" * 1_001}, "longer than 1000 characters"),
        ({"dependentRequired": {"a": "b"}}, "must be a list of names"),
        ({"const": float("nan")}, "is not a usable JSON number"),
    ],
)
def test_says_why_a_schema_cannot_be_used(schema: Any, part: str) -> None:
    problems = check_schema(schema)

    assert part in "\n".join(problems)
    assert len(problems) == 1


def test_takes_what_pydantic_publishes_and_annotations_of_ones_own() -> None:
    class Leaf(BaseModel):
        children: "list[Leaf]" = []
        kind: str | None = None

    assert check_schema(Leaf.model_json_schema()) == []
    assert check_schema({"$schema": DRAFT, "$id": "urn:x", "x-kind": "repository", "type": "string"}) == []
    assert validate({"children": [{"kind": 3}]}, Leaf.model_json_schema()) == [
        "$.children[0].kind: must be a string or must be null, but is 3"
    ]


def test_a_declared_dialect_does_not_switch_the_safe_keywords_off() -> None:
    schema = {"$schema": DRAFT, "$id": "https://example.com/x", "properties": {"a": {"$ref": "#/$defs/a"}}}

    assert validate({"a": "a" * 40 + "b"}, {**schema, "$defs": {"a": {"pattern": "^(a+)+$"}}})


HOSTILE: list[tuple[str, Any, Any]] = [
    ("backtracking pattern", "a" * 200_000 + "!", {"pattern": "^(a+)+$"}),
    (
        "pattern as property name",
        {"a" * 50_000 + "!": 1},
        {"patternProperties": {"^(a|a)*$": False}, "minProperties": 2},
    ),
    ("counted repetitions", "a" * 1_000_000, {"pattern": "(a{50}){50}b"}),
    (
        "doubling references",
        1,
        {
            "$defs": {str(n): {"allOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(60)}
            | {"60": {"type": "integer"}},
            "$ref": "#/$defs/0",
        },
    ),
    ("many alternatives of a big value", ["x" * 1_000] * 10_000, {"anyOf": [{"const": n} for n in range(5_000)]}),
    ("mixed unique items", [[n] if n % 2 else {"n": n} for n in range(100_000)] + [[1]], {"uniqueItems": True}),
    ("deep instance", __import__("functools").reduce(lambda inner, _: [inner], range(100_000), []), {}),
    ("wide instance", [[]] * 1_100_000, {}),
]


@pytest.mark.parametrize(("instance", "schema"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_input_is_answered_in_time(instance: Any, schema: Any) -> None:
    start = time.process_time()

    messages = validate(instance, schema)

    assert messages
    assert all(len(message) <= MAX_MESSAGE for message in messages)
    assert time.process_time() - start < 4


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{}] * 30_000},
        __import__("functools").reduce(lambda inner, _: {"not": inner}, range(5_000), {}),
        {"enum": ["x"] * 30_000},
    ],
    ids=["wide", "deep", "many values"],
)
def test_an_oversized_schema_is_refused(schema: Any) -> None:
    [problem] = check_schema(schema)

    assert "more than" in problem
