"""A call in; the function of the project that is meant, run with what it gets, and its result, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from agents.builtin.scanning.flow import containers, entries
from agents.builtin.scanning.flow.assignments import Assignments
from agents.builtin.scanning.flow.catalogue import OUTSIDE
from agents.builtin.scanning.flow.memory import DEEPEST, SELF, Frame
from agents.builtin.scanning.flow.tree import Call, Class, Function, Param
from agents.builtin.scanning.flow.values import (
    Env,
    Taint,
    Value,
    as_number,
    holds_numbers,
    joined,
    last_name,
    together,
)

_LONG_ENOUGH = 5
"""A method's name that is taken for the only one of the project."""


class Calls(Assignments):
    """Runs functions of the project."""

    def _target(self, expr: Call, name: str, func: Value, of: Value | None) -> Value | None:
        """The function or class of the project that is called; None where it is not known."""
        if func.function is not None or func.is_class:
            return func
        if func.path and (found := self._resolved(func.path)) is not None:
            return found
        if expr.new or of is None:
            if expr.new and self._language not in ("python", "javascript"):
                value = self._elsewhere(name)
                return value if value.is_class else None
            return None
        if self._language == "go":
            return self._method_in_go(name, of)
        if of.type and of.cls is None and self._language not in ("python",):
            kind = last_name(of.type)
            classes = self._project.classes(kind)
            if len(classes) == 1 and name in classes[0].methods and classes[0].methods[name].body:
                held = replace(self._object(classes[0]), taints=of.taints)
                return Value(function=classes[0].methods[name], of=held, env=self._around(classes[0]))
            made = self._implementations(name, of)
            if len(made) == 1:
                return made[0]
            return None
        if of.path or of.known or of.items is not None or len(name) < _LONG_ENOUGH:
            return None
        functions = self._project.functions(name)
        if len(functions) == 1 and functions[0].owner is not None and name not in containers.MUTATORS:
            one = functions[0]
            if len(expr.args) <= len(one.params) and one.file:
                of_owner = Value(pairs={}, cls=one.owner)
                return Value(function=one, of=of_owner, env=self._around(cast("Class", one.owner)), guessed=True)
        return None

    def _implementations(self, name: str, of: Value) -> list[Value]:
        """Of a method that the object's type only declares, as an interface does: those that do it."""
        if not of.type or of.cls is not None or self._language in ("python", "go"):
            return []
        kind = last_name(of.type)
        return [
            Value(function=one, of=self._object(one.owner), env=self._around(one.owner), guessed=True)
            for one in self._project.functions(name)
            if one.body and one.owner is not None and kind in {last_name(base) for base in one.owner.bases}
        ]

    def _method_in_go(self, name: str, of: Value) -> Value | None:
        """The method of the object's type; where that is not known, the only one of the name."""
        methods = [one for one in self._project.functions(name) if one.receiver is not None]
        kind = last_name(of.type)
        own = [one for one in methods if one.receiver is not None and last_name(one.receiver.type) == kind]
        if len(own) == 1:
            return Value(function=own[0], of=of)
        if len(methods) == 1 and not of.path and not of.known and len(name) >= _LONG_ENOUGH:
            return Value(function=methods[0], of=of, guessed=True)
        return None

    def _super(self, env: Env) -> Value:
        function = self._frame.function
        base = None if function is None or function.owner is None else self._base(function.owner)
        if function is None or base is None:
            return Value()
        of = (
            env.get(function.params[0].name) if function.params and self._language == "python" else env.get("this")
        )
        return Value(pairs=None if of is None else of.pairs, cls=base, type=base.name)

    def _instance(
        self, made: Value, args: Sequence[Value], named: tuple[tuple[str, Value], ...], expr: Call
    ) -> Value:
        cls = cast("Class", made.cls)
        of = Value(pairs={}, cls=cls, type=cls.name)
        start = (
            self._attribute(of, "__init__")
            or self._attribute(of, "__construct")
            or self._attribute(of, "initialize")
        )
        if start is not None and start.function is not None:
            self._run_call(replace(start, of=of), args, named, expr)
        elif args or named:
            # A record, or a constructor that is not seen: it holds what it is given.
            of.taints = together([*args, *(value for _, value in named)])
        return of

    def _run_call(
        self, func: Value, args: Sequence[Value], named: tuple[tuple[str, Value], ...], expr: Call
    ) -> Value:
        function = cast("Function", func.function)
        given = [*args, *(value for _, value in named)]
        if len(self._stack) >= DEEPEST or self._stack.count(function) >= 2:
            return Value(taints=together(given if func.of is None else [*given, func.of]))
        key = self._same_call(func, args, named)
        if key is not None and key in self._results:
            return self._results[key]
        result = self._run_with(func, function, args, named, expr)
        if key is not None and not result.pairs and not result.items:
            self._results[key] = result
        return result

    def _same_call(
        self, func: Value, args: Sequence[Value], named: tuple[tuple[str, Value], ...]
    ) -> tuple[object, ...] | None:
        """What a call without anything from outside depends on; None where it may differ from time to time."""
        key: list[object] = [id(func.function), id(func.env), 0 if func.of is None else id(func.of.cls)]
        if func.of is not None and (func.of.is_tainted() or func.of.cls is None):
            return None
        for name, value in (*((str(place), one) for place, one in enumerate(args)), *named):
            if value.taints or value.items is not None or value.pairs is not None or value.function is not None:
                return None
            key += [name, value.const, type(value.const), value.path, value.type]
        return tuple(key)

    def _run_with(
        self,
        func: Value,
        function: Function,
        args: Sequence[Value],
        named: tuple[tuple[str, Value], ...],
        expr: Call,
    ) -> Value:
        passed = [self._passed(value, expr.line) for value in args]
        by_name = tuple((key, self._passed(value, expr.line)) for key, value in named)
        return self._run(function, func.of, passed, by_name, func.env, depth=self._frame.depth + 1)

    def _passed(self, value: Value, line: int) -> Value:
        if not value.taints:
            return value
        return replace(
            value, taints={key: one.through(self._frame.file, line) for key, one in value.taints.items()}
        )

    def _run(
        self,
        function: Function,
        of: Value | None,
        args: Sequence[Value],
        named: tuple[tuple[str, Value], ...],
        env: Env | None,
        depth: int,
    ) -> Value:
        outer = self._frame
        self._frame = Frame(file=function.file or outer.file, function=function, depth=depth)
        self._ran.add(id(function)) if depth == 0 else None
        self._stack.append(function)
        if env is None:
            module = self._project.module(function.file)
            env = None if module is None else self._top(module)
        inner = Env(outer=env)
        try:
            self._bind(function, of, args, dict(named), inner)
            goes = self._block(function.body, inner)
            returned = self._frame.returned
            if not returned:
                return Value(const=None)
            value = returned[0]
            for other in returned[1:]:
                value = joined(value, other)
            return joined(value, Value(const=None)) if goes and value.known else value
        finally:
            self._stack.pop() if self._stack else None
            self._frame = outer

    def _bind(
        self, function: Function, of: Value | None, args: Sequence[Value], named: dict[str, Value], env: Env
    ) -> None:
        params = function.params
        if of is not None:
            name = SELF.get(self._language)
            if self._language == "python" and params and not function.is_static and function.owner is not None:
                env.names[params[0].name] = of
                params = params[1:]
            elif function.receiver is not None:
                env.names[function.receiver.name] = of
            elif name is not None:
                env.names[name] = of
        for place, param in enumerate(params):
            if param.many:
                rest = [*args[place:], *named.values()]
                env.names[param.name] = Value(items=rest) if not named else Value(taints=together(rest))
                break
            value = args[place] if place < len(args) else named.get(param.name)
            if value is None:
                value = Value() if param.default is None else self._eval(param.default, env)
            if "" in named:
                value = joined(value, Value(taints=named[""].all_taints()))
            if param.type and not value.type:
                value = replace(value, type=last_name(param.type), path=value.path or entries.standard_name(param))
            if holds_numbers(param.type):
                value = as_number(value)
            env.names[param.name] = value

    def _entry_value(self, param: Param, filled: frozenset[str], function: Function) -> Value:
        name = entries.standard_name(param)
        value = Value(path=name, type=last_name(param.type))
        if param.name in filled:
            taint = Taint(OUTSIDE, ((function.file, function.line),))
            value.taints = {(OUTSIDE, taint.clean): taint}
        elif param.name in entries.numbered(function):
            value.fixed = True
        return value
