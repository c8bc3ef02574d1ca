"""Rules for keywords that apply to any type: `type`, `enum`, references and combinations of schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.schemas.assertions import type_phrase
from compiler.schemas.excerpt import listed, shown
from compiler.subset.alternatives import types_of
from compiler.subset.ask import Ask, Rule
from compiler.subset.discriminator import told_apart
from compiler.subset.node import Node
from compiler.subset.part import TypePart
from compiler.subset.result import Reason


def _type(_ask: Ask, part: TypePart, _wanted: Node, types: Any) -> Iterator[Reason]:
    allowed = types_of({"type": types})
    if not part.types <= allowed and not (part.kind == "number" and part.number.integer and "integer" in allowed):
        yield Reason(sentence=f"may be {part.name}, but must be {type_phrase(types)}")


def _enum(_ask: Ask, part: TypePart, _wanted: Node, values: Any) -> Iterator[Reason]:
    kind = "unproven" if part.kind in ("array", "object") else "mismatch"
    yield Reason(sentence=f"may be {_any(part)}, but must be {_one_of(values)}", kind=kind)


def _const(ask: Ask, part: TypePart, wanted: Node, value: Any) -> Iterator[Reason]:
    yield from _enum(ask, part, wanted, [value])


def _any(part: TypePart) -> str:
    return f"any {part.name.partition(' ')[2]}"


def _one_of(values: list[Any]) -> str:
    return f"one of {listed(values)}" if len(values) > 1 else f"{listed(values)}" if values else "nothing at all"


def _ref(ask: Ask, part: TypePart, wanted: Node, ref: Any) -> Iterator[Reason]:
    yield from ask.part_fits(part, wanted.inner(wanted.doc.resolve(ref)))


def _all_of(ask: Ask, part: TypePart, wanted: Node, schemas: Any) -> Iterator[Reason]:
    for schema in schemas:
        yield from ask.part_fits(part, wanted.inner(schema))


def _any_of(ask: Ask, part: TypePart, wanted: Node, schemas: Any) -> Iterator[Reason]:
    yield from _some(ask, part, [wanted.inner(schema) for schema in schemas], exclusive=False)


def _one_of_rule(ask: Ask, part: TypePart, wanted: Node, schemas: Any) -> Iterator[Reason]:
    yield from _some(ask, part, [wanted.inner(schema) for schema in schemas], exclusive=True)


def _some(ask: Ask, part: TypePart, options: list[Node], *, exclusive: bool) -> list[Reason]:
    """Whether the part fits one of the options as a whole; else, told apart by a property, each its own."""
    refusals: list[list[Reason]] = []
    for option in options:
        reasons = ask.part_fits(part, option)
        if not reasons:
            others = [other for other in options if other is not option] if exclusive else []
            overlap = next((other for other in others if not ask.impossible((*part.nodes, other))), None)
            if overlap is None:
                return []
            sentence = (
                f"could not be shown to fit exactly one alternative; {shown(overlap.raw, 60)} may fit as well"
            )
            return [Reason(sentence=sentence, kind="unproven")]
        refusals.append(reasons)
    narrower = told_apart(part, options)
    if narrower and not any(_some(ask, each, options, exclusive=exclusive) for each in narrower):
        return []
    return _refused(part, options, refusals)


def _refused(part: TypePart, options: list[Node], refusals: list[list[Reason]]) -> list[Reason]:
    """The one option of the right type explains itself; otherwise one sentence speaks for all."""
    if len(options) == 1:
        return refusals[0]
    wrong_type = f"may be {part.name}, but must be "
    right = [reasons for reasons in refusals if reasons[0].path or not reasons[0].sentence.startswith(wrong_type)]
    if len(right) == 1:
        return right[0]
    wants = dict.fromkeys(reasons[0].sentence.rpartition("must be ")[2] for reasons in refusals)
    if not right:
        return [Reason(sentence=f"may be {part.name}, but must be {' or '.join(list(wants)[:5])}")]
    closest = max(right, key=lambda reasons: (len(reasons[0].path), -len(reasons)))
    text = f"could not be shown to fit one of {len(options)} alternatives; the closest: {closest[0]}"
    return [Reason(sentence=text, kind="unproven")]


def _not(ask: Ask, part: TypePart, wanted: Node, schema: Any) -> Iterator[Reason]:
    excluded = wanted.inner(schema)
    if ask.impossible((*part.nodes, excluded)):
        return
    # What is outside of the larger set is outside of the smaller.
    larger = (node.inner(node.raw["not"]) for node in part.nodes if "not" in node.raw)
    if not any(not ask.fits((excluded,), each) for each in larger):
        yield Reason(sentence=f"could not be shown to stay outside of {shown(schema, 80)}", kind="unproven")


def _if(ask: Ask, part: TypePart, wanted: Node, condition: Any) -> Iterator[Reason]:
    test = wanted.inner(condition)
    never = ask.impossible((*part.nodes, test))
    if "then" in wanted.raw and not never:
        yield from ask.fits((*part.nodes, test), wanted.inner(wanted.raw["then"]))
    if "else" in wanted.raw and (never or ask.part_fits(part, test)):
        yield from ask.part_fits(part, wanted.inner(wanted.raw["else"]))


RULES: dict[str, Rule] = {
    "$ref": _ref,
    "allOf": _all_of,
    "anyOf": _any_of,
    "const": _const,
    "enum": _enum,
    "if": _if,
    "not": _not,
    "oneOf": _one_of_rule,
    "type": _type,
}
