"""A target and a value in; the variable, the field or the element is set."""

from __future__ import annotations

from dataclasses import replace

from agents.builtin.scanning.flow import containers
from agents.builtin.scanning.flow.definitions import Definitions
from agents.builtin.scanning.flow.memory import IMPLICIT, SELF
from agents.builtin.scanning.flow.tree import Attr, Call, Expr, Index, Items, Name, Pairs, Put, variables
from agents.builtin.scanning.flow.values import (
    Env,
    Taints,
    Value,
    add,
    as_number,
    holds_numbers,
    joined,
    last_name,
    together,
)


class Assignments(Definitions):
    """Sets variables, fields and elements."""

    def _assign(self, expr: Put, env: Env) -> Value:
        value = self._eval(expr.value, env)
        if expr.op:
            before = self._eval(expr.target, env)
            value = (
                joined(before, value) if expr.op in ("or", "and") else containers.operate(expr.op, [before, value])
            )
        if expr.type:
            value = replace(value, type=value.type or last_name(expr.type))
            if holds_numbers(expr.type):
                value = as_number(value)
        self._put(expr.target, value, env, expr.line)
        if not isinstance(expr.target, Name):
            self._last[id(expr.value)] = value
            self._sinks(self._catalogue.assigned, expr)
        else:
            names = variables(expr.value) - {expr.target.name}
            self._frame.made_from[expr.target.name] = names if isinstance(expr.value, Call) else frozenset()
            self._sinks(self._catalogue.assigned, expr)
        return value

    def _put(self, target: Expr, value: Value, env: Env, line: int) -> None:
        """Set a variable, a field or an element."""
        if value.taints:
            taints = {key: taint.through(self._frame.file, line) for key, taint in value.taints.items()}
            value = replace(value, taints=taints)
        match target:
            case Name():
                if (
                    self._language in IMPLICIT
                    and env.get(target.name) is None
                    and self._set_field(target.name, value, env)
                ):
                    return
                env.put(target.name, value)
            case Attr():
                of = self._eval(target.of, env)
                full = f"{target.of.name}.{target.name}" if isinstance(target.of, Name) else ""
                if self._language == "javascript" and full == "module.exports":
                    self._top_env(env).names[full] = value
                    return
                self._set_member(of, target, value, env)
            case Index():
                of, key = self._eval(target.of, env), self._eval(target.key, env)
                containers.call("put", of, [key, value]) if of.pairs is not None else None
                if (
                    of.items is not None
                    and isinstance(key.const, int)
                    and -len(of.items) <= key.const < len(of.items)
                ):
                    of.items[key.const] = value
                elif of.pairs is None:
                    self._spoil(target.of, of, together([value]), env)
            case Items():
                for place, one in enumerate(target.parts):
                    part = containers.element(value, Value(const=place))
                    self._put(one, part, env, line)
            case Pairs():
                for key, one in target.pairs:
                    named = None if key is None else self._eval(key, env)
                    if named is not None and isinstance(named.const, str):
                        self._put(one, self._member(value, named.const), env, line)
                    else:
                        self._put(one, Value(taints=value.all_taints()), env, line)
            case _:
                pass

    def _top_env(self, env: Env) -> Env:
        while env.outer is not None:
            env = env.outer
        return env

    def _set_field(self, name: str, value: Value, env: Env) -> bool:
        of = env.get(SELF[self._language])
        if of is None or of.cls is None or of.pairs is None:
            return False
        if name not in self._fields.get(id(of.cls), {}) and name not in of.pairs:
            return False
        self._set(of, name, value)
        return True

    def _set(self, of: Value, name: str, value: Value) -> None:
        if of.pairs is None:
            return
        before = of.pairs.get(name)
        of.pairs[name] = joined(before, value) if before is not None and self._frame.branches else value

    def _set_member(self, of: Value, target: Attr, value: Value, env: Env) -> None:
        if of.pairs is None and not of.path and isinstance(target.of, Name) and of.cls is None:
            if target.of.name == "exports" and self._language == "javascript":
                top = self._top_env(env)
                of = top.names.setdefault("exports", Value(pairs={}))
            else:
                made = replace(of, pairs={target.name: value})
                env.put(target.of.name, made)
                return
        self._set(of, target.name, value)

    def _spoil(self, target: Expr, of: Value, taints: Taints, env: Env) -> None:
        """What the object holds is no longer known in parts."""
        if not taints:
            return
        while isinstance(target, Index | Call):
            # `a.append(b).append(c)`: what a method of the object answers is the object.
            if isinstance(target, Index):
                target = target.of
            elif isinstance(target.func, Attr) and target.func.name in containers.MUTATORS:
                target = target.func.of
            else:
                break
        if isinstance(target, Name) and of.cls is None:
            made = replace(of, taints={**of.taints})
            add(made.taints, taints)
            made.const = Value().const
            env.put(target.name, made)
        else:
            of.taints = {**of.taints}
            add(of.taints, taints)
