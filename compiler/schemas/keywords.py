"""The keywords of draft 2020-12, for `jsonschema`, with bounded cost and bounded messages.

Those of the library print whole instances and search with a backtracking engine; these do neither, and agree with
them on every verdict otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any, cast

from jsonschema.exceptions import ValidationError

from compiler.schemas.budget import spend
from compiler.schemas.equality import equal, frozen, is_type
from compiler.schemas.excerpt import listed, shown
from compiler.schemas.pattern import compiled
from compiler.schemas.references import target

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


def _error(text: str, instance: Any) -> ValidationError:
    return ValidationError(f"{text}, but is {shown(instance)}")


def errors_of(validator: Any, instance: Any, schema: Any, path: str | int | None = None) -> Errors:
    """The errors of a subschema, with `path` in front of their own.

    In place of the validator's `descend`, which makes a new validator for each subschema and prints the whole
    instance where the schema is `false`. So `validator` is the one of the whole document in every keyword.
    """
    if schema is True:
        return
    if schema is False:
        yield _placed(ValidationError("is not allowed here"), path)
        return
    for name, value in schema.items():
        keyword = KEYWORDS.get(name)
        if keyword is not None:
            for error in keyword(validator, value, instance, schema):
                yield _placed(error, path)


def _placed(error: ValidationError, path: str | int | None) -> ValidationError:
    if path is not None:
        error.path.appendleft(path)
    return error


def _holds(validator: Any, instance: Any, schema: Any) -> bool:
    return next(errors_of(validator, instance, schema), None) is None


def ignored(_validator: Any, _value: Any, _instance: Any, _schema: Any) -> Errors:
    """For keywords that assert nothing here, as `format`, or that no checked schema has."""
    return iter(())


def _type(_validator: Any, types: Any, instance: Any, _schema: Any) -> Errors:
    names = [types] if isinstance(types, str) else types
    if not any(is_type(instance, name) for name in names):
        yield _error(f"must be {type_phrase(types)}", instance)


def _enum(_validator: Any, values: Any, instance: Any, _schema: Any) -> Errors:
    if not any(equal(value, instance) for value in values):
        yield _error(f"must be one of {listed(values)}", instance)


def _const(_validator: Any, value: Any, instance: Any, _schema: Any) -> Errors:
    if not equal(value, instance):
        yield _error(f"must be {shown(value)}", instance)


def _minimum(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "number") and instance < bound:
        yield _error(f"must be at least {shown(bound)}", instance)


def _maximum(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "number") and instance > bound:
        yield _error(f"must be at most {shown(bound)}", instance)


def _exclusive_minimum(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "number") and instance <= bound:
        yield _error(f"must be more than {shown(bound)}", instance)


def _exclusive_maximum(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "number") and instance >= bound:
        yield _error(f"must be less than {shown(bound)}", instance)


def _multiple_of(_validator: Any, factor: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "number") and not is_multiple(instance, factor):
        yield _error(f"must be a multiple of {shown(factor)}", instance)


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
        yield _error(f"must have at least {_count(bound, 'character')}", instance)


def _max_length(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if isinstance(instance, str) and len(instance) > bound:
        yield _error(f"must have at most {_count(bound, 'character')}", instance)


def _pattern(_validator: Any, pattern: Any, instance: Any, _schema: Any) -> Errors:
    if not isinstance(instance, str):
        return
    if len(instance) > _MAX_TEXT:
        yield ValidationError(f"is too long to be matched with a pattern ({len(instance)} characters)")
    elif not _found(pattern, instance):
        yield _error(f"must match the pattern {shown(pattern)}", instance)


def _found(pattern: str, text: str) -> bool:
    matcher = compiled(pattern)
    spend(matcher.states * len(text) // 100)
    return matcher.search(text)


def _min_items(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "array") and len(instance) < bound:
        yield ValidationError(f"must have at least {_count(bound, 'item')}, but has {len(instance)}")


def _max_items(_validator: Any, bound: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "array") and len(instance) > bound:
        yield ValidationError(f"must have at most {_count(bound, 'item')}, but has {len(instance)}")


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


def _prefix_items(validator: Any, schemas: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "array"):
        for index, (item, schema) in enumerate(zip(instance, schemas, strict=False)):
            yield from errors_of(validator, item, schema, index)


def _items(validator: Any, items: Any, instance: Any, schema: Any) -> Errors:
    if is_type(instance, "array"):
        for index in range(len(schema.get("prefixItems", ())), len(instance)):
            yield from errors_of(validator, instance[index], items, index)


def _contains(validator: Any, contains: Any, instance: Any, schema: Any) -> Errors:
    if not is_type(instance, "array"):
        return
    least, most = schema.get("minContains", 1), schema.get("maxContains")
    matches = sum(1 for item in instance if _holds(validator, item, contains))
    if matches < least:
        yield ValidationError(
            f"must contain at least {_count(least, 'item')} of a certain form, but has {matches}"
        )
    elif most is not None and matches > most:
        yield ValidationError(f"must contain at most {_count(most, 'item')} of a certain form, but has {matches}")


def _properties(validator: Any, properties: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "object"):
        for name, schema in properties.items():
            if name in instance:
                yield from errors_of(validator, instance[name], schema, name)


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "object"):
        for pattern, schema in patterns.items():
            for name, value in instance.items():
                if _found(pattern, name):
                    yield from errors_of(validator, value, schema, name)


def _additional_properties(validator: Any, additional: Any, instance: Any, schema: Any) -> Errors:
    if not is_type(instance, "object"):
        return
    declared = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in declared or any(_found(pattern, name) for pattern in patterns):
            continue
        if additional is False:
            known = f"; known are {listed(list(declared))}" if declared else ""
            yield ValidationError(f"the property {shown(name, 60)} is not known here{known}")
        else:
            yield from errors_of(validator, value, additional, name)


def _property_names(validator: Any, names: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "object"):
        for name in instance:
            for error in errors_of(validator, name, names):
                yield ValidationError(f"the property name {shown(name, 60)} {error.message}")


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


def _dependent_schemas(validator: Any, dependent: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "object"):
        for name, schema in dependent.items():
            if name in instance:
                yield from errors_of(validator, instance, schema)


def _ref(validator: Any, ref: Any, instance: Any, _schema: Any) -> Errors:
    yield from errors_of(validator, instance, target(validator.schema, ref))


def _all_of(validator: Any, schemas: Any, instance: Any, _schema: Any) -> Errors:
    for schema in schemas:
        yield from errors_of(validator, instance, schema)


def _any_of(validator: Any, schemas: Any, instance: Any, _schema: Any) -> Errors:
    firsts: list[ValidationError] = []
    for schema in schemas:
        error = next(errors_of(validator, instance, schema), None)
        if error is None:
            return
        firsts.append(error)
    yield _closest(firsts, instance)


def _one_of(validator: Any, schemas: Any, instance: Any, _schema: Any) -> Errors:
    firsts = [next(errors_of(validator, instance, schema), None) for schema in schemas]
    matching = firsts.count(None)
    if matching == 0:
        yield _closest([error for error in firsts if error is not None], instance)
    elif matching > 1:
        yield _error(f"must fit exactly one of {len(firsts)} alternatives, and fits {matching}", instance)


def _closest(errors: list[ValidationError], instance: Any) -> ValidationError:
    """One error for many alternatives: the one that got deepest, or all that stopped at the top."""
    deepest = max(errors, key=lambda error: len(error.path))
    if len(deepest.path) > 0:
        return deepest
    wants = dict.fromkeys(error.message.removesuffix(f", but is {shown(instance)}") for error in errors)
    if len(wants) == 1:
        return deepest
    return _error(" or ".join(islice(wants, 4)) + (" …" if len(wants) > 4 else ""), instance)


def _not(validator: Any, schema: Any, instance: Any, _schema: Any) -> Errors:
    if _holds(validator, instance, schema):
        yield _error(f"must not fit {shown(schema)}", instance)


def _if(validator: Any, condition: Any, instance: Any, schema: Any) -> Errors:
    branch = "then" if _holds(validator, instance, condition) else "else"
    if branch in schema:
        yield from errors_of(validator, instance, schema[branch])


def _count(number: int | float, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _counted(keyword: Keyword) -> Keyword:
    """Each application of a keyword costs one step of the current budget."""

    def apply(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
        spend(len(cast("Sequence[Any]", value)) + 1 if isinstance(value, list) else 1)
        return keyword(validator, value, instance, schema)

    return apply


KEYWORDS: Mapping[str, Keyword] = {
    name: _counted(keyword)
    for name, keyword in {
        "$ref": _ref,
        "additionalProperties": _additional_properties,
        "allOf": _all_of,
        "anyOf": _any_of,
        "const": _const,
        "contains": _contains,
        "dependentRequired": _dependent_required,
        "dependentSchemas": _dependent_schemas,
        "enum": _enum,
        "exclusiveMaximum": _exclusive_maximum,
        "exclusiveMinimum": _exclusive_minimum,
        "if": _if,
        "items": _items,
        "maxItems": _max_items,
        "maxLength": _max_length,
        "maxProperties": _max_properties,
        "maximum": _maximum,
        "minItems": _min_items,
        "minLength": _min_length,
        "minProperties": _min_properties,
        "minimum": _minimum,
        "multipleOf": _multiple_of,
        "not": _not,
        "oneOf": _one_of,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "prefixItems": _prefix_items,
        "properties": _properties,
        "propertyNames": _property_names,
        "required": _required,
        "type": _type,
        "uniqueItems": _unique_items,
    }.items()
}
"""Every keyword that constrains an instance here. `format` does not: it is an annotation."""
