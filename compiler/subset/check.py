"""Producer schema and consumer schema -> whether one fits the other.

The producer is taken apart into alternatives and types; each part must satisfy each keyword of the consumer. Two
recursive schemas meet again in the same pair of places: such a pair is taken to fit while it is being checked
(instances are finite, so only a finite unrolling matters), and all that was proven on that assumption is forgotten
if it turns out wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from compiler.schemas.budget import Budget, TooMuchWork, budgeted, spend
from compiler.schemas.document import SchemaDocument, document
from compiler.schemas.excerpt import printable, shown
from compiler.schemas.plain import NotPlain
from compiler.subset import arrays, logic, objects, scalars
from compiler.subset.alternatives import alternatives
from compiler.subset.ask import Rule
from compiler.subset.emptiness import is_empty
from compiler.subset.node import Conjunction, Node
from compiler.subset.part import TypePart, parts
from compiler.subset.result import Reason, SubsetResult

MAX_REASONS = 20
MAX_STEPS = 300_000
"""Budget of one question, well under a second's worth."""
_STEPS = 20
"""What one pair of schemas costs."""
_MAX_SENTENCE = 500

RULES: dict[str, Rule] = logic.RULES | scalars.RULES | arrays.RULES | objects.RULES

_Pair = tuple[frozenset[tuple[int, int]], tuple[int, int]]


def fits(producer: object, consumer: object) -> SubsetResult:
    """Whether every instance that `producer` accepts is accepted by `consumer`, and if that is not proven, why.

    Sound: without reasons, it is so for the validator of `compiler.schemas.validation`. With reasons of kind `mismatch`
    or `unproven` it may still be so in cases that the rules do not see.
    """
    docs: list[SchemaDocument] = []
    for side, schema in (("producer", producer), ("consumer", consumer)):
        try:
            doc = document(schema)
        except NotPlain as exc:
            return _unusable(side, str(exc))
        if doc.problems:
            return _unusable(side, *doc.problems)
        docs.append(doc)
    return _result(docs[0], docs[1])


def _unusable(side: str, *problems: str) -> SubsetResult:
    return SubsetResult(
        reasons=tuple(
            Reason(sentence=f"cannot be checked: in the schema of the {side}, {problem}", kind="unsupported")
            for problem in problems
        )
    )


@lru_cache(maxsize=1024)
def _result(producer: SchemaDocument, consumer: SchemaDocument) -> SubsetResult:
    try:
        with budgeted(Budget(MAX_STEPS)):
            reasons = _Check().fits((Node(producer, producer.root),), Node(consumer, consumer.root))
    except (TooMuchWork, RecursionError):
        sentence = "is too complex to be checked; use simpler schemas, with fewer alternatives or levels"
        return SubsetResult(reasons=(Reason(sentence=sentence, kind="too complex"),))
    return SubsetResult(reasons=tuple(dict.fromkeys(reasons))[:MAX_REASONS])


class _Check:
    """One question, with what is already known about pairs of schemas in it."""

    def __init__(self) -> None:
        self._assumed: dict[_Pair, None] = {}
        """Pairs that fit, or are being checked; in order of assumption."""
        self._refused: dict[_Pair, list[Reason]] = {}
        self._alive: list[Conjunction] = []
        """Keeps what the pairs' identities are made of."""

    def fits(self, given: Conjunction, wanted: Node) -> list[Reason]:
        """Why not all that `given` accepts is accepted by `wanted`; empty: it is."""
        spend(_STEPS)
        if wanted.raw is True or any(node.key == wanted.key for node in given):
            return []
        pair = (frozenset(node.key for node in given), wanted.key)
        if pair in self._assumed:
            return []
        if pair in self._refused:
            return self._refused[pair]
        self._alive.append((*given, wanted))
        before = len(self._assumed)
        self._assumed[pair] = None
        reasons = self._unfit(given, wanted)
        if reasons:
            while len(self._assumed) > before:
                self._assumed.popitem()
            self._refused[pair] = reasons
        return reasons

    def _unfit(self, given: Conjunction, wanted: Node) -> list[Reason]:
        reasons: list[Reason] = []
        for nodes, types in alternatives(given):
            for part in parts(nodes, types):
                found = self.part_fits(part, wanted)
                if found and not self.impossible(part.nodes):
                    reasons.extend(found)
                if len(reasons) >= MAX_REASONS:
                    return reasons[:MAX_REASONS]
        return reasons

    def part_fits(self, part: TypePart, wanted: Node) -> list[Reason]:
        """Why not all values of the part are accepted by `wanted`."""
        spend(_STEPS)
        if part.kind == "values":
            return list(_values_fit(part, wanted))
        if wanted.raw is True or wanted.key in part.keys:
            return []
        if wanted.excludes_all:
            return [Reason(sentence="may be there, but is not allowed")]
        # Cut here, not only at the end: reasons double with each level of some recursive schemas.
        return list(islice(self._rules(part, wanted), MAX_REASONS))

    def _rules(self, part: TypePart, wanted: Node) -> Iterator[Reason]:
        if "type" in wanted.raw:
            wrong = list(RULES["type"](self, part, wanted, wanted.raw["type"]))
            if wrong:
                yield from wrong
                return
        for keyword, value in wanted.raw.items():
            rule = RULES.get(keyword)
            if rule is not None and keyword != "type":
                yield from rule(self, part, wanted, value)

    def impossible(self, given: Conjunction) -> bool:
        """Whether certainly no value is accepted by all of `given`."""
        return is_empty(given)


def _values_fit(part: TypePart, wanted: Node) -> Iterator[Reason]:
    for value in part.values:
        error: Any = next(wanted.doc.errors(value, wanted.raw), None)
        if error is not None:
            message = printable(error.message.removesuffix(f", but is {shown(value)}"), _MAX_SENTENCE)
            sentence = f"may be {shown(value, 60)}, but {message}"
            yield Reason(sentence=sentence, path=tuple(error.absolute_path))
            return


__all__ = ["RULES", "fits"]
