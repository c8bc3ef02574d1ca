"""An expression that was looked at in; what reaches a sink in it, noted, out."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agents.builtin.scanning.flow import entries
from agents.builtin.scanning.flow.catalogue import LOCAL, FlowRule, Table
from agents.builtin.scanning.flow.harmless import Harmless
from agents.builtin.scanning.flow.memory import HARDENED, Found
from agents.builtin.scanning.flow.patterns import Place, matches, written
from agents.builtin.scanning.flow.tree import Attr, Call, Const, Expr, Items
from agents.builtin.scanning.flow.values import Taint, Value

_WRITERS = frozenset({"Writer", "Buffer", "Builder", "File"})
"""Types of Go that are written to and answer no visitor; what answers one keeps its own type where it is passed on."""
_TEXT_TEMPLATES = re.compile(r'(?m)^\s*(?:import\s+)?([A-Za-z_]\w*)?\s*"text/template"')


class SinkChecks(Harmless):
    """Notes what reaches sinks."""

    def _check(self, expr: Expr, *, reports: bool = True) -> None:
        """Note what reaches the sinks in an expression; without `reports` it is known to be no sink, and only seen."""
        self._sinks(self._catalogue.sinks, expr, reports=reports)
        if not reports or not isinstance(expr, Call):
            return
        for pattern, rule in self._catalogue.valued.candidates(expr, self._path(expr.func)):
            if matches(pattern, expr, self._scope) is not None:
                key = (self._frame.file, expr.line, rule.rule.id)
                self.found.setdefault(key, Found(rule, self._frame.file, expr.line, ()))

    def _sinks(self, table: Table[FlowRule], expr: Expr, *, reports: bool = True) -> None:
        func = expr.func if isinstance(expr, Call) else expr
        path = self._path(func)
        for pattern, rule in table.candidates(expr, path):
            if pattern.place is not None and not self._stands_in(pattern.place):
                continue
            bound = matches(pattern, expr, self._scope)
            sink = None if bound is None else bound.get("SINK")
            if bound is None or sink is None:
                continue
            if not self._is_tainted(sink):
                # Of several arguments another may be the one that comes from outside.
                other = matches(pattern, expr, self._tainted_sink)
                sink = sink if other is None else other["SINK"]
            value = self._last.get(id(sink))
            line = sink.line or expr.line
            kind = rule.rule.id
            self.seen.add((self._frame.file, line, kind))
            if kind.endswith("/timing") and any(isinstance(bound.get(one), Const) for one in ("SECRET", "OTHER")):
                continue  # a name or a state, which is no secret
            if kind.endswith("/trust-boundary") and _is_held(sink, self._last):
                continue
            if kind.endswith("/unsafe-xml") and isinstance(func, Attr) and self._type(func.of) == HARDENED:
                continue
            if kind == "go/xss" and "W" in bound and self._type(bound["W"]) in _WRITERS:
                continue
            if rule.needs is not None and not rule.needs.search(self._project.text(self._frame.file)):
                continue
            if rule.name == "xss-of-text-templates" and not self._is_of_text(bound["T"]):
                continue
            if value is None or (kind == "py/xss" and pattern.returns and _is_json(self._last.get(id(expr)))):
                continue
            self._judge(value, line, rule)
            if line != expr.line:
                self._judge(value, expr.line, rule)
            if not reports:
                continue
            for taint in (value.taints if _is_no_text(value, kind) else value.all_taints()).values():
                if self._concerns(taint, rule) and rule.name not in taint.clean:
                    steps = taint.through(self._frame.file, line).steps
                    self.found.setdefault(
                        (self._frame.file, line, kind), Found(rule, self._frame.file, line, steps)
                    )

    def _is_of_text(self, template: Expr) -> bool:
        """Whether a template of Go escapes nothing: in a file with both packages, by what its variable is made with."""
        text = self._project.text(self._frame.file)
        imported = _TEXT_TEMPLATES.search(text)
        if imported is None or '"html/template"' not in text:
            return imported is not None
        package, name = imported[1] or "template", re.escape(written(template).rsplit(".", 1)[-1])
        made = rf"\b{name}\b[^\n=]{{0,80}}=\s*{package}\.|\b{name}\s+\*?{package}\.Template\b"
        return re.search(made, text) is not None

    def _concerns(self, taint: Taint, rule: FlowRule) -> bool:
        return taint.source == rule.source or (rule.local and taint.source == LOCAL)

    def _judge(self, value: Value, line: int, rule: FlowRule | None) -> None:
        """Keep in mind whether what is used here can hold anything that nobody looked at."""
        taints = value.all_taints().values()
        held = [*(value.items or ()), *(value.pairs or {}).values()]
        known = value.is_fixed or (bool(held) and all(one.is_fixed for one in held))
        if rule is not None and taints and not known:
            own = [taint for taint in taints if self._concerns(taint, rule)]
            known = bool(own) and all(rule.name in taint.clean for taint in own)
        key = (self._frame.file, line, "" if rule is None else rule.rule.id)
        self.harmless[key] = known and self.harmless.get(key, True)

    def _stands_in(self, place: Place) -> bool:

        if not self._stack:
            return False
        function = self._stack[-1]
        written = (*function.marks, *(function.owner.marks if function.owner else ()))
        marks = [entries.last(mark) for mark in written]
        given = {
            (name, entries.last(value)) for mark in written if isinstance(mark, Call) for name, value in mark.named
        }
        return (
            all(any(re.search(wanted, mark) for mark in marks) for wanted in place.marks)
            and given.issuperset(place.given)
            and (not place.name or re.search(place.name, function.name) is not None)
        )


def _is_held(sink: Expr, known: Mapping[int, Value]) -> bool:
    """Whether it is a field of an object that was found or made by what was sent, as `user.id`, and not that itself."""
    if isinstance(sink, Items):
        return bool(sink.parts) and all(_is_held(one, known) for one in sink.parts)
    value = known.get(id(sink))
    if value is None or not value.is_tainted():
        return isinstance(sink, Attr | Call | Const)
    return isinstance(sink, Attr) and not known.get(id(sink.of), value).path


def _is_no_text(value: Value, kind: str) -> bool:
    """Whether it is an object where a statement is asked for, as what `storage.run(context, …)` is given."""
    return kind == "js/sql-injection" and value.pairs is not None


def _is_json(value: Value | None) -> bool:
    """Whether what a view returns is sent as JSON: a dictionary or list, alone or before a status and headers."""
    if value is not None and value.pairs is not None:
        return not value.type
    if value is None or not value.items:
        return False
    rest = value.items[1:]
    is_answer = 0 < len(rest) < 3 and all(one.pairs is not None or isinstance(one.const, int) for one in rest)
    return _is_json(value.items[0]) if is_answer else True
