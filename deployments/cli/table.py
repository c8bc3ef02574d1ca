"""Cells of text and a width -> a table that fits it: whole words, whole column names, the first columns always."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

GAP = "  "
ELLIPSIS = "…"
_NARROWEST = 14
"""Fewest cells that a column of prose is worth showing in."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table."""

    label: str
    cells: tuple[str, ...]
    prose: bool = False
    """Text that may be shortened; all else is shown whole or not at all."""

    @property
    def width(self) -> int:
        """Cells of a terminal that the longest line takes."""
        return max(cell_len(each) for each in (self.label, *self.cells))

    @property
    def least(self) -> int:
        """Fewest cells in which it can be shown."""
        return min(self.width, max(_NARROWEST, cell_len(self.label))) if self.prose else self.width


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What is shown of a table, and how wide each column is."""

    columns: tuple[Column, ...]
    widths: tuple[int, ...]
    left_out: tuple[str, ...]
    """Labels of the columns for which there is no room."""


def fit(columns: Sequence[Column], *, width: int) -> Layout:
    """Leave out columns from the end until the rest fits, then share what is left among the columns of prose."""
    shown, left_out = list(columns), list[str]()
    while len(shown) > 1 and _total([each.least for each in shown]) > width:
        left_out.insert(0, shown.pop().label)
    widths = [each.least for each in shown]
    spare = width - _total(widths)
    for place, column in enumerate(shown):
        more = max(0, min(spare, column.width - widths[place]))
        widths[place] += more
        spare -= more
    return Layout(columns=tuple(shown), widths=tuple(widths), left_out=tuple(left_out))


def lines_of(layout: Layout, *, wrap: bool = False) -> list[str]:
    """The header and the rows. A cell of prose that is too long is cut after a word, or (`wrap`) goes on below."""
    lines = _row([each.label for each in layout.columns], layout, wrap=False)
    for cells in zip(*(each.cells for each in layout.columns), strict=True):
        lines += _row(cells, layout, wrap=wrap)
    return lines


def _row(cells: Sequence[str], layout: Layout, *, wrap: bool) -> list[str]:
    parts = [
        wrapped(cell, width) if wrap else [shortened(cell, width)]
        for cell, width in zip(cells, layout.widths, strict=True)
    ]
    height = max(len(part) for part in parts)
    rows: list[str] = []
    for line in range(height):
        texts = [part[line] if line < len(part) else "" for part in parts]
        padded = [set_cell_size(text, width) for text, width in zip(texts, layout.widths, strict=True)]
        rows.append(GAP.join(padded).rstrip())
    return rows


def shortened(text: str, width: int) -> str:
    """`text` in one line of at most `width` cells; cut after a word where it is longer."""
    if cell_len(text) <= width:
        return text
    head = set_cell_size(text, max(0, width - 1)).rstrip()
    at_word = head.rpartition(" ")[0].rstrip(" ,;:")
    if text[len(head) : len(head) + 1] == " " or not at_word or cell_len(at_word) < width // 3:
        return head + ELLIPSIS
    return at_word + ELLIPSIS


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken between words; a longer word has a line of its own, cut."""
    lines, line = list[str](), ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word if cell_len(word) <= width else shortened(word, width)
    return [*lines, line]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * max(0, len(widths) - 1)
