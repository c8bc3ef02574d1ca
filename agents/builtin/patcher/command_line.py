"""A shell command line put together from text and values -> the words of an argument list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.builtin.patcher.edit import CannotFixError

SHELL_SYNTAX = frozenset("|&;<>()$`\\\"'*?[]~#{}!\n\r\t=%")
_OF_THE_SHELL = frozenset(
    ". : [[ alias assoc bg bind builtin call case cd cls command compgen complete copy declare del dir dirs disown do "
    "enable erase eval exec exit export fc fg for function getopts hash help history if jobs let local logout md "
    "popd pushd rd read readonly ren rename return select set shift shopt source start suspend then time times trap "
    "type typeset ulimit umask unalias unset until ver vol wait while".split()
)
"""Words that a shell knows itself: there is no such program, or one that cannot do the same."""
_SEVERAL_WORDS = re.compile(
    r"\.join\(|(^|[^A-Za-z])\w*?(args|argv|arguments|options|opts|flags|params|commands?|cmd)\d*$", re.IGNORECASE
)
"""Values that are meant to be split into several arguments."""
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
            if _SEVERAL_WORDS.search(part.source.rstrip("()")):
                raise CannotFixError(
                    f"{part.source[:60]!r} may hold several arguments, which would become one: make it a list"
                )
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
    refuse_word_of_the_shell("".join(piece for piece in made[0] if isinstance(piece, str)))
    if "=" in "".join(piece for piece in made[0] if isinstance(piece, str)):
        raise CannotFixError("the command line sets a variable, which needs a shell")
    return made


def refuse_word_of_the_shell(program: str) -> None:
    """Raises CannotFixError for what is no program."""
    if program in _OF_THE_SHELL:
        raise CannotFixError(f"{program!r} is a word of the shell and no program: do it in the language itself")


def _refuse_shell_syntax(text: str) -> None:
    used = sorted((SHELL_SYNTAX - _ALLOWED_IN_WORDS) & set(text))
    if used:
        raise CannotFixError(f"the command line uses shell syntax ({' '.join(map(repr, used))})")
