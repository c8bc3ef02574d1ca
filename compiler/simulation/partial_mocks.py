"""A mock's output + the output's schema -> a whole output: fields that were left out come from an example."""

from __future__ import annotations

from typing import cast

from pydantic import JsonValue

from compiler.catalogue import JsonSchema
from compiler.schemas.example import NoExample, example
from compiler.schemas.validation import validate


def completed(output: JsonValue, schema: JsonSchema) -> JsonValue:
    """`output` where it fits, or where nothing that could be filled in makes it fit; else filled in from an example.

    What the mock says stands: only missing fields are added, so a wrong value or an unknown field stays an error.
    """
    if not validate(output, schema):
        return output
    try:
        whole = _filled(output, cast("JsonValue", example(schema)))
    except NoExample:
        return output
    return output if validate(whole, schema) else whole


def _filled(given: JsonValue, whole: JsonValue) -> JsonValue:
    if isinstance(given, dict) and isinstance(whole, dict):
        added = {name: value for name, value in whole.items() if name not in given}
        return {name: _filled(value, whole.get(name)) for name, value in given.items()} | added
    if isinstance(given, list) and isinstance(whole, list) and whole:
        return [_filled(each, whole[0]) for each in given]
    return given
