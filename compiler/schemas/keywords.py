"""The keywords of draft 2020-12, for `jsonschema`, with bounded cost and bounded messages.

Those of the library print whole instances and search with a backtracking engine; these do neither, and agree with
them on every result otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, cast

from jsonschema.exceptions import ValidationError

from compiler.schemas.assertions import ASSERTIONS, Errors, Keyword, count_of, found, mistake
from compiler.schemas.budget import spend
from compiler.schemas.equality import is_type
from compiler.schemas.excerpt import listed, shown
from compiler.schemas.references import target


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
            f"must contain at least {count_of(least, 'item')} of a certain form, but has {matches}"
        )
    elif most is not None and matches > most:
        yield ValidationError(
            f"must contain at most {count_of(most, 'item')} of a certain form, but has {matches}"
        )


def _properties(validator: Any, properties: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "object"):
        for name, schema in properties.items():
            if name in instance:
                yield from errors_of(validator, instance[name], schema, name)


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Errors:
    if is_type(instance, "object"):
        for pattern, schema in patterns.items():
            for name, value in instance.items():
                if found(pattern, name):
                    yield from errors_of(validator, value, schema, name)


def _additional_properties(validator: Any, additional: Any, instance: Any, schema: Any) -> Errors:
    if not is_type(instance, "object"):
        return
    declared = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in declared or any(found(pattern, name) for pattern in patterns):
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
        yield mistake(f"must fit exactly one of {len(firsts)} alternatives, and fits {matching}", instance)


def _closest(errors: list[ValidationError], instance: Any) -> ValidationError:
    """One error for many alternatives: the one that got deepest, or all that stopped at the top."""
    deepest = max(errors, key=lambda error: len(error.path))
    if len(deepest.path) > 0:
        return deepest
    wants = dict.fromkeys(error.message.removesuffix(f", but is {shown(instance)}") for error in errors)
    if len(wants) == 1:
        return deepest
    return mistake(" or ".join(islice(wants, 4)) + (" …" if len(wants) > 4 else ""), instance)


def _not(validator: Any, schema: Any, instance: Any, _schema: Any) -> Errors:
    if _holds(validator, instance, schema):
        yield mistake(f"must not fit {shown(schema)}", instance)


def _if(validator: Any, condition: Any, instance: Any, schema: Any) -> Errors:
    branch = "then" if _holds(validator, instance, condition) else "else"
    if branch in schema:
        yield from errors_of(validator, instance, schema[branch])


def _counted(keyword: Keyword) -> Keyword:
    """Each application of a keyword costs one step of the current budget."""

    def apply(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
        spend(len(cast("Sequence[Any]", value)) + 1 if isinstance(value, list) else 1)
        return keyword(validator, value, instance, schema)

    return apply


KEYWORDS: Mapping[str, Keyword] = {
    name: _counted(keyword)
    for name, keyword in {
        **ASSERTIONS,
        "$ref": _ref,
        "additionalProperties": _additional_properties,
        "allOf": _all_of,
        "anyOf": _any_of,
        "contains": _contains,
        "dependentSchemas": _dependent_schemas,
        "if": _if,
        "items": _items,
        "not": _not,
        "oneOf": _one_of,
        "patternProperties": _pattern_properties,
        "prefixItems": _prefix_items,
        "properties": _properties,
        "propertyNames": _property_names,
    }.items()
}
"""Every keyword that constrains an instance here. `format` does not: it is an annotation."""
