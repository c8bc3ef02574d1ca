"""Rows of the database -> the frozen dataclasses that the rest of the platform works with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Made = TypeVar("Made")

_COLUMNS = {
    "run_id": "workflowRunId",
    "node_id": "nodeKey",
    "context": "contextJson",
    "inputs": "inputJson",
    "output": "outputJson",
    "result": "resultJson",
}
"""Fields that the tables of the mission's schema call otherwise."""
_EMPTY: Mapping[Any, Any] = {str: "", dict: {}, tuple: ()}


@dataclasses.dataclass(frozen=True)
class _Field:
    name: str
    column: str
    kind: Any
    """The type without its parameters and without None."""
    optional: bool

    def read(self, value: Any) -> Any:
        if value is None:
            # Columns of ours are NULL in rows that another program wrote.
            return None if self.optional or self.kind not in _EMPTY else _EMPTY[self.kind]
        if self.kind is tuple:
            return tuple(value)
        return value


def read_row(made: type[Made], row: Mapping[Any, Any], /, **given: Any) -> Made:
    """An instance of the dataclass `made`, with `given` for the fields that are no column as it is.

    Every other field is the column of its name in camel case (`started_at` from `startedAt`). JSON lists become tuples
    where the field is one; NULL becomes `""`, `{}` or `()` where the field cannot be None. Raises KeyError for a column
    that the row does not have.
    """
    read = {each.name: each.read(row[each.column]) for each in _fields(made) if each.name not in given}
    return made(**read, **given)


@cache
def _fields(made: type[Any]) -> tuple[_Field, ...]:
    hints = get_type_hints(made)
    return tuple(_field(each.name, hints[each.name]) for each in dataclasses.fields(made) if each.init)


def _field(name: str, hint: Any) -> _Field:
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = [get_origin(each) or each for each in choices if each is not NoneType]
    first, *others = name.split("_")
    return _Field(
        name=name,
        column=_COLUMNS.get(name, first + "".join(each.capitalize() for each in others)),
        kind=kinds[0] if len(kinds) == 1 else None,
        optional=hint is Any or NoneType in choices,
    )
