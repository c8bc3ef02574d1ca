"""A part of a schema -> a schema of its own, with just the definitions it reaches."""

from __future__ import annotations

from typing import Any, cast

from compiler.schemas.document import SchemaDocument
from compiler.schemas.references import normal
from compiler.schemas.traversal import rebased, references

_ROOT = "#/$defs/origin"


def extract(doc: SchemaDocument, part: Any) -> dict[str, Any]:
    """`part` (of `doc`, or made of its parts) as a schema that stands alone."""
    if isinstance(part, bool):
        return {} if part else {"not": {}}
    schema = {
        key: value for key, value in cast("dict[str, Any]", part).items() if key not in ("$defs", "definitions")
    }
    reached = _reached(doc, schema)
    if reached is None:
        moved = rebased(schema, _ROOT)
        return {**moved, "$defs": {"origin": rebased(doc.root, _ROOT)}}
    for (container, name), definition in sorted(reached.items()):
        schema.setdefault(container, {})[name] = definition
    return schema


def _reached(doc: SchemaDocument, schema: Any) -> dict[tuple[str, str], Any] | None:
    """The definitions that the schema needs, by container and name; None: it refers to other places as well."""
    reached: dict[tuple[str, str], Any] = {}
    queue = list(references(schema))
    while queue:
        parts = normal(queue.pop()).split("/")
        if len(parts) < 3 or parts[1] not in ("$defs", "definitions"):
            return None
        container, name = parts[1], parts[2].replace("~1", "/").replace("~0", "~")
        if (container, name) not in reached:
            definition = doc.root[container][name]
            reached[container, name] = definition
            queue.extend(references(definition))
    return reached
