"""Formatted strings of Python -> sums of their parts, with every line where it was: what any Python can parse."""

from __future__ import annotations

import re

_START = re.compile(r"""(?<![A-Za-z0-9_])([A-Za-z]{0,2})(\"\"\"|\'\'\'|\"|\')""")
_DEEPEST = 20


def plain(text: str) -> str:
    """The source with `f"a{b}"` written as `("a"+(b))`."""
    return _rewritten(text, 0)


def _rewritten(text: str, depth: int) -> str:
    made: list[str] = []
    place = 0
    while place < len(text):
        if text[place] == "#":
            end = text.find("\n", place)
            end = len(text) if end < 0 else end
            made.append(text[place:end])
            place = end
            continue
        found = _START.match(text, place) if text[place] in "\"'" or text[place].isalpha() else None
        if found is None:
            made.append(text[place])
            place += 1
            if made[-1].isalnum() or made[-1] == "_":
                while place < len(text) and (text[place].isalnum() or text[place] == "_"):
                    made.append(text[place])
                    place += 1
            continue
        prefix, quote = found[1].lower(), found[2]
        if prefix.strip("rbuf"):
            made.append(text[place])
            place += 1
            continue
        if "f" not in prefix or depth > _DEEPEST:
            end = _end_of_plain(text, found.end(), quote, "r" in prefix)
            made.append(text[place:end])
        else:
            written, end = _formatted(text, found.end(), quote, "r" if "r" in prefix else "", depth)
            made.append(written)
        place = end
    return "".join(made)


def _end_of_plain(text: str, place: int, quote: str, raw: bool) -> int:
    while place < len(text):
        if text[place] == "\\":
            place += 2
        elif text.startswith(quote, place):
            return place + len(quote)
        else:
            place += 1
    return len(text)


def _formatted(text: str, place: int, quote: str, raw: str, depth: int) -> tuple[str, int]:
    parts: list[str] = []
    literal: list[str] = []

    def close() -> None:
        if literal:
            parts.append(f"{raw}{quote}{''.join(literal)}{quote}")
            literal.clear()

    while place < len(text):
        if text.startswith(quote, place):
            place += len(quote)
            break
        if text.startswith(("{{", "}}"), place):
            literal.append(text[place])
            place += 2
        elif text[place] == "\\" and place + 1 < len(text):
            literal.append(text[place : place + 2])
            place += 2
        elif text[place] == "{":
            close()
            end = _end_of_field(text, place + 1)
            inner = _value(text[place + 1 : end])
            parts.append(f"({_rewritten(inner, depth + 1)})")
            place = end + 1
        else:
            literal.append(text[place])
            place += 1
    close()
    return f"({'+'.join(parts) or repr('')})", place


def _end_of_field(text: str, place: int) -> int:
    """Where the bracket of a field closes; quotes and brackets in it count."""
    level = 0
    while place < len(text):
        char = text[place]
        if char in "\"'":
            quote = text[place : place + 3] if text.startswith((char * 3,), place) else char
            place = _end_of_plain(text, place + len(quote), quote, False)
            continue
        if char in "([{":
            level += 1
        elif char in ")]}":
            if char == "}" and not level:
                return place
            level -= 1
        place += 1
    return len(text)


def _value(field: str) -> str:
    """The expression of a field, without conversion and format."""
    level = place = 0
    while place < len(field):
        char = field[place]
        if char in "\"'":
            place = _end_of_plain(field, place + 1, char, False)
            continue
        if char in "([{":
            level += 1
        elif char in ")]}":
            level -= 1
        elif not level and char == ":" and not field.startswith(":=", place):
            return field[:place]
        elif not level and char == "!" and field[place + 1 : place + 2] != "=":
            return field[:place]
        place += 1
    return field.rstrip().removesuffix("=") if field.rstrip().endswith("=") else field
