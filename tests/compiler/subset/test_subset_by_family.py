"""`fits` is sound, family by family: small schemas of one type against every small instance of that type.

Generated pairs of large schemas rarely differ in just one keyword; these do. `HYPOTHESIS_PROFILE=thorough` runs
12,000 pairs for each family.
"""

import itertools
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from compiler.schemas.validation import check_schema, validate
from compiler.subset import fits

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
checked = settings(
    max_examples=12_000 if THOROUGH else 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
)

BOUNDS = st.sampled_from([-1, 0, 0.5, 1, 1.0, 2])
COUNTS = st.integers(0, 3)
NAMES = st.sampled_from(["a", "ab", "c"])
PATTERNS = st.sampled_from(["^a", "b$", "^[ab]*$"])
LEAVES = st.sampled_from(
    [
        True,
        False,
        {},
        {"type": "string"},
        {"type": "integer"},
        {"type": "number"},
        {"type": ["integer", "null"]},
        {"const": 1},
        {"const": "a"},
        {"enum": [1, "a"]},
        {"minimum": 1},
        {"type": "string", "minLength": 1},
        {"not": {"type": "integer"}},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
    ]
)
SCALAR_POOL = [
    *[None, True, False, "", "a", "b", "aab", "aba"],
    *[n / 2 for n in range(-4, 7)],
    *range(-2, 4),
    *map("".join, itertools.product("ab", repeat=2)),
]
ITEM_POOL = [None, 0, 1, 0.5, "a", ""]
LIST_POOL = [list(items) for size in range(4) for items in itertools.product(ITEM_POOL, repeat=size)][
    :: 1 if THOROUGH else 2
]
ABSENT = object()
OBJECT_POOL = [
    {name: value for name, value in zip(("a", "ab", "c"), values, strict=True) if value is not ABSENT}
    for values in itertools.product([ABSENT, None, 1, 0.5, "a"], repeat=3)
]


def some(strategies: dict[str, st.SearchStrategy[Any]], **always: Any) -> st.SearchStrategy[Any]:
    """Schemas with one to three of the keywords."""

    @st.composite
    def schema(draw: st.DrawFn) -> dict[str, Any]:
        chosen = draw(st.lists(st.sampled_from(sorted(strategies)), min_size=1, max_size=3, unique=True))
        return always | {keyword: draw(strategies[keyword]) for keyword in chosen}

    return schema()


NUMERIC = {
    "minimum": BOUNDS,
    "maximum": BOUNDS,
    "exclusiveMinimum": BOUNDS,
    "exclusiveMaximum": BOUNDS,
    "multipleOf": st.sampled_from([1, 2, 1.0, 0.5, 3, 4]),
}
TEXTUAL = {"minLength": COUNTS, "maxLength": COUNTS, "pattern": PATTERNS}
ARRAYS = {
    "items": LEAVES,
    "prefixItems": st.lists(LEAVES, min_size=1, max_size=2),
    "minItems": COUNTS,
    "maxItems": COUNTS,
    "uniqueItems": st.booleans(),
    "contains": LEAVES,
    "minContains": COUNTS,
    "maxContains": COUNTS,
}
OBJECTS = {
    "properties": st.dictionaries(NAMES, LEAVES, min_size=1, max_size=2),
    "required": st.lists(NAMES, unique=True, min_size=1, max_size=2),
    "additionalProperties": LEAVES,
    "patternProperties": st.dictionaries(PATTERNS, LEAVES, min_size=1, max_size=2),
    "minProperties": COUNTS,
    "maxProperties": COUNTS,
    "propertyNames": st.sampled_from([{"maxLength": 1}, {"pattern": "^a"}, {"enum": ["a", "c"]}, False]),
    "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, unique=True, max_size=2), min_size=1, max_size=2),
    "dependentSchemas": st.dictionaries(NAMES, st.just({"required": ["c"]}) | LEAVES, min_size=1, max_size=1),
}
NUMBERS = some(NUMERIC, type="number") | some(NUMERIC, type="integer") | some(NUMERIC)
MIXED = LEAVES | some(NUMERIC, type="integer") | some(TEXTUAL, type="string")
LOGIC = some(
    {
        "anyOf": st.lists(MIXED, min_size=1, max_size=3),
        "oneOf": st.lists(MIXED, min_size=1, max_size=3),
        "allOf": st.lists(MIXED, min_size=1, max_size=2),
        "not": MIXED,
        "if": MIXED,
        "then": MIXED,
        "else": MIXED,
        "type": st.sampled_from(["integer", "string", "number", "boolean", ["null", "string"]]),
        "enum": st.lists(st.sampled_from(SCALAR_POOL), max_size=3),
    }
)
TAGGED = st.builds(
    lambda keyword, one, other, tags: {
        keyword: [
            {"type": "object", "properties": {"a": {"enum": tag}, "c": each}, "required": ["a"]}
            for tag, each in zip(tags, (one, other), strict=True)
        ]
    },
    st.sampled_from(["anyOf", "oneOf"]),
    LEAVES,
    LEAVES,
    st.sampled_from([[[1], ["a"]], [[1, "a"], [None]], [[1, None], [1, "a"]], [[1], [1]]]),
)
RECURSIVE = st.builds(
    lambda leaf, other, first, required: {
        "$ref": "#/$defs/x",
        "$defs": {
            "x": {
                "type": "object",
                "properties": {"a": {"$ref": f"#/$defs/{first}"}, "c": leaf},
                "required": required,
            },
            "y": {"anyOf": [{"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}, "ab": leaf}}, other]},
        },
    },
    LEAVES,
    LEAVES,
    st.sampled_from(["x", "y"]),
    st.lists(st.sampled_from(["c", "ab"]), max_size=1),
)
NESTED_POOL = [
    *OBJECT_POOL,
    *({"a": each, **more} for each in OBJECT_POOL[::3] for more in ({}, {"c": 1}, {"ab": "a"})),
    *({"a": {"a": each, "c": 1}, "c": 1} for each in OBJECT_POOL[::5]),
]
FAMILIES: dict[str, tuple[st.SearchStrategy[Any], list[Any]]] = {
    "numbers": (NUMBERS, SCALAR_POOL),
    "strings": (some(TEXTUAL, type="string") | some(TEXTUAL), SCALAR_POOL),
    "arrays": (some(ARRAYS, type="array"), LIST_POOL),
    "objects": (some(OBJECTS, type="object"), OBJECT_POOL),
    "logic": (LOGIC, SCALAR_POOL),
    "tagged unions": (TAGGED | some(OBJECTS, type="object"), OBJECT_POOL),
    "recursive": (RECURSIVE, NESTED_POOL),
}


@st.composite
def pairs(draw: st.DrawFn, family: st.SearchStrategy[Any]) -> tuple[Any, Any]:
    """Two schemas of a family, or one and the same with a keyword changed."""
    producer, consumer = draw(family), draw(family)
    if isinstance(producer, dict) and isinstance(consumer, dict) and draw(st.booleans()):
        keyword = draw(st.sampled_from(sorted(consumer)))
        consumer = producer | {keyword: consumer[keyword]}
    return (producer, consumer) if not check_schema(producer) and not check_schema(consumer) else (True, True)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_fits_is_accepted(family: str) -> None:
    strategy, pool = FAMILIES[family]

    @checked
    @given(pairs(strategy))
    def sound(pair: tuple[Any, Any]) -> None:
        producer, consumer = pair
        if not fits(producer, consumer).fits:
            return
        gives, takes = Draft202012Validator(producer), Draft202012Validator(consumer)
        for value in pool:
            if not takes.is_valid(value):
                assert not gives.is_valid(value), (producer, consumer, value)

    sound()


@pytest.mark.parametrize("family", FAMILIES)
def test_validation_agrees_with_the_library(family: str) -> None:
    strategy, pool = FAMILIES[family]

    @checked
    @given(strategy)
    def agrees(schema: Any) -> None:
        if check_schema(schema):
            return
        library = Draft202012Validator(schema)
        for value in pool[::5]:
            assert (validate(value, schema) == []) is library.is_valid(value), (schema, value)

    agrees()
