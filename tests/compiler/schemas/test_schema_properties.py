"""Generated schemas and instances: the checks are sound, judged by `jsonschema` itself.

`HYPOTHESIS_PROFILE=thorough` runs each property on 12,000 pairs of schemas with 40 instances each.
"""

import os
import random
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from compiler.inference.paths import FoundPath, subschema_at
from compiler.schemas import array_of, infer, nullable, union
from compiler.schemas.example import NoExample, example
from compiler.schemas.validation import check_schema, validate
from compiler.subset import fits

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
INSTANCES = 40
checked = settings(
    max_examples=12_000 if THOROUGH else 50,
    deadline=None,
    suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
)

NAMES = st.sampled_from(["a", "b", "c", "ab"])
SCALARS = [None, True, False, 0, 1, 1.0, 2, -1, 0.5, 3, "", "a", "b", "ab", "ba", "c"]
VALUES = [*SCALARS, [], [1], ["a", "a"], [True, 1], {}, {"a": 1}, {"a": None, "b": "x"}, {"a": "a", "c": [0]}]
NUMBERS = st.sampled_from([-2, -1, 0, 0.5, 1, 1.0, 2, 3, 2.5])
COUNTS = st.sampled_from([0, 1, 2, 3])
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
PATTERNS = st.sampled_from(["^a", "b$", "a", "^[ab]*$"])
REFS = st.sampled_from(["#/$defs/x", "#/$defs/y"])


def schemas_under(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.dictionaries(NAMES, inner, max_size=3)
    some = st.lists(inner, min_size=1, max_size=3)
    names = st.lists(NAMES, unique=True, max_size=2)
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": named},
        optional={
            "required": names,
            "additionalProperties": inner,
            "minProperties": COUNTS,
            "maxProperties": COUNTS,
        },
    )
    odd_objects = st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": named,
            "required": names,
            "patternProperties": st.dictionaries(PATTERNS, inner, min_size=1, max_size=2),
            "additionalProperties": inner,
            "propertyNames": inner,
            "dependentRequired": st.dictionaries(NAMES, names, max_size=2),
            "dependentSchemas": st.dictionaries(NAMES, inner, max_size=1),
        },
    )
    arrays = st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": inner,
            "prefixItems": some,
            "minItems": COUNTS,
            "maxItems": COUNTS,
            "uniqueItems": st.booleans(),
        },
    )
    containing = st.fixed_dictionaries(
        {"contains": inner},
        optional={
            "type": st.just("array"),
            "items": inner,
            "minContains": COUNTS,
            "maxContains": COUNTS,
            "minItems": COUNTS,
        },
    )
    combined = st.fixed_dictionaries(
        {},
        optional={
            "anyOf": some,
            "oneOf": some,
            "allOf": some,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "type": TYPES,
            "properties": named,
            "required": names,
        },
    )
    nullable = inner.map(lambda schema: {"anyOf": [schema, {"type": "null"}], "default": None, "title": "T"})
    tagged = st.lists(named, min_size=2, max_size=3).map(
        lambda each: {
            "oneOf": [
                {"type": "object", "properties": {**props, "a": {"const": tag}}, "required": ["a"]}
                for tag, props in zip(["a", "b", "c"], each, strict=False)
            ]
        }
    )
    return objects | arrays | odd_objects | containing | combined | nullable | tagged


NUMERIC = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={
        "minimum": NUMBERS,
        "maximum": NUMBERS,
        "exclusiveMinimum": NUMBERS,
        "exclusiveMaximum": NUMBERS,
        "multipleOf": st.sampled_from([1, 2, 1.0, 0.5, 3]),
    },
)
TEXTUAL = st.fixed_dictionaries(
    {"type": st.just("string")}, optional={"minLength": COUNTS, "maxLength": COUNTS, "pattern": PATTERNS}
)
TYPED = st.builds(lambda name: {"type": name}, TYPES) | st.builds(
    lambda names: {"type": names}, st.lists(TYPES, min_size=1, max_size=3, unique=True)
)
LISTED = st.builds(lambda values: {"enum": values}, st.lists(st.sampled_from(VALUES), max_size=4)) | st.builds(
    lambda value: {"const": value}, st.sampled_from(VALUES)
)
SCHEMAS = st.recursive(
    st.booleans() | st.just({}) | TYPED | NUMERIC | TEXTUAL | LISTED | st.builds(lambda ref: {"$ref": ref}, REFS),
    schemas_under,
    max_leaves=6,
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A usable schema with two definitions, which may refer to each other."""
    root = draw(SCHEMAS)
    defs = {name: draw(SCHEMAS) for name in ("x", "y")}
    schema = {**root, "$defs": defs} if isinstance(root, dict) else {"allOf": [root], "$defs": defs}
    return (
        schema
        if not check_schema(schema)
        else {**(draw(TYPED)), "$defs": {"x": draw(NUMERIC), "y": draw(TEXTUAL)}}
    )


KEYWORDS = st.dictionaries(NAMES, SCHEMAS, max_size=1)


@st.composite
def altered(draw: st.DrawFn, schema: Any) -> Any:
    """A schema near to another: equal in most places, wider or narrower in some."""
    if not isinstance(schema, dict) or draw(st.integers(0, 7)) == 0:
        return draw(
            st.sampled_from([schema, True, {"anyOf": [schema, {"type": "null"}]}, {"oneOf": [schema, False]}])
        )
    result: dict[str, Any] = {}
    for keyword, value in schema.items():
        fate = draw(st.integers(0, 9))
        if fate == 0 and keyword != "$defs":
            continue
        if keyword in ("properties", "$defs", "patternProperties", "dependentSchemas"):
            result[keyword] = {name: draw(altered(each)) for name, each in value.items()}
        elif keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
            result[keyword] = [draw(altered(each)) for each in value]
        elif keyword in (
            "items",
            "additionalProperties",
            "contains",
            "not",
            "if",
            "then",
            "else",
            "propertyNames",
        ):
            result[keyword] = draw(altered(value))
        elif (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and keyword not in ("const", "multipleOf")
        ):
            result[keyword] = draw(COUNTS) if fate == 1 else value
        elif keyword == "type" and value == "integer" and fate < 4:
            result[keyword] = "number"
        else:
            result[keyword] = value
    return result


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    producer = draw(documents())
    consumer = draw(altered(producer)) if draw(st.integers(0, 3)) else draw(documents())
    if not isinstance(consumer, dict) or check_schema(consumer):
        consumer = producer
    return producer, consumer


def instance(rng: random.Random, schema: Any, root: dict[str, Any], depth: int = 4) -> Any:
    """A value that a schema is likely to accept, or to refuse narrowly."""
    if not isinstance(schema, dict) or depth == 0 or rng.random() < 0.1:
        return rng.choice(VALUES)
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword in schema and rng.random() < 0.8:
            return instance(rng, rng.choice(schema[keyword]), root, depth)
    if "$ref" in schema:
        return instance(rng, root["$defs"][schema["$ref"][-1]], root, depth)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return rng.choice(schema["enum"])
    kind = schema.get("type", "object" if "properties" in schema else "array" if "contains" in schema else None)
    if isinstance(kind, list):
        kind = rng.choice(kind)
    if kind == "object":
        names = [
            *schema.get("properties", ()),
            *schema.get("required", ()),
            *rng.choices(["a", "b", "c", "ab", "d"], k=1),
        ]
        chosen = [name for name in names if name in schema.get("required", ()) or rng.random() < 0.6]
        below = schema.get("properties", {})
        rest = schema.get("additionalProperties", True)
        return {name: instance(rng, below.get(name, rest), root, depth - 1) for name in chosen}
    if kind == "array":
        prefix = schema.get("prefixItems", [])
        rest = [schema.get("items", True), schema.get("contains", True)]
        size = max(rng.randint(0, 3), schema.get("minItems", 0))
        return [
            instance(rng, prefix[i] if i < len(prefix) else rng.choice(rest), root, depth - 1) for i in range(size)
        ]
    if kind in ("integer", "number"):
        near = [schema.get(key, 0) for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")]
        return rng.choice(near) + rng.choice([-1, 0, 0, 1, 0.5, 1.0, 2])
    if kind == "string":
        return "".join(rng.choices("abc", k=rng.randint(0, 4)))
    return rng.choice(VALUES if kind is None else SCALARS)


def instances(seed: int, *schemas: dict[str, Any]) -> list[Any]:
    rng = random.Random(seed)
    return [instance(rng, schema, schema) for schema in schemas for _ in range(INSTANCES // len(schemas))]


@checked
@given(pairs(), st.integers(0, 2**32))
def test_what_fits_is_accepted_by_the_consumer(pair: tuple[dict[str, Any], dict[str, Any]], seed: int) -> None:
    producer, consumer = pair
    answer = fits(producer, consumer)
    event(f"fits: {answer.fits}, {'same' if producer == consumer else 'different'}")
    if not answer.fits:
        assert all(answer.sentences())
        return
    gives, takes = Draft202012Validator(producer), Draft202012Validator(consumer)
    for value in instances(seed, producer, consumer):
        if gives.is_valid(value):
            assert takes.is_valid(value), (producer, consumer, value)


@checked
@given(documents(), st.integers(0, 2**32))
def test_validation_agrees_with_the_library(schema: dict[str, Any], seed: int) -> None:
    library = Draft202012Validator(schema)
    for value in instances(seed, schema):
        assert (validate(value, schema) == []) is library.is_valid(value), (schema, value)


@checked
@given(documents())
def test_a_schema_that_is_usable_is_well_formed(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@checked
@given(
    documents(), st.lists(st.sampled_from(["a", "b", "c", 0, 1]), min_size=1, max_size=2), st.integers(0, 2**32)
)
def test_what_is_found_at_a_path_holds_for_every_instance(
    schema: dict[str, Any], path: list[Any], seed: int
) -> None:
    found = subschema_at(schema, path)
    if not isinstance(found, FoundPath):
        return
    assert check_schema(found.schema) == []
    library, part = Draft202012Validator(schema), Draft202012Validator(found.schema)
    for value in instances(seed, schema):
        if not library.is_valid(value):
            continue
        try:
            for step in path:
                if not isinstance(value, list if isinstance(step, int) else dict):
                    raise KeyError(step)
                value = value[step]
        except LookupError:
            assert found.optional, (schema, path)
        else:
            assert part.is_valid(value), (schema, path, value)


@checked
@given(documents())
def test_an_example_is_an_instance(schema: dict[str, Any]) -> None:
    try:
        value = example(schema)
    except NoExample:
        event("no example")
        return
    event("example")
    assert Draft202012Validator(schema).is_valid(value), (schema, value)


@checked
@given(documents(), documents(), st.integers(0, 2**32))
def test_a_combination_accepts_what_its_parts_accept(
    one: dict[str, Any], other: dict[str, Any], seed: int
) -> None:
    either, maybe, many = union(one, other), nullable(one), array_of(one)
    assert check_schema(either) == check_schema(maybe) == check_schema(many) == []
    first, second = Draft202012Validator(one), Draft202012Validator(other)
    for value in instances(seed, one, other):
        assert (validate(value, either) == []) is (first.is_valid(value) or second.is_valid(value))
        assert (validate(value, maybe) == []) is (first.is_valid(value) or value is None)
        assert (validate([value, value], many) == []) is first.is_valid(value)


@checked
@given(
    st.recursive(st.sampled_from(SCALARS), lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)),
    documents(),
)
def test_a_literal_fits_exactly_where_it_is_valid(value: Any, schema: dict[str, Any]) -> None:
    assert fits(infer(value), schema).fits is Draft202012Validator(schema).is_valid(value)
