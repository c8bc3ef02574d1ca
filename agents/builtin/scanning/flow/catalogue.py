"""The rules of data flow of one language, as the interpreter uses them: sources, sinks, and what makes harmless."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar

from agents.builtin.scanning.flow.patterns import Pattern, compiled, key_of
from agents.builtin.scanning.flow.readers import languages
from agents.builtin.scanning.flow.tree import Attr, Expr, Name, Put
from agents.builtin.scanning.rule import Rule
from agents.builtin.scanning.rules import Confidence, flow_rules, is_local, takes_local

T = TypeVar("T")
OUTSIDE, LOCAL = "", "local"
"""The groups of the sources that most rules have in common: what visitors send, what is typed on this machine."""


@dataclass(frozen=True, slots=True, eq=False)
class FlowRule:
    """One rule of data flow."""

    name: str
    rule: Rule
    confidence: Confidence
    source: str
    """Its group of sources."""
    local: bool
    """Whether what is typed on the machine counts too."""
    whole: bool
    """Whether every pattern of it is understood, so that what is not found is not there."""
    needs: re.Pattern[str] | None = None
    """What the file must hold for it, as the import that gives a name its meaning."""


class Table(Generic[T]):
    """Patterns by the last name in them, and those that may match any expression of their form."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[tuple[Pattern, T]]] = {}
        self._any: dict[type[Expr], list[tuple[Pattern, T]]] = {}

    def add(self, pattern: Pattern, what: T) -> None:
        """One more."""
        for key in pattern.keys:
            self._by_key.setdefault(key, []).append((pattern, what))
        if not pattern.keys:
            # A name alone stands for an expression of any form.
            form = Expr if isinstance(pattern.expr, Name) else type(pattern.expr)
            self._any.setdefault(form, []).append((pattern, what))

    def candidates(self, node: Expr, path: str = "") -> list[tuple[Pattern, T]]:
        """Those that may match the expression, which may have another name elsewhere."""
        key = key_of(node)
        keys = [key]
        last = path.rsplit(".", 1)[-1]
        if last and last != key:
            keys.append(last)
        if isinstance(node, Attr):
            base = key_of(node.of)
            keys.append(base + ".")
            before = path.rsplit(".", 2)[-2] if path.count(".") else ""
            if before and before != base:
                keys.append(before + ".")
        found = [*self._any.get(Expr, ()), *self._any.get(type(node), ())]
        for one in keys:
            found += self._by_key.get(one, ())
        return found


@dataclass(slots=True, eq=False)
class FlowCatalogue:
    """All of one language."""

    language: str
    rules: dict[str, FlowRule] = field(default_factory=dict[str, FlowRule])
    sources: Table[str] = field(default_factory=Table[str])
    not_sources: Table[str] = field(default_factory=Table[str])
    sinks: Table[FlowRule] = field(default_factory=Table[FlowRule])
    assigned: Table[FlowRule] = field(default_factory=Table[FlowRule])
    """Sinks that are assignments."""
    returned: Table[FlowRule] = field(default_factory=Table[FlowRule])
    valued: Table[FlowRule] = field(default_factory=Table[FlowRule])
    """What is found by the value of a name in it, wherever that value comes from."""
    clean: Table[str] = field(default_factory=Table[str])
    """What makes harmless, for one rule, or for all of the common sources."""
    fills: Table[str] = field(default_factory=Table[str])
    """Calls that write what a visitor sent into `$TO`."""
    wholes: set[str] = field(default_factory=set[str])
    """Groups of sources of which a single part is no source."""


@cache
def catalogue(language: str) -> FlowCatalogue | None:
    """The rules of a language, by the name of its reader; None where it has no reader."""
    if language not in languages():
        return None
    made = FlowCatalogue(language)
    for data in flow_rules():
        if language in data["languages"]:
            _load(made, data)
    return made


def _load(made: FlowCatalogue, data: Mapping[str, Any]) -> None:
    for one in data["sources"]:
        if (pattern := compiled(made.language, one, {})) is not None:
            made.sources.add(pattern, LOCAL if is_local(one) else OUTSIDE)
    for one in data.get("not_sources", ()):
        if (pattern := compiled(made.language, one, {})) is not None:
            made.not_sources.add(pattern, OUTSIDE)
    for one in data.get("fills", ()):
        if (pattern := compiled(made.language, one, {})) is not None:
            made.fills.add(pattern, OUTSIDE)
    for one in (*data.get("clean", ()), *data.get("own_clean", ())):
        if (pattern := compiled(made.language, one, {})) is not None:
            made.clean.add(pattern, OUTSIDE)
    for name, (rule, spec) in data["valued"].items():
        for one in spec["patterns"]:
            pattern = compiled(made.language, one, spec.get("where", {}))
            if pattern is not None and pattern.where and pattern.place is None:
                confidence = spec.get("confidence", "high")
                made.valued.add(pattern, FlowRule(name, rule, confidence, OUTSIDE, local=False, whole=True))
    for name, (rule, spec) in data["flow"].items():
        where = spec.get("where", {})
        sinks = [compiled(made.language, one, where) for one in (*spec["sinks"], *spec.get("typed_sinks", ()))]
        sources = [compiled(made.language, one, spec.get("source_where", {})) for one in spec.get("sources", ())]
        whole = None not in sinks and None not in sources
        group = name if "sources" in spec else OUTSIDE
        local = group == OUTSIDE and takes_local(name, spec)
        needs = re.compile(spec["needs"]) if "needs" in spec else None
        flow_rule = FlowRule(name, rule, spec.get("confidence", "high"), group, local, whole, needs)
        made.rules[name] = flow_rule
        if spec.get("whole"):
            made.wholes.add(group)
        for pattern in sources:
            if pattern is not None:
                made.sources.add(pattern, group)
        for pattern in sinks:
            if pattern is None:
                continue
            if pattern.returns:
                made.returned.add(pattern, flow_rule)
            elif isinstance(pattern.expr, Put):
                made.assigned.add(pattern, flow_rule)
            else:
                made.sinks.add(pattern, flow_rule)
        for one in (*spec.get("clean", ()), *spec.get("own_clean", ())):
            if (pattern := compiled(made.language, one, {})) is not None:
                made.clean.add(pattern, name)
