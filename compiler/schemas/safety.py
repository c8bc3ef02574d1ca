"""A schema -> why it cannot be used here: malformed, not understood, not local, or endless."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, cast

from compiler.schemas.excerpt import PathStep, json_path, shown
from compiler.schemas.references import normal, pointer_of, target
from compiler.schemas.vocabulary import DIALECTS, IN_PLACE, SUBSCHEMAS, UNSUPPORTED, VALUES, Check

MAX_PROBLEMS = 20
_KNOWN = (*VALUES, *SUBSCHEMAS)
_Path = tuple[PathStep, ...]


@dataclass
class _Survey:
    """All schema locations of one document, by pointer."""

    schemas: dict[str, Any] = field(default_factory=dict[str, Any])
    references: list[tuple[_Path, str]] = field(default_factory=list[tuple[_Path, str]])
    in_place: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Location -> the locations applied to the same value."""
    problems: list[str] = field(default_factory=list[str])

    def report(self, path: _Path, sentence: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(f"{json_path(path)}: {sentence}")


def problems_of(root: Any) -> list[str]:
    """Why the schema cannot be used; empty: it can. `root` is plain, bounded JSON data."""
    survey = _Survey()
    stack: list[tuple[_Path, Any]] = [((), root)]
    while stack:
        path, schema = stack.pop()
        survey.schemas[pointer_of(path)] = schema
        if isinstance(schema, dict):
            stack.extend(_inspect(survey, path, cast("dict[str, Any]", schema)))
        elif not isinstance(schema, bool):
            survey.report(path, f"a schema must be an object, true or false, but is {shown(schema)}")
    _check_references(survey, root)
    if not survey.problems:
        _check_endless(survey)
    return survey.problems


def _inspect(survey: _Survey, path: _Path, schema: dict[str, Any]) -> Iterator[tuple[_Path, Any]]:
    below: list[tuple[_Path, Any]] = []
    for keyword, value in schema.items():
        here = (*path, keyword)
        if keyword in SUBSCHEMAS:
            inner = list(_inner(survey, here, keyword, value))
            below.extend(inner)
            if keyword in IN_PLACE:
                survey.in_place.setdefault(pointer_of(path), []).extend(pointer_of(at) for at, _ in inner)
        elif keyword in VALUES:
            reason = VALUES[keyword](value)
            if reason:
                survey.report(here, f"{reason}, but is {shown(value, 80)}")
            elif keyword == "$ref":
                survey.references.append((path, value))
        elif not keyword.startswith("x-"):
            _check_other(survey, path, keyword, value)
    return iter(below)


def _inner(survey: _Survey, here: _Path, keyword: str, value: Any) -> Iterator[tuple[_Path, Any]]:
    """The subschemas in a keyword's value, with their places."""
    holds = SUBSCHEMAS[keyword]
    if holds == "schema":
        yield here, value
    elif holds == "schemas":
        if not isinstance(value, list) or value == []:
            value = cast("object", value)
            survey.report(here, f"must be a list of at least one schema, but is {shown(value, 80)}")
            return
        for index, schema in enumerate(cast("list[Any]", value)):
            yield (*here, index), schema
    elif not isinstance(value, dict):
        survey.report(here, f"must map names to schemas, but is {shown(value, 80)}")
    else:
        for name, schema in cast("dict[str, Any]", value).items():
            reason = _PATTERN(name) if keyword == "patternProperties" else None
            if reason:
                survey.report((*here, name), reason)
            yield (*here, name), schema


_PATTERN: Check = VALUES["pattern"]


def _check_other(survey: _Survey, path: _Path, keyword: str, value: Any) -> None:
    if keyword == "$schema" and not path:
        if value not in DIALECTS:
            survey.report((keyword,), f"only draft 2020-12 is understood, not {shown(value, 80)}")
    elif keyword == "$id" and not path:
        if not isinstance(value, str):
            survey.report((keyword,), "must be a text")
    elif keyword in ("$schema", "$id"):
        survey.report(path, f"{keyword} is understood at the top of a schema only; remove it here")
    elif keyword in UNSUPPORTED:
        survey.report(path, f"the keyword {keyword!r} is not supported; {UNSUPPORTED[keyword]}")
    else:
        close = get_close_matches(keyword[:60], _KNOWN, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "annotations of your own start with 'x-'"
        survey.report(path, f"the keyword {shown(keyword, 60)} is not known; {hint}")


def _check_references(survey: _Survey, root: Any) -> None:
    for path, ref in survey.references:
        pointer = normal(ref)
        if pointer in survey.schemas:
            survey.in_place.setdefault(pointer_of(path), []).append(pointer)
            continue
        try:
            found: object = target(root, ref)
        except LookupError:
            survey.report((*path, "$ref"), f"nothing is at {shown(ref, 80)}{_definitions(root)}")
        else:
            survey.report((*path, "$ref"), f"{shown(ref, 80)} is {shown(found, 40)}, which is not a schema")


def _definitions(root: Any) -> str:
    names: list[str] = []
    if isinstance(root, Mapping):
        for key in ("$defs", "definitions"):
            defs = cast("Mapping[str, Any]", root).get(key)
            if isinstance(defs, Mapping):
                names.extend(f"#/{key}/{name}" for name in cast("Mapping[str, Any]", defs))
    return f"; there are {', '.join(shown(name, 60) for name in names[:8])}" if names else ""


def _check_endless(survey: _Survey) -> None:
    """Reports a schema that applies itself to the same value again, for ever."""
    done: set[str] = set()
    for start in survey.in_place:
        trail: list[tuple[str, Iterator[str]]] = (
            [(start, iter(survey.in_place[start]))] if start not in done else []
        )
        on_trail = {start}
        while trail:
            at, rest = trail[-1]
            following = next(rest, None)
            if following is None:
                done.add(at)
                on_trail.discard(at)
                trail.pop()
            elif following in on_trail:
                ring = [place for place, _ in trail]
                ring = [*ring[ring.index(following) :], following]
                shown_ring = " → ".join(shown(place, 60) for place in ring[:6])
                survey.problems.append(f"$: the references go round in a circle: {shown_ring}")
                return
            elif following not in done:
                on_trail.add(following)
                trail.append((following, iter(survey.in_place.get(following, ()))))
