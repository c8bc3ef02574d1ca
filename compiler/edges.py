"""Edge of the graph -> whether every value the producer may give is one the consumer takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compiler.catalogue import JsonSchema
from compiler.shape import NULL_SCHEMA, Shape, kinds, of_schema
from compiler.validation import validate


@dataclass(frozen=True)
class Misfit:
    """Why a value may not be taken."""

    path: str
    reason: str


def _fits(producer: JsonSchema, consumer: JsonSchema) -> list[Misfit]:
    # Kinds only, until the subset check is there.
    taken = of_schema(consumer).kinds
    rest = kinds(producer) - taken - ({"integer"} if "number" in taken else set[str]())
    return [Misfit("", f"it may be {', '.join(sorted(rest))}")] if rest else []


def misfits(shape: Shape, consumer: JsonSchema) -> list[Misfit]:
    """Why values of the shape may not fit, null apart."""
    found: list[Misfit] = []
    for producer in shape.alternatives:
        if producer != NULL_SCHEMA:
            found.extend(_fits(producer, consumer))
    return found


def takes_null(consumer: JsonSchema) -> bool:
    """Whether the input may be null."""
    return any("null" in kinds(schema) for schema in of_schema(consumer).alternatives)


def wrong_values(value: Any, schema: JsonSchema) -> list[str]:
    """Why a literal value does not fit."""
    return validate(value, schema)
