"""A message as every channel renders it, with its text escaped: title, text, facts, severity."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["INFO", "WARNING", "ERROR", "CRITICAL"]
COLOURS: dict[Severity, int] = {"INFO": 0x0969DA, "WARNING": 0x9A6700, "ERROR": 0xA40E26, "CRITICAL": 0x6E011A}


@dataclass(frozen=True, kw_only=True)
class Message:
    """What to say."""

    text: str
    title: str = ""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Label -> value, shown as a list."""
    severity: Severity | None = None

    def __post_init__(self) -> None:
        """Whatever shows it: no character of it moves, hides or turns others."""
        object.__setattr__(self, "text", visible(self.text))
        object.__setattr__(self, "facts", {visible(label): visible(value) for label, value in self.facts.items()})

    @property
    def body(self) -> str:
        """The text for a chat, which refuses a message that shows nothing."""
        shown = self.text if self.text.strip() else ""
        return shown if shown or self.heading or self.facts else "(no text)"

    @property
    def heading(self) -> str:
        """Severity and title on one line; empty where there is neither."""
        return ": ".join(part for part in (self.severity or "", one_line(self.title)) if part)

    @property
    def plain(self) -> str:
        """All of it as plain text."""
        facts = "\n".join(f"{one_line(label)}: {value}" for label, value in self.facts.items())
        return "\n\n".join(part for part in (self.heading, self.text, facts) if part)


CUT_OFF = "… (cut off)"
_JOINERS = "\u200c\u200d"
"""Persian, Indic scripts and emoji are misspelled without these two."""
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


def visible(text: str) -> str:
    """Lines as they are; control characters and marks of direction as escapes, other hidden characters left out."""
    return "".join(_shown(char) for char in text.replace("\r\n", "\n"))


def _shown(char: str) -> str:
    if char.isprintable() or char in "\n\t" or char in _JOINERS:
        return char
    if char in _TURNING or unicodedata.category(char) == "Cc":
        return f"\\u{ord(char):04x}"
    # Spaces of other widths are not printable to Python; format characters and lone surrogates show nothing.
    return " " if char.isspace() else ""


def one_line(text: str) -> str:
    """Without line breaks and control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def cut(text: str, most: int) -> str:
    """At most so many characters; what is left out is said."""
    return text if len(text) <= most else text[: most - len(CUT_OFF)] + CUT_OFF
