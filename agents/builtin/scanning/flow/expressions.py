"""An expression in; its value out: constants computed, sources marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

from agents.builtin.scanning.flow import containers
from agents.builtin.scanning.flow.catalogue import OUTSIDE
from agents.builtin.scanning.flow.memory import STEPS_PER_FILE, STEPS_PER_FUNCTION, SpentError
from agents.builtin.scanning.flow.outside_calls import OutsideCalls
from agents.builtin.scanning.flow.patterns import matches, written
from agents.builtin.scanning.flow.project import is_web
from agents.builtin.scanning.flow.tree import (
    Attr,
    Call,
    Choice,
    Const,
    Expr,
    Index,
    Items,
    Lambda,
    Name,
    Op,
    Pairs,
    Put,
    Slice,
    Text,
    called_name,
)
from agents.builtin.scanning.flow.values import TESTED, Env, Key, Taint, Taints, Value, add, joined, together

_IMPLEMENTATIONS = 4
"""Classes that do what an interface declares: with more of them none is followed, which bounds the work."""
_EXPRESSIONS = frozenset({"compile", "MustCompile", "Regex", "RegExp"})
"""What makes a regular expression of a text."""
_UNKNOWN_PART = "\0"
_BOOLEAN = frozenset(
    {"==", "!=", "<", ">", "<=", ">=", "in", "not in", "not", "is", "is not", "and", "or", "instanceof"}
)


class Expressions(OutsideCalls):
    """Evaluates expressions."""

    def _eval(self, expr: Expr, env: Env) -> Value:
        self._steps += 1
        self._file_steps += 1
        if self._steps > STEPS_PER_FUNCTION or self._file_steps > STEPS_PER_FILE:
            raise SpentError
        evaluate = _EVALUATE.get(type(expr))
        value = (
            Value(taints=together([self._eval(one, env) for one in expr.within()]))
            if evaluate is None
            else evaluate(self, expr, env)
        )
        if isinstance(expr, Name | Attr | Call | Index):
            value = self._source(expr, value)
            if isinstance(expr, Attr | Index) and value.is_tainted():
                value = self._made_clean(expr, value.path, value)
                tested = env.get(TESTED + written(expr))
                if tested is not None and isinstance(tested.const, str):
                    value = self._cleaned(value, frozenset(tested.const.split(",")))
        self._last[id(expr)] = value
        return value

    def _source(self, expr: Expr, value: Value) -> Value:
        for pattern, group in self._catalogue.sources.candidates(expr, value.path):
            if (group, frozenset[str]()) in value.taints or matches(pattern, expr, self._scope) is None:
                continue
            if pattern.place is not None and not self._stands_in(pattern.place):
                continue
            if group == OUTSIDE and self._language == "python" and not self._serves(value.path):
                continue
            if group == OUTSIDE and any(
                matches(other, expr, self._scope) is not None
                for other, _ in self._catalogue.not_sources.candidates(expr, value.path)
            ):
                value = replace(value, fixed=True)
                continue
            taint = Taint(group, ((self._frame.file, expr.line),))
            taints = {(group, taint.clean): taint, **value.taints}
            value = replace(value, taints=taints, const=Value().const, fixed=False)
        return value

    def _serves(self, path: str) -> bool:
        """Whether the file, or the object, has to do with a framework for the web: `request` is a common name."""
        return self._project.serves(self._frame.file) or is_web(path)

    def _call(self, expr: Call, env: Env) -> Value:
        of: Value | None = None
        name = called_name(expr)
        if isinstance(expr.func, Attr):
            of = self._eval(expr.func.of, env)
            func = self._member(of, expr.func.name)
            self._last[id(expr.func)] = func
        else:
            func = self._eval(expr.func, env)
        args = [self._eval(one, env) for one in expr.args]
        named = tuple((key, self._eval(one, env)) for key, one in expr.named)
        value = self._applied(expr, name, func, of, args, named, env)
        self._fill(expr, func.path, env)
        return self._made_harmless(expr, name, func, value)

    def _applied(
        self,
        expr: Call,
        name: str,
        func: Value,
        of: Value | None,
        args: list[Value],
        named: tuple[tuple[str, Value], ...],
        env: Env,
    ) -> Value:
        if name == "new" and self._language == "ruby" and of is not None and of.is_class:
            return self._instance(of, args, named, expr)
        if name == "require" and of is None and args and isinstance(args[0].const, str):
            return self._resolved(args[0].const) or Value(path=args[0].const)
        if name == "getattr" and len(args) >= 2 and isinstance(args[1].const, str):
            return self._member(args[0], args[1].const)
        if name == "promisify" and args and args[0].path:
            return args[0]
        if name in _EXPRESSIONS and args and isinstance(args[0].const, str):
            self._check(expr)
            return Value(pairs={"pattern": args[0]})
        if name == "super":
            return self._super(env)
        if expr.new or ((self._language == "python" and name[:1].isupper()) or name in ("list", "dict")):
            held = containers.new(name, args) if func.cls is None else None
            if held is not None:
                self._check(expr, reports=False)
                return held
        if name == "len" and len(args) == 1 and of is None:
            length = args[0].items if args[0].items is not None else args[0].const
            return Value(const=len(length)) if isinstance(length, str | list) else Value()
        if name in ("str", "String", "string") and of is None and len(args) == 1 and args[0].known:
            return Value(const=str(args[0].const))
        if of is not None:
            known = containers.call(name, of, args)
            if known is not None:
                self._check(expr, reports=False)
                return known
        resolved = self._target(expr, name, func, of)
        if resolved is not None:
            if resolved.is_class and resolved.cls is not None:
                return self._instance(resolved, args, named, expr)
            if resolved.function is not None and resolved.function.body:
                if resolved is not func:
                    self._check(expr)
                result = self._run_call(resolved, args, named, expr)
                if not resolved.guessed:
                    return result
                # Known by its name only: what it does with what it gets counts, and what another would do.
                return joined(result, self._unknown(expr, name, func, of, args, named, env))
        self._check(expr)
        value = self._unknown(expr, name, func, of, args, named, env)
        several = self._implementations(name, of) if resolved is None and of is not None else []
        if 1 < len(several) <= _IMPLEMENTATIONS:
            # Which of them it is, is chosen when the program runs, as for databases of several makers.
            for one in several:
                value = joined(value, self._run_call(one, args, named, expr))
        return value

    def _index(self, expr: Index, env: Env) -> Value:
        of, key = self._eval(expr.of, env), self._eval(expr.key, env)
        if key.known and isinstance(key.const, str) and of.cls is not None:
            return self._member(of, key.const)
        found = containers.element(of, key)
        if self._catalogue.wholes and any(one.source in self._catalogue.wholes for one in found.taints.values()):
            kept = {key: one for key, one in found.taints.items() if one.source not in self._catalogue.wholes}
            found = replace(found, taints=kept)
        return found

    def _slice(self, expr: Slice, env: Env) -> Value:
        of = self._eval(expr.of, env)
        ends = [None if end is None else self._eval(end, env) for end in (expr.first, expr.last)]
        if isinstance(of.const, str) and all(
            end is None or (end.known and isinstance(end.const, int)) for end in ends
        ):
            first, last = (None if end is None else cast("int", end.const) for end in ends)
            return Value(const=of.const[first:last])
        return Value(taints=of.all_taints())

    def _const(self, expr: Const, env: Env) -> Value:
        return Value(const=expr.value)

    def _op(self, expr: Op, env: Env) -> Value:
        values = [self._eval(one, env) for one in expr.parts]
        if expr.op == "or" or expr.op == "and":
            known = values[0]
            if known.known and len(values) == 2:
                taken = bool(known.const) == (expr.op == "and")
                return values[1] if taken else known
            if all(isinstance(part, Op) and part.op in _BOOLEAN for part in expr.parts):
                return Value()
            made = values[0]
            for value in values[1:]:
                made = joined(made, value)
            return made if made.items is None else replace(made, const=Value().const)
        value = containers.operate(expr.op, values)
        if expr.op in ("+", "%"):
            self._judge(value, expr.line, self._names.get("sql-injection"))
        self._check(expr)
        if expr.op == "/" and values[0].type == "Path":
            return Value(taints=together(values), type="Path")
        if expr.op == "+" and value.taints:
            return self._clean_ends(expr.parts, values, value)
        if expr.op == "%" and not isinstance(values[0].const, str) and not values[0].taints:
            return Value()
        return value

    def _clean_ends(self, parts: Sequence[Expr], values: Sequence[Value], value: Value) -> Value:
        """A text that begins with an address: what follows chooses no host."""
        if not _has_host(self._before(parts)):
            return value
        return self._cleaned(value, frozenset({"open-redirect", "ssrf"}))

    def _before(self, parts: Sequence[Expr]) -> str:
        """What a text begins with, up to the first part from outside; what is not known is NUL."""
        made = ""
        for part in parts:
            value = self._last.get(id(part), Value())
            if isinstance(part, Op) and part.op == "+" and not value.known:
                inner = self._before(part.parts)
                if value.is_tainted():
                    return made + inner
                made += inner
            elif value.is_tainted():
                return made
            else:
                made += value.const if isinstance(value.const, str) else _UNKNOWN_PART
        return made

    def _texted(self, expr: Text, env: Env) -> Value:
        values = [self._eval(one, env) for one in expr.parts]
        if all(value.known for value in values):
            self._judge(Value(const=""), expr.line, None)
            return Value(const="".join(str(value.const) for value in values))
        value = Value(taints=together(values), fixed=all(value.is_fixed for value in values))
        self._judge(value, expr.line, self._names.get("sql-injection"))
        return self._clean_ends(expr.parts, values, value) if value.taints and values else value

    def _items(self, expr: Items, env: Env) -> Value:
        return Value(items=[self._eval(one, env) for one in expr.parts])

    def _pairs(self, expr: Pairs, env: Env) -> Value:
        made: dict[Key, Value] = {}
        taints: Taints = {}
        for key, value in expr.pairs:
            held = self._eval(value, env)
            named = None if key is None else self._eval(key, env)
            if named is not None and named.known:
                made[cast("Key", named.const)] = held
            else:
                if held.pairs is not None and named is None:
                    made.update(held.pairs)
                    add(taints, held.taints)
                else:
                    add(taints, held.all_taints())
        self._check(expr)
        return Value(pairs=made, taints=taints)

    def _choice(self, expr: Choice, env: Env) -> Value:
        test = self._eval(expr.test, env)
        if test.known:
            return self._eval(expr.first if test.const else expr.second, env)
        then, orelse = env.copy(), env.copy()
        self._refine(expr.test, True, then)
        self._refine(expr.test, False, orelse)
        return joined(self._eval(expr.first, then), self._eval(expr.second, orelse))

    def _lambda(self, expr: Lambda, env: Env) -> Value:
        if not expr.function.name or self._frame.function is not None or self._frame.depth == 0:
            self._queue.append((expr.function, env))
        return Value(function=expr.function, env=env)


_EVALUATE: dict[type[Expr], Callable[[Expressions, Any, Env], Value]] = {
    Const: Expressions._const,  # pyright: ignore[reportPrivateUsage]
    Name: Expressions._name,  # pyright: ignore[reportPrivateUsage]
    Attr: Expressions._attr,  # pyright: ignore[reportPrivateUsage]
    Index: Expressions._index,  # pyright: ignore[reportPrivateUsage]
    Slice: Expressions._slice,  # pyright: ignore[reportPrivateUsage]
    Call: Expressions._call,  # pyright: ignore[reportPrivateUsage]
    Op: Expressions._op,  # pyright: ignore[reportPrivateUsage]
    Choice: Expressions._choice,  # pyright: ignore[reportPrivateUsage]
    Text: Expressions._texted,  # pyright: ignore[reportPrivateUsage]
    Items: Expressions._items,  # pyright: ignore[reportPrivateUsage]
    Pairs: Expressions._pairs,  # pyright: ignore[reportPrivateUsage]
    Lambda: Expressions._lambda,  # pyright: ignore[reportPrivateUsage]
    Put: Expressions._assign,  # pyright: ignore[reportPrivateUsage]
}


def _has_host(text: str) -> bool:
    """Whether the text is an address with its host, or a path on this one; an unknown part may hold both."""
    _, separator, rest = text.partition("://")
    if separator:
        return "/" in rest or "?" in rest
    if text.startswith(_UNKNOWN_PART):
        return any(char in text for char in "/?#")
    if text[:1] in ("?", "#"):
        return True  # the end of an address, whose beginning stands before it
    return len(text) > 1 and text[0] == "/" and text[1] not in "/\\"
