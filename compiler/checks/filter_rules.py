"""Filters of an event trigger + the event's shape -> what can never match."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from pydantic import JsonValue

from compiler.checks.reporter import Reporter
from compiler.diagnostics.diagnostic import did_you_mean, quoted
from compiler.inference.shape import Lost, Shape, kinds, step
from compiler.language.document import Path
from compiler.trigger_types.globs import GlobError, glob_matches, is_glob
from compiler.trigger_types.matching import COMPARISONS, filter_accepts, list_place
from compiler.trigger_types.moments import moment_of

_PLACE = re.compile(r"\[(\d+)\]")
_SORTED = ("gt", "gte", "lt", "lte")
_LISTS = ("in", "notIn")
_AS_WRITTEN = ("eq", "ne", *_LISTS)

_TEMPLATE = re.compile(r"\{\{\s|\{\{[^{}]*\}\}|\{%.*%\}", re.DOTALL)
"""A template, and not a glob with braces in braces such as `{{a,b},c}`."""


def check_filter(name: str, wanted: JsonValue, event: Shape, where: tuple[Path, Reporter]) -> None:
    """CC704 to CC707 of one filter."""
    place, reporter = where
    _check_filter(wanted, place, reporter)
    if not event.known:
        _check_name(name, place, reporter)
    field = _check_field(name, event, place, reporter)
    if field is not None:
        _check_kinds(wanted, field, place, reporter)
    if wanted != [] and field is not None and not _can_match(wanted, field):
        message = f"the filter never matches: {name!r} is {field.describe()}"
        values = [str(value) for schema in field.alternatives for value in schema.get("enum", [])]
        reporter.at(place, "CC707", message, did_you_mean(str(wanted), values))


def _check_name(name: str, path: Path, reporter: Reporter) -> None:
    """CC707 where nothing is known of the event, and yet no field can be meant."""
    plain = _PLACE.sub(r".\1", name).removeprefix("context.").strip()
    if name == plain and all(name.split(".")):
        return
    message = f"the filter matches only where a field is really called {quoted(name)}"
    hint = (
        f"write {quoted(plain)}: it is a path in the event"
        if all(plain.split("."))
        else "name a field of the event"
    )
    reporter.at_key(path, "CC707", message, hint)


def _check_field(name: str, event: Shape, path: Path, reporter: Reporter) -> Shape | None:
    found = _field(event, name.split("."))
    if isinstance(found, Shape):
        return found
    part, lost = found
    hint = did_you_mean(part, lost.known)
    reporter.at_key(path, "CC706", f"the event has no field {quoted(name)}, so the filter never matches", hint)
    return None


def _field(shape: Shape, parts: list[str]) -> Shape | tuple[str, Lost]:
    """The shape at the path, by the rules of `field_of`; else the first part that is missing."""
    if not parts:
        return shape
    place = (
        list_place(parts[0]) if shape.known and "array" in shape.kinds and "object" not in shape.kinds else None
    )
    missing: tuple[str, Lost] | None = None
    for length in range(1, len(parts) + 1):
        key = ".".join(parts[:length])
        found = step(shape, key if place is None else place)
        inner = (key, found) if isinstance(found, Lost) else _field(found, parts[length:])
        if isinstance(inner, Shape):
            return inner
        missing = missing or inner
        if place is not None:
            break
    assert missing is not None
    return missing


def _check_kinds(wanted: JsonValue, field: Shape, path: Path, reporter: Reporter) -> None:
    """CC705 where the schema shows that a sorted comparison never holds, because the kinds differ."""
    if isinstance(wanted, list):
        for index, each in enumerate(wanted):
            _check_kinds(each, field, (*path, index), reporter)
    if not isinstance(wanted, dict) or not field.known:
        return
    for name, limit in wanted.items():
        if name in _SORTED and _limit_fits(name, limit) and not _comparable(limit, field):
            message = f"{name!r} never holds: {quoted(str(limit))} is {_kind_of_limit(limit)}, the field is "
            timed = (
                "a moment" if field.kinds <= {"string", "null"} and isinstance(limit, str) else field.describe()
            )
            reporter.at((*path, name), "CC705", message + timed, "compare with a value of the field's kind")


def _comparable(limit: JsonValue, field: Shape) -> bool:
    if not isinstance(limit, str):
        return bool(field.kinds & {"number", "integer"})
    texts = [schema for schema in field.alternatives if "string" in kinds(schema)]
    if moment_of(limit) is not None:
        return bool(texts)
    return any(schema.get("format") not in ("date-time", "date") for schema in texts)


def _kind_of_limit(limit: JsonValue) -> str:
    if moment_of(limit) is not None:
        return "a moment"
    return "text" if isinstance(limit, str) else "a number"


def _can_match(wanted: JsonValue, field: Shape) -> bool:
    """Whether the filter accepts some value of that shape; true where that is not known."""
    if not field.known:
        return True
    if isinstance(wanted, dict):
        return "eq" not in wanted or _can_match(wanted["eq"], field)
    if isinstance(wanted, list):
        return any(_can_match(each, field) for each in wanted)
    for schema in field.alternatives:
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(values, list):
            if any(filter_accepts(wanted, value) for value in cast("list[Any]", values)):
                return True
        elif kinds({"const": wanted}) & kinds(schema) or (isinstance(wanted, int) and "number" in kinds(schema)):
            return True
    return False


def _check_filter(wanted: JsonValue, path: Path, reporter: Reporter) -> None:
    if isinstance(wanted, str):
        if not _is_template(wanted, path, reporter):
            _check_glob(wanted, path, reporter)
    elif isinstance(wanted, list):
        if not wanted:
            reporter.at(path, "CC705", "an empty list of values never matches", "give at least one value")
        for index, each in enumerate(wanted):
            if isinstance(each, list):
                reporter.at((*path, index), "CC705", "a list inside a list of values never matches", "flatten it")
            else:
                _check_filter(each, (*path, index), reporter)
    elif isinstance(wanted, dict):
        _check_comparisons(wanted, path, reporter)


def _check_comparisons(wanted: Mapping[str, JsonValue], path: Path, reporter: Reporter) -> None:
    if not wanted:
        reporter.at(path, "CC705", "the filter has no comparison", "write for example `gte: 3`")
    for name, limit in wanted.items():
        if name not in COMPARISONS:
            hint = did_you_mean(name, COMPARISONS)
            reporter.at_key((*path, name), "CC705", f"there is no comparison {quoted(name)}", hint)
        elif _has_template(limit, (*path, name), reporter):
            continue
        elif name == "glob" and isinstance(limit, str):
            _check_glob(limit, (*path, name), reporter, always=True)
        elif name == "in" and limit == []:
            reporter.at((*path, name), "CC705", "an empty list of values never matches", "give at least one value")
        elif name in _AS_WRITTEN and any("*" in each for each in _texts(limit)):
            message = f"{name!r} compares text as it is written, and `*` is no pattern there"
            hint = "`glob` takes a pattern; to keep a pattern out, write the trigger's `expression`"
            reporter.at((*path, name), "CC707", message, hint)
        elif not _limit_fits(name, limit):
            needs = "a list" if name in _LISTS else "true or false" if name == "exists" else "a number or text"
            reporter.at((*path, name), "CC705", f"the comparison {name!r} needs {needs}")


def _texts(limit: JsonValue) -> list[str]:
    return [each for each in (limit if isinstance(limit, list) else [limit]) if isinstance(each, str)]


def _has_template(limit: JsonValue, path: Path, reporter: Reporter) -> bool:
    if isinstance(limit, list):
        return any([_has_template(each, (*path, index), reporter) for index, each in enumerate(limit)])
    return isinstance(limit, str) and _is_template(limit, path, reporter)


def _is_template(text: str, path: Path, reporter: Reporter) -> bool:
    """Whether the text is a template, which is reported: it would silently be read as a glob."""
    if not _TEMPLATE.search(text):
        return False
    message = f"{quoted(text)} is a template; a filter takes fixed values only"
    reporter.at(path, "CC705", message, "write the condition as the trigger's `expression`")
    return True


def _limit_fits(name: str, limit: Any) -> bool:
    if name in _LISTS:
        return isinstance(limit, list)
    if name == "exists":
        return isinstance(limit, bool)
    if name in _SORTED or name == "glob":
        return isinstance(limit, str | int | float) and not isinstance(limit, bool) and name != "glob"
    return True


def _check_glob(pattern: str, path: Path, reporter: Reporter, *, always: bool = False) -> None:
    if not always and not is_glob(pattern):
        return
    if pattern.startswith("!"):
        message = f"{quoted(pattern)} accepts only what begins with `!` itself"
        reporter.at(path, "CC707", message, "to keep a pattern out, write the trigger's `expression`")
    try:
        glob_matches(pattern, "")
    except GlobError as exc:
        reporter.at(
            path,
            "CC704",
            f"{quoted(pattern)} is no glob: {exc}",
            "put `\\` before a character to take it literally",
        )
