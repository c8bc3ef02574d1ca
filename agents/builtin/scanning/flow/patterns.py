"""Patterns of the rules -> expressions of the small language with names for what may vary, and whether they match.

`$X` matches any expression, and the same one wherever it stands again; `...` any number of arguments or elements;
`"..."` any text; `(Type $X)` a variable of that type. What a pattern of the engine can say besides is not understood
here: such a pattern is left to the engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from agents.builtin.scanning.flow.readers import read_pattern
from agents.builtin.scanning.flow.tree import (
    Attr,
    Call,
    Const,
    Do,
    Expr,
    Index,
    Items,
    Name,
    Op,
    Pairs,
    Put,
    Return,
    Text,
    dotted,
    every,
)

_VARIABLE, _MANY = "MV__", "ELL__"
_TYPED = re.compile(r"\(([A-Z*][\w.]*(?:<\w*>)?|[a-z][\w]*\.[\w.]+) (\$[A-Z][A-Z0-9_]*)\)")
_METAVARIABLE = re.compile(r"\$(?:\.\.\.)?([A-Z][A-Z0-9_]*)\b")


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """What a pattern must stand in: a function by its marks (or its class's) and its name."""

    marks: tuple[str, ...] = ()
    """Regular expressions for the last names of decorators or annotations, each of which has to be there."""
    name: str = ""
    """A regular expression for the function's name."""
    given: tuple[tuple[str, str], ...] = ()
    """Arguments of a decorator that has to be there: name and the last name of the value."""


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """One pattern."""

    expr: Expr
    returns: bool
    """Whether it is what a function returns."""
    where: tuple[tuple[str, re.Pattern[str]], ...]
    place: Place | None
    excluded: tuple[Expr, ...]
    literal: bool
    """Whether only what is written there counts, and not the value of a variable."""
    keys: tuple[str, ...]
    """The last name in it, by which it is found, or all that it may be; none where it may be any."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the interpreter knows about the expressions that are matched."""

    path: Callable[[Expr], str]
    """The full dotted name; empty where there is none."""
    text: Callable[[Expr], str | None]
    """The constant text; None where it is not known."""
    type: Callable[[Expr], str]
    """The type; empty where it is not known."""
    items: Callable[[Expr], Sequence[Expr] | None]
    """What a variable's list holds, in order; None where that is not known."""
    sink: Callable[[Expr], bool] | None = None
    """Which expressions `$SINK` may stand for; None: any."""


Bound = dict[str, Expr]
_HANDED = frozenset({"req", "request", "r", "c", "w", "res", "response"})
"""Names that the rules have for requests and answers."""


def compiled(language: str, spec: object, where: Mapping[str, str]) -> Pattern | None:
    """A pattern of a rule; None where it is not understood."""
    one: Mapping[str, object] = spec if isinstance(spec, Mapping) else {"pattern": spec}  # pyright: ignore[reportUnknownVariableType]
    if one.get("focus") not in (None, "$SINK") or not isinstance(one.get("pattern"), str):
        return None
    written = str(one["pattern"])
    place: Place | None = None
    own = one.get("where")
    names: dict[str, str] = {**where, **(dict(own) if isinstance(own, Mapping) else {})}  # pyright: ignore[reportUnknownArgumentType]
    if "in" in one:
        place = _place(str(one["in"]), names)
        if place is None:
            return None
    read = _read(language, written)
    if read is None:
        return None
    expr, returns = read
    excluded: list[Expr] = []
    listed = one.get("not")
    for other in listed if isinstance(listed, list) else ():  # pyright: ignore[reportUnknownVariableType]
        not_this = _read(language, str(other))  # pyright: ignore[reportUnknownArgumentType]
        if not_this is None:
            return None
        excluded.append(not_this[0])
    used = {name.removeprefix("$") for name in names}
    checks = [(name, _regex(names["$" + name])) for name in used if f"{_VARIABLE}{name}" in _variables(expr)]
    literal = bool(one.get("literal"))
    return Pattern(expr, returns, tuple(checks), place, tuple(excluded), literal, _keys(expr, names))


def _regex(written: str) -> re.Pattern[str]:
    """The expression, where flags may stand anywhere."""
    flag = "(?i)"
    return re.compile(flag + written.replace(flag, "") if flag in written else written)


_LISTED = re.compile(r"^\^\(([\w|]+)\)\$$")


def _keys(expr: Expr, where: Mapping[str, str]) -> tuple[str, ...]:
    key = key_of(expr)
    if key not in ("", "="):
        return (key,)
    if isinstance(expr, Attr) and (base := key_of(expr.of)):
        return (base + ".",)
    inner: Expr = expr
    while isinstance(inner, Call | Put | Index):
        inner = inner.func if isinstance(inner, Call) else inner.target if isinstance(inner, Put) else inner.of
    name = inner.name.lstrip("$").removeprefix(_VARIABLE) if isinstance(inner, Name | Attr) else ""
    listed = _LISTED.match(where.get(f"${name}", ""))
    return () if listed is None else tuple(key + one for one in listed[1].split("|"))


def key_of(expr: Expr) -> str:
    """The last name in it: of what is called, read or set. Empty where it varies."""
    match expr:
        case Call():
            return key_of(expr.func)
        case Attr() | Name():
            return "" if expr.name.lstrip("$").startswith(_VARIABLE) else expr.name
        case Put():
            return "=" + key_of(expr.target)
        case Index():
            return key_of(expr.of)
        case Op():
            return expr.op
        case _:
            return type(expr).__name__


def _variables(expr: Expr) -> frozenset[str]:
    found: set[str] = set()
    for one in every(expr):
        if isinstance(one, Name | Attr) and one.name.lstrip("$").startswith(_VARIABLE):
            found.add(one.name.lstrip("$"))
    return frozenset(found)


@cache
def _read(language: str, written: str) -> tuple[Expr, bool] | None:
    types: dict[str, str] = {}

    def typed(found: re.Match[str]) -> str:
        types[found[2].removeprefix("$")] = found[1].split("<")[0].rsplit(".", 1)[-1]
        return found[2]

    written = _TYPED.sub(typed, written)
    sign = "$" if language == "php" else ""
    written = _METAVARIABLE.sub(lambda found: f"{sign}{_VARIABLE}{found[1]}", written)
    body = read_pattern(language, _many(language, written))
    if body is None or len(body) != 1:
        return None
    [only] = body
    if isinstance(only, Return) and only.value is not None:
        found, returns = only.value, True
    elif isinstance(only, Do):
        found, returns = only.expr, False
    else:
        return None
    for one in every(found):
        if type(one) is Expr:
            return None
        if isinstance(one, Name) and (kind := types.get(one.name.lstrip("$").removeprefix(_VARIABLE))):
            one.type = kind
    return found, returns


_SPREAD = {("python", "{"): "**", ("python", "("): "*", ("python", "["): "*", ("javascript", "{"): "..."}


def _many(language: str, written: str) -> str:
    """`...` in the spelling of the language."""
    made: list[str] = []
    stack: list[str] = []
    place = 0
    while place < len(written):
        char = written[place]
        if written.startswith("...", place):
            around = stack[-1] if stack else ""
            is_text = (
                written[place - 1 : place] in ("'", '"') and written[place + 3 : place + 4] == written[place - 1]
            )
            made.append(_MANY if is_text else _SPREAD.get((language, around), "") + _MANY)
            place += 3
            continue
        if char in "([{":
            stack.append(char)
        elif char in ")]}" and stack:
            stack.pop()
        made.append(char)
        place += 1
    return "".join(made)


_MARK = re.compile(r"@(?:[\w$]+\.)*([\w$]+)")
_GIVEN = re.compile(r"\b(\w+)=([A-Z]\w*)")
_NAMED = re.compile(r"(?:def|function|func|\$RT|\$T)\s+(\$[A-Z]+)|^(\$[A-Z]+) = ")


def _place(written: str, where: Mapping[str, str]) -> Place | None:
    marks = tuple(where.get(one, ".*") if one.startswith("$") else f"^{one}$" for one in _MARK.findall(written))
    named = _NAMED.search(written)
    name = "" if named is None else where.get(named[1] or named[2], "")
    given = tuple(_GIVEN.findall(written.split("\n", 1)[0])) if marks else ()
    return Place(marks=marks, name=name, given=given) if marks or name else None


def matches(pattern: Pattern, node: Expr, scope: Scope) -> Bound | None:
    """What its names stand for in the expression; None where it does not match."""
    bound: Bound = {}
    if not _same(pattern.expr, node, bound, scope):
        return None
    for name, expression in pattern.where:
        if name in bound and not _fits(expression, bound[name], None if pattern.literal else scope):
            return None
    if any(_same(other, node, dict(bound), scope) for other in pattern.excluded):
        return None
    return bound


def _fits(expression: re.Pattern[str], node: Expr, scope: Scope | None) -> bool:
    """By the text of the expression, or its constant in quotes."""
    texts = [written(node)]
    if scope is not None and isinstance(node, Name) and (path := scope.path(node)) in _HANDED:
        texts = [path]  # however the handler calls what a framework hands it
    constant = None if scope is None else scope.text(node)
    if constant is not None:
        texts = [f'"{constant}"', constant]
    return any(expression.match(text) for text in texts)


def written(node: Expr) -> str:
    """The expression as it would be written, as far as names go."""
    match node:
        case Name():
            return node.name.lstrip("$")
        case Attr():
            return f"{written(node.of)}.{node.name}"
        case Const():
            return f'"{node.value}"' if isinstance(node.value, str) else str(node.value)
        case Call():
            return f"{written(node.func)}(…)"
        case Index():
            return f"{written(node.of)}[{written(node.key)}]"
        case _:
            return "…"


def _variable(pattern: Expr) -> str | None:
    if isinstance(pattern, Name) and pattern.name.lstrip("$").startswith(_VARIABLE):
        return pattern.name.lstrip("$").removeprefix(_VARIABLE)
    return None


def _is_many(pattern: Expr) -> bool:
    return isinstance(pattern, Name) and pattern.name.lstrip("$") == _MANY


def _is_any_key(pattern: Expr) -> bool:
    if isinstance(pattern, Items) and len(pattern.parts) == 1:
        pattern = pattern.parts[0]  # `a[*b]` in Python is a tuple
    return _is_many(pattern)


def _bind(name: str, node: Expr, bound: Bound) -> bool:
    if name in bound:
        return written(bound[name]) == written(node)
    bound[name] = node
    return True


def _same(pattern: Expr, node: Expr, bound: Bound, scope: Scope) -> bool:
    if isinstance(pattern, Name):
        return _same_name(pattern, node, bound, scope)
    if isinstance(pattern, Const):
        return _same_constant(pattern, node, scope)
    if isinstance(pattern, Attr):
        return _same_attr(pattern, node, bound, scope)
    if isinstance(pattern, Call):
        return (
            isinstance(node, Call)
            and (pattern.new == node.new)
            and _same(pattern.func, node.func, bound, scope)
            and _same_arguments(pattern, node, bound, scope)
        )
    if isinstance(pattern, Index):
        return (
            isinstance(node, Index)
            and _same(pattern.of, node.of, bound, scope)
            and (_is_any_key(pattern.key) or _same(pattern.key, node.key, bound, scope))
        )
    if isinstance(pattern, Put):
        return (
            isinstance(node, Put)
            and _same(pattern.target, node.target, bound, scope)
            and _same(pattern.value, node.value, bound, scope)
        )
    if isinstance(pattern, Pairs):
        return isinstance(node, Pairs) and _same_pairs(pattern, node, bound, scope)
    if isinstance(pattern, Op):
        return (
            isinstance(node, Op) and pattern.op == node.op and _same_list(pattern.parts, node.parts, bound, scope)
        )
    if isinstance(pattern, Items):
        held = node.parts if isinstance(node, Items) else scope.items(node)
        return held is not None and _same_list(pattern.parts, held, bound, scope)
    if isinstance(pattern, Text):
        return isinstance(node, Text) and _same_list(pattern.parts, node.parts, bound, scope)
    return False


def _same_name(pattern: Name, node: Expr, bound: Bound, scope: Scope) -> bool:
    if _is_many(pattern):
        return True
    variable = _variable(pattern)
    if variable is not None:
        if pattern.type and scope.type(node) != pattern.type:
            return False
        if variable == "SINK" and scope.sink is not None and not scope.sink(node):
            return False
        return _bind(variable, node, bound)
    if isinstance(node, Name) and node.name == pattern.name:
        return True
    full = scope.path(node)
    # `from a import b as c`: a name that stands for another one.
    return bool(full) and (full == pattern.name or (isinstance(node, Name) and full.endswith("." + pattern.name)))


def _same_constant(pattern: Const, node: Expr, scope: Scope) -> bool:
    if pattern.value == _MANY:
        return isinstance(node, Const | Text) or scope.text(node) is not None
    if isinstance(node, Const):
        return type(node.value) is type(pattern.value) and node.value == pattern.value
    return isinstance(pattern.value, str) and scope.text(node) == pattern.value


@cache
def _full(pattern: Expr) -> str:
    """The dotted name that a pattern asks for; empty where a part of it may vary."""
    full = dotted(pattern)
    return "" if _VARIABLE in full else full


def _same_attr(pattern: Attr, node: Expr, bound: Bound, scope: Scope) -> bool:
    full = _full(pattern)
    if not isinstance(node, Attr):
        if not full or not isinstance(node, Name):
            return False
        path = scope.path(node)
        if path and (path == full or path.endswith("." + full)):
            return True
        if "." in path:
            return False
        # A class by its short name, where the pattern has the package too.
        return full[0].islower() and node.name[:1].isupper() and full.endswith("." + node.name)
    if pattern.name.lstrip("$").startswith(_VARIABLE):
        if not _bind(pattern.name.lstrip("$").removeprefix(_VARIABLE), Name(node.line, name=node.name), bound):
            return False
    elif pattern.name != node.name:
        return False
    if full:
        own = dotted(node)
        if own and (own == full or own.endswith("." + full) or (full.endswith("." + own) and "." in own)):
            return True
        path = scope.path(node)
        if path and (path == full or path.endswith("." + full)):
            return True
    return _same(pattern.of, node.of, bound, scope)


def _same_arguments(pattern: Call, node: Call, bound: Bound, scope: Scope) -> bool:
    given = [*node.args]
    rest = dict(node.named)
    open_ended = any(_is_many(one) for one in pattern.args)
    for name, wanted in pattern.named:
        if name not in rest:
            return False
        if not _same(wanted, rest.pop(name), bound, scope):
            return False
    if not open_ended and [name for name in rest if name]:
        return False
    return _same_list(pattern.args, given, bound, scope)


def _same_list(patterns: Sequence[Expr], nodes: Sequence[Expr], bound: Bound, scope: Scope) -> bool:
    if not patterns:
        return not nodes
    first, others = patterns[0], patterns[1:]
    if _is_many(first):
        if not others:
            return True
        for place in range(len(nodes) + 1):
            tried = dict(bound)
            if _same_list(others, nodes[place:], tried, scope):
                bound.update(tried)
                return True
        return False
    if not nodes:
        return False
    return _same(first, nodes[0], bound, scope) and _same_list(others, nodes[1:], bound, scope)


def _same_pairs(pattern: Pairs, node: Pairs, bound: Bound, scope: Scope) -> bool:
    given = list(node.pairs)
    for key, value in pattern.pairs:
        if key is None:
            continue
        for place, (own_key, own_value) in enumerate(given):
            tried = dict(bound)
            if own_key is not None and _same(key, own_key, tried, scope) and _same(value, own_value, tried, scope):
                bound.update(tried)
                del given[place]
                break
        else:
            return False
    return True
