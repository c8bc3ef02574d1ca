"""A call of a function that is not seen in; what its result is made of, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from agents.builtin.scanning.flow import containers, entries
from agents.builtin.scanning.flow.calls import Calls
from agents.builtin.scanning.flow.memory import DEEPEST, HARDENED
from agents.builtin.scanning.flow.patterns import matches
from agents.builtin.scanning.flow.tree import Attr, Call, Expr, Function, Name, Op
from agents.builtin.scanning.flow.values import Env, Taint, Value, element_of, together

_EACH = frozenset(
    {"map", "forEach", "filter", "then", "each", "flatMap", "reduce", "find", "some", "every", "Select", "ForEach"}
)
_MADE_OF = frozenset({"map", "flatMap", "Select"})
"""Methods whose result is made of what their function answers."""
_CALLBACKS = 3
_FILLING = frozenset({"nextBytes", "NextBytes", "readFully", "Read", "readInto", "read"})
"""Methods that put what they have into their argument."""
_WRITING = frozenset({"Fprintf", "Fprint", "Fprintln"})
_HARDENING = frozenset({"setFeature", "setProperty"})
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


class OutsideCalls(Calls):
    """Answers for functions that are not seen."""

    def _fill(self, expr: Call, path: str, env: Env) -> None:
        """A call that writes what a visitor sent into one of its arguments."""
        for pattern, group in self._catalogue.fills.candidates(expr, path):
            bound = matches(pattern, expr, self._scope)
            if bound is not None and (to := bound.get("TO")) is not None:
                taint = Taint(group, ((self._frame.file, expr.line),))
                self._spoil(to, self._last.get(id(to), Value()), {(group, taint.clean): taint}, env)

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
        if name in _WRITING and len(args) > 1 and self._language == "go" and not args[0].path:
            # `fmt.Fprintf(&builder, …)`: what is written is in the first argument from now on.
            self._spoil(_inside(expr.args[0]), args[0], together(args[1:]), env)
        if name in _HARDENING and of is not None and _hardens(expr, args):
            self._put(cast("Attr", expr.func).of, replace(of, type=HARDENED), env, expr.line)
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
        if of is not None and (name in _SAME_TYPE or of.type == HARDENED):
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
            source = Value(taints=of.all_taints()) if of.items is None else element_of(of)
            params = [source] * len(function.params)
            if self._language == "javascript" and name != "reduce" and len(params) > 1:
                params[1:] = [Value(fixed=True)] * (len(params) - 1)  # the place in the list
        elif name not in _EACH:
            sent = entries.mapped(name, function) if self._language == "csharp" else frozenset[str]()
            params = [self._entry_value(one, sent, function) for one in function.params]
        if len(self._stack) >= DEEPEST:
            return None
        if self._frame.depth == 0:
            self._ran.add(id(function))
        return self._run(function, value.of, params, (), value.env, depth=self._frame.depth)


def _inside(expr: Expr) -> Expr:
    """What an address is of, as in `&b`."""
    while (isinstance(expr, Op) or type(expr) is Expr) and len(expr.parts) == 1:
        expr = expr.parts[0]
    return expr


def _hardens(expr: Call, args: Sequence[Value]) -> bool:
    """Whether a call of a parser of XML switches document types or external entities off."""
    if len(args) != 2:
        return False
    key = args[0].const if isinstance(args[0].const, str) else getattr(expr.args[0], "name", "")
    if "disallow-doctype-decl" in key:
        return args[1].const is True
    return args[1].const is False and (
        "external-general-entities" in key or key.endswith(("SUPPORT_DTD", "IS_SUPPORTING_EXTERNAL_ENTITIES"))
    )
