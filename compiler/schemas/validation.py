"""An instance and a schema -> what is wrong, as sentences that begin with the JSON path.

Bounded in every direction: no reference is fetched, no pattern backtracks, no message prints a whole value, and a
question that costs too much is answered as such. `format` is an annotation: it is not checked.
"""

from __future__ import annotations

from itertools import islice

from compiler.schemas.budget import Budget, TooMuchWork, budgeted
from compiler.schemas.document import SchemaDocument, document
from compiler.schemas.excerpt import json_path
from compiler.schemas.plain import NotPlain, check_plain, more_values_than
from reliability import apart

MAX_ERRORS = 20
"""Errors that one answer lists."""
MAX_MESSAGE = 600
"""Characters of one error."""
MAX_INSTANCE_VALUES = 1_000_000
"""JSON values in an instance."""
MAX_STEPS = 1_000_000
"""Keyword applications in one answer, a second's worth or two."""
_HERE_STEPS, _HERE_VALUES = 20_000, 10_000
"""What a thread of this process may spend on one answer: a few hundredths of a second."""


def validate_bounded(instance: object, schema: object) -> list[str]:
    """As `validate`, for what comes from outside: what is not answered in a moment is asked in a process of its own.

    For threads. There, `validate` takes up to two seconds, and one call of a pattern holds up all other threads.
    """
    try:
        return validate(instance, schema, steps=_HERE_STEPS, values=_HERE_VALUES)
    except TooMuchWork:
        pass
    try:
        return apart.ask(validate, instance, schema)
    except apart.NotChecked as exc:
        return [f"$: cannot be checked against its schema: {exc}"]


def validate(
    instance: object, schema: object, *, steps: int | None = None, values: int | None = None
) -> list[str]:
    """What the schema (draft 2020-12) finds wrong with the instance; empty: nothing.

    An unusable schema and an instance that is no JSON data are errors too, so an empty list is always a proof. With
    `steps` and `values`, raises TooMuchWork where that many were not enough.
    """
    try:
        doc = document(schema)
    except NotPlain as exc:
        return [f"the schema cannot be used: {exc}"]
    if doc.problems:
        return [f"the schema cannot be used: {problem}" for problem in doc.problems]
    try:
        if values is not None and more_values_than(instance, values):
            raise TooMuchWork
        check_plain(instance, max_values=MAX_INSTANCE_VALUES)
    except NotPlain as exc:
        return [str(exc)]
    return _errors(doc, instance, steps)


def check_schema(schema: object) -> list[str]:
    """Why a schema cannot be used here; empty: it can.

    Usable means: well-formed draft 2020-12, known keywords only (annotations that begin with `x-` aside), local
    references that end, patterns the linear-time engine takes, at most 20,000 values and 64 levels.
    """
    try:
        return list(document(schema).problems)
    except NotPlain as exc:
        return [str(exc)]


def _errors(doc: SchemaDocument, instance: object, steps: int | None) -> list[str]:
    found: list[str] = []
    try:
        with budgeted(Budget(steps or MAX_STEPS)):
            for error in islice(doc.errors(instance), MAX_ERRORS):
                found.append(_cut(f"{json_path(error.absolute_path)}: {error.message}"))
    except TooMuchWork:
        if steps is not None:
            raise
        found.append("$: too complex to be checked against its schema; make the value or the schema smaller")
    except RecursionError:
        found.append("$: nested too deeply to be checked against its schema")
    return found


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
