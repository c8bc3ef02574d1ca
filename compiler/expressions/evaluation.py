"""Expression + scope -> JSON value, by a small interpreter over JSON data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import JsonValue

from compiler.expressions.filters import FILTERS, FilterError, equal, kind_of, to_text
from compiler.expressions.tree import (
    Arithmetic,
    Choice,
    Compare,
    Constant,
    Expression,
    Filtered,
    Index,
    ListOf,
    Logic,
    Negation,
    Not,
    ObjectOf,
    Reference,
    TemplateError,
)
from compiler.language.plain_scalars import MAX_SAFE_INTEGER

MAX_TEXT = 1_000_000
"""Longest text that one expression or template may result in."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What templates see."""

    context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The event, or what a schedule or a person started the run with."""
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Of the nodes that ended: id -> `{"output": …, "status": "SUCCESS" | "FAILED" | "SKIPPED", "error": …}`."""
    run: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """`id`, `trigger`, `projectId`, `attempt`."""
    item: Any = None
    """The item of a `foreach` node."""


def evaluate(expression: Expression, scope: Scope) -> Any:
    """The expression's value. What is missing is null. Raises TemplateError."""
    match expression:
        case Constant():
            return expression.value
        case Reference():
            return _follow(expression, scope)
        case Index():
            return _at(evaluate(expression.base, scope), evaluate(expression.key, scope))
        case Negation():
            return -_number(evaluate(expression.operand, scope), "-")
        case Not():
            return not truthy(evaluate(expression.operand, scope))
        case Logic():
            left = evaluate(expression.left, scope)
            decided = truthy(left) == (expression.operator == "or")
            return left if decided else evaluate(expression.right, scope)
        case Arithmetic():
            return _arithmetic(
                expression.operator, evaluate(expression.left, scope), evaluate(expression.right, scope)
            )
        case Compare():
            return _compare(
                expression.operator, evaluate(expression.left, scope), evaluate(expression.right, scope)
            )
        case Choice():
            chosen = expression.then if truthy(evaluate(expression.test, scope)) else expression.otherwise
            return evaluate(chosen, scope)
        case Filtered():
            arguments = [evaluate(argument, scope) for argument in expression.arguments]
            return _apply(expression.name, evaluate(expression.value, scope), arguments)
        case ListOf():
            return [evaluate(item, scope) for item in expression.items]
        case ObjectOf():
            return {key: evaluate(value, scope) for key, value in expression.entries}


def truthy(value: Any) -> bool:
    """False for null, false, 0, empty text, list and object."""
    return bool(value)


def _follow(reference: Reference, scope: Scope) -> Any:
    value: Any = getattr(scope, reference.root)
    for step in reference.steps:
        value = _at(value, step)
    return value


def _at(value: Any, step: Any) -> Any:
    """One step into a value; null where there is nothing."""
    if isinstance(value, Mapping) and isinstance(step, str):
        return cast("Mapping[str, Any]", value).get(step)
    if isinstance(value, list | tuple) and isinstance(step, int) and not isinstance(step, bool):
        items = cast("list[Any]", value)
        return items[step] if -len(items) <= step < len(items) else None
    return None


def _number(value: Any, operator: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TemplateError(f"{operator!r} needs numbers, found {kind_of(value)}")
    return value


def _arithmetic(operator: str, left: Any, right: Any) -> Any:
    if operator == "~":
        return _bounded_text(to_text(left), to_text(right))
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        return _bounded_text(left, right)
    _number(left, operator)
    _number(right, operator)
    try:
        return _bounded_number(_calculate(operator, left, right))
    except ZeroDivisionError:
        raise TemplateError(f"{to_text(left)} {operator} 0 is a division by zero") from None
    except OverflowError:
        raise TemplateError(f"the result of {operator!r} is too large") from None


def _calculate(operator: str, left: Any, right: Any) -> Any:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "//":
            return left // right
        case _:
            return left % right


def _bounded_number(value: int | float) -> int | float:
    if isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER:
        return value
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return value
    raise TemplateError("the result is a number too large to be kept exactly")


def _bounded_text(*parts: str) -> str:
    if sum(map(len, parts)) > MAX_TEXT:
        raise TemplateError(f"the text would be longer than {MAX_TEXT:,} characters")
    return "".join(parts)


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator in ("==", "!="):
        return equal(left, right) == (operator == "==")
    if operator in ("in", "not in"):
        return _contains(right, left) == (operator == "in")
    kinds = {kind_of(left), kind_of(right)}
    if kinds not in ({"number"}, {"text"}):
        raise TemplateError(f"{operator!r} cannot compare {kind_of(left)} with {kind_of(right)}")
    if operator in ("<", "<="):
        left, right = right, left
    return bool(left > right or (operator in (">=", "<=") and left == right))


def _contains(holder: Any, value: Any) -> bool:
    if isinstance(holder, str) and isinstance(value, str):
        return value in holder
    if isinstance(holder, Mapping):
        return isinstance(value, str) and value in holder
    if isinstance(holder, list | tuple):
        return any(equal(item, value) for item in cast("list[Any]", holder))
    raise TemplateError(f"'in' cannot look for {kind_of(value)} in {kind_of(holder)}")


def _apply(name: str, value: Any, arguments: list[JsonValue]) -> Any:
    entry = FILTERS[name]
    if "any" not in entry.takes and kind_of(value) not in entry.takes:
        wanted = " or ".join(entry.takes)
        raise TemplateError(f"the filter {name!r} takes {wanted}, found {kind_of(value)}")
    try:
        result = entry.apply(value, *arguments)
    except FilterError as exc:
        raise TemplateError(f"the filter {name!r} failed: {exc}") from exc
    except RecursionError:
        raise TemplateError(f"the filter {name!r} was given a value that is nested too deeply") from None
    if isinstance(result, str):
        return _bounded_text(result)
    return _bounded_number(result) if isinstance(result, int | float) and not isinstance(result, bool) else result
