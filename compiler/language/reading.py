"""Document -> workflow spec, each of Pydantic's complaints as a diagnostic at its place."""

from __future__ import annotations

import types
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from compiler.diagnostics.diagnostic import DiagnosticList, did_you_mean, quoted
from compiler.language.document import Document, Mapping, Path, Scalar, Sequence, Value, plain
from compiler.language.other_tools import comment_hint, key_hint, value_hint
from compiler.language.spec import TRIGGER_SPECS, WorkflowSpec

_PHRASES = (
    ("Input should be greater than or equal to", "must be at least"),
    ("Input should be less than or equal to", "must be at most"),
    ("Input should", "must"),
    ("String should", "must"),
    ("List should", "must"),
    (" after validation", ""),
)
"""Pydantic's words and ours."""
_REPAIRS = 4
"""How often a file is read again without what was wrong in it."""
UNKNOWN = ""
"""Stands for a name that is missing; already reported."""
_NO_NODE = {"id": UNKNOWN, "agent": UNKNOWN, "action": UNKNOWN}
_DROPPED = object()
_TRIGGER_WORDS = tuple(each.word for each in TRIGGER_SPECS)
_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


@dataclass(frozen=True)
class ReadSpec:
    """A spec, and which of its nodes lack something that was reported and taken out."""

    spec: WorkflowSpec
    doubtful: frozenset[int] = frozenset()


def read(document: Document, report: DiagnosticList) -> ReadSpec | None:
    """The spec, or None where the file does not follow the language."""
    if not isinstance(document.root, Mapping):
        report.add("CC203", document.root.span, f"a workflow is a mapping, found {kind_of(document.root)}")
        return None
    data: Any = plain(document.root)
    doubtful: set[int] = set()
    for _ in range(_REPAIRS):
        try:
            return ReadSpec(WorkflowSpec.model_validate(data), frozenset(doubtful))
        except ValidationError as exc:
            for error, kinds in _one_of_each_place(exc, document.root):
                path = _path(error["loc"], document.root)
                _note(error, path, kinds, document, report)
                _repair(data, path, error)
                if path[:1] == ("nodes",) and len(path) > 1 and isinstance(path[1], int):
                    doubtful.add(path[1])
            data = _prune(data)
    return None


def _one_of_each_place(exc: ValidationError, root: Value) -> list[tuple[ErrorDetails, list[str]]]:
    """The complaints, each with the kinds of value that would fit: where one of several may stand, Pydantic names each.

    A complaint about the kind of a mapping is left out where another is about what stands in it.
    """
    found: dict[Path, tuple[ErrorDetails, list[str]]] = {}
    others: list[tuple[ErrorDetails, list[str]]] = []
    for error in exc.errors(include_url=False):
        path, kind = _path(error["loc"], root), _KINDS.get(error["type"])
        if kind is None:
            others.append((error, []))
        elif path in found:
            found[path][1].append(kind)
        else:
            found[path] = (error, [kind])
    places = [_path(error["loc"], root) for error, _ in others]
    return [
        *(each for path, each in found.items() if not any(place[: len(path)] == path for place in places)),
        *others,
    ]


def _repair(data: Any, path: Path, error: ErrorDetails) -> None:
    """Take out what was reported, so that the rest of the file is checked as well: the plan is lost already."""
    if error["type"] == "missing":
        holder, key = _inside(data, path), error["loc"][-1]
    elif path:
        holder, key = _inside(data, path[:-1]), path[-1]
    else:
        return
    if key == "nodes":
        holder[key] = [dict(_NO_NODE)]
    elif error["type"] == "missing" and _required(error["loc"]) is str:
        holder[key] = UNKNOWN
    elif error["type"] == "missing":
        # No number stands for one that is missing: its holder goes.
        _repair(data, path, {**error, "loc": error["loc"][:-1], "type": "value_error"})
    elif isinstance(holder, dict):
        cast("dict[Any, Any]", holder).pop(key, None)
        if _required(error["loc"]) is str:
            holder[key] = UNKNOWN
        elif _required(error["loc"]) is not None and len(path) > 1:
            _repair(data, path[:-1], {**error, "loc": error["loc"][:-1], "type": "value_error"})
    elif isinstance(holder, list) and isinstance(key, int):
        holder[key] = dict(_NO_NODE) if path[0] == "nodes" and len(path) == 2 else _DROPPED


def _required(loc: tuple[int | str, ...]) -> Any:
    """The type of the field at that place, where it must be given; else None."""
    model = model_at(loc[:-1])
    for name, info in model.model_fields.items() if model is not None else ():
        if info.is_required() and loc[-1] in (info.alias, name):
            return info.annotation
    return None


def _listed_words() -> str:
    *most, last = (f"`{word}`" for word in _TRIGGER_WORDS)
    return f"{', '.join(most)} and {last}"


def _inside(data: Any, path: Path) -> Any:
    found: Any = data
    for step in path:
        found = found.get(step, {}) if hasattr(found, "get") else found[step]
    return found


def _prune(value: Any) -> Any:
    if isinstance(value, list):
        return [_prune(item) for item in cast("list[Any]", value) if item is not _DROPPED]
    if isinstance(value, dict):
        return {key: _prune(item) for key, item in cast("dict[str, Any]", value).items()}
    return value


def _note(error: ErrorDetails, path: Path, kinds: list[str], document: Document, report: DiagnosticList) -> None:
    kind = error["type"]
    if kind == "extra_forbidden":
        _unknown_key(path, error["loc"], document, report)
    elif kind == "missing":
        _missing_key(path, error, document, report)
    elif kind in _KINDS or kind == "union_tag_not_found":
        _wrong_type(path, " or ".join(dict.fromkeys(kinds)) or "a mapping", document, report)
    elif kind == "literal_error":
        allowed = [
            word.strip("' ") for word in str(error.get("ctx", {})["expected"]).replace(" or ", ",").split(",")
        ]
        message = f"{_label(path)} is {quoted(error['input'])}, not one of {', '.join(allowed)}"
        report.add("CC204", document.span(path), message, hint=did_you_mean(str(error["input"]), allowed))
    else:
        report.add("CC205", document.span(path), f"{_label(path)} {_reason(error)}")


def _path(loc: tuple[int | str, ...], root: Value) -> Path:
    """Pydantic's location without the names of union members, as far as the document goes."""
    steps: list[int | str] = []
    value: Value | None = root
    for step in loc:
        if isinstance(value, Mapping) and isinstance(step, str) and step in value.entries:
            value = value.entries[step]
        elif isinstance(value, Sequence) and isinstance(step, int) and step < len(value.items):
            value = value.items[step]
        else:
            continue
        steps.append(step)
    return tuple(steps)


def _label(path: Path) -> str:
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return "the value"
    return f"the item {path[-1]} of {names[-1]!r}" if isinstance(path[-1], int) else f"{names[-1]!r}"


def _unknown_key(path: Path, loc: tuple[int | str, ...], document: Document, report: DiagnosticList) -> None:
    key = str(path[-1])
    model = model_at(loc[:-1])
    known = [field.alias or name for name, field in model.model_fields.items()] if model else []
    near = did_you_mean(key, known)
    if not near.startswith("did you mean"):
        near = _place_of(key) or near
    hint = key_hint(key, path[:-1]) or near
    if key in _TRIGGER_WORDS and path[:1] == ("trigger",):
        hint = f"one trigger has one of {_listed_words()}; make `trigger` a list to have several"
    report.add("CC201", document.key_span(path), f"{quoted(key)} is not a key of {_holder(path)}", hint=hint)


def _place_of(key: str) -> str:
    """A hint that names where this key stands; empty for one that stands nowhere."""
    places = _places().get(key, ())
    return f"it is a key of {' and of '.join(places)}" if 0 < len(places) <= 3 else ""


@cache
def _places() -> dict[str, list[str]]:
    """Each key of the language -> what holds it, in words."""
    found: dict[str, list[str]] = {}
    seen: set[type[BaseModel]] = set()
    waiting: list[tuple[type[BaseModel], str]] = [(WorkflowSpec, "a workflow")]
    while waiting:
        model, holder = waiting.pop(0)
        if model in seen:
            continue
        seen.add(model)
        for name, info in model.model_fields.items():
            key = info.alias or name
            if holder not in found.setdefault(key, []):
                found[key].append(holder)
            inside = "a node" if key == "nodes" else f"{key!r}"
            waiting += [(each, inside) for each in _models(info.annotation)]
    return found


def _holder(path: Path) -> str:
    names = [step for step in path[:-1] if isinstance(step, str)]
    if not names:
        return "a workflow"
    return "a node" if names[-1] == "nodes" else f"{names[-1]!r}"


def _missing_key(path: Path, error: ErrorDetails, document: Document, report: DiagnosticList) -> None:
    key = str(error["loc"][-1])
    value = document.value(path)
    span = next(iter(value.keys.values()), value.span) if isinstance(value, Mapping) else value.span
    holder = _holder((*path, key))
    hint = (
        f"a trigger has one of {_listed_words()}"
        if path[:1] == ("trigger",) and key == "event"
        else f"add `{key}: …`"
    )
    report.add("CC202", span, f"{holder} lacks the key {key!r}", hint=hint)


def _wrong_type(path: Path, expected: str, document: Document, report: DiagnosticList) -> None:
    value = document.value(path)
    hint = ""
    if expected == "a list" and isinstance(value, Scalar) and value.value is not None:
        hint = f"write it as a list: [{str(value.value)[:60]}]"
    elif path == ("trigger",):
        hint = f"a trigger has one of {_listed_words()}; a person can always start a workflow, without any trigger"
    elif expected == "a list" and isinstance(value, Mapping):
        hint = "begin each entry with `- `"
    elif expected == "a mapping" and (model := model_at(path)) is not None:
        hint = "its keys are " + ", ".join(info.alias or name for name, info in model.model_fields.items())
    elif expected == "text" and isinstance(value, Scalar) and value.value is not None:
        written = document.lines[value.span.line - 1][value.span.column - 1 : value.span.end_column - 1]
        hint = f'write it in quotes: "{written}"' if len(written) <= 60 else "write it in quotes"
    elif isinstance(value, Scalar) and isinstance(value.value, str) and not value.plain:
        if expected == "true or false" and value.value not in ("true", "false"):
            hint = "write `true` or `false`"
        elif expected in ("a whole number", "a number", "true or false"):
            hint = "leave the quotes out"
    hint = comment_hint(document, path) or hint
    if not isinstance(value, Scalar) or not hint or path[-1:] in (("retries",), ("approval",), ("foreach",)):
        hint = value_hint(path) or hint
    report.add("CC203", value.span, f"{_label(path)} must be {expected}, found {kind_of(value)}", hint=hint)


def _reason(error: ErrorDetails) -> str:
    message = error["msg"]
    for said, plainly in _PHRASES:
        message = message.replace(said, plainly)
    found = error["input"]
    return f"{message}, found {found}" if isinstance(found, int | float) else message


def kind_of(value: Value) -> str:
    """The value's kind in words, for messages."""
    if isinstance(value, Sequence):
        return "a list"
    if isinstance(value, Mapping):
        return "a mapping"
    if value.value is None:
        return "nothing"
    if isinstance(value.value, bool):
        return "true" if value.value else "false"
    return "text" if isinstance(value.value, str) else f"the number {value.value}"


def model_at(loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model whose keys stand at Pydantic's location."""
    here: Any = WorkflowSpec
    for step in loc:
        if isinstance(step, int) or step.startswith("<"):
            here = _member(here, step)
        elif isinstance(here, type) and issubclass(here, BaseModel):
            here = _field(here, step)
    found = _models(here)
    return found[0] if found else None


def _field(model: type[BaseModel], key: str) -> Any:
    for name, info in model.model_fields.items():
        if key in (info.alias, name):
            found = _models(info.annotation)
            return found[0] if len(found) == 1 else info.annotation
    return None


def _member(annotation: Any, step: int | str) -> Any:
    """A union's member by its tag; for an index, the annotation itself (its models stand in the list)."""
    if isinstance(step, int):
        return annotation
    for model in _models(annotation):
        if getattr(model, "word", None) == str(step).strip("<>"):
            return model
    return None


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, types.UnionType, list) or get_origin(annotation) is Annotated:
        parts: tuple[Any, ...] = get_args(annotation)
        return [model for part in parts for model in _models(part)]
    return []
