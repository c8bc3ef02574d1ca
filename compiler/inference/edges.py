"""Edge of the graph -> whether every value the producer may give is one the consumer takes."""

from __future__ import annotations

from compiler.catalogue import JsonSchema
from compiler.inference.shape import NULL_SCHEMA, Shape, kinds, of_schema
from compiler.subset import Reason, fits


def misfits(shape: Shape, consumer: JsonSchema) -> list[Reason]:
    """Why values of the shape, null apart, are not known to fit."""
    found: list[Reason] = []
    for producer in shape.alternatives:
        if producer != NULL_SCHEMA:
            found.extend(fits(producer, consumer).reasons)
    return list(dict.fromkeys(found))


def takes_null(consumer: JsonSchema) -> bool:
    """Whether the input may be null."""
    return any("null" in kinds(schema) for schema in of_schema(consumer).alternatives)


def takes_free_text(consumer: JsonSchema) -> bool:
    """Whether some text that is not on a list may fit."""
    return any(
        "string" in kinds(schema) and not schema.keys() & {"enum", "const"}
        for schema in of_schema(consumer).alternatives
    )
