"""Expressions as a tree of a few known node types, and the errors of reading and evaluating them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operator = Literal["+", "-", "*", "/", "//", "%", "~"]
Comparison = Literal["==", "!=", ">", ">=", "<", "<=", "in", "not in"]


class TemplateError(ValueError):
    """A template that cannot be read or evaluated; the message is one clear sentence."""


class ExpressionError(TemplateError):
    """A template that cannot be read: an error of the author, found before anything runs."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Reference:
    """A path from one of the roots: `nodes.scan.output.total` is `nodes` and (`scan`, `output`, `total`)."""

    root: str
    steps: tuple[str | int, ...]

    def __str__(self) -> str:
        return self.root + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.steps)


@dataclass(frozen=True, slots=True)
class Index:
    """A step into a value by a computed key or position."""

    base: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Negation:
    """Arithmetic minus."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """Logical not."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Logic:
    """`and` / `or`; gives the operand that decided, as in Jinja."""

    operator: Literal["and", "or"]
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Numbers; `+` and `~` join text as well."""

    operator: Operator
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison."""

    operator: Comparison
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Choice:
    """`a if test else b`."""

    test: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Filtered:
    """`value | name(arguments)`."""

    value: Expression
    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list literal."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """An object literal with constant text keys."""

    entries: tuple[tuple[str, Expression], ...]


Expression = (
    Constant
    | Reference
    | Index
    | Negation
    | Not
    | Logic
    | Arithmetic
    | Compare
    | Choice
    | Filtered
    | ListOf
    | ObjectOf
)
