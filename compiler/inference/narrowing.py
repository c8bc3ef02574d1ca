"""Condition that holds, or does not -> the references that cannot be null then."""

from __future__ import annotations

from compiler.expressions.tree import Compare, Constant, Expression, Logic, Not, Reference

_NOTHING = frozenset[Reference]()
_ORDER = (">", ">=", "<", "<=")


def not_null_if(expression: Expression, *, holds: bool) -> frozenset[Reference]:
    """References that have a value whenever the expression gives true (`holds`) or false."""
    match expression:
        case Reference():
            return frozenset({expression}) if holds else _NOTHING
        case Not():
            return not_null_if(expression.operand, holds=not holds)
        case Logic():
            left = not_null_if(expression.left, holds=holds)
            right = not_null_if(expression.right, holds=holds)
            # Both sides of an `and` that holds do, and neither side of an `or` that does not.
            return left | right if (expression.operator == "and") == holds else left & right
        case Compare():
            return _compared(expression, holds=holds)
        case _:
            return _NOTHING


def _compared(expression: Compare, *, holds: bool) -> frozenset[Reference]:
    operator, left, right = expression.operator, expression.left, expression.right
    if operator in _ORDER:  # null has no order: such a comparison never gives true
        return frozenset(each for each in (left, right) if isinstance(each, Reference)) if holds else _NOTHING
    if operator not in ("==", "!="):
        return _NOTHING
    if isinstance(left, Constant):
        left, right = right, left
    if not isinstance(left, Reference) or not isinstance(right, Constant):
        return _NOTHING
    equal = (operator == "==") == holds
    return frozenset({left}) if equal != (right.value is None) else _NOTHING
