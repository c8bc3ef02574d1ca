"""Rules for objects: which properties there are, what they hold, how many and how they are called."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from compiler.schemas.budget import spend
from compiler.schemas.excerpt import listed, shown
from compiler.schemas.pattern import compiled
from compiler.subset.ask import Ask, Rule, first_error
from compiler.subset.node import Conjunction, Node, made
from compiler.subset.part import TypePart
from compiler.subset.result import Reason, below


def _required(_ask: Ask, part: TypePart, _wanted: Node, names: Any) -> Iterator[Reason]:
    if part.kind == "object":
        for name in names:
            if name not in part.object.required:
                yield Reason(sentence=f"may lack the property {shown(name, 60)}, which is required")


def _properties(ask: Ask, part: TypePart, wanted: Node, properties: Any) -> Iterator[Reason]:
    if part.kind == "object":
        lacking = set(wanted.raw.get("required", ())) - part.object.required - set(part.object.declared)
        for name, schema in properties.items():
            if name not in lacking and part.object.possible(name):
                reasons = ask.fits(part.object.value_of(name), wanted.inner(schema))
                yield from below(name, reasons if name in part.object.declared else _undeclared(reasons))


def _undeclared(reasons: list[Reason]) -> list[Reason]:
    """One reason in place of many: nothing is known of a property that the producer does not name."""
    if not reasons:
        return []
    sentence = "is not described by the producer, which does not exclude further properties either"
    return [Reason(sentence=f"{sentence}; {reasons[0].sentence}")]


def _additional(ask: Ask, part: TypePart, wanted: Node, additional: Any) -> Iterator[Reason]:
    if part.kind != "object" or additional is True:
        return
    named = wanted.raw.get("properties", {})
    patterns = wanted.raw.get("patternProperties", {})
    for name in part.object.declared:
        if name in named or any(_names(pattern, name) for pattern in patterns):
            continue
        if additional is False:
            yield Reason(path=(name,), sentence=f"may be there, but {_only(named)}")
        else:
            yield from below(name, ask.fits(part.object.value_of(name), wanted.inner(additional)))
    if part.object.open:
        if additional is False:
            yield Reason(sentence=f"may have further properties, but {_only(named)}")
        else:
            yield from below("*", _others_fit(ask, part, wanted.inner(additional)))


def _only(named: Any) -> str:
    return f"only {listed(list(named))} are allowed" if named else "no properties are allowed"


def _pattern_properties(ask: Ask, part: TypePart, wanted: Node, patterns: Any) -> Iterator[Reason]:
    if part.kind != "object":
        return
    for pattern, schema in patterns.items():
        inner = wanted.inner(schema)
        for name in part.object.declared:
            if _names(pattern, name):
                yield from below(name, ask.fits(part.object.value_of(name), inner))
        same = part.object.matching(pattern)
        covered = bool(same) and not ask.fits(same, inner)
        if part.object.open and not covered:
            yield from below("*", _others_fit(ask, part, inner))


def _names(pattern: str, name: str) -> bool:
    spend()
    return compiled(pattern).search(name)


def _others_fit(ask: Ask, part: TypePart, wanted: Node) -> list[Reason]:
    """Whether every property that the producer does not name fits."""
    possibilities = part.object.others()
    if not part.object.patterned:
        return ask.fits(tuple(node for each in possibilities for node in each), wanted)
    reasons: list[Reason] = []
    for each in possibilities:
        reasons = [reason for node in each for reason in ask.fits((node,), wanted)]
        if not reasons:
            return []
    return reasons


def _property_names(ask: Ask, part: TypePart, wanted: Node, names: Any) -> Iterator[Reason]:
    if part.kind != "object":
        return
    inner = wanted.inner(names)
    for name in part.object.declared:
        error = first_error(inner, name)
        if error:
            yield Reason(path=(name,), sentence=f"may be there, but its name {error}")
    if part.object.open:
        for reason in ask.fits(part.object.names(), inner):
            yield Reason(sentence=f"may have further properties whose name {reason.sentence}", kind=reason.kind)


def _min_properties(_ask: Ask, part: TypePart, _wanted: Node, bound: Any) -> Iterator[Reason]:
    if part.kind == "object" and part.object.least < bound:
        yield Reason(sentence=f"may have only {part.object.least} properties, but must have at least {bound}")


def _max_properties(_ask: Ask, part: TypePart, _wanted: Node, bound: Any) -> Iterator[Reason]:
    if part.kind == "object" and part.object.most > bound:
        most = part.object.most
        may = "any number of" if math.isinf(most) else most
        yield Reason(sentence=f"may have {may} properties, but must have at most {bound}")


def _dependent_required(_ask: Ask, part: TypePart, _wanted: Node, dependent: Any) -> Iterator[Reason]:
    if part.kind != "object":
        return
    for name, needed in dependent.items():
        if part.object.possible(name):
            for other in set(needed) - part.object.dependents(name) - {name}:
                yield Reason(
                    sentence=f"may have {shown(name, 60)} without {shown(other, 60)}, which it then needs"
                )


def _dependent_schemas(ask: Ask, part: TypePart, wanted: Node, dependent: Any) -> Iterator[Reason]:
    if part.kind != "object":
        return
    for name, schema in dependent.items():
        if part.object.possible(name):
            with_it: Conjunction = (*part.nodes, made({"required": [name]}))
            yield from ask.fits(with_it, wanted.inner(schema))


RULES: dict[str, Rule] = {
    "additionalProperties": _additional,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "maxProperties": _max_properties,
    "minProperties": _min_properties,
    "patternProperties": _pattern_properties,
    "properties": _properties,
    "propertyNames": _property_names,
    "required": _required,
}
