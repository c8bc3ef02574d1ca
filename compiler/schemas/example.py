"""A schema -> a small instance that it accepts, always the same one: what a mock returns in place of an agent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from compiler.schemas.budget import Budget, TooMuchWork, budgeted, spend
from compiler.schemas.document import document
from compiler.schemas.matching import text_for
from compiler.schemas.plain import NotPlain
from compiler.subset.alternatives import alternatives
from compiler.subset.node import Conjunction, Node
from compiler.subset.part import TypePart, parts

MAX_STEPS = 300_000
_MAX_DEPTH = 8
_OPTIONAL_DEPTH = 4
"""Levels down to which optional properties and one item of each array are filled in."""
_MAX_ITEMS = 100
_FORMATS = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "duration": "PT1M",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "path": "file.txt",
    "time": "00:00:00Z",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class NoExample(ValueError):
    """No instance was found: the schema cannot be used, accepts nothing, or is too intricate."""


def example(schema: object) -> Any:
    """A small instance that the schema accepts. Raises NoExample."""
    try:
        doc = document(schema)
    except NotPlain as exc:
        raise NoExample(f"the schema cannot be used: {exc}") from exc
    if doc.problems:
        raise NoExample(f"the schema cannot be used: {doc.problems[0]}")
    try:
        with budgeted(Budget(MAX_STEPS)):
            return next(_examples((Node(doc, doc.root),), 0))
    except StopIteration:
        raise NoExample("no instance of the schema was found; write the value by hand") from None
    except (TooMuchWork, RecursionError) as exc:
        raise NoExample("the schema is too complex to find an instance of it; write the value by hand") from exc


def _examples(nodes: Conjunction, depth: int) -> Iterator[Any]:
    """Instances, the most useful first; null only as the last resort."""
    if depth > _MAX_DEPTH:
        return
    null = False
    for held, types in alternatives(nodes):
        spend(10)
        candidates = (value for part in parts(held, types) for value in (*_stated(held), *_built(part, depth)))
        for value in candidates:
            if not _accepted(value, nodes):
                continue
            if value is None:
                null = True
            else:
                yield value
    if null:
        yield None


def _accepted(value: Any, nodes: Conjunction) -> bool:
    return all(next(node.doc.errors(value, node.raw), None) is None for node in nodes)


def _stated(nodes: Conjunction) -> Iterator[Any]:
    """What the schema's author gave as an example."""
    for node in nodes:
        yield from node.raw.get("examples", ())[:3]
        if "default" in node.raw:
            yield node.raw["default"]


def _built(part: TypePart, depth: int) -> Iterator[Any]:
    if part.kind == "values":
        yield from part.values
    elif part.kind == "number":
        yield from _numbers(part)
    elif part.kind == "string":
        yield from _strings(part)
    elif part.kind == "array":
        yield from _arrays(part, depth)
    else:
        yield from _objects(part, depth)


def _numbers(part: TypePart) -> Iterator[int | float]:
    facts = part.number
    bounds = [bound for bound in (facts.low, facts.high) if math.isfinite(bound)]
    near = [bound + step for bound in bounds for step in (0, 1, -1, 0.5, -0.5)]
    if len(bounds) == 2:
        near.append((facts.low + facts.high) / 2)
    for factor in facts.factors:
        near.extend(math.ceil(bound / factor) * factor for bound in bounds)
        near.append(factor)
    yield from (value for value in (1, 0, *near))


def _strings(part: TypePart) -> Iterator[str]:
    facts = part.string
    for node in part.nodes:
        yield from [_FORMATS[node.raw["format"]]] if node.raw.get("format") in _FORMATS else []
    for pattern in facts.patterns:
        found = text_for(pattern, int(facts.least), facts.most)
        yield from [] if found is None else [found]
    least = min(int(facts.least), 100_000)
    text = "text" if least <= 4 else "text" * (least // 4) + "text"[: least % 4]
    yield text if len(text) <= facts.most else text[: int(facts.most)]


def _arrays(part: TypePart, depth: int) -> Iterator[list[Any]]:
    facts = part.array
    least = min(int(facts.least), _MAX_ITEMS)
    containing = [(node.inner(node.raw["contains"]),) for node in facts.contains]
    wanted = max(
        least, 1 if depth < _OPTIONAL_DEPTH else 0, *(int(n.raw.get("minContains", 1)) for n in facts.contains), 0
    )
    for size in dict.fromkeys((int(min(wanted, facts.most, _MAX_ITEMS)), least)):
        items: list[Any] = []
        for index in range(size):
            also = containing[index % len(containing)] if containing else ()
            item = _item((*facts.item(index), *also), items if facts.unique else [], depth + 1)
            if item is _NOTHING:
                break
            items.append(item)
        yield items


_NOTHING = object()


def _item(nodes: Conjunction, taken: list[Any], depth: int) -> Any:
    """An instance that is not taken yet."""
    for value in _examples(nodes, depth):
        if value not in taken:
            return value
    for number in range(len(taken) + 1):
        for value in (number, f"text{number}"):
            if taken and value not in taken and _accepted(value, nodes):
                return value
    return _NOTHING


def _objects(part: TypePart, depth: int) -> Iterator[dict[str, Any]]:
    facts = part.object
    optional = [name for name in facts.declared if name not in facts.required]
    for extra in dict.fromkeys((len(optional) if depth < _OPTIONAL_DEPTH else 0, 0)):
        chosen = facts.required | set(optional[:extra])
        names = [name for name in facts.declared if name in chosen]
        names += sorted(chosen - set(names))
        names += [f"property{index}" for index in range(min(int(facts.least), _MAX_ITEMS) - len(names))]
        value = _filled(part, names, depth)
        if value is not None:
            yield value


def _filled(part: TypePart, names: list[str], depth: int) -> dict[str, Any] | None:
    value: dict[str, Any] = {}
    for name in names:
        item = _item(part.object.value_of(name), [], depth + 1)
        if item is not _NOTHING:
            value[name] = item
        elif name in part.object.required:
            return None
    return value


__all__ = ["NoExample", "example"]
