"""What the rules for single keywords may ask of the check as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from compiler.subset.node import Conjunction, Node
from compiler.subset.part import TypePart
from compiler.subset.result import Reason


class Ask(Protocol):
    """The check, seen from a rule."""

    def fits(self, given: Conjunction, wanted: Node) -> list[Reason]:
        """Why not all that `given` accepts is accepted by `wanted`; empty: it is. For values further down."""
        ...

    def part_fits(self, part: TypePart, wanted: Node) -> list[Reason]:
        """The same for the very values that the rule is asked about."""
        ...

    def impossible(self, given: Conjunction) -> bool:
        """Whether certainly no value is accepted by all of `given`."""
        ...


Rule = Callable[[Ask, TypePart, Node, Any], Iterator[Reason]]
"""Yields why values of the part break one keyword of the consumer's schema; the keyword's value comes last."""


def first_error(node: Node, value: Any) -> str | None:
    """What the schema finds wrong with a value; None: nothing."""
    error = next(node.doc.errors(value, node.raw), None)
    return None if error is None else error.message
