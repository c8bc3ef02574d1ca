"""A shell command line put together from text and values -> the words of an argument list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.builtin.patcher.edit import CannotFixError

_SHELL_SYNTAX = frozenset("|&;<>()$`\\\"'*?[]~#{}!\n\r\t=%")
_ALLOWED_IN_WORDS = frozenset("=%")
"""Shell syntax only at the start of a command (an assignment) or for history; plain within later words."""


@dataclass(frozen=True)
class CommandValue:
    """Source text of an expression whose value goes into the command line."""

    source: str


Word = tuple[str | CommandValue, ...]
"""Pieces that together make one argument."""


def words(parts: Sequence[str | CommandValue]) -> list[Word]:
    """Split at the spaces of the literal text; values add no words. Raises CannotFixError for shell syntax."""
    found: list[list[str | CommandValue]] = [[]]
    for part in parts:
        if isinstance(part, CommandValue):
            found[-1].append(part)
            continue
        _refuse_shell_syntax(part)
        pieces = part.split(" ")
        for index, piece in enumerate(pieces):
            if index:
                found.append([])
            if piece:
                found[-1].append(piece)
    made = [tuple(word) for word in found if word]
    if not made or not all(isinstance(piece, str) for piece in made[0]):
        raise CannotFixError("the program to start is not a literal")
    if "=" in "".join(piece for piece in made[0] if isinstance(piece, str)):
        raise CannotFixError("the command line sets a variable, which needs a shell")
    return made


def _refuse_shell_syntax(text: str) -> None:
    used = sorted((_SHELL_SYNTAX - _ALLOWED_IN_WORDS) & set(text))
    if used:
        raise CannotFixError(f"the command line uses shell syntax ({' '.join(map(repr, used))})")
