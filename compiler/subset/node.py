"""A subschema with the document it belongs to; several of them that hold together are a conjunction."""

from __future__ import annotations

from typing import Any

from compiler.schemas.document import SchemaDocument, document


class Node:
    """One subschema in place. Two nodes are the same if they are the same place of the same document."""

    __slots__ = ("doc", "key", "raw")

    def __init__(self, doc: SchemaDocument, raw: Any) -> None:
        self.doc = doc
        self.raw = raw
        self.key = (id(doc), id(raw))

    def inner(self, raw: Any) -> Node:
        """Another subschema of the same document."""
        return Node(self.doc, raw)

    @property
    def excludes_all(self) -> bool:
        """Whether the schema is `false`, or is equivalent to it."""
        if isinstance(self.raw, bool):
            return not self.raw
        excluded = self.raw.get("not", False)
        return excluded is True or excluded == {}


Conjunction = tuple[Node, ...]

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_TYPE_DOCUMENTS = {name: document({"type": name}) for name in _TYPES}
TYPE_NODES = {name: Node(doc, doc.root) for name, doc in _TYPE_DOCUMENTS.items()}
"""`{"type": <name>}` for each type, each with an identity of its own that lasts."""


def made(schema: dict[str, Any]) -> Node:
    """A node for a schema that the check itself makes up. The document cache gives equal ones one identity."""
    doc = document(schema)
    return Node(doc, doc.root)
