"""Files of one language -> what from outside reaches where it must not, over functions, classes and files.

The code is run on values of which only part is known: constants are computed, branches that cannot be taken are left
out, what lists and maps hold is followed, and functions of the project are run where they are called. Everything is
bounded; what was not followed to the end is said.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from agents.builtin.scanning.flow import containers, entries, guards
from agents.builtin.scanning.flow.assigned import changed
from agents.builtin.scanning.flow.catalogue import LOCAL, OUTSIDE, FlowCatalogue, FlowRule, Table
from agents.builtin.scanning.flow.patterns import Place, Scope, matches, written
from agents.builtin.scanning.flow.project import Project, is_web
from agents.builtin.scanning.flow.tree import (
    Attr,
    Call,
    Choice,
    Class,
    Const,
    Define,
    Do,
    Expr,
    Function,
    If,
    Import,
    Index,
    Items,
    Lambda,
    Leave,
    Loop,
    Module,
    Name,
    Op,
    Pairs,
    Param,
    Put,
    Return,
    Slice,
    Stmt,
    Switch,
    Text,
    Try,
)
from agents.builtin.scanning.flow.values import (
    TESTED,
    Env,
    Key,
    Taint,
    Taints,
    Value,
    add,
    copied,
    joined,
    merge,
    numeric,
    together,
)

_DEEPEST, _STEPS_PER_FUNCTION, _STEPS_PER_FILE = 6, 12_000, 100_000
_UNROLLED = 6
_SELF = {"java": "this", "javascript": "this", "csharp": "this", "php": "$this", "ruby": "self"}
_IMPLICIT = frozenset({"java", "csharp", "ruby"})
"""Languages in which fields and methods of the object are called by their name alone."""
_EACH = frozenset(
    {"map", "forEach", "filter", "then", "each", "flatMap", "reduce", "find", "some", "every", "Select", "ForEach"}
)
_MADE_OF = frozenset({"map", "flatMap", "Select"})
"""Methods whose result is made of what their function answers."""
_CALLBACKS = 3
_IMPLEMENTATIONS = 4
"""Classes that do what an interface declares: with more of them none is followed, which bounds the work."""
_EXPRESSIONS = frozenset({"compile", "MustCompile", "Regex", "RegExp"})
"""What makes a regular expression of a text."""
_UNKNOWN_PART = "\0"
_LONG_ENOUGH = 5
"""A method's name that is taken for the only one of the project."""
_FILLING = frozenset({"nextBytes", "NextBytes", "readFully", "Read", "readInto", "read"})
"""Methods that put what they have into their argument."""
_BY_POSITION = frozenset(
    {
        "slice",
        "substring",
        "substr",
        "Substring",
        "charAt",
        "subList",
        "subSequence",
        "skip",
        "limit",
        "take",
        "drop",
    }
)
"""Methods whose arguments say which part of the object they answer, and are no part of it."""
_SAME_TYPE = frozenset(
    {"resolve", "absolute", "joinpath", "expanduser", "with_suffix", "with_name", "relative_to"}
)
"""Methods of a path whose result is one."""


@dataclass(frozen=True, slots=True)
class Found:
    """One way from a source to a sink."""

    rule: FlowRule
    file: str
    line: int
    steps: tuple[tuple[str, int], ...]


class SpentError(Exception):
    """The bound on the work for one function or file is reached."""


@dataclass(slots=True, eq=False)
class Frame:
    """One run of one function, or of the top of a file."""

    file: str
    function: Function | None
    depth: int = 0
    returned: list[Value] = field(default_factory=list[Value])
    loops: list[list[dict[str, Value]]] = field(default_factory=list[list[dict[str, Value]]])
    made_from: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    branches: int = 0


class Interpreter:
    """Runs the files of one project in one language."""

    def __init__(self, project: Project, catalogue: FlowCatalogue) -> None:
        self._project, self._catalogue = project, catalogue
        self._language = catalogue.language
        self.found: dict[tuple[str, int, str], Found] = {}
        self.seen: set[tuple[str, int, str]] = set()
        """File, line and kind of each sink that was looked at with what reaches it."""
        self.harmless: dict[tuple[str, int, str], bool] = {}
        """Line and kind -> whether all that was put together or used on it is constant, or made harmless for it."""
        self.spent: set[str] = set()
        """Files of which not everything could be run."""
        self._tops: dict[str, Env] = {}
        self._last: dict[int, Value] = {}
        self._parts: dict[int, list[Expr]] = {}
        """What stands for the elements of a variable's list where a pattern asks for them."""
        self._fields: dict[int, dict[str, Value]] = {}
        self._objects: dict[int, Value] = {}
        self._stack: list[Function] = []
        self._queue: list[tuple[Function, Env | None]] = []
        self._ran: set[int] = set()
        self._results: dict[tuple[object, ...], Value] = {}
        self._steps = self._file_steps = 0
        self.work = 0
        """Expressions looked at so far."""
        self._frame = Frame(file="", function=None)
        self._scope = Scope(path=self._path, text=self._text, type=self._type, items=self._held)
        self._tainted_sink = replace(self._scope, sink=self._is_tainted)
        self._names = {rule.name: rule for rule in catalogue.rules.values()}
        self._kinds: dict[str, frozenset[str]] = {}
        for rule in catalogue.rules.values():
            kind = rule.rule.id.split("/")[-1]
            self._kinds[kind] = self._kinds.get(kind, frozenset()) | {rule.name}

    # Files

    def run(self, file: str) -> None:
        """Look at everything in the file: what runs when it is loaded, and each function."""
        module = self._project.module(file)
        if module is None:
            self.spent.add(file)
            return
        self._steps = self._file_steps = 0
        try:
            self._top(module)
            for _ in range(2):
                before = self._fields_tainted()
                self._functions(module.body)
                if self._fields_tainted() == before:
                    break
                self._ran.clear()
        except SpentError:
            self.spent.add(file)
        except RecursionError:
            self.spent.add(file)
        self.work += self._file_steps
        self._last.clear()
        self._parts.clear()
        self._results.clear()
        self._stack.clear()
        self._queue.clear()

    def forget(self) -> None:
        """Give back the memory of all files that were read; what was found stays."""
        self._project.forget()
        for held in (self._tops, self._fields, self._objects, self._results, self._last, self._parts):
            held.clear()
        self._ran.clear()

    def _fields_tainted(self) -> int:
        return sum(value.is_tainted() for fields in self._fields.values() for value in fields.values())

    def _top(self, module: Module) -> Env:
        env = self._tops.get(module.file)
        if env is None:
            env = self._tops[module.file] = Env()
            outer, self._frame = self._frame, Frame(file=module.file, function=None)
            # Functions may call what is defined further down.
            self._define(module.body, env)
            try:
                self._block(module.body, env)
            finally:
                self._frame = outer
        return env

    def _define(self, body: Sequence[Stmt], env: Env) -> None:
        for one in body:
            if isinstance(one, Define):
                env.names.setdefault(one.what.name, self._defined(one.what, env))

    def _functions(self, body: Sequence[Stmt]) -> None:
        for one in body:
            if not isinstance(one, Define):
                continue
            if isinstance(one.what, Class):
                own = sorted(one.what.body, key=lambda each: not _is_constructor(each))
                self._functions(own)
            else:
                self._entry(one.what, None)
        self._drain()

    def _drain(self) -> None:
        while self._queue:
            function, env = self._queue.pop()
            self._entry(function, env)

    def _entry(self, function: Function, env: Env | None) -> None:
        """Run a function as something outside would: with what a framework gives it."""
        if id(function) in self._ran:
            return
        self._ran.add(id(function))
        self._steps = 0
        serves = self._language != "python" or self._project.serves(function.file)
        filled = entries.filled(self._language, function) if serves else frozenset[str]()
        outer = self._frame
        try:
            args = [self._entry_value(one, filled, function) for one in function.params]
            of = None if function.owner is None or function.is_static else self._object(function.owner)
            if function.receiver is not None:
                of = Value(type=_short(function.receiver.type))
            if of is not None and self._language == "python":
                args = args[1:]
            self._run(function, of, args, (), env, depth=0)
        except SpentError:
            self.spent.add(function.file)
            if self._file_steps > _STEPS_PER_FILE:
                raise
        finally:
            self._frame = outer
            self._stack.clear()

    def _entry_value(self, param: Param, filled: frozenset[str], function: Function) -> Value:
        name = entries.standard_name(param)
        value = Value(path=name, type=_short(param.type))
        if param.name in filled:
            taint = Taint(OUTSIDE, ((function.file, function.line),))
            value.taints = {(OUTSIDE, taint.clean): taint}
        elif param.name in entries.numbered(function):
            value.fixed = True
        return value

    def _object(self, cls: Class) -> Value:
        """One object that stands for all of the class."""
        if id(cls) not in self._objects:
            self._objects[id(cls)] = Value(pairs=self._fields_of(cls), cls=cls, type=cls.name)
        return self._objects[id(cls)]

    def _fields_of(self, cls: Class) -> dict[Key, Value]:
        return cast("dict[Key, Value]", self._fields.setdefault(id(cls), {}))

    # Statements. Each answers whether what follows is reached.

    def _block(self, body: Iterable[Stmt], env: Env) -> bool:
        return all(self._statement(one, env) for one in body)

    def _statement(self, one: Stmt, env: Env) -> bool:
        match one:
            case Do():
                self._eval(one.expr, env)
                return not (
                    isinstance(one.expr, Call) and _name_of(one.expr) in ("exit", "die", "abort", "_exit", "halt")
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
                fields[one.expr.target.name.lstrip("$")].type = _short(one.expr.type)
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
                if value.is_tainted():
                    value = env.names[each] = self._cleaned(value, kinds)
                if guards.ALL in kinds and each == name and value.cls is None and value.function is None:
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
                self._put(one.target, _element(over), inner, one.line)
                if isinstance(one.target, Name) and one.target.type:
                    inner.names[one.target.name].type = _short(one.target.type)
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
                for name in guards_names(one.subject):
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

    # Expressions

    def _eval(self, expr: Expr, env: Env) -> Value:
        self._steps += 1
        self._file_steps += 1
        if self._steps > _STEPS_PER_FUNCTION or self._file_steps > _STEPS_PER_FILE:
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

    def _name(self, expr: Name, env: Env) -> Value:
        value = env.get(expr.name)
        if value is not None:
            return value
        if self._language in _IMPLICIT:
            of = env.get(_SELF[self._language])
            if of is not None and of.cls is not None:
                found = self._attribute(of, expr.name)
                if found is not None:
                    return found
        return self._elsewhere(expr.name)

    def _elsewhere(self, name: str) -> Value:
        """What a name stands for that is not defined in this file."""
        if self._language in ("python", "javascript"):
            return Value()
        if name[:1].isupper() or self._language in ("go", "php", "ruby"):
            classes = self._project.classes(name)
            if len(classes) == 1 or (classes and len({one.file for one in classes}) == 1):
                return self._class_value(classes[-1])
            if not classes:
                functions = [one for one in self._project.functions(name) if one.owner is None]
                if len(functions) == 1:
                    return Value(function=functions[0], path=name)
        return Value(path=name if name[:1].isupper() else "")

    def _class_value(self, cls: Class) -> Value:
        module = self._project.module(cls.file)
        env = None if module is None else self._top(module)
        if env is not None and id(cls) not in self._fields:
            self._defined(cls, env)
        return Value(cls=cls, is_class=True, env=env, path=cls.name)

    def _attr(self, expr: Attr, env: Env) -> Value:
        of = self._eval(expr.of, env)
        return self._member(of, expr.name)

    def _member(self, of: Value, name: str) -> Value:
        found = self._attribute(of, name)
        if found is not None:
            if of.taints and not found.function:
                return joined(found, Value(taints=of.taints))
            return found
        if name in ("length", "Length", "Count"):
            if of.items is not None:
                return Value(const=len(of.items))
            if isinstance(of.const, str):
                return Value(const=len(of.const))
        if of.path and not of.taints:
            path = f"{of.path}.{name}"
            return self._resolved(path) or Value(path=path)
        taints = of.taints if of.cls is not None else of.all_taints()
        if self._catalogue.wholes:
            taints = {key: one for key, one in taints.items() if one.source not in self._catalogue.wholes}
        return Value(taints=dict(taints), path=f"{of.path}.{name}" if of.path else "")

    def _attribute(self, of: Value, name: str) -> Value | None:
        """A field or method; None where nothing is known of it."""
        if of.pairs is not None and name in of.pairs:
            return of.pairs[name]
        seen = 0
        cls = of.cls
        while cls is not None and seen < 4:
            fields = self._fields.get(id(cls), {})
            if name in fields:
                return fields[name]
            if name in cls.methods:
                return Value(function=cls.methods[name], of=of, env=self._around(cls))
            inner = [one.what for one in cls.body if isinstance(one, Define) and isinstance(one.what, Class)]
            for one in inner:
                if one.name == name:
                    return self._class_value(one)
            cls, seen = self._base(cls), seen + 1
        return None

    def _around(self, cls: Class) -> Env | None:
        module = self._project.module(cls.file)
        return None if module is None else self._top(module)

    def _base(self, cls: Class) -> Class | None:
        for base in cls.bases:
            env = self._around(cls)
            name = base.rsplit(".", 1)[-1]
            value = None if env is None else env.get(name)
            if value is not None and value.path and value.cls is None:
                value = self._resolved(value.path)
            if value is not None and value.cls is not None and value.cls is not cls:
                return value.cls
            found = [one for one in self._project.classes(name) if one is not cls]
            if len(found) == 1:
                return found[0]
        return None

    def _resolved(self, path: str) -> Value | None:
        """What a dotted path stands for within the project."""
        if self._language == "java":
            parts = path.split(".")
            if len(parts) > 1 and parts[-1][:1].isupper():
                classes = self._project.classes(parts[-1])
                return self._class_value(classes[0]) if len(classes) == 1 else None
            return None
        place = self._project.split(path)
        if place is None or place[0] == self._frame.file:
            return None
        module = self._project.module(place[0])
        if module is None:
            return None
        env = self._top(module)
        if not place[1]:
            return self._exported(env, path)
        value: Value | None = None
        for number, name in enumerate(place[1].split(".")):
            if number:
                value = None if value is None else self._attribute(value, name)
            else:
                exported = env.names.get("module.exports") or env.names.get("exports")
                value = env.names.get(name)
                if value is None and exported is not None and exported.pairs is not None:
                    value = exported.pairs.get(name)
            if (
                value is not None
                and value.path
                and value.function is None
                and value.cls is None
                and value.path != path
            ):
                value = self._resolved(value.path) or value
            if value is None:
                return None
        return value

    def _exported(self, env: Env, path: str) -> Value | None:
        """A whole module as a value."""
        if self._language != "javascript":
            return None
        found = env.names.get("module.exports")
        if found is None:
            held = env.names.get("exports")
            if held is None or held.pairs is None or set(held.pairs) != {"default"}:
                return None
            default = held.pairs["default"]
            pairs: dict[Key, Value] = {**(default.pairs or {}), "default": default}
            return replace(default, pairs=pairs)
        return found

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

    def _assign(self, expr: Put, env: Env) -> Value:
        value = self._eval(expr.value, env)
        if expr.op:
            before = self._eval(expr.target, env)
            value = (
                joined(before, value) if expr.op in ("or", "and") else containers.operate(expr.op, [before, value])
            )
        if expr.type:
            value = replace(value, type=value.type or _short(expr.type))
            if guards_number(expr.type):
                value = _number(value)
        self._put(expr.target, value, env, expr.line)
        if not isinstance(expr.target, Name):
            self._last[id(expr.value)] = value
            self._sinks(self._catalogue.assigned, expr)
        else:
            names = frozenset(guards_names(expr.value)) - {expr.target.name}
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
                    self._language in _IMPLICIT
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
        of = env.get(_SELF[self._language])
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

    # Calls

    def _call(self, expr: Call, env: Env) -> Value:
        of: Value | None = None
        name = _name_of(expr)
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

    def _fill(self, expr: Call, path: str, env: Env) -> None:
        """A call that writes what a visitor sent into one of its arguments."""
        for pattern, group in self._catalogue.fills.candidates(expr, path):
            bound = matches(pattern, expr, self._scope)
            if bound is not None and (to := bound.get("TO")) is not None:
                taint = Taint(group, ((self._frame.file, expr.line),))
                self._spoil(to, self._last.get(id(to), Value()), {(group, taint.clean): taint}, env)

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

    def _super(self, env: Env) -> Value:
        function = self._frame.function
        base = None if function is None or function.owner is None else self._base(function.owner)
        if function is None or base is None:
            return Value()
        of = (
            env.get(function.params[0].name) if function.params and self._language == "python" else env.get("this")
        )
        return Value(pairs=None if of is None else of.pairs, cls=base, type=base.name)

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
            kind = _short(of.type)
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
        kind = _short(of.type)
        return [
            Value(function=one, of=self._object(one.owner), env=self._around(one.owner), guessed=True)
            for one in self._project.functions(name)
            if one.body and one.owner is not None and kind in {_short(base) for base in one.owner.bases}
        ]

    def _method_in_go(self, name: str, of: Value) -> Value | None:
        """The method of the object's type; where that is not known, the only one of the name."""
        methods = [one for one in self._project.functions(name) if one.receiver is not None]
        kind = _short(of.type)
        own = [one for one in methods if one.receiver is not None and _short(one.receiver.type) == kind]
        if len(own) == 1:
            return Value(function=own[0], of=of)
        if len(methods) == 1 and not of.path and not of.known and len(name) >= _LONG_ENOUGH:
            return Value(function=methods[0], of=of, guessed=True)
        return None

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
        if len(self._stack) >= _DEEPEST or self._stack.count(function) >= 2:
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
            name = _SELF.get(self._language)
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
                value = replace(value, type=_short(param.type), path=value.path or entries.standard_name(param))
            if guards_number(param.type):
                value = _number(value)
            env.names[param.name] = value

    def _unknown(
        self,
        expr: Call,
        name: str,
        func: Value,
        of: Value | None,
        args: Sequence[Value],
        named: tuple[tuple[str, Value], ...],
        env: Env,
    ) -> Value:
        """A function that is not seen: its result is made of what it gets; functions it gets are called."""
        given = [*args, *(value for _, value in named)]
        made_of = [] if of is not None and name in _BY_POSITION else given
        taints = together([*made_of, *([of] if of is not None else [func])])
        for number, value in enumerate(given[:_CALLBACKS] if len(given) <= _CALLBACKS else given):
            if value.function is not None and id(value.function) not in {id(one) for one in self._stack}:
                result = self._call_back(name, value, of, args, number)
                if name in _MADE_OF and not number and result is not None:
                    return Value(taints=result.all_taints(), fixed=result.is_fixed)
        changes = name in containers.MUTATORS and not (name == "update" and self._language != "python")
        if of is not None and isinstance(expr.func, Attr) and changes:
            held = together(given)
            if held and of.cls is None:
                if of.items is not None or of.pairs is not None or of.known:
                    of = replace(of, items=None, pairs=None, taints=of.all_taints())
                self._spoil(expr.func.of, of, held, env)
        if of is not None and name in _FILLING and of.taints:
            for one, value in zip(expr.args, args, strict=True):
                self._spoil(one, value, of.taints, env)
        if name == "setFeature" and len(args) == 2 and args[1].const is True and of is not None:
            feature = expr.args[0]
            if isinstance(feature, Attr | Name) and feature.name.startswith("feature_external_"):
                self._put(cast("Attr", expr.func).of, replace(of, type="ExternalEntities"), env, expr.line)
        if name in ("getProperty", "getString") and args and isinstance(args[0].const, str):
            setting = self._project.settings.get(args[0].const)
            if setting is not None:
                return Value(const=setting)
        path = func.path if not func.taints else ""
        kind = name if expr.new or (self._language == "python" and name[:1].isupper()) else ""
        if of is not None and name in _SAME_TYPE:
            kind = of.type
        fixed = bool(given) and all(one.is_fixed for one in given) and (of is None or of.is_fixed or bool(of.path))
        return Value(
            taints=taints,
            type=kind,
            fixed=fixed or (of is not None and of.is_fixed and not given),
            path=f"{path}()" if path and expr.new else "",
        )

    def _call_back(
        self, name: str, value: Value, of: Value | None, args: Sequence[Value], place: int
    ) -> Value | None:
        function = cast("Function", value.function)
        params: list[Value] = []
        is_handler = self._language == "javascript" and name in entries.HANDLERS and len(function.params) >= 2
        if is_handler:
            names = ["req", "res"] if len(function.params) < 4 else ["err", "req", "res"]
            params = [Value(path=each) for each in names]
        elif name in _EACH and of is not None:
            source = Value(taints=of.all_taints()) if of.items is None else _element(of)
            params = [source] * len(function.params)
            if self._language == "javascript" and name != "reduce" and len(params) > 1:
                params[1:] = [Value(fixed=True)] * (len(params) - 1)  # the place in the list
        elif name not in _EACH:
            sent = entries.mapped(name, function) if self._language == "csharp" else frozenset[str]()
            params = [self._entry_value(one, sent, function) for one in function.params]
        if len(self._stack) >= _DEEPEST:
            return None
        if self._frame.depth == 0:
            self._ran.add(id(function))
        return self._run(function, value.of, params, (), value.env, depth=self._frame.depth)

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

    # Sinks

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
            if sink is None:
                continue
            if not self._is_tainted(sink):
                # Of several arguments another may be the one that comes from outside.
                other = matches(pattern, expr, self._tainted_sink)
                sink = sink if other is None else other["SINK"]
            value = self._last.get(id(sink))
            line = sink.line or expr.line
            kind = rule.rule.id
            self.seen.add((self._frame.file, line, kind))
            if rule.needs is not None and not rule.needs.search(self._project.text(self._frame.file)):
                continue
            if value is None or (kind == "py/xss" and pattern.returns and _is_json(self._last.get(id(expr)))):
                continue
            self._judge(value, line, rule)
            if line != expr.line:
                self._judge(value, expr.line, rule)
            if not reports:
                continue
            for taint in value.all_taints().values():
                if self._concerns(taint, rule) and rule.name not in taint.clean:
                    steps = taint.through(self._frame.file, line).steps
                    self.found.setdefault(
                        (self._frame.file, line, kind), Found(rule, self._frame.file, line, steps)
                    )

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
        import re

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

    # What patterns ask

    def _path(self, expr: Expr) -> str:
        value = self._last.get(id(expr))
        if value is not None and value.path:
            return value.path
        if isinstance(expr, Attr):
            base = self._path(expr.of)
            return f"{base}.{expr.name}" if base else ""
        return ""

    def _text(self, expr: Expr) -> str | None:
        value = self._last.get(id(expr))
        return value.const if value is not None and isinstance(value.const, str) else None

    def _is_tainted(self, expr: Expr) -> bool:
        value = self._last.get(id(expr))
        return value is not None and value.is_tainted()

    def _held(self, expr: Expr) -> Sequence[Expr] | None:
        value = self._last.get(id(expr))
        if value is None or value.items is None or not isinstance(expr, Name | Attr):
            return None
        before = itertools.takewhile(lambda one: not one.is_tainted(), value.items)
        if value.is_tainted() and not all(one.known for one in before):
            return None  # it may be the program that makes the rest a command
        parts = self._parts.setdefault(id(expr), [])
        parts += [Expr(expr.line) for _ in range(len(value.items) - len(parts))]
        for part, one in zip(parts, value.items, strict=False):
            self._last[id(part)] = one
        return parts[: len(value.items)]

    def _type(self, expr: Expr) -> str:
        value = self._last.get(id(expr))
        return "" if value is None else value.type


_BOOLEAN = frozenset(
    {"==", "!=", "<", ">", "<=", ">=", "in", "not in", "not", "is", "is not", "and", "or", "instanceof"}
)
_EVALUATE: dict[type[Expr], Callable[[Interpreter, Any, Env], Value]] = {
    Const: Interpreter._const,  # pyright: ignore[reportPrivateUsage]
    Name: Interpreter._name,  # pyright: ignore[reportPrivateUsage]
    Attr: Interpreter._attr,  # pyright: ignore[reportPrivateUsage]
    Index: Interpreter._index,  # pyright: ignore[reportPrivateUsage]
    Slice: Interpreter._slice,  # pyright: ignore[reportPrivateUsage]
    Call: Interpreter._call,  # pyright: ignore[reportPrivateUsage]
    Op: Interpreter._op,  # pyright: ignore[reportPrivateUsage]
    Choice: Interpreter._choice,  # pyright: ignore[reportPrivateUsage]
    Text: Interpreter._texted,  # pyright: ignore[reportPrivateUsage]
    Items: Interpreter._items,  # pyright: ignore[reportPrivateUsage]
    Pairs: Interpreter._pairs,  # pyright: ignore[reportPrivateUsage]
    Lambda: Interpreter._lambda,  # pyright: ignore[reportPrivateUsage]
    Put: Interpreter._assign,  # pyright: ignore[reportPrivateUsage]
}


def _name_of(call: Call) -> str:
    func = call.func
    return func.name if isinstance(func, Name | Attr) else ""


def _short(kind: str) -> str:
    """The last name of a type, without what it holds."""
    return kind.split("<")[0].rsplit(".", 1)[-1].strip("[]*? ")


def _element(over: Value) -> Value:
    if over.items:
        made: Value | None = None
        for one in over.items:
            made = one if made is None else joined(made, one)
        return replace(cast("Value", made), const=Value().const)
    return Value(taints=over.all_taints())


def _number(value: Value) -> Value:
    """The value as a number, which carries no syntax; a random one is as bad as before."""
    kept = numeric(value.taints)
    return replace(value, taints=kept, fixed=not kept)


def _is_constructor(one: Stmt) -> bool:
    return isinstance(one, Define) and one.what.name in ("__init__", "__construct", "initialize", "constructor")


def _is_json(value: Value | None) -> bool:
    """Whether what a view returns is sent as JSON: a dictionary or list, alone or before a status and headers."""
    if value is not None and value.pairs is not None:
        return not value.type
    if value is None or not value.items:
        return False
    rest = value.items[1:]
    is_answer = 0 < len(rest) < 3 and all(one.pairs is not None or isinstance(one.const, int) for one in rest)
    return _is_json(value.items[0]) if is_answer else True


def _has_host(text: str) -> bool:
    """Whether the text is an address with its host, or a path on this one; an unknown part may hold both."""
    _, separator, rest = text.partition("://")
    if separator:
        return "/" in rest or "?" in rest
    if text.startswith(_UNKNOWN_PART):
        return any(char in text for char in "/?#")
    return len(text) > 1 and text[0] == "/" and text[1] not in "/\\"


def guards_names(expr: Expr) -> Iterable[str]:
    """Variables that an expression reads."""
    from agents.builtin.scanning.flow.tree import every

    return {one.name for one in every(expr) if isinstance(one, Name)}


def guards_number(kind: str) -> bool:
    """Whether a declared type holds numbers only."""
    return kind in (
        "int",
        "long",
        "float",
        "double",
        "bool",
        "boolean",
        "short",
        "Integer",
        "Long",
        "Double",
        "number",
    )


__all__ = ["Found", "Interpreter", "SpentError", "copied"]
