"""Sentences that contain text from outside -> parts of a card that keep the two apart.

The words are ours. All else is a `Value` or the text of a `Block`: safe text, which each channel shows as text
and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.safe_text import safe_text


@dataclass(frozen=True)
class QuotedValue:
    """A short text from outside, in a sentence of ours."""

    text: str

    @property
    def shown(self) -> str:
        """In one line of safe text."""
        return " ".join(safe_text(self.text, limit=400).split())


Words = tuple["str | QuotedValue", ...]


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One paragraph."""

    words: Words
    mark: str = ""
    """What stands out in front of it; only ever words of ours."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A title and the text below it, several lines of it from outside."""

    title: Words
    text: str
    """Inert, bounded."""


CardPart = Sentence | Block


def plain_words(words: Words) -> str:
    """A sentence for a terminal or a log line."""
    return "".join(each.shown if isinstance(each, QuotedValue) else each for each in words)


def value(text: object) -> QuotedValue:
    """Anything from outside as a `Value`."""
    return QuotedValue("" if text is None else str(text))


def join(values: list[str]) -> Words:
    """`a, b and c`, each of them from outside."""
    words: list[str | QuotedValue] = []
    for index, each in enumerate(values):
        if index:
            words.append(" and " if index == len(values) - 1 else ", ")
        words.append(QuotedValue(each))
    return tuple(words)
