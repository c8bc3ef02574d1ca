"""One alternative, cut by type -> what is known of the values in it: ranges, items, properties."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

from compiler.schemas.assertions import TYPE_NAMES
from compiler.schemas.budget import spend
from compiler.schemas.pattern import compiled
from compiler.subset.alternatives import TypeSet
from compiler.subset.node import TYPE_NODES, Conjunction, Node

PartKind = Literal["values", "number", "string", "array", "object"]


class TypePart:
    """The values of one type that one alternative allows; or a short list of them."""

    def __init__(self, kind: PartKind, nodes: Conjunction, types: TypeSet, values: tuple[Any, ...] = ()) -> None:
        self.kind: PartKind = kind
        self.nodes = nodes
        """All of them hold."""
        self.types = types
        self.values = values
        """For the kind `values`: all there are."""
        self.split_on: frozenset[str] = frozenset()
        """Properties whose values this part was already told apart by."""

    @property
    def name(self) -> str:
        """`a string`, for sentences."""
        if self.kind == "number":
            return "an integer" if self.number.integer else "a number"
        return TYPE_NAMES[self.kind]

    @cached_property
    def keys(self) -> frozenset[tuple[int, int]]:
        """The identities of the schemas that hold."""
        return frozenset(node.key for node in self.nodes)

    @cached_property
    def number(self) -> NumberFacts:
        return NumberFacts(self.nodes, "fraction" not in self.types)

    @cached_property
    def string(self) -> StringFacts:
        return StringFacts(self.nodes)

    @cached_property
    def array(self) -> ArrayFacts:
        return ArrayFacts(self.nodes)

    @cached_property
    def object(self) -> ObjectFacts:
        return ObjectFacts(self.nodes)


def parts(nodes: Conjunction, types: TypeSet) -> Iterator[TypePart]:
    """The alternative cut by type; as values, where it lists them or there are few."""
    listed = _listed(nodes)
    if listed is not None:
        yield TypePart("values", nodes, types, _allowed(listed, nodes))
        return
    few = [None] * ("null" in types) + [False, True] * ("boolean" in types)
    if few:
        yield TypePart("values", nodes, types, _allowed(few, nodes))
    if types & {"integer", "fraction"}:
        type_node = TYPE_NODES["number" if "fraction" in types else "integer"]
        yield TypePart("number", (*nodes, type_node), types & {"integer", "fraction"})
    for kind in ("string", "array", "object"):
        if kind in types:
            yield TypePart(kind, (*nodes, TYPE_NODES[kind]), frozenset({kind}))


def _listed(nodes: Conjunction) -> list[Any] | None:
    lists: list[list[Any]] = []
    for node in nodes:
        if "const" in node.raw:
            return [node.raw["const"]]
        if "enum" in node.raw:
            lists.append(node.raw["enum"])
    return min(lists, key=len) if lists else None


def _allowed(values: list[Any], nodes: Conjunction) -> tuple[Any, ...]:
    return tuple(
        value for value in values if all(next(node.doc.errors(value, node.raw), None) is None for node in nodes)
    )


class NumberFacts:
    """Bounds and factors. Of integers, the bounds are whole and belong to the range."""

    def __init__(self, nodes: Conjunction, integer: bool) -> None:
        self.integer = integer
        self.low: int | float = -math.inf
        self.low_open = False
        self.high: int | float = math.inf
        self.high_open = False
        self.factors: list[int | float] = []
        for node in nodes:
            raw = node.raw
            if "minimum" in raw:
                self._raise(raw["minimum"], is_open=False)
            if "exclusiveMinimum" in raw:
                self._raise(raw["exclusiveMinimum"], is_open=True)
            if "maximum" in raw:
                self._lower(raw["maximum"], is_open=False)
            if "exclusiveMaximum" in raw:
                self._lower(raw["exclusiveMaximum"], is_open=True)
            if "multipleOf" in raw:
                self.factors.append(raw["multipleOf"])

    def _raise(self, bound: int | float, *, is_open: bool) -> None:
        if self.integer:
            bound, is_open = (math.floor(bound) + 1 if is_open else math.ceil(bound)), False
        if bound > self.low or (bound == self.low and is_open):
            self.low, self.low_open = bound, is_open

    def _lower(self, bound: int | float, *, is_open: bool) -> None:
        if self.integer:
            bound, is_open = (math.ceil(bound) - 1 if is_open else math.floor(bound)), False
        if bound < self.high or (bound == self.high and is_open):
            self.high, self.high_open = bound, is_open

    @property
    def empty(self) -> bool:
        """Whether no number is left."""
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))


class StringFacts:
    """Lengths and patterns."""

    def __init__(self, nodes: Conjunction) -> None:
        self.least = max((node.raw.get("minLength", 0) for node in nodes), default=0)
        self.most = min((node.raw.get("maxLength", math.inf) for node in nodes), default=math.inf)
        self.patterns = [node.raw["pattern"] for node in nodes if "pattern" in node.raw]


class ArrayFacts:
    """Lengths, and what holds for the item at each place."""

    def __init__(self, nodes: Conjunction) -> None:
        self._nodes = nodes
        self.prefix = max((len(node.raw.get("prefixItems", ())) for node in nodes), default=0)
        """From here on all items are alike."""
        spend(self.prefix)
        self.least = max((node.raw.get("minItems", 0) for node in nodes), default=0)
        most = min((node.raw.get("maxItems", math.inf) for node in nodes), default=math.inf)
        excluded = (index for index in range(self.prefix + 1) if any(n.excludes_all for n in self.item(index)))
        self.most = min(most, next(excluded, math.inf))
        self.unique = any(node.raw.get("uniqueItems", False) for node in nodes)
        self.contains = [node for node in nodes if "contains" in node.raw]

    def item(self, index: int) -> Conjunction:
        """All that holds for the item at `index`; at `prefix` and beyond, for each."""
        found: list[Node] = []
        for node in self._nodes:
            prefix = node.raw.get("prefixItems", ())
            if index < len(prefix):
                found.append(node.inner(prefix[index]))
            elif "items" in node.raw:
                found.append(node.inner(node.raw["items"]))
        return tuple(found)


class ObjectFacts:
    """Which properties there must, may and cannot be, and what holds for each."""

    def __init__(self, nodes: Conjunction) -> None:
        self._nodes = nodes
        self.required = frozenset(name for node in nodes for name in node.raw.get("required", ()))
        self.declared = [
            name
            for name in dict.fromkeys(name for node in nodes for name in node.raw.get("properties", ()))
            if self.possible(name)
        ]
        """Names with a schema of their own, those that cannot occur left out."""
        self.least = max([len(self.required), *(node.raw.get("minProperties", 0) for node in nodes)])
        most = min((node.raw.get("maxProperties", math.inf) for node in nodes), default=math.inf)
        self.open = not any(all(each.excludes_all for each in self._others(node)) for node in nodes)
        """Whether there may be properties that no schema names."""
        self.most = most if self.open else min(most, len(self.declared))

    def possible(self, name: str) -> bool:
        """Whether an object may have the property at all."""
        if any(node.excludes_all for node in self.value_of(name)):
            return False
        names = [(node, node.raw["propertyNames"]) for node in self._nodes if "propertyNames" in node.raw]
        return all(next(node.doc.errors(name, schema), None) is None for node, schema in names)

    def value_of(self, name: str) -> Conjunction:
        """All that holds for the property's value."""
        found: list[Node] = []
        for node in self._nodes:
            raw = node.raw
            spend(1 + len(raw.get("patternProperties", ())))
            own = [raw["properties"][name]] if name in raw.get("properties", ()) else []
            own += [
                each
                for pattern, each in raw.get("patternProperties", {}).items()
                if compiled(pattern).search(name)
            ]
            if not own and "additionalProperties" in raw:
                own = [raw["additionalProperties"]]
            found.extend(node.inner(each) for each in own)
        return tuple(found)

    def others(self) -> list[Conjunction]:
        """Of a property that no schema names: for each schema, what it may demand, one of these at least."""
        return [self._others(node) for node in self._nodes]

    @property
    def patterned(self) -> bool:
        """Whether further properties differ by pattern."""
        return any("patternProperties" in node.raw for node in self._nodes)

    def matching(self, pattern: str) -> Conjunction:
        """What the schemas say of properties that match exactly this pattern."""
        named = [(node, node.raw.get("patternProperties", {})) for node in self._nodes]
        return tuple(node.inner(patterns[pattern]) for node, patterns in named if pattern in patterns)

    def names(self) -> Conjunction:
        """All that holds for property names."""
        named = (node.inner(node.raw["propertyNames"]) for node in self._nodes if "propertyNames" in node.raw)
        return (TYPE_NODES["string"], *named)

    def dependents(self, name: str) -> frozenset[str]:
        """The properties that there are whenever `name` is there."""
        depending = (node.raw.get("dependentRequired", {}).get(name, ()) for node in self._nodes)
        return self.required.union(*depending)

    def _others(self, node: Node) -> Conjunction:
        additional = node.raw.get("additionalProperties", True)
        return (*map(node.inner, node.raw.get("patternProperties", {}).values()), node.inner(additional))
