"""Rules for arrays: items by place, lengths, uniqueness, what they contain."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from compiler.subset.ask import Ask, Rule
from compiler.subset.node import Node
from compiler.subset.part import ArrayFacts, TypePart
from compiler.subset.result import Reason, below


def _prefix_items(ask: Ask, part: TypePart, wanted: Node, schemas: Any) -> Iterator[Reason]:
    if part.kind == "array":
        for index, schema in enumerate(schemas):
            if index < part.array.most:
                yield from below(index, ask.fits(part.array.item(index), wanted.inner(schema)))


def _items(ask: Ask, part: TypePart, wanted: Node, items: Any) -> Iterator[Reason]:
    if part.kind != "array":
        return
    start = len(wanted.raw.get("prefixItems", ()))
    if items is False:
        if part.array.most > start:
            yield Reason(sentence=f"may have {_at_most(part.array)}, but must have at most {start}")
        return
    for index in range(start, part.array.prefix):
        if index < part.array.most:
            yield from below(index, ask.fits(part.array.item(index), wanted.inner(items)))
    rest = max(start, part.array.prefix)
    if rest < part.array.most:
        yield from below("*", ask.fits(part.array.item(rest), wanted.inner(items)))


def _min_items(_ask: Ask, part: TypePart, _wanted: Node, bound: Any) -> Iterator[Reason]:
    if part.kind == "array" and part.array.least < bound:
        least = part.array.least
        may = "may be empty" if least == 0 else f"may have only {least} items"
        yield Reason(sentence=f"{may}, but must have at least {bound} item{'' if bound == 1 else 's'}")


def _max_items(_ask: Ask, part: TypePart, _wanted: Node, bound: Any) -> Iterator[Reason]:
    if part.kind == "array" and part.array.most > bound:
        yield Reason(sentence=f"may have {_at_most(part.array)}, but must have at most {bound}")


def _at_most(array: ArrayFacts) -> str:
    return "any number of items" if math.isinf(array.most) else f"{array.most} items"


def _unique_items(_ask: Ask, part: TypePart, _wanted: Node, unique: Any) -> Iterator[Reason]:
    if part.kind == "array" and unique and not part.array.unique and part.array.most > 1:
        yield Reason(sentence="may have equal items, but its items must differ")


def _contains(ask: Ask, part: TypePart, wanted: Node, schema: Any) -> Iterator[Reason]:
    if part.kind != "array":
        return
    least, most = wanted.raw.get("minContains", 1), wanted.raw.get("maxContains", math.inf)
    inner = wanted.inner(schema)
    if not _enough(ask, part.array, inner, least):
        sentence = f"could not be shown to contain at least {least} item(s) of the form that is wanted"
        yield Reason(sentence=sentence, kind="unproven")
    if not _few_enough(ask, part.array, inner, most):
        sentence = f"could not be shown to contain at most {most} item(s) of the form that is limited"
        yield Reason(sentence=sentence, kind="unproven")


def _enough(ask: Ask, array: ArrayFacts, wanted: Node, least: int) -> bool:
    if least == 0:
        return True
    for node in array.contains:
        if node.raw.get("minContains", 1) >= least and not ask.fits((node.inner(node.raw["contains"]),), wanted):
            return True
    certain = 0
    for index in range(int(min(array.least, array.prefix + least))):
        if not ask.fits(array.item(min(index, array.prefix)), wanted):
            certain += 1
        elif index >= array.prefix:
            break
    return certain >= least


def _few_enough(ask: Ask, array: ArrayFacts, wanted: Node, most: int | float) -> bool:
    if array.most <= most:
        return True
    return any(
        node.raw.get("maxContains", math.inf) <= most and not ask.fits((wanted,), node.inner(node.raw["contains"]))
        for node in array.contains
    )


RULES: dict[str, Rule] = {
    "contains": _contains,
    "items": _items,
    "maxItems": _max_items,
    "minItems": _min_items,
    "prefixItems": _prefix_items,
    "uniqueItems": _unique_items,
}
