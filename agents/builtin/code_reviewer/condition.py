"""A condition as it stands in a line, in any language -> its truth table; and whether another one lets more through.

Only the structure counts: `not`, `and`, `or`, brackets, comparisons. What is compared is an atom, known by its text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\s*(\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|&&|\|\||===|!==|==|!=|<=|>=|=~|->|=>|::|\?\.|\w+(?:[!?](?!=))?|\S)"
)
_AND, _OR, _NOT = frozenset({"and", "&&"}), frozenset({"or", "||"}), frozenset({"not", "!"})
_SAME, _OTHER = frozenset({"==", "===", "is"}), frozenset({"!=", "!=="})
_TRUE, _FALSE = frozenset({"True", "true", "1"}), frozenset({"False", "false", "0"})
_LONGEST = 400
_MOST_ATOMS = 8


class _NoConditionError(Exception):
    """The text is none that can be read."""


@dataclass(frozen=True)
class _Atom:
    text: str


@dataclass(frozen=True)
class _Not:
    of: _Node


@dataclass(frozen=True)
class _Both:
    parts: tuple[_Node, ...]


@dataclass(frozen=True)
class _Either:
    parts: tuple[_Node, ...]


@dataclass(frozen=True)
class _Fixed:
    value: bool


_Node = _Atom | _Not | _Both | _Either | _Fixed


def lets_more_through(old: str, new: str, *, refuses: bool) -> str | None:
    """What became weaker from `old` to `new`; None: nothing, or they cannot be compared.

    `refuses`: what is true is refused; else what is true is granted.
    """
    try:
        before, after = _read(old), _read(new)
    except (_NoConditionError, RecursionError):
        return None
    was, now = _atoms(before), _atoms(after)
    shared = was & now
    if before == after or (not shared and not isinstance(after, _Fixed)) or (was - now and now - was):
        return None
    if isinstance(after, _Fixed) and isinstance(before, _Fixed):
        return None
    names = sorted(was | now)
    if len(names) > _MOST_ATOMS:
        return None
    looser = stricter = False
    for values in itertools.product((False, True), repeat=len(names)):
        known = dict(zip(names, values, strict=True))
        one, other = _value(before, known), _value(after, known)
        passed, passes = (not one, not other) if refuses else (one, other)
        looser |= passes and not passed
        stricter |= passed and not passes
    if not looser:
        return None
    return "was turned around" if stricter else "lets more through"


def condition_of(line: str) -> tuple[str, bool] | None:
    """The condition in a line, and whether the line grants by it (`return …`); None where there is none."""
    text = line.strip().removesuffix("{").strip().lstrip("}").strip()
    if found := re.match(r"(?:else\s+if|elsif|elif|if|unless|assert)\b\s*(.*)$", text):
        rest = found[1]
        turned = text.startswith("unless") or text.startswith("assert")
        if rest.startswith("("):
            rest = _bracketed(rest)
        rest = re.split(r"\bthen\b|:\s*$|:\s+(?=raise|return|abort|continue)", rest)[0].rstrip(": ")
        if text.startswith("assert"):
            rest = rest.split(",")[0]
        return (f"not ({rest})" if turned else rest), False
    if found := re.match(
        r"(?:raise|return|throw|head|redirect_to|render|abort|next)\b.*?\s(if|unless)\s+(.*)$", text
    ):
        return (f"not ({found[2]})" if found[1] == "unless" else found[2]), False
    if found := re.match(r"return\s+(.+?);?$", text):
        return found[1], True
    return None


def _bracketed(text: str) -> str:
    """Up to the bracket that ends the first one: what follows is the body."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            rest = text[at + 1 :].strip()
            return text if re.match(r"(?:&&|\|\||and\b|or\b|==|!=|[<>.])", rest) else text[: at + 1]
    return text


def _read(text: str) -> _Node:
    if len(text) > _LONGEST:
        raise _NoConditionError
    tokens = [each[1] for each in _TOKEN.finditer(text)]
    if not tokens:
        raise _NoConditionError
    node, at = _either(tokens, 0)
    if at != len(tokens):
        raise _NoConditionError
    return node


def _either(tokens: list[str], at: int) -> tuple[_Node, int]:
    parts, at = _joined(tokens, at, by=_OR, of=_both)
    return (parts[0] if len(parts) == 1 else _Either(parts)), at


def _both(tokens: list[str], at: int) -> tuple[_Node, int]:
    parts, at = _joined(tokens, at, by=_AND, of=_single)
    return (parts[0] if len(parts) == 1 else _Both(parts)), at


def _joined(
    tokens: list[str], at: int, *, by: frozenset[str], of: Callable[[list[str], int], tuple[_Node, int]]
) -> tuple[tuple[_Node, ...], int]:
    """The parts that these words join, and where they end."""
    node, at = of(tokens, at)
    parts = [node]
    while at < len(tokens) and tokens[at] in by:
        node, at = of(tokens, at + 1)
        parts.append(node)
    return tuple(parts), at


def _single(tokens: list[str], at: int) -> tuple[_Node, int]:
    if at >= len(tokens):
        raise _NoConditionError
    if tokens[at] in _NOT:
        node, at = _single(tokens, at + 1)
        return _Not(node), at
    if tokens[at] == "(":
        try:
            node, end = _either(tokens, at + 1)
        except _NoConditionError:
            return _atom(tokens, at)
        if end < len(tokens) and tokens[end] == ")" and _ends(tokens, end + 1):
            return node, end + 1
    return _atom(tokens, at)


def _ends(tokens: list[str], at: int) -> bool:
    return at >= len(tokens) or tokens[at] in _AND | _OR | {")"}


def _atom(tokens: list[str], at: int) -> tuple[_Node, int]:
    depth, taken = 0, list[str]()
    while at < len(tokens):
        token = tokens[at]
        if depth == 0 and (token in _AND | _OR or token == ")"):
            break
        if token in ("?", ":", "lambda", "=>", ";") and depth == 0:
            raise _NoConditionError
        depth += (token in "([{") - (token in ")]}")
        taken.append(token)
        at += 1
    if not taken:
        raise _NoConditionError
    return _compared(taken), at


def _compared(tokens: list[str]) -> _Node:
    """`a != b` is not `a == b`, `a >= b` is not `a < b`; where exactly the border lies does not matter here."""
    if tokens[0] in _TRUE | _FALSE and len(tokens) == 1:
        return _Fixed(tokens[0] in _TRUE)
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token in "([{") - (token in ")]}")
        if depth:
            continue
        left, right = "".join(tokens[:at]), " ".join(tokens[at + 1 :])
        if token == "not" and tokens[at + 1 : at + 2] == ["in"]:
            return _Not(_Atom(f"{left} in {' '.join(tokens[at + 2 :])}"))
        if token == "is" and tokens[at + 1 : at + 2] == ["not"]:
            return _Not(_Atom(f"{left} == {' '.join(tokens[at + 2 :])}"))
        if token in _SAME or token in _OTHER:
            same = _Atom(" == ".join(sorted((left, right))))
            return same if token in _SAME else _Not(same)
        if token in ("<", "<=", ">", ">="):
            less = _Atom(" < ".join(sorted((left, right))))
            return less if (token in ("<", "<=")) == (left <= right) else _Not(less)
    return _Atom(" ".join(tokens))


def _atoms(node: _Node) -> set[str]:
    match node:
        case _Atom(text):
            return {text}
        case _Not(of):
            return _atoms(of)
        case _Both(parts) | _Either(parts):
            return {text for part in parts for text in _atoms(part)}
        case _Fixed():
            return set()


def _value(node: _Node, known: dict[str, bool]) -> bool:
    match node:
        case _Atom(text):
            return known[text]
        case _Not(of):
            return not _value(of, known)
        case _Both(parts):
            return all(_value(part, known) for part in parts)
        case _Either(parts):
            return any(_value(part, known) for part in parts)
        case _Fixed(value):
            return value
