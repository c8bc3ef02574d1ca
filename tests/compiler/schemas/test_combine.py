"""Literals, unions, closed models and examples."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from compiler.schemas import array_of, closed, infer, nullable, union
from compiler.schemas.example import NoExample, example
from compiler.schemas.matching import text_for
from compiler.schemas.validation import check_schema, validate
from compiler.subset import fits

STRING = {"type": "string"}


class Inner(BaseModel):
    value: int


class Other(BaseModel):
    inner: Inner | None = None


class Clash(BaseModel):
    class Inner(BaseModel):
        value: str

    inner: Inner


def test_a_literal_is_the_schema_of_just_itself() -> None:
    value = {"channel": "#alerts", "standards": ["SOC2", "GDPR"], "count": 3}

    schema = infer(value)

    assert validate(value, schema) == []
    assert validate({**value, "count": 4}, schema)
    assert fits(schema, {"properties": {"standards": {"items": {"enum": ["SOC2", "GDPR", "HIPAA"]}}}}).fits


def test_templates_inside_a_literal_keep_their_schemas() -> None:
    places: list[tuple[Any, ...]] = []

    def known(path: tuple[str | int, ...], text: str) -> Any:
        places.append(path)
        return Other.model_json_schema() if text.startswith("{{") else None

    schema = infer({"fixed": "text", "list": [1, "{{ x }}"]}, known)

    assert places == [("fixed",), ("list", 1)]
    assert check_schema(schema) == []
    assert validate({"fixed": "text", "list": [1, {"inner": {"value": 2}}]}, schema) == []
    assert validate({"fixed": "text", "list": [1, {"inner": {"value": "2"}}]}, schema)
    assert validate({"fixed": "other", "list": [1, {}]}, schema)


def test_equal_names_of_definitions_do_not_clash() -> None:
    schema = union(Other.model_json_schema(), Clash.model_json_schema())

    assert validate({"inner": {"value": 1}}, schema) == []
    assert validate({"inner": {"value": "x"}}, schema) == []
    assert validate({"inner": {"value": None}}, schema)


@pytest.mark.parametrize(
    ("schemas", "result"),
    [
        ([STRING, STRING], STRING),
        ([STRING, True], {}),
        ([STRING, {}], {}),
        ([STRING, False], STRING),
        ([False], {"not": {}}),
        ([], {"not": {}}),
        ([{"anyOf": [STRING, {"type": "null"}]}, {"type": "null"}], {"anyOf": [STRING, {"type": "null"}]}),
    ],
)
def test_a_union_is_no_longer_than_it_must_be(schemas: list[Any], result: Any) -> None:
    assert union(*schemas) == result


def test_nullable_twice_is_nullable_once() -> None:
    assert nullable(nullable(STRING)) == nullable(STRING) == {"anyOf": [STRING, {"type": "null"}]}


def test_an_array_of_models_stands_alone() -> None:
    schema = array_of(Other.model_json_schema())

    assert validate([{"inner": {"value": 1}}, {}], schema) == []
    assert validate([{"inner": {"value": "x"}}], schema)


def test_closing_a_model_excludes_what_it_does_not_name() -> None:
    schema = closed(Other.model_json_schema())

    assert validate({"inner": {"value": 1}}, schema) == []
    assert validate({"inner": {"value": 1, "more": 2}}, schema)
    assert validate({"more": 2}, schema)


def test_an_object_spread_over_several_schemas_is_not_closed() -> None:
    spread = {"allOf": [{"properties": {"a": STRING}}, {"properties": {"b": STRING}}]}

    assert closed(spread) == spread


class Level(StrEnum):
    LOW = "LOW"
    HIGH = "HIGH"


class Rich(BaseModel):
    number: Annotated[int, Field(ge=7, le=9, multiple_of=4)]
    share: Annotated[float, Field(gt=0, lt=0.5)]
    level: Level
    kind: Literal["rich"]
    when: str = Field(json_schema_extra={"format": "date-time"})
    cve: str = Field(pattern=r"^CVE-\d{4}-\d{4,}$")
    slug: str = Field(pattern=r"^[a-z]+(-[a-z]+)*$", min_length=6)
    maybe: str | None = None
    nested: list["Rich"] = []
    tags: set[str] = Field(min_length=2)
    table: dict[str, list[int]] = Field(min_length=1)
    pair: tuple[int, str]
    shown: str = Field(examples=["hello"])


def test_an_example_of_a_rich_model_is_valid_filled_in_and_always_the_same() -> None:
    value = example(Rich.model_json_schema())

    Rich.model_validate(value)
    assert value == example(Rich.model_json_schema())
    assert value["number"] == 8
    assert value["level"] == "LOW"
    assert value["when"] == "2000-01-01T00:00:00Z"
    assert value["shown"] == "hello"
    assert value["maybe"] is not None


@pytest.mark.parametrize("schema", [False, {"allOf": [STRING, {"type": "null"}]}, {"enum": []}, {"minimun": 1}, 7])
def test_where_there_is_no_example_it_says_so(schema: Any) -> None:
    with pytest.raises(NoExample, match=r"no instance|cannot be used"):
        example(schema)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[a-z][a-z0-9-]*$",
        r"^(LOW|HIGH)$",
        r"^\S+@\S+\.\w+$",
        r"^sha256:[0-9a-f]{64}$",
        r"^(?:ab|cd)+e?$",
        r"^v(\d+)\.(\d+)$",
        r"^[^/]+/[^/]+$",
        r"^[A-Z]{2}-(?P<number>\d+)$",
        r"^\$\{\w+\}$",
    ],
)
def test_a_text_is_found_for_usual_patterns(pattern: str) -> None:
    text = text_for(pattern)

    assert text is not None
    assert validate(text, {"pattern": pattern}) == []


@pytest.mark.parametrize("pattern", ["(?=a)", "[", "(", r"\q", "a{", "^b$a"])
def test_no_text_is_invented_for_other_patterns(pattern: str) -> None:
    assert text_for(pattern) is None
