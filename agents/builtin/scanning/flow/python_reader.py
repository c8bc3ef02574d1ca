"""Python source -> the small language, by Python's own parser."""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from agents.builtin.scanning.flow.formatted import plain
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

_BINARY: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.And: "and",
    ast.Or: "or",
    ast.Not: "not",
    ast.USub: "neg",
}


def read(text: str, file: str) -> Module | None:
    """The file; None where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                tree = ast.parse(text)
            except SyntaxError:
                # Since Python 3.12 quotes may stand within the same quotes, which an older parser does not read.
                tree = ast.parse(plain(text))
        return Module(file=file, language="python", body=_Reader(file).block(_partials_called(tree).body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


_PARTIALS = frozenset({"partial", "functools.partial", "partialmethod", "functools.partialmethod"})


def _partials_called(tree: ast.Module) -> ast.Module:
    """The file, in which a call of `run = partial(f, a, k=b)` is one of `f` with all that it gets in the end.

    Only of names that the file gives no other value.
    """
    made: dict[str, ast.Call] = {}
    given: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            given[node.id] += 1
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and node.value.args:
            [target, *others] = node.targets
            if isinstance(target, ast.Name) and not others and ast.unparse(node.value.func) in _PARTIALS:
                made[target.id] = node.value
    made = {name: call for name, call in made.items() if given[name] == 1}
    for node in ast.walk(tree) if made else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and (held := made.get(node.func.id)):
            own = {one.arg for one in node.keywords}
            node.func, node.args = held.args[0], [*held.args[1:], *node.args]
            node.keywords = [*node.keywords, *(one for one in held.keywords if one.arg not in own)]
    return tree


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        path = PurePosixPath(file)
        self._package = list(path.parts[:-1])
        self._owner: Class | None = None

    def block(self, nodes: Iterable[ast.stmt]) -> list[Stmt]:
        return [made for node in nodes for made in self._statement(node)]

    def _statement(self, node: ast.stmt) -> list[Stmt]:
        line = node.lineno
        match node:
            case ast.Expr():
                return [Do(line, self.expr(node.value))]
            case ast.Assign():
                value = self.expr(node.value)
                return [Do(line, Put(line, target=self.expr(one), value=value)) for one in node.targets]
            case ast.AnnAssign() if node.value is not None:
                kind = ast.unparse(node.annotation)
                put = Put(line, target=self.expr(node.target), value=self.expr(node.value), type=kind)
                return [Do(line, put)]
            case ast.AugAssign():
                op = _BINARY.get(type(node.op), "?")
                put = Put(line, target=self.expr(node.target), value=self.expr(node.value), op=op)
                return [Do(line, put)]
            case ast.If():
                return [If(line, self.expr(node.test), self.block(node.body), self.block(node.orelse))]
            case ast.For() | ast.AsyncFor():
                body, orelse = self.block(node.body), self.block(node.orelse)
                return [Loop(line, self.expr(node.target), self.expr(node.iter), None, body, orelse)]
            case ast.While():
                test = self.expr(node.test)
                return [Loop(line, None, None, test, self.block(node.body), self.block(node.orelse))]
            case ast.Return():
                return [Return(line, None if node.value is None else self.expr(node.value))]
            case ast.Raise():
                return [Leave(line, "raise", None if node.exc is None else self.expr(node.exc))]
            case ast.Break():
                return [Leave(line, "break")]
            case ast.Continue():
                return [Leave(line, "continue")]
            case ast.Assert():
                return [If(line, self.expr(node.test), [], [Leave(line, "raise")])]
            case ast.Try() | ast.TryStar():
                handlers = [self.block(one.body) for one in node.handlers]
                return [
                    Try(
                        line,
                        [*self.block(node.body), *self.block(node.orelse)],
                        handlers,
                        self.block(node.finalbody),
                    )
                ]
            case ast.With() | ast.AsyncWith():
                return [*self._with(node), *self.block(node.body)]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return [Define(line, self._function(node))]
            case ast.ClassDef():
                return [Define(line, self._class(node))]
            case ast.Import():
                return [
                    Import(
                        line,
                        one.asname or one.name.split(".")[0],
                        one.name if one.asname else one.name.split(".")[0],
                    )
                    for one in node.names
                ]
            case ast.ImportFrom():
                base = self._base(node)
                return [
                    Import(line, one.asname or one.name, f"{base}.{one.name}".strip(".")) for one in node.names
                ]
            case ast.Match():
                return [self._match(node)]
            case ast.Delete():
                return []
            case _:
                return []

    def _with(self, node: ast.With | ast.AsyncWith) -> list[Stmt]:
        made: list[Stmt] = []
        for item in node.items:
            value = self.expr(item.context_expr)
            if item.optional_vars is None:
                made.append(Do(node.lineno, value))
            else:
                made.append(Do(node.lineno, Put(node.lineno, target=self.expr(item.optional_vars), value=value)))
        return made

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self._package[: len(self._package) - node.level + 1]
        return ".".join([*parts, *([node.module] if node.module else [])])

    def _match(self, node: ast.Match) -> Stmt:
        cases: list[tuple[list[Expr] | None, list[Stmt]]] = []
        for case in node.cases:
            values = self._values(case.pattern) if case.guard is None else []
            body = self.block(case.body)
            if values == []:
                # A pattern that is not of literals may hold or not.
                names = [one.name for one in ast.walk(case.pattern) if isinstance(one, ast.MatchAs) and one.name]
                line = case.pattern.lineno
                subject = self.expr(node.subject)
                body = [
                    *(Do(line, Put(line, target=Name(line, name=name), value=subject)) for name in names),
                    *body,
                ]
            cases.append((values, body))
        return Switch(node.lineno, self.expr(node.subject), cases, falls=False)

    def _values(self, pattern: ast.pattern) -> list[Expr] | None:
        match pattern:
            case ast.MatchValue():
                return [self.expr(pattern.value)]
            case ast.MatchSingleton():
                return [Const(pattern.lineno, value=pattern.value)]
            case ast.MatchOr():
                found: list[Expr] = []
                for one in pattern.patterns:
                    values = self._values(one)
                    if not values:
                        return []
                    found += values
                return found
            case ast.MatchAs(pattern=None, name=None):
                return None
            case _:
                return []

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Function:
        name = "" if isinstance(node, ast.Lambda) else node.name
        marks = () if isinstance(node, ast.Lambda) else tuple(self.expr(one) for one in node.decorator_list)
        made = Function(name, node.lineno, marks=marks, owner=self._owner, file=self._file)
        made.is_static = any(isinstance(mark, Name) and mark.name == "staticmethod" for mark in marks)
        owner, self._owner = self._owner, None
        made.params = self._params(node.args)
        if isinstance(node, ast.Lambda):
            made.body = [Return(node.lineno, self.expr(node.body))]
        else:
            made.body = self.block(node.body)
        self._owner = owner
        return made

    def _params(self, args: ast.arguments) -> list[Param]:
        plain = [*args.posonlyargs, *args.args]
        defaults: list[ast.expr | None] = [*[None] * (len(plain) - len(args.defaults)), *args.defaults]
        made = [self._param(one, default) for one, default in zip(plain, defaults, strict=True)]
        if args.vararg is not None:
            made.append(Param(args.vararg.arg, many=True))
        made += [self._param(one, default) for one, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
        if args.kwarg is not None:
            made.append(Param(args.kwarg.arg, many=True))
        return made

    def _param(self, arg: ast.arg, default: ast.expr | None) -> Param:
        kind = "" if arg.annotation is None else ast.unparse(arg.annotation)
        return Param(arg.arg, type=kind, default=None if default is None else self.expr(default))

    def _class(self, node: ast.ClassDef) -> Class:
        marks = tuple(self.expr(one) for one in node.decorator_list)
        bases = tuple(ast.unparse(base) for base in node.bases)
        made = Class(node.name, node.lineno, bases=bases, marks=marks, file=self._file)
        owner, self._owner = self._owner, made
        made.body = self.block(node.body)
        self._owner = owner
        for one in made.body:
            if isinstance(one, Define) and isinstance(one.what, Function):
                made.methods[one.what.name] = one.what
        return made

    def expr(self, node: ast.expr) -> Expr:
        """Any expression."""
        line = node.lineno
        match node:
            case ast.Constant():
                value = node.value
                if isinstance(value, bytes):
                    value = value.decode("latin-1")
                if value is None or isinstance(value, str | int | float | bool):
                    return Const(line, value=value)
                return Name(line, name="...") if value is ... else Expr(line)
            case ast.Name():
                return Name(line, name=node.id)
            case ast.Attribute():
                return Attr(line, of=self.expr(node.value), name=node.attr)
            case ast.Subscript():
                return self._subscript(node)
            case ast.Call():
                args = tuple(self.expr(one) for one in node.args)
                named = tuple((one.arg or "", self.expr(one.value)) for one in node.keywords)
                return Call(line, func=self.expr(node.func), args=args, named=named)
            case ast.BinOp():
                parts = (self.expr(node.left), self.expr(node.right))
                return Op(line, parts, op=_BINARY.get(type(node.op), "?"))
            case ast.BoolOp():
                return Op(line, tuple(self.expr(one) for one in node.values), op=_BINARY[type(node.op)])
            case ast.UnaryOp():
                return Op(line, (self.expr(node.operand),), op=_BINARY.get(type(node.op), "?"))
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                test, first, second = self.expr(node.test), self.expr(node.body), self.expr(node.orelse)
                return Choice(line, test=test, first=first, second=second)
            case ast.JoinedStr():
                return Text(line, tuple(self.expr(one) for one in node.values))
            case ast.FormattedValue():
                return self.expr(node.value)
            case ast.List() | ast.Tuple() | ast.Set():
                return Items(line, tuple(self.expr(one) for one in node.elts))
            case ast.Dict():
                keys = [None if key is None else self.expr(key) for key in node.keys]
                values = [self.expr(value) for value in node.values]
                return Pairs(line, pairs=tuple(zip(keys, values, strict=True)))
            case ast.Lambda():
                return Lambda(line, function=self._function(node))
            case ast.NamedExpr():
                return Put(line, target=self.expr(node.target), value=self.expr(node.value))
            case ast.Starred() | ast.Await() | ast.YieldFrom():
                return self.expr(node.value)
            case ast.Yield():
                return Expr(line) if node.value is None else self.expr(node.value)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self._comprehension(node, (self.expr(node.elt),))
            case ast.DictComp():
                return self._comprehension(node, (self.expr(node.key), self.expr(node.value)))
            case _:
                return Expr(line)

    def _subscript(self, node: ast.Subscript) -> Expr:
        of = self.expr(node.value)
        if isinstance(node.slice, ast.Slice):
            first = None if node.slice.lower is None else self.expr(node.slice.lower)
            last = None if node.slice.upper is None else self.expr(node.slice.upper)
            return Slice(node.lineno, of=of, first=first, last=last)
        return Index(node.lineno, of=of, key=self.expr(node.slice))

    def _compare(self, node: ast.Compare) -> Expr:
        operands = [self.expr(node.left), *(self.expr(one) for one in node.comparators)]
        made = [
            Op(node.lineno, (operands[place], operands[place + 1]), op=_BINARY[type(op)])
            for place, op in enumerate(node.ops)
        ]
        return made[0] if len(made) == 1 else Op(node.lineno, tuple(made), op="and")

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, results: tuple[Expr, ...]
    ) -> Expr:
        """A function that is called with what is gone through: its own names, one element at a time."""
        line = node.lineno
        inner: list[Stmt] = [Return(line, results[0] if len(results) == 1 else Items(line, results))]
        for one in reversed(node.generators):
            for test in reversed(one.ifs):
                inner = [If(line, self.expr(test), inner, [])]
            inner = [Loop(line, self.expr(one.target), self.expr(one.iter), None, inner, [])]
        function = Function("", line, body=inner, file=self._file)
        return Items(line, (Call(line, func=Lambda(line, function=function)),))
