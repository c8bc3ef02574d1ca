"""A schema -> a private, checked, cached copy that can validate and be traversed."""

from __future__ import annotations

import json
import marshal
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from jsonschema import Draft202012Validator, validators

from compiler.schemas.assertions import Errors, ignored
from compiler.schemas.keywords import KEYWORDS, errors_of
from compiler.schemas.plain import NotPlain, check_plain, copied
from compiler.schemas.references import target
from compiler.schemas.safety import problems_of

MAX_VALUES = 20_000
"""JSON values in a schema."""
MAX_SCHEMA_DEPTH = 64
MAX_DOCUMENTS = 1024
"""Schemas that are kept."""
_MAX_KEY = 1_000_000

_Validator: Any = cast("Any", validators).extend(
    Draft202012Validator,
    {name: KEYWORDS.get(name, ignored) for name in cast("Any", Draft202012Validator).VALIDATORS},
)


class SchemaDocument:
    """One schema with everything that is derived from it. Its parts are never changed after construction."""

    def __init__(self, text: str) -> None:
        self.text = text
        """The schema as JSON; equal texts share one document."""
        root: Any = json.loads(text)
        self.problems: tuple[str, ...] = tuple(problems_of(root))
        """Why it cannot be used; empty if it can."""
        if isinstance(root, dict) and not self.problems:
            # The library switches to its own validator class, or to another base address, where it meets these.
            entries = cast("dict[str, Any]", root)
            root = {key: value for key, value in entries.items() if key not in ("$schema", "$id")}
        self.root: Any = root
        self._targets: dict[str, Any] = {}
        self._validator: Any = _Validator(self.root)

    def resolve(self, ref: str) -> Any:
        """The subschema that a checked reference names."""
        if ref not in self._targets:
            self._targets[ref] = target(self.root, ref)
        return self._targets[ref]

    def errors(self, instance: Any, schema: Any = None) -> Errors:
        """What the schema, or a subschema of this document, says of an instance. Raises TooMuchWork."""
        if schema is None and isinstance(self.root, dict):
            return cast("Errors", self._validator.iter_errors(instance))
        return errors_of(self._validator, instance, self.root if schema is None else schema)


def document(schema: object) -> SchemaDocument:
    """The document of a schema. Raises NotPlain if it is not JSON data or too large."""
    key = _key(schema)
    if key is None or key not in _RECENT:
        doc = _document(schema)
        if key is not None and len(key) <= _MAX_KEY:
            if len(_RECENT) >= MAX_DOCUMENTS:
                _RECENT.clear()
            _RECENT[key] = doc
        return doc
    return _RECENT[key]


def _key(schema: object) -> bytes | None:
    """Equal keys mean equal data, and are made much faster than the checked copy. Shared parts count once."""
    try:
        return marshal.dumps(cast("Any", schema))
    except ValueError:
        return None


def _document(schema: object) -> SchemaDocument:
    if isinstance(schema, bool):
        return _cached(json.dumps(schema))
    if not isinstance(schema, Mapping):
        raise NotPlain(f"$: a schema must be an object, true or false, not a Python {type(schema).__name__}")
    check_plain(cast("object", schema), max_values=MAX_VALUES, max_depth=MAX_SCHEMA_DEPTH)
    return _cached(json.dumps(copied(cast("object", schema)), separators=(",", ":")))


_RECENT: dict[bytes, SchemaDocument] = {}


@lru_cache(maxsize=MAX_DOCUMENTS)
def _cached(text: str) -> SchemaDocument:
    return SchemaDocument(text)
