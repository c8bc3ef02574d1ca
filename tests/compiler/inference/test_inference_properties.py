"""What the compiler says of an expression holds in the run: its value has the shape inferred, and no error comes that
the compiler did not foretell, but for those that depend on the values (a division by zero, a text that is no number).

`HYPOTHESIS_PROFILE=thorough` runs 10,000 cases for each property.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, assume, event, given, settings

from compiler import Scope, TemplateError, validate
from compiler.expressions.evaluation import evaluate
from compiler.expressions.parser import parse
from compiler.expressions.tree import (
    ExpressionError,
)
from compiler.inference.bindings import Bindings, ResolvedWorkflow
from compiler.inference.expression_types import Inference
from compiler.inference.shape import of_schema
from compiler.language.spec import WorkflowSpec
from compiler.topology import sort

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
many = settings(
    max_examples=10_000 if THOROUGH else 300,
    deadline=None,
    derandomize=not THOROUGH,
    database=None,
    suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
)
DEPENDS_ON_VALUES = (
    "division by zero",
    "too large",
    "is not a whole number",
    "separator",
    "longer than",
    "digits",
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "f": {"type": "number"},
        "s": {"type": "string"},
        "e": {"enum": ["A", "B"]},
        "b": {"type": "boolean"},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "gone": {"type": "string"},
        "l": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
        "ns": {"type": "array", "items": {"type": "integer"}},
        "o": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]},
        "m": {"type": "object", "additionalProperties": {"type": "integer"}},
        "any": {},
    },
    "required": ["n", "f", "s", "e", "b", "maybe", "l", "ns", "o", "m", "any"],
    "$defs": {
        "Item": {
            "type": "object",
            "properties": {"t": {"type": "string"}, "k": {"type": "integer"}},
            "required": ["t"],
        }
    },
}
TEXT = st.text("ab ,1", max_size=4)
WHOLE = st.integers(-5, 5)
ITEM = st.fixed_dictionaries({"t": TEXT}, optional={"k": WHOLE})
INSTANCE = st.fixed_dictionaries(
    {
        "n": WHOLE,
        "f": WHOLE | st.sampled_from([0.5, -1.5, 2.0]),
        "s": TEXT,
        "e": st.sampled_from(["A", "B"]),
        "b": st.booleans(),
        "maybe": st.none() | WHOLE,
        "l": st.lists(ITEM, max_size=3),
        "ns": st.lists(WHOLE, max_size=3),
        "o": st.fixed_dictionaries({"x": TEXT}),
        "m": st.dictionaries(st.sampled_from("xyz"), WHOLE, max_size=2),
        "any": st.none() | WHOLE | TEXT | st.lists(WHOLE, max_size=2),
    },
    optional={"gone": TEXT},
)

PATHS = "n f s e b maybe gone l ns o o.x m m.x any any.x l[0] l[0].t l[1].k ns[0]".split()
ATOMS = st.sampled_from([f"context.{path}" for path in PATHS]) | st.sampled_from(
    "0 1 2 -1 1.5 'A' 'C' 'a,b' '' true false null [] [1] ['x'] {'x':1} [1,'x']".split()
)
BINARY = "+ - * / // % ~ == != > >= < <= and or in".split()
PLAIN_FILTERS = "length first last upper lower trim tojson string int round sum sort unique keys join".split()


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.tuples(inner, st.sampled_from(BINARY), inner).map(lambda parts: f"({' '.join(parts)})")
    filtered = st.tuples(inner, st.sampled_from(PLAIN_FILTERS)).map(lambda parts: f"({parts[0]} | {parts[1]})")
    with_argument = st.tuples(inner, st.sampled_from(["default", "join", "split", "round"]), inner).map(
        lambda parts: f"({parts[0]} | {parts[1]}({parts[2]}))"
    )
    plucked = st.tuples(inner, st.sampled_from("tkz")).map(lambda parts: f"({parts[0]} | pluck('{parts[1]}'))")
    choice = st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})")
    indexed = st.tuples(inner, inner).map(lambda parts: f"{parts[0]}[{parts[1]}]")
    listed = st.tuples(inner, inner).map(lambda parts: f"[{parts[0]}, {parts[1]}]")
    made = inner.map(lambda part: f"{{'a': {part}}}")
    negated = inner.map(lambda part: f"(not {part})") | inner.map(lambda part: f"(-{part})")
    return st.one_of(binary, binary, filtered, with_argument, plucked, choice, indexed, listed, made, negated)


EXPRESSIONS = st.recursive(ATOMS, compound, max_leaves=6)
SPEC = WorkflowSpec.model_validate({"name": "x", "nodes": [{"id": "a", "agent": "b", "action": "c"}]})
HERE = Bindings(ResolvedWorkflow(SPEC, [], {}, sort([[]]), frozenset(), of_schema(SCHEMA)))


def infer(text: str) -> tuple[Any, Any, list[str]]:
    """The tree, its shape, and the errors foretold."""
    found: list[str] = []
    try:
        tree = parse(text)
    except ExpressionError:
        assume(False)
        raise
    shape = Inference(HERE, lambda code, message, _hint, _part: found.append(f"{code} {message}")).shape(tree)
    return tree, shape, [each for each in found if not each.startswith("CC902")]


silent = Inference(HERE, lambda *_: None)


def parts_of(tree: Any) -> Iterator[Any]:
    """The expression and all that it is made of."""
    if isinstance(tree, tuple):
        for each in tree:
            yield from parts_of(each)
    elif dataclasses.is_dataclass(tree):
        yield tree
        for each in dataclasses.fields(tree):
            if each.name != "steps":
                yield from parts_of(getattr(tree, each.name))


@many
@given(text=EXPRESSIONS, context=INSTANCE)
def test_the_value_has_the_shape_inferred(text: str, context: dict[str, Any]) -> None:
    assert validate(context, SCHEMA) == []
    tree, shape, foretold = infer(text)
    try:
        value = evaluate(tree, Scope(context=context))
    except TemplateError:
        return
    event("foretold an error" if foretold else "without errors")

    if not foretold:
        assert any(validate(value, schema) == [] for schema in shape.alternatives), (value, shape)


@many
@given(text=EXPRESSIONS, context=INSTANCE)
def test_no_error_comes_that_was_not_foretold(text: str, context: dict[str, Any]) -> None:
    tree, _, foretold = infer(text)
    assume(not foretold and all(silent.shape(part).known for part in parts_of(tree)))
    try:
        evaluate(tree, Scope(context=context))
    except TemplateError as exc:
        message = str(exc)
        assert any(each in message for each in DEPENDS_ON_VALUES), message
