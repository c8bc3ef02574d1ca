"""Statements in; what names hold behind them, and whether what follows is reached, out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from agents.builtin.scanning.flow import guards
from agents.builtin.scanning.flow.assigned import changed
from agents.builtin.scanning.flow.expressions import Expressions
from agents.builtin.scanning.flow.tree import (
    Call,
    Class,
    Define,
    Do,
    Function,
    If,
    Import,
    Leave,
    Loop,
    Name,
    Put,
    Return,
    Stmt,
    Switch,
    Try,
    called_name,
    variables,
)
from agents.builtin.scanning.flow.values import Env, Value, element_of, last_name, merge

_UNROLLED = 6


class Statements(Expressions):
    """Runs statements."""

    def _block(self, body: Iterable[Stmt], env: Env) -> bool:
        return all(self._statement(one, env) for one in body)

    def _statement(self, one: Stmt, env: Env) -> bool:
        match one:
            case Do():
                self._eval(one.expr, env)
                return not (
                    isinstance(one.expr, Call)
                    and called_name(one.expr) in ("exit", "die", "abort", "_exit", "halt")
                )
            case If():
                return self._if(one, env)
            case Loop():
                return self._loop(one, env)
            case Return():
                value = Value(const=None) if one.value is None else self._eval(one.value, env)
                if one.value is not None:
                    self._sinks(self._catalogue.returned, one.value)
                self._frame.returned.append(value)
                return False
            case Leave():
                if one.value is not None:
                    self._eval(one.value, env)
                if one.kind != "raise" and self._frame.loops:
                    self._frame.loops[-1].append(env.copy().names)
                return False
            case Try():
                return self._try(one, env)
            case Switch():
                return self._switch(one, env)
            case Define():
                value = env.names.get(one.what.name)
                if value is None or (value.function or value.cls) is not one.what:
                    env.names[one.what.name] = self._defined(one.what, env)
                if self._frame.function is not None and not self._frame.depth and isinstance(one.what, Function):
                    self._queue.append((one.what, env))
                return True
            case Import():
                env.names[one.name] = Value(path=one.path)
                return True
            case _:
                return True

    def _defined(self, what: Function | Class, env: Env) -> Value:
        if isinstance(what, Function):
            return Value(function=what, env=env)
        fields = cast("dict[str, Value]", self._fields_of(what))
        inner = Env(outer=env)
        for one in what.body:
            if isinstance(one, Do) and isinstance(one.expr, Put) and isinstance(one.expr.target, Name):
                fields[one.expr.target.name.lstrip("$")] = replace(self._eval(one.expr.value, inner))
                fields[one.expr.target.name.lstrip("$")].type = last_name(one.expr.type)
        return Value(cls=what, is_class=True, env=env, path=what.name)

    def _if(self, one: If, env: Env) -> bool:
        test = self._eval(one.test, env)
        if test.known:
            return self._block(one.body if test.const else one.orelse, env)
        then, orelse = env.copy(), env
        self._refine(one.test, True, then)
        self._refine(one.test, False, orelse)
        self._frame.branches += 1
        goes, other_goes = self._block(one.body, then), self._block(one.orelse, orelse)
        self._frame.branches -= 1
        if goes and other_goes:
            merge(env, then)
        elif goes:
            env.names = then.names
        return goes or other_goes

    def _loop(self, one: Loop, env: Env) -> bool:
        over = None if one.over is None else self._eval(one.over, env)
        if over is not None and one.target is not None and over.items is not None and len(over.items) <= _UNROLLED:
            return self._unrolled(one, over.items, env)
        if one.test is not None and (test := self._eval(one.test, env)).known and not test.const:
            return self._block(one.orelse, env)
        for name in changed(one):
            value = env.get(name)
            if value is not None and value.cls is None:
                env.names[name] = Value(
                    taints=value.all_taints(),
                    pairs=value.pairs,
                    path=value.path,
                    type=value.type,
                    function=value.function,
                )
        before = env.copy()
        self._frame.loops.append([])
        self._frame.branches += 1
        for _ in range(2):
            inner = env.copy()
            if one.target is not None and over is not None:
                self._put(one.target, element_of(over), inner, one.line)
                if isinstance(one.target, Name) and one.target.type:
                    inner.names[one.target.name].type = last_name(one.target.type)
            if one.test is not None:
                self._eval(one.test, inner)
                self._refine(one.test, True, inner)
            if self._block(one.body, inner):
                merge(env, inner)
        self._frame.branches -= 1
        for names in self._frame.loops.pop():
            merge(env, Env(names=names))
        merge(env, before)
        self._block(one.orelse, env)
        return True

    def _unrolled(self, one: Loop, items: Sequence[Value], env: Env) -> bool:
        self._frame.loops.append([])
        goes = True
        for item in list(items):
            if one.target is not None:
                self._put(one.target, item, env, one.line)
            before = len(self._frame.loops[-1])
            goes = self._block(one.body, env)
            if not goes:
                left = self._frame.loops[-1][before:]
                if not left:
                    break
                env.names = left[0]
                for names in left[1:]:
                    merge(env, Env(names=names))
                goes = True
        ends = self._frame.loops.pop()
        for names in ends:
            merge(env, Env(names=names))
        return self._block(one.orelse, env) if goes else bool(ends)

    def _try(self, one: Try, env: Env) -> bool:
        before = env.copy()
        self._frame.branches += 1
        goes = self._block(one.body, env)
        merge(before, env)
        after = [env] if goes else []
        for handler in one.handlers:
            caught = before.copy()
            if self._block(handler, caught):
                after.append(caught)
        self._frame.branches -= 1
        if not after:
            if one.last:
                self._block(one.last, before)
            return False
        env.names = after[0].names
        for other in after[1:]:
            merge(env, other)
        return self._block(one.last, env)

    def _switch(self, one: Switch, env: Env) -> bool:
        subject = self._eval(one.subject, env)
        cases = [
            (None if values is None else [self._eval(each, env) for each in values], body)
            for values, body in one.cases
        ]
        chosen = self._chosen(subject, cases)
        self._frame.loops.append([])
        goes: list[Env] = []
        has_default = any(values is None for values, _ in cases)
        starts = range(len(cases)) if chosen is None else [chosen] if chosen >= 0 else []
        for start in starts:
            inner = env.copy()
            values = cases[start][0]
            if values and all(each.known for each in values):
                for name in variables(one.subject):
                    value = inner.get(name)
                    if value is not None and value.is_tainted():
                        inner.names[name] = self._cleaned(value, frozenset({guards.ALL}))
            self._frame.branches += 1
            reached = True
            for _, body in cases[start:]:
                reached = self._block(body, inner)
                if not reached or not one.falls:
                    break
            self._frame.branches -= 1
            if reached:
                goes.append(inner)
        goes += [Env(names=names) for names in self._frame.loops.pop()]
        if not starts or (chosen is None and not has_default):
            goes.append(env.copy())
        if not goes:
            return False
        env.names = goes[0].names
        for other in goes[1:]:
            merge(env, other)
        return True

    def _chosen(self, subject: Value, cases: Sequence[tuple[list[Value] | None, list[Stmt]]]) -> int | None:
        """Which case is taken: -1 for none; None where it is not known."""
        if not subject.known:
            return None
        default = -1
        for place, (values, _) in enumerate(cases):
            if values is None:
                default = place
            elif not values or not all(each.known for each in values):
                return None
            elif subject.const in [each.const for each in values]:
                return place
        return default
