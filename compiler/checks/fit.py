"""The type of one edge: what a value may be, and what the input takes."""

from __future__ import annotations

from typing import Any, cast

from compiler.catalogue import JsonSchema
from compiler.checks.nulls import why_null
from compiler.checks.reporter import Reporter
from compiler.expressions.template import is_template, read_template
from compiler.inference.bindings import Bindings
from compiler.inference.edges import misfits, takes_free_text, takes_null
from compiler.inference.shape import TEXT, Shape, of_schema
from compiler.language.document import Path
from compiler.subset import Reason

MAX_REASONS = 3
"""Reasons given for one value that does not fit."""


def check_fit(
    shape: Shape, consumer: JsonSchema, place: tuple[Path, str], reporter: Reporter, *, bindings: Bindings
) -> None:
    """CC601, CC602 and CC905. `place` is the path of the input, and its text where it is one."""
    path, text = place
    name, part = str(path[-1]), text.strip()
    if not shape.known:
        if of_schema(consumer).known:
            message = f"nothing is known of this value; whether it fits the input {name!r} shows only in the run"
            hint = "describe the event under `context`, or the producer's output in its schema"
            reporter.at_part(path, part, "CC905", message, hint=hint)
        return
    if shape.nullable and not takes_null(consumer):
        _check_null(place, reporter, bindings)
    found = misfits(shape, consumer)
    certain = [reason for reason in found if reason.kind != "unproven"]
    if shape == TEXT and takes_free_text(consumer):
        # What a text with templates in it becomes is not known beforehand, only that it is text.
        certain = []
    for reason in certain[:MAX_REASONS]:
        message = f"this does not always fit the input {name!r}: {_because(reason)}"
        reporter.at_part(path, part, "CC601", message, hint=allowed(consumer))
    if found and not certain:
        message = f"whether this fits the input {name!r} shows only in the run: {_because(found[0])}"
        reporter.at_part(path, part, "CC905", message)


def _check_null(place: tuple[Path, str], reporter: Reporter, bindings: Bindings) -> None:
    path, text = place
    whole = read_template(text).whole if is_template(text) else None
    because = why_null(whole.expression, bindings) if whole is not None else ""
    hint = f'"{{{{ {whole.text} | default(…) }}}}"' if whole is not None else "`| default(…)`"
    message = f"the input {str(path[-1])!r} takes no null, but this may be null{because}"
    reporter.at_part(path, text.strip(), "CC602", message, hint=f"give a fallback: {hint}")


def _because(reason: Reason) -> str:
    return f"it {reason.sentence}" if not reason.path else f"its part {str(reason).removeprefix('$')}"


def allowed(consumer: JsonSchema) -> str:
    """A hint that lists the words the input takes, where there is such a list."""
    values = consumer.get("enum")
    return "use one of " + ", ".join(str(value) for value in cast("list[Any]", values)[:12]) if values else ""
