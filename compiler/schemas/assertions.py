"""The keywords that look at a value by itself: its type, its size, its text, its number of items.

Messages are sentences about the value, and never print more than an excerpt of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from jsonschema.exceptions import ValidationError

from compiler.schemas.budget import spend
from compiler.schemas.equality import equal, frozen, is_type
from compiler.schemas.excerpt import listed, shown
from compiler.schemas.pattern import compiled

Errors = Iterator[ValidationError]
Keyword = Callable[[Any, Any, Any, Any], Errors]
TYPE_NAMES: Mapping[str, str] = {
    "array": "an array",
    "boolean": "true or false",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}
_MAX_TEXT = 1_000_000
"""Characters of a text that a pattern is tried on."""


def type_phrase(types: str | Sequence[str]) -> str:
    """`["string", "null"]` -> `a string or null`."""
    names = [types] if isinstance(types, str) else types
    return " or ".join(TYPE_NAMES.get(name, name) for name in names)


def mistake(text: str, instance: Any) -> ValidationError:
    """An error that also shows what the value is."""
    return ValidationError(f"{text}, but is {shown(instance)}")


def ignored(_validator: Any, _value: Any, _instance: Any, _schema: Any) -> Errors:
    """For keywords that assert nothing here, as `format`, or that no checked schema has."""
    return iter(())


def _type(_validator: Any, types: Any, instance: Any, _schema: Any) -> Errors:
    names = [types] if isinstance(types, str) else types
    if not any(is_type(instance, name) for name in names):
        yield mistake(f"must be {type_phrase(types)}", instance)


def _enum(_validator: Any, values: Any, instance: Any, _schema: Any) -> Errors:
    if not any(equal(value, instance) for value in values):
        yield mistake(f"must be one of {listed(values)}", instance)


def _const(_validator: Any, value: Any, instance: Any, _schema: Any) -> Errors:
    if not equal(value, instance):
        yield mistake(f"must be {shown(value)}", instance)


def _minimum(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "number") and instance < bound:
        yield mistake(f"must be at least {shown(bound)}", instance)


def _maximum(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "number") and instance > bound:
        yield mistake(f"must be at most {shown(bound)}", instance)


def _exclusive_minimum(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "number") and instance <= bound:
        yield mistake(f"must be more than {shown(bound)}", instance)


def _exclusive_maximum(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "number") and instance >= bound:
        yield mistake(f"must be less than {shown(bound)}", instance)


def _multiple_of(_validator: Any, factor: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "number") and not is_multiple(instance, factor):
        yield mistake(f"must be a multiple of {shown(factor)}", instance)


def is_multiple(instance: int | float, factor: int | float) -> bool:
    """As `jsonschema` decides it: in floating point where the factor is a float, exactly where that overflows."""
    if isinstance(factor, int):
        return instance % factor == 0
    try:
        quotient = instance / factor
        return int(quotient) == quotient
    except OverflowError:
        return (Fraction(instance) / Fraction(factor)).denominator == 1


def _min_length(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if isinstance(instance, str) and len(instance) < bound:
        yield mistake(f"must have at least {count_of(bound, 'character')}", instance)


def _max_length(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if isinstance(instance, str) and len(instance) > bound:
        yield mistake(f"must have at most {count_of(bound, 'character')}", instance)


def _pattern(_validator: Any, pattern: Any, instance: Any, _schema: Any) -> Errors:
    if not isinstance(instance, str):
        return
    if len(instance) > _MAX_TEXT:
        yield ValidationError(f"is too long to be matched with a pattern ({len(instance)} characters)")
    elif not found(pattern, instance):
        yield mistake(f"must match the pattern {shown(pattern)}", instance)


def found(pattern: str, text: str) -> bool:
    """Whether a checked pattern occurs in the text. Raises TooMuchWork."""
    matcher = compiled(pattern)
    spend(matcher.states * len(text) // 100)
    return matcher.search(text)


def _min_items(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "array") and len(instance) < bound:
        yield ValidationError(f"must have at least {count_of(bound, 'item')}, but has {len(instance)}")


def _max_items(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "array") and len(instance) > bound:
        yield ValidationError(f"must have at most {count_of(bound, 'item')}, but has {len(instance)}")


def _unique_items(_validator: Any, wanted: Any, instance: Any, _schema: Any) -> Errors:
    if not wanted or not is_type(instance, "array"):
        return
    seen: set[Any] = set()
    for item in instance:
        key = frozen(item)
        if key in seen:
            yield ValidationError(f"must have no two equal items, but has {shown(item)} twice")
            return
        seen.add(key)


def _required(_validator: Any, required: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "object"):
        for name in required:
            if name not in instance:
                yield ValidationError(f"the property {shown(name, 60)} is missing")


def _min_properties(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "object") and len(instance) < bound:
        yield ValidationError(f"must have at least {bound} properties, but has {len(instance)}")


def _max_properties(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "object") and len(instance) > bound:
        yield ValidationError(f"must have at most {bound} properties, but has {len(instance)}")


def _dependent_required(_validator: Any, dependent: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "object"):
        for name, needed in dependent.items():
            for other in needed if name in instance else ():
                if other not in instance:
                    yield ValidationError(f"the property {shown(other, 60)} is missing beside {shown(name, 60)}")


def count_of(number: int | float, noun: str) -> str:
    """`1 item`, `2 items`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


ASSERTIONS: Mapping[str, Keyword] = {
    "const": _const,
    "dependentRequired": _dependent_required,
    "enum": _enum,
    "exclusiveMaximum": _exclusive_maximum,
    "exclusiveMinimum": _exclusive_minimum,
    "maxItems": _max_items,
    "maxLength": _max_length,
    "maxProperties": _max_properties,
    "maximum": _maximum,
    "minItems": _min_items,
    "minLength": _min_length,
    "minProperties": _min_properties,
    "minimum": _minimum,
    "multipleOf": _multiple_of,
    "pattern": _pattern,
    "required": _required,
    "type": _type,
    "uniqueItems": _unique_items,
}
