"""The beginning of an id, as tables on a terminal show it -> the one row that has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, or_

from records.errors import NotFound

SHORTEST = 4
"""Characters of an id that are taken for its beginning; fewer are a slip of the hand."""


def beginning_so(chosen: Select[Any], column: ColumnElement[str], wanted: str) -> Select[Any]:
    """The rows whose id is `wanted` or begins so: two at most, the exact one first."""
    exact = column == wanted
    if len(wanted) < SHORTEST:
        return chosen.where(exact)
    begins = column.startswith(wanted.lower(), autoescape=True)
    return chosen.where(or_(exact, begins)).order_by(exact.desc()).limit(2)


def the_one(found: Sequence[RowMapping], *, what: str, wanted: str, hint: str) -> RowMapping:
    """The row of `beginning_so`. Raises NotFound, which says it where several begin so."""
    if len(found) == 1 or (found and found[0]["id"] == wanted):
        return found[0]
    raise NotFound(what, wanted, f"several begin so; give more of the id, or {hint}" if found else hint)
