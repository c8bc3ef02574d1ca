"""`subschema_at`: what a schema says of a place in its instances, and how sure it is."""

from typing import Any

import pytest
from pydantic import BaseModel

from compiler.inference.paths import FoundPath, MissingPath, subschema_at
from compiler.schemas.validation import check_schema

STRING, NULL = {"type": "string"}, {"type": "null"}


class Leaf(BaseModel):
    cve: str | None = None
    line: int


class Output(BaseModel):
    vulnerabilities: list[Leaf]
    summary: dict[str, int]
    first: Leaf | None
    parent: "Output | None" = None


OUTPUT = Output.model_json_schema()


def found(schema: Any, *path: str | int) -> FoundPath:
    result = subschema_at(schema, path)
    assert isinstance(result, FoundPath), result
    assert check_schema(result.schema) == []
    return result


def missing(schema: Any, *path: str | int) -> MissingPath:
    result = subschema_at(schema, path)
    assert isinstance(result, MissingPath), result
    return result


def test_the_empty_path_is_the_schema_itself() -> None:
    assert found(STRING).schema == STRING
    assert not found(STRING).optional


def test_follows_references_and_takes_the_definitions_along() -> None:
    result = found(OUTPUT, "vulnerabilities")

    assert not result.optional
    assert result.schema["items"] == {"$ref": "#/$defs/Leaf"}
    assert set(result.schema["$defs"]) == {"Leaf"}


def test_an_item_of_a_list_may_not_be_there() -> None:
    result = found(OUTPUT, "vulnerabilities", 0, "line")

    assert result.schema == {"title": "Line", "type": "integer"}
    assert result.optional
    assert result.why == "$.vulnerabilities may have no item 0"


def test_a_property_of_a_nullable_object_may_not_be_there() -> None:
    result = found(OUTPUT, "first", "line")

    assert result.schema["type"] == "integer"
    assert result.optional
    assert result.why == "$.first may be something else than an object"


def test_walks_recursive_models() -> None:
    result = found(OUTPUT, "parent", "parent", "parent", "vulnerabilities")

    assert result.schema["type"] == "array"
    assert result.optional


def test_a_name_in_a_dictionary_is_found_but_not_certain() -> None:
    assert found(OUTPUT, "summary", "anything") == FoundPath(
        schema={"type": "integer"}, optional=True, why='$.summary may have no property "anything"'
    )


def test_an_unknown_property_comes_with_the_known_ones() -> None:
    result = missing(OUTPUT, "vulnerabilities", 0, "lien")

    assert result.path == ("vulnerabilities", 0, "lien")
    assert result.known == ("cve", "line")
    assert result.reason == '$.vulnerabilities[0] has no property "lien"'


@pytest.mark.parametrize(
    ("schema", "path", "reason"),
    [
        (STRING, ["a"], '$ is a string, which has no property "a"'),
        ({"type": ["string", "null"]}, [0], "$ is a string or null, which has no item 0"),
        ({"type": "array"}, ["0"], "$ is an array; its items are reached by number, as in [0]"),
        ({"type": "array", "prefixItems": [STRING], "items": False}, [1], "$ has no item 1"),
        ({"type": "array", "maxItems": 2}, [2], "$ has no item 2"),
        ({"properties": {"a": False}}, ["a"], '$ has no property "a"'),
        ({"const": {"a": 1}}, ["b"], '$ has no property "b"'),
        ({"anyOf": [STRING, {"type": "integer"}]}, ["a"], '$ has no property "a"'),
        (
            {"minimun": 1},
            [],
            "the schema cannot be used: $: the keyword \"minimun\" is not known; did you mean 'minimum'?",
        ),
        ([], [], "the schema cannot be used: $: a schema must be an object, true or false, not a Python list"),
    ],
)
def test_says_why_there_is_nothing(schema: Any, path: list[str | int], reason: str) -> None:
    assert missing(schema, *path).reason == reason


@pytest.mark.parametrize(
    ("schema", "path", "part", "optional"),
    [
        (True, ["a"], {}, True),
        ({"type": "object"}, ["a"], {}, True),
        ({"type": "object", "required": ["a"]}, ["a"], {}, False),
        ({"properties": {"a": STRING}, "required": ["a"]}, ["a"], STRING, True),
        ({"type": "object", "properties": {"a": STRING}, "required": ["a"]}, ["a"], STRING, False),
        ({"type": "object", "properties": {"a": STRING}}, ["a"], STRING, True),
        ({"type": "object", "patternProperties": {"^a": STRING}}, ["ab"], STRING, True),
        ({"type": "array", "prefixItems": [NULL], "items": STRING, "minItems": 2}, [1], STRING, False),
        ({"const": {"a": [1, 2]}}, ["a", 1], {"enum": [2]}, False),
        ({"enum": [{"a": 1}, {"a": 2}, None]}, ["a"], {"enum": [1, 2]}, True),
        (
            {"allOf": [{"type": "object", "properties": {"a": STRING}}, {"required": ["a"]}]},
            ["a"],
            STRING,
            False,
        ),
        (
            {
                "anyOf": [
                    {"type": "object", "properties": {"a": each}, "required": ["a"]} for each in (STRING, NULL)
                ]
            },
            ["a"],
            {"anyOf": [STRING, NULL]},
            False,
        ),
        (
            {"oneOf": [{"type": "object", "properties": {"a": STRING}, "required": ["a"]}, STRING]},
            ["a"],
            STRING,
            True,
        ),
        (
            {"type": "object", "properties": {"a": {"minLength": 1}}, "allOf": [{"properties": {"a": STRING}}]},
            ["a"],
            {"allOf": [{"minLength": 1}, STRING]},
            True,
        ),
    ],
)
def test_finds(schema: Any, path: list[str | int], part: Any, optional: bool) -> None:
    result = found(schema, *path)

    assert (result.schema, result.optional) == (part, optional)
    assert bool(result.why) is optional


def test_a_part_that_refers_to_odd_places_still_stands_alone() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/properties/b"}, "b": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["a"],
    }

    result = found(schema, "a")

    assert found(result.schema, 0, "b").schema["type"] == "array"
