"""Any text -> one line that can be set in print, wraps, and only shows: no control characters, no direction marks."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_LONG_WORD = re.compile(r"\S{18,}")
_JOINING = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
"""Letters that are shaped by their neighbours: such words are broken less often."""
_SEPARATORS = re.compile(r"[/\\\\:]+")
_IDEOGRAPHS = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")
"""A line may end after any of them by itself."""
_BREAK = "\u200b"
"""Marks a place to break for `as_json`; a zero-width space in the document itself would be copied with the text."""
_JOINERS = "\u200c\u200d"
"""Persian, Indic scripts and emoji are misspelled without these two."""


@dataclass(frozen=True)
class Printable:
    """A text and its base direction."""

    text: str
    rtl: bool
    lang: str

    def as_json(self) -> dict[str, object]:
        """As the template reads it."""
        parts = self.text.split(_BREAK)
        return {"text": "".join(parts), "parts": parts, "rtl": self.rtl, "lang": self.lang}


def printable(text: str, *, limit: int = 600) -> Printable:
    """One line, cut at `limit` characters; long words may be broken anywhere."""
    line = " ".join("".join(_character(char) for char in text[: limit * 2]).split())
    shown = line if len(line) <= limit else f"{line[: limit - 1]}…"
    first = next((way for char in shown if (way := unicodedata.bidirectional(char)) in ("L", "R", "AL")), "L")
    return Printable(
        text=_LONG_WORD.sub(_breakable, shown), rtl=first != "L", lang={"R": "he", "AL": "ar"}.get(first, "en")
    )


_MARK = "\u200e"
"""Left to right: it shows nothing, and keeps what stands on both sides of it apart."""


def place(text: str, *, limit: int = 600) -> Printable:
    """The same for a path: its parts stand from left to right, whatever script each is written in.

    By themselves separators and digits beside Arabic or Hebrew would go to the other side of it.
    """
    shown = printable(text, limit=limit)
    if not _JOINING.search(shown.text):
        return shown
    return Printable(text=_SEPARATORS.sub(_kept_apart, shown.text), rtl=False, lang=shown.lang)


def _kept_apart(separator: re.Match[str]) -> str:
    """With a mark where both sides would be read as one piece from right to left; else nothing has to be said."""
    text = separator.string
    before = next((way for char in reversed(text[: separator.start()]) if (way := _way(char)) in ("L", "R")), "L")
    after = next((way for char in text[separator.end() :] if (way := _way(char)) is not None), "L")
    return f"{separator[0]}{_MARK}" if before == "R" and after in ("R", "N") else separator[0]


def _way(char: str) -> str | None:
    """`L`, `R`, `N` for a digit, which goes with what stands before it; None for what has no direction."""
    return {"L": "L", "R": "R", "AL": "R", "EN": "N", "AN": "N"}.get(unicodedata.bidirectional(char))


def _character(char: str) -> str:
    if char.isspace():
        return " "
    if char in _JOINERS:
        return char
    # Among the format characters are the marks that turn the direction of text.
    return "" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn") else char


def _breakable(word: re.Match[str]) -> str:
    """The word with places to break, between letters and digits only: accents and joiners stay with theirs.

    Each costs the typesetter memory, so there are no more than lines need; where a line may end anywhere, none.
    """
    step = 12 if _JOINING.search(word[0]) else 4
    made, since, before = "", 0, ""
    for char in word[0]:
        if since >= step and char.isalnum() and before.isalnum() and not (_IDEOGRAPHS.match(char)):
            made, since = made + _BREAK, 0
        made, since, before = made + char, since + 1, char
    return made
