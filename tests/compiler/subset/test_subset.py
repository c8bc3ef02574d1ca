"""`fits`: what is proven, what is refused and with which words, what is unknown, and what is too much."""

import time
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from compiler.schemas import closed
from compiler.schemas.vocabulary import SUBSCHEMAS, VALUES
from compiler.subset import SubsetResult, fits
from compiler.subset.check import RULES

OBJECT = {"type": "object"}


def obj(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


STR, INT, NUM, NULL = {"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": "null"}
LEFT_OR_RIGHT = {
    "oneOf": [
        obj(kind={"const": "left"}, value=STR),
        obj(kind={"const": "right"}, value=INT),
    ]
}

FITTING: list[tuple[Any, Any]] = [
    (STR, True),
    (False, STR),
    (INT, NUM),
    ({"type": "number", "multipleOf": 2}, INT),
    ({"const": 1.0}, INT),
    ({"enum": ["a", 1]}, {"type": ["string", "integer"]}),
    (STR, {"anyOf": [STR, NULL]}),
    ({"anyOf": [STR, NULL]}, {"type": ["null", "string", "array"]}),
    ({"type": "boolean"}, {"enum": [True, False, None]}),
    ({"type": "integer", "exclusiveMinimum": 0}, {"minimum": 1}),
    ({"type": "integer", "minimum": 0.5}, {"minimum": 1}),
    ({"type": "number", "exclusiveMinimum": 0}, {"exclusiveMinimum": 0}),
    ({"type": "integer", "multipleOf": 6}, {"multipleOf": 3}),
    ({"type": "integer"}, {"multipleOf": 1}),
    ({"type": "string", "minLength": 3, "maxLength": 4}, {"minLength": 1, "maxLength": 9}),
    ({"type": "string", "pattern": "^a"}, {"pattern": "^a"}),
    ({"type": "string", "format": "date"}, {"type": "string", "format": "uri"}),
    ({"type": "array", "items": INT, "minItems": 1}, {"type": "array", "items": NUM}),
    (
        {"type": "array", "prefixItems": [STR, INT], "items": False},
        {"items": {"type": ["string", "integer"]}, "maxItems": 2},
    ),
    ({"type": "array", "items": INT, "minItems": 1}, {"contains": NUM}),
    ({"type": "array", "maxItems": 1}, {"uniqueItems": True}),
    ({"type": "array", "contains": INT, "minContains": 2}, {"contains": NUM}),
    (obj(a=INT, b=STR), {"type": "object", "properties": {"a": NUM}, "required": ["a"]}),
    (obj(a=INT), {"type": "object", "additionalProperties": NUM}),
    (obj(a=INT), {"minProperties": 1, "maxProperties": 1, "propertyNames": {"maxLength": 1}}),
    (obj(["a"], a=INT, b=INT), {"dependentRequired": {"b": ["a"]}}),
    ({"type": "object", "additionalProperties": INT}, {"type": "object", "additionalProperties": NUM}),
    (
        {"type": "object", "patternProperties": {"^x": INT}, "additionalProperties": False},
        {"patternProperties": {"^x": NUM}},
    ),
    (obj(a={"anyOf": [INT, NULL]}), obj(a={"anyOf": [NULL, NUM]})),
    ({"allOf": [{"type": "integer"}, {"minimum": 3}]}, {"type": "integer", "minimum": 2}),
    ({"allOf": [{"enum": [1, 2, 3]}, {"enum": [2, 3, 4]}]}, {"enum": [2, 3]}),
    (LEFT_OR_RIGHT, LEFT_OR_RIGHT),
    (obj(kind={"enum": ["left"]}, value=STR), LEFT_OR_RIGHT),
    ({"oneOf": [STR, INT]}, {"oneOf": [NUM, STR]}),
    (
        obj(kind={"enum": ["a", "b"]}, v=INT),
        {"anyOf": [obj(kind={"const": "a"}, v=INT), obj(kind={"const": "b"}, v=NUM)]},
    ),
    (STR, {"not": NULL}),
    ({"type": "integer", "minimum": 5}, {"not": {"maximum": 4}}),
    ({"not": STR}, {"not": {"type": "string", "minLength": 2}}),
    (obj(a={"const": 1}), {"if": {"properties": {"a": {"const": 2}}, "required": ["a"]}, "then": False}),
    ({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "null"}}, {"type": ["string", "null"]}),
    (
        {"$ref": "#/$defs/a", "$defs": {"a": STR}},
        {"$ref": "#/$defs/b", "$defs": {"b": {"allOf": [{"$ref": "#/$defs/c"}]}, "c": STR}},
    ),
]


@pytest.mark.parametrize(("producer", "consumer"), FITTING)
def test_proves(producer: Any, consumer: Any) -> None:
    assert fits(producer, consumer).sentences() == []


REFUSED: list[tuple[Any, Any, str]] = [
    (True, STR, "$ may be null, but must be a string"),
    ({"anyOf": [STR, NULL]}, STR, "$ may be null, but must be a string"),
    (NUM, INT, "$ may be a number, but must be an integer"),
    (STR, {"type": ["integer", "null"]}, "$ may be a string, but must be an integer or null"),
    (STR, {"anyOf": [INT, NULL]}, "$ may be a string, but must be an integer or null"),
    ({"enum": ["LOW", "ODD"]}, {"enum": ["LOW", "HIGH"]}, '$ may be "ODD", but must be one of "LOW" or "HIGH"'),
    (STR, {"enum": ["LOW", "HIGH"]}, '$ may be any string, but must be one of "LOW" or "HIGH"'),
    (INT, {"minimum": 0, "type": "integer"}, "$ may be an integer without a lower limit, but must be at least 0"),
    ({"type": "number", "minimum": 0}, {"exclusiveMinimum": 0}, "$ may be as low as 0, but must be more than 0"),
    ({"type": "number", "maximum": 101}, {"maximum": 100}, "$ may be as high as 101, but must be at most 100"),
    (INT, {"multipleOf": 2}, "$ may be an integer that is no multiple of 2, which it must be"),
    (STR, {"minLength": 1}, "$ may have only 0 characters, but must have at least 1"),
    (STR, {"maxLength": 5}, "$ may have any number of characters, but must have at most 5"),
    (STR, {"pattern": "^a"}, '$ may be any text, but must match the pattern "^a"'),
    (
        {"type": "string", "pattern": "^ab"},
        {"pattern": "^a"},
        '$ matches "^ab", but must match the pattern "^a"; patterns can only be shown to fit where they are equal',
    ),
    ({"type": "array", "items": STR}, {"items": INT}, "$[*] may be a string, but must be an integer"),
    ({"type": "array"}, {"minItems": 1}, "$ may be empty, but must have at least 1 item"),
    ({"type": "array"}, {"uniqueItems": True}, "$ may have equal items, but its items must differ"),
    (
        {"type": "array", "prefixItems": [STR]},
        {"prefixItems": [INT]},
        "$[0] may be a string, but must be an integer",
    ),
    ({"type": "array"}, {"maxItems": 3}, "$ may have any number of items, but must have at most 3"),
    (obj([], a=STR), {"required": ["a"]}, '$ may lack the property "a", which is required'),
    (
        obj(a=obj(b=STR)),
        {"properties": {"a": {"properties": {"b": INT}}}},
        "$.a.b may be a string, but must be an integer",
    ),
    (obj(a=STR, z=STR), obj(["a"], a=STR), '$.z may be there, but only "a" are allowed'),
    (OBJECT, obj([], a=True), '$ may have further properties, but only "a" are allowed'),
    (
        OBJECT,
        {"properties": {"a": STR}},
        "$.a is not described by the producer, which does not exclude further properties either; "
        "may be null, but must be a string",
    ),
    (STR, {"not": {"minLength": 3}}, '$ could not be shown to stay outside of {"minLength": 3}'),
    (STR, False, "$ may be there, but is not allowed"),
    (
        {"type": "object", "properties": {"a": {"$ref": "#"}}},
        {"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#"}, NULL]}, "b": STR}},
        "$.a.b is not described by the producer, which does not exclude further properties either; "
        "may be null, but must be a string",
    ),
]


@pytest.mark.parametrize(("producer", "consumer", "sentence"), REFUSED)
def test_refuses_with_the_place_and_the_reason(producer: Any, consumer: Any, sentence: str) -> None:
    assert fits(producer, consumer).sentences()[0] == sentence


def test_names_every_broken_place_once() -> None:
    producer = obj(a=STR, b=obj(c=NUM, d=NULL), e={"type": "array", "items": STR})
    consumer = obj(a=INT, b=obj(c=INT, d=STR), e={"type": "array", "items": INT})

    assert fits(producer, consumer).sentences() == [
        "$.a may be a string, but must be an integer",
        "$.b.c may be a number, but must be an integer",
        "$.b.d may be null, but must be a string",
        "$.e[*] may be a string, but must be an integer",
    ]


def test_no_keyword_of_the_vocabulary_is_passed_over() -> None:
    annotations = {
        "$comment", "contentEncoding", "contentMediaType", "default", "deprecated", "description",
        "discriminator", "examples", "format", "readOnly", "title", "writeOnly",
    }  # fmt: skip
    read_by_others = {"$defs", "definitions", "then", "else", "minContains", "maxContains"}

    assert set(VALUES) | set(SUBSCHEMAS) == set(RULES) | annotations | read_by_others


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        ({"unevaluatedProperties": False}, "the keyword 'unevaluatedProperties' is not supported"),
        ({"properties": {"a": {"minimun": 1}}}, "did you mean 'minimum'?"),
        ({"$ref": "https://example.com/x"}, "references are never fetched"),
        ("rubbish", "a schema must be an object"),
    ],
)
def test_reports_a_schema_that_is_not_understood(schema: Any, part: str) -> None:
    as_producer, as_consumer = fits(schema, True), fits(False, schema)

    assert as_producer.unsupported
    assert as_consumer.unsupported
    assert part in as_producer.sentences()[0]
    assert "in the schema of the producer" in as_producer.sentences()[0]
    assert "in the schema of the consumer" in as_consumer.sentences()[0]


class Finding(BaseModel):
    severity: Literal["LOW", "HIGH"]
    cve: str | None = None
    line: int = Field(ge=1)
    tags: list[str] = []


class Scan(BaseModel):
    vulnerabilities: list[Finding]
    summary: dict[str, int]
    duration: float = 0.0


class Risk(BaseModel):
    model_config = ConfigDict(extra="forbid")
    severity: str = Field(description="how bad")
    cve: str | None = None
    line: float = Field(0, ge=0)
    tags: list[str] = Field(default_factory=list)


class Assess(BaseModel):
    vulnerabilities: list[Risk]
    summary: dict[str, float] | None = None
    limit: int | None = 3


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list["Cat | Dog"] = []


class Pets(BaseModel):
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]]


def gives(model: type[BaseModel]) -> dict[str, Any]:
    return closed(model.model_json_schema(mode="serialization"))


def test_is_exact_on_what_pydantic_publishes() -> None:
    assert fits(gives(Scan), Assess.model_json_schema()).sentences() == []
    assert fits(gives(Pets), Pets.model_json_schema()).sentences() == []
    assert fits(gives(Assess), Scan.model_json_schema()).sentences() == [
        '$.vulnerabilities[*].severity may be any string, but must be one of "LOW" or "HIGH"',
        "$.vulnerabilities[*].line may be a number, but must be an integer",
        '$.vulnerabilities[*] may lack the property "line", which is required',
        "$.summary[*] may be a number, but must be an integer",
        "$.summary may be null, but must be an object",
        '$ may lack the property "summary", which is required',
    ]


def test_an_open_producer_does_not_fit_optional_fields_it_does_not_name() -> None:
    scan = Scan.model_json_schema(mode="serialization")

    [sentence] = fits(scan, Assess.model_json_schema()).sentences()[-1:]

    assert sentence.startswith("$.limit is not described by the producer")


class Tree(BaseModel):
    value: int
    left: "Tree | None" = None
    right: "Tree | None" = None


class WideTree(BaseModel):
    value: float
    left: "WideTree | None" = None
    right: "WideTree | None" = None
    extra: str = ""


def test_recursive_models_are_compared_without_end() -> None:
    assert fits(gives(Tree), WideTree.model_json_schema()).fits
    assert fits(gives(WideTree), Tree.model_json_schema()).sentences()[0] == (
        "$.value may be a number, but must be an integer"
    )


def test_a_pair_assumed_to_fit_is_forgotten_when_it_does_not() -> None:
    def ring(last: Any) -> dict[str, Any]:
        return {
            "$ref": "#/$defs/a",
            "$defs": {
                "a": obj([], next={"$ref": "#/$defs/b"}, again={"$ref": "#/$defs/b"}),
                "b": obj([], next={"$ref": "#/$defs/a"}, leaf=last),
            },
        }

    assert fits(ring(INT), ring(NUM)).fits
    paths = {reason.path for reason in fits(ring(NUM), ring(INT)).reasons}
    assert {("next", "leaf"), ("again", "leaf")} <= paths


def _alternating(count: int, first: str, second: str) -> dict[str, Any]:
    defs = {
        str(n): {
            "type": "object",
            "properties": {first: {"$ref": f"#/$defs/{(n + 1) % count}"}, second: {"type": "string"}},
        }
        for n in range(count)
    }
    return {"$ref": "#/$defs/0", "$defs": defs}


def _product(count: int) -> dict[str, Any]:
    return {"allOf": [{"anyOf": [{"minimum": n}, {"maximum": n}, {"multipleOf": n + 1}]} for n in range(count)]}


def _doubling(count: int) -> dict[str, Any]:
    defs: dict[str, Any] = {
        str(n): {
            "type": "object",
            "properties": {"a": {"$ref": f"#/$defs/{n + 1}"}, "b": {"$ref": f"#/$defs/{n + 1}"}},
        }
        for n in range(count)
    }
    return {"$ref": "#/$defs/0", "$defs": {**defs, str(count): {"type": "string"}}}


HOSTILE: dict[str, tuple[Any, Any]] = {
    "product of alternatives": (_product(40), {"type": "number", "minimum": 3}),
    "same on the other side": ({"type": "number"}, _product(400)),
    "rings of coprime length": (_alternating(101, "a", "b"), _alternating(103, "a", "c")),
    "doubling tree": (_doubling(50), _doubling(51)),
    "long lists": ({"enum": [[n] for n in range(6_000)]}, {"enum": [[n] for n in range(6_000, 0, -1)]}),
    "many properties and patterns": (
        {"type": "object", "properties": {f"p{n}": STR for n in range(1_500)}},
        {"patternProperties": {f"p{n}$": INT for n in range(1_500)}},
    ),
    "nested negation": (
        __import__("functools").reduce(lambda inner, _: {"not": {"anyOf": [inner, STR]}}, range(25), STR),
        __import__("functools").reduce(lambda inner, _: {"not": {"anyOf": [inner, INT]}}, range(25), INT),
    ),
    "one of many": (
        {"type": "object", "properties": {"k": STR}},
        {"oneOf": [{"properties": {f"x{n}": INT}, "required": [f"x{n}"]} for n in range(1_500)]},
    ),
}


@pytest.mark.parametrize(("producer", "consumer"), HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_schemas_get_an_answer_in_time(producer: Any, consumer: Any) -> None:
    start = time.process_time()

    answer = fits(producer, consumer)

    assert not answer.fits
    assert time.process_time() - start < 5


def test_what_is_too_complex_says_so() -> None:
    answer = fits({"type": "number", **_product(40)}, {"type": "number", "minimum": -3})

    assert answer.unsupported
    assert answer.sentences() == [
        "$ is too complex to be checked; use simpler schemas, with fewer alternatives or levels"
    ]


def test_an_answer_is_quick_and_quicker_the_second_time() -> None:
    producer, consumer = gives(Scan), Assess.model_json_schema()
    fits(producer, consumer)

    start = time.process_time()
    for _ in range(100):
        fits(producer, consumer)

    assert (time.process_time() - start) / 100 < 0.001


def test_an_answer_is_plain_data() -> None:
    answer = fits(obj(a=STR), obj(a=INT))

    assert isinstance(answer, SubsetResult)
    assert [(reason.kind, reason.path) for reason in answer.reasons] == [("mismatch", ("a",))]
