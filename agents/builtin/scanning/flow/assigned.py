"""Which variables a loop changes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from agents.builtin.scanning.flow.containers import MUTATORS
from agents.builtin.scanning.flow.tree import (
    Attr,
    Call,
    Do,
    Expr,
    If,
    Index,
    Items,
    Leave,
    Loop,
    Name,
    Put,
    Return,
    Stmt,
    Switch,
    Try,
    every,
)

_CHANGING = MUTATORS | {"pop", "remove", "shift", "clear", "delete"}


@lru_cache(maxsize=2_000)
def changed(loop: Loop) -> frozenset[str]:
    """Names that are set in the loop, or whose contents are."""
    return frozenset(name for expr in _expressions([loop]) for one in every(expr) for name in _of(one))


def _of(expr: Expr) -> Iterator[str]:
    if isinstance(expr, Put):
        yield from _roots(expr.target)
    elif isinstance(expr, Call) and isinstance(expr.func, Attr) and expr.func.name in _CHANGING:
        yield from _roots(expr.func.of)


def _roots(target: Expr) -> Iterator[str]:
    if isinstance(target, Items):
        for one in target.parts:
            yield from _roots(one)
    while isinstance(target, Index | Attr):
        target = target.of
    if isinstance(target, Name):
        yield target.name


def _expressions(body: list[Stmt] | list[Loop]) -> Iterator[Expr]:
    pending: list[Stmt] = list(body)
    while pending:
        one = pending.pop()
        match one:
            case Do():
                yield one.expr
            case If():
                yield one.test
                pending += [*one.body, *one.orelse]
            case Loop():
                yield from (expr for expr in (one.over, one.test) if expr is not None)
                pending += [*one.body, *one.orelse]
            case Return() | Leave():
                if one.value is not None:
                    yield one.value
            case Try():
                pending += [*one.body, *(each for handler in one.handlers for each in handler), *one.last]
            case Switch():
                yield one.subject
                for _, inner in one.cases:
                    pending += inner
            case _:
                pass
