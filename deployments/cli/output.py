"""Rows of data -> a table for people or JSON for programs. Text from outside is shown, never interpreted."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tasks.safe_text import safe_text

CELL_LIMIT = 300
_WHOLE = frozenset({"id", "runId", "status", "name", "nodeId", "deployment", "risk"})
"""Columns that people copy from, or that are short: never broken into lines."""
console = Console()


def print_rows(rows: Iterable[Mapping[str, Any]], *, columns: Sequence[str], title: str, as_json: bool) -> None:
    """One line per row. JSON holds every field; the table those named."""
    found = [dict(row) for row in rows]
    if as_json:
        print_json(found)
        return
    table = Table(title=title, title_justify="left", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    for row in found:
        table.add_row(*(Text(cell(row.get(column))) for column in columns))
    console.print(table)
    if not found:
        console.print("  (none)")


def print_json(value: Any) -> None:
    """`value` as indented JSON on standard output, with nothing else around it."""
    json.dump(value, sys.stdout, indent=2, default=_plain, ensure_ascii=False)
    sys.stdout.write("\n")


def cell(value: Any) -> str:
    """A value as one inert, bounded piece of text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list) and all(isinstance(each, str) for each in cast("list[Any]", value)):
        value = ", ".join(cast("list[str]", value))
    text = value if isinstance(value, str) else json.dumps(value, default=_plain, ensure_ascii=False)
    return safe_text(text, limit=CELL_LIMIT)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
