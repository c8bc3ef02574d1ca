"""A test, a call or a rule in; the value without what it is harmless for, out."""

from __future__ import annotations

from dataclasses import replace

from agents.builtin.scanning.flow import guards
from agents.builtin.scanning.flow.catalogue import OUTSIDE
from agents.builtin.scanning.flow.memory import Memory
from agents.builtin.scanning.flow.patterns import matches
from agents.builtin.scanning.flow.tree import Call, Expr
from agents.builtin.scanning.flow.values import TESTED, Env, Taints, Value, numeric


class Harmless(Memory):
    """Takes from a value what it is harmless for."""

    def _refine(self, test: Expr, truth: bool, env: Env) -> None:
        for name, kinds in guards.facts(test, truth, self._expression):
            if "." in name or "[" in name:
                # What is read again by the same words is what was tested.
                env.names[TESTED + name] = Value(const=",".join(sorted(kinds)))
                continue
            for each in (name, *self._frame.made_from.get(name, ())):
                value = env.get(each)
                if value is None:
                    continue
                tainted = value.is_tainted()
                if tainted:
                    value = env.names[each] = self._cleaned(value, kinds)
                is_known = each == name or tainted
                if guards.ALL in kinds and is_known and value.cls is None and value.function is None:
                    env.names[each] = replace(value, fixed=True)

    def _expression(self, expr: Expr) -> str | None:
        """The text of a constant, or of a regular expression that was made of one."""
        value = self._last.get(id(expr))
        if value is not None and value.pairs is not None and "pattern" in value.pairs:
            value = value.pairs["pattern"]
        return value.const if value is not None and isinstance(value.const, str) else None

    def _cleaned(self, value: Value, kinds: frozenset[str]) -> Value:
        """The value, harmless for these kinds of weakness."""
        if guards.ALL in kinds:
            return replace(value, taints={}, items=None, pairs=value.pairs if value.cls else None)
        rules = frozenset(name for kind in kinds for name in self._kinds.get(kind, ()))
        return self._harmless(value, rules)

    def _harmless(self, value: Value, rules: frozenset[str]) -> Value:
        taints: Taints = {}
        for taint in value.all_taints().values():
            made = replace(taint, clean=taint.clean | rules)
            taints.setdefault((made.source, made.clean), made)
        return replace(value, taints=taints, items=None, pairs=value.pairs if value.cls else None)

    def _made_harmless(self, expr: Call, name: str, func: Value, value: Value) -> Value:
        value = self._made_clean(expr, func.path, value)
        if not value.is_tainted():
            return value
        texts = [self._text(one) for one in expr.args]
        kinds = guards.harmless_by_name(name) | guards.harmless_by_replacing(name, texts)
        return self._cleaned(value, kinds) if kinds else value

    def _made_clean(self, expr: Expr, path: str, value: Value) -> Value:
        """The value of an expression, harmless where the rules say that such a one is."""
        for pattern, rule in self._catalogue.clean.candidates(expr, path):
            if value.cls is not None or matches(pattern, expr, self._scope) is None:
                continue
            if rule == OUTSIDE:
                taints = numeric(value.all_taints())
                fixed = value.fixed or (value.is_tainted() and not taints)
                value = replace(value, taints=taints, items=None, pairs=None, fixed=fixed)
            elif value.is_tainted():
                value = self._harmless(value, frozenset({rule}))
        return value
