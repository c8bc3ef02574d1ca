"""Python that is evaluated -> whether the program wrote it itself: constants, names of its classes, files of code.

What comes from outside is followed elsewhere. Here only the form is known, and a text of which no part is a parameter,
or the answer of a call that may read something, was put together by whoever wrote the program.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

_MOST_NAMES = 12
"""Variables that are looked at for one text: each takes a walk through the file, which others may have written."""
_READS = frozenset(
    {"input", "read", "readline", "readlines", "read_text", "recv", "get", "getenv", "load", "loads", "getattr"}
    | {"decode", "b64decode", "pop", "fetchone", "fetchall", "execute", "open", "urlopen", "receive"}
)
"""Calls whose answer may come from elsewhere, whatever they are given."""
_NAMES = frozenset({"__name__", "__qualname__", "__module__"})
Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where an expression stands."""

    tree: ast.Module
    scope: Scope | None
    seen: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])
    """Variables that were looked at or are just now: all parts have to be own, so that once is enough."""

    def is_new(self, name: str) -> bool:
        """Whether a variable was not looked at before."""
        key = (id(self.scope), name)
        return key not in self.seen and not self.seen.add(key)


def is_own(call: ast.Call, tree: ast.Module) -> bool:
    """Whether all that a call of `eval` or `exec` is given to run is the program's own."""
    return bool(call.args) and _own(call.args[0], _Place(tree=tree, scope=_scope_of(call, tree)))


def _own(node: ast.expr, place: _Place) -> bool:
    if len(place.seen) > _MOST_NAMES:
        return False
    match node:
        case ast.Constant():
            return True
        case ast.Attribute():
            return node.attr in _NAMES or _own_field(node, place)
        case ast.Name():
            return _own_variable(node.id, place)
        case ast.Call():
            return _own_answer(node, place)
        case ast.JoinedStr() | ast.BinOp() | ast.FormattedValue() | ast.List() | ast.Tuple() | ast.IfExp():
            parts = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
            return all(_own(one, place) for one in parts)
        case ast.Starred() | ast.Subscript():
            return _own(node.value, place)
        case _:
            return False


def _own_answer(call: ast.Call, place: _Place) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "compile" and isinstance(call.func, ast.Name) and _is_of_a_file(call):
        return True
    if name in _READS:
        return _is_constant_file(call)
    if isinstance(call.func, ast.Attribute):
        of = call.func.value
        is_of_itself = isinstance(of, ast.Name) and of.id in ("self", "cls")
        if not is_of_itself and not _own(of, place) and not _is_module(of, place.tree):
            return False
    given = [*call.args, *(one.value for one in call.keywords)]
    return all(_own(one, place) for one in given)


def _is_of_a_file(call: ast.Call) -> bool:
    """`compile(text, file, "exec")`: code of a file, or made to be found under a name of its own in tracebacks."""
    return len(call.args) > 1 and not isinstance(call.args[1], ast.Constant)


def _is_constant_file(call: ast.Call) -> bool:
    """`open("version.py").read()`."""
    while isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
        call = call.func.value
    return getattr(call.func, "id", "") in ("open", "Path") and all(
        isinstance(one, ast.Constant) for one in call.args
    )


def _is_module(node: ast.expr, tree: ast.Module) -> bool:
    if not isinstance(node, ast.Name):
        return False
    imports = [one for one in ast.walk(tree) if isinstance(one, ast.Import | ast.ImportFrom)]
    return any(node.id == (name.asname or name.name).split(".")[0] for one in imports for name in one.names)


def _own_variable(name: str, place: _Place) -> bool:
    if not place.is_new(name):
        return True
    within = place.tree if place.scope is None else place.scope
    if place.scope is not None and any(one.arg == name for one in _parameters(place.scope)):
        return False
    values = list(_given(name, within))
    if not values and place.scope is not None:
        return _own_variable(name, replace(place, scope=None))
    return bool(values) and all(_own(one, place) for one in values)


def _own_field(node: ast.Attribute, place: _Place) -> bool:
    """A field of the own object that every method sets to something of its own."""
    if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
        return False
    if not place.is_new(f".{node.attr}"):
        return True
    values: list[tuple[ast.expr, Scope]] = []
    for one in ast.walk(place.tree):
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            values += [(value, one) for value in _given(node.attr, one, field=True)]
    return bool(values) and all(_own(value, replace(place, scope=scope)) for value, scope in values)


def _given(name: str, within: ast.AST, *, field: bool = False) -> Iterator[ast.expr]:
    """All that is given to a variable, or to the field of this name."""
    for one in ast.walk(within):
        match one:
            case ast.Assign():
                targets, value = one.targets, one.value
            case ast.AnnAssign() | ast.AugAssign() if one.value is not None:
                targets, value = [one.target], one.value
            case ast.For():
                targets, value = [one.target], one.iter
            case _:
                continue
        if any(_is_target(each, name, field=field) for each in targets):
            yield value


def _is_target(target: ast.expr, name: str, *, field: bool) -> bool:
    if field:
        return isinstance(target, ast.Attribute) and target.attr == name
    return any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(target))


def _parameters(scope: Scope) -> Iterator[ast.arg]:
    given = scope.args
    yield from (*given.posonlyargs, *given.args, *given.kwonlyargs)
    yield from (one for one in (given.vararg, given.kwarg) if one is not None)


def _scope_of(call: ast.Call, tree: ast.Module) -> Scope | None:
    """The innermost function around the call."""
    found: Scope | None = None
    for one in ast.walk(tree):
        if isinstance(one, Scope) and one.lineno <= call.lineno <= (one.end_lineno or one.lineno):
            if found is None or one.lineno >= found.lineno:
                found = one
    return found
