"""Rows of data -> a table for people, lines for pipes, or JSON for programs. Text from outside is shown, never
interpreted."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from rich.console import Console
from rich.text import Text

from deployments.cli.table import Column, fit, lines_of
from tasks.safe_text import safe_text

CELL_LIMIT = 300
PIPE_LIMIT = 4_000
_SHORT_ID = 8
_SHORT_DIGEST = 12
_IDS = frozenset({"id", "runId", "flowRunId", "workflowId"})
_DIGESTS = frozenset({"digest", "planDigest", "codeDigest"})
_PROSE = frozenset(
    {"message", "reason", "error", "notes", "description", "what", "network", "actions", "trigger", "entrypoint"}
)
"""Columns whose text may be shortened where a terminal is too narrow; `--wide` shows the whole."""
_LABELS = {
    "runId": "run",
    "workflowName": "workflow",
    "nodeId": "node",
    "agentName": "agent",
    "startedAt": "started",
    "finishedAt": "finished",
    "requestedAt": "asked",
    "createdAt": "created",
    "updatedAt": "updated",
    "respondedBy": "by",
    "triggeredBy": "by",
    "durationMs": "time",
    "mediaType": "type",
}


def is_terminal() -> bool:
    """Whether a person reads standard output; not what rich thinks, which FORCE_COLOR overrules for colours."""
    return sys.stdout.isatty()


class _Printer(Console):
    """Breaks lines for people only: what reads a pipe, such as `grep`, gets a sentence as one line."""

    def print(self, *objects: Any, soft_wrap: bool | None = None, **more: Any) -> None:
        """As rich does."""
        sentences = all(isinstance(each, str | Text) for each in objects)  # a panel has a width
        whole = sentences and not is_terminal() if soft_wrap is None else soft_wrap
        super().print(*objects, soft_wrap=whole, **more)


console = _Printer()


class _Width:
    """Whether the command was asked for the whole of each row; set once, by the option `--wide`."""

    wide = False


def set_wide(wide: bool) -> bool:
    """Show all columns with full ids and times, however long the lines are."""
    _Width.wide = wide
    return wide


def print_rows(
    rows: Iterable[Mapping[str, Any]],
    *,
    columns: Sequence[str],
    title: str,
    as_json: bool,
    wide_columns: Sequence[str] = (),
    on_page: bool = False,
) -> None:
    """One line per row. JSON holds every field; the table those named, and with `--wide` the further ones too.

    Into a pipe: a line of field names, then a line per row with full values, all separated by tabs. On a terminal:
    short ids, relative times, and no more columns than fit. `on_page`: one of several tables, so that its title
    goes into a pipe as well, and long text on a terminal goes on in a further line.
    """
    found = [dict(row) for row in rows]
    if as_json:
        print_json(found)
        return
    names = (*columns, *wide_columns) if _Width.wide else tuple(columns)
    if not is_terminal():
        print_lines(found, columns=names, title=title if on_page else None)
        return
    _print_table(found, columns=names, title=title, wrap=on_page)


def print_lines(rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str], title: str | None = None) -> None:
    """The rows for other programs: a header, then one line each, separated by tabs."""
    if title is not None:
        sys.stdout.write(f"# {title.strip()}\n")
    lines = [list(columns)] + [[_one_line(full_cell(row.get(name))) for name in columns] for row in rows]
    sys.stdout.write("".join("\t".join(line) + "\n" for line in lines))
    sys.stdout.flush()


def _print_table(rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str], title: str, wrap: bool) -> None:
    now = datetime.now(UTC)
    shown = [
        Column(
            label=_LABELS.get(name, name),
            cells=tuple(_one_line(_cell(name, row.get(name), now=now)) for row in rows),
            prose=name in _PROSE,
        )
        for name in columns
    ]
    width = sum(each.width + 2 for each in shown) if _Width.wide else console.width
    layout = fit(shown, width=width)
    console.print(Text(title, style="bold"))
    for number, line in enumerate(lines_of(layout, wrap=wrap and not _Width.wide)):
        console.print(Text(line, style="" if number else "dim"), soft_wrap=True)
    if not rows:
        console.print("(none)")
    if layout.left_out:
        console.print(Text(f"not shown here: {', '.join(layout.left_out)} (--wide shows all)", style="dim"))


def print_json(value: Any) -> None:
    """`value` as indented JSON on standard output, with nothing else around it."""
    json.dump(value, sys.stdout, indent=2, default=_plain, ensure_ascii=False)
    sys.stdout.write("\n")


def _cell(name: str, value: Any, *, now: datetime) -> str:
    """A value as a terminal shows it: short, unless the whole was asked for."""
    if _Width.wide:
        return full_cell(value)
    if isinstance(value, datetime):
        return ago(value, now=now)
    if isinstance(value, str) and name in _DIGESTS:
        return safe_text(value.removeprefix("sha256:"))[:_SHORT_DIGEST]
    if isinstance(value, str) and name in _IDS:
        return safe_text(value)[:_SHORT_ID]
    if name == "durationMs" and isinstance(value, int):
        return f"{value / 1000:.1f} s"
    return _text(value, limit=CELL_LIMIT)


def full_cell(value: Any) -> str:
    """A value as safe text, with nothing rounded or shortened below that bound."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return _text(value, limit=PIPE_LIMIT)


def ago(moment: datetime, *, now: datetime) -> str:
    """How long ago (or from now) that is, in the largest unit that fits."""
    seconds = (now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds()
    size = abs(seconds)
    if size < 1:
        return "just now"
    for unit, length, below in (("s", 1, 60), ("min", 60, 60), ("h", 3_600, 48), ("d", 86_400, 10**9)):
        if size / length < below:
            return f"{int(size / length)} {unit} ago" if seconds > 0 else f"in {int(size / length)} {unit}"
    raise AssertionError("no such time")


def _text(value: Any, *, limit: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str) for each in cast("list[Any]", value)):
        value = ", ".join(cast("list[str]", value))
    text = value if isinstance(value, str) else json.dumps(value, default=_plain, ensure_ascii=False)
    return safe_text(text, limit=limit)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
