"""What the common methods of texts, lists and maps do, under their names in all languages."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, cast

from agents.builtin.scanning.flow.tree import Constant
from agents.builtin.scanning.flow.values import UNKNOWN, Key, Taints, Value, add, joined, numeric, together

_APPEND = frozenset({"append", "add", "push", "addLast", "Add", "addElement", "<<", "add_section", "append!"})
_PUT = frozenset(
    {"put", "set", "setProperty", "setAttribute", "Add", "store", "putIfAbsent", "__setitem__", "Set"}
)
_GET = frozenset(
    {"get", "getProperty", "getAttribute", "fetch", "Get", "getOrDefault", "elementAt", "__getitem__"}
)
_TAKE = frozenset({"pop", "remove", "shift", "removeFirst", "removeLast", "poll", "RemoveAt"})
MUTATORS = (
    _APPEND
    | _PUT
    | frozenset(
        {
            "extend",
            "insert",
            "update",
            "addAll",
            "write",
            "concat",
            "unshift",
            "WriteString",
            "Append",
            "push_back",
        }
    )
    | frozenset({"setdefault", "AppendLine", "AppendFormat", "replace", "putAll", "offer", "command"})
)
"""Methods that put an argument into their object."""
_LISTS = frozenset(
    {
        "list",
        "ArrayList",
        "LinkedList",
        "List",
        "Vector",
        "Array",
        "array",
        "Stack",
        "ArrayDeque",
        "HashSet",
        "Set",
    }
)
_MAPS = frozenset(
    {"dict", "HashMap", "TreeMap", "LinkedHashMap", "Map", "Hashtable", "Properties", "ConcurrentHashMap"}
    | {"ConfigParser", "RawConfigParser", "Dictionary", "OrderedDict", "defaultdict", "Object"}
)


def new(name: str, args: Sequence[Value]) -> Value | None:
    """An empty container, by the name of its class."""
    if args and not (len(args) == 1 and args[0].known):
        return None
    if name in _LISTS:
        return Value(items=[], type=name)
    if name in _MAPS:
        return Value(pairs={}, type=name)
    return None


def call(name: str, of: Value, args: Sequence[Value]) -> Value | None:
    """The result of a method; None where nothing is known of it, and the object may have changed."""
    if of.known:
        return _of_constant(name, of, args)
    if of.items is not None:
        return _of_list(name, of, of.items, args)
    if of.pairs is not None and of.cls is None:
        return _of_map(name, of, of.pairs, args)
    return None


def _of_list(name: str, of: Value, items: list[Value], args: Sequence[Value]) -> Value | None:
    if name in _APPEND and len(args) == 1:
        items.append(args[0])
        return Value()
    place = args[0].const if args and args[0].known else None
    if name == "insert" and len(args) == 2 and isinstance(place, int):
        items.insert(place, args[1])
        return Value()
    if name in _TAKE and len(args) <= 1:
        if not items:
            return Value(taints=dict(of.taints))
        at = (
            place
            if isinstance(place, int)
            else 0
            if name in ("shift", "removeFirst", "poll")
            else -1
            if not args
            else None
        )
        if at is None:
            of.items = None
            add(of.taints, together(items))
            return Value(taints=dict(of.taints))
        return items.pop(at) if -len(items) <= at < len(items) else Value(taints=dict(of.taints))
    if name in _GET and len(args) == 1:
        return element(of, args[0])
    if name in ("size", "Count", "length"):
        return Value(const=len(items))
    return None


def _of_map(name: str, of: Value, pairs: dict[Key, Value], args: Sequence[Value]) -> Value | None:
    if name in _PUT and len(args) >= 2:
        key = _key(args[:-1])
        if key is UNKNOWN:
            of.pairs = None
            add(of.taints, together((*pairs.values(), args[-1])))
        else:
            pairs[cast("Key", key)] = args[-1]
        return Value()
    if name in _GET and args:
        two = len(args) >= 2 and all(isinstance(key, tuple) for key in pairs) and bool(pairs)
        key = _key(args[:2] if two else args[:1])
        if key is not UNKNOWN and key in pairs:
            return pairs[cast("Key", key)]
        default: Sequence[Value] = () if two else args[1:2]
        held = (*default, *(pairs.values() if key is UNKNOWN else ()), Value(const=None, taints=of.taints))
        return Value(taints=together(held), fixed=not of.taints and all(one.is_fixed for one in held))
    if name in ("load", "read", "loadFromXML", "read_string", "clear"):
        of.pairs = None  # what it holds comes from elsewhere
        return Value()
    if name in ("add_section", "isEmpty"):
        return Value()
    return None


def _key(values: Sequence[Value]) -> object:
    if not all(value.known for value in values):
        return UNKNOWN
    consts = [cast("Constant", value.const) for value in values]
    return consts[0] if len(consts) == 1 else tuple(consts)


def element(of: Value, key: Value) -> Value:
    """`of[key]`."""
    const = key.const if key.known else UNKNOWN
    if of.items is not None:
        if isinstance(const, int) and -len(of.items) <= const < len(of.items):
            found = of.items[const]
            return found if not of.taints else joined(found, Value(taints=of.taints))
        return Value(taints=of.all_taints())
    if of.pairs is not None:
        if key.known and const in of.pairs:
            return of.pairs[cast("Key", const)]
        fixed = not of.taints and all(one.is_fixed for one in of.pairs.values())
        return Value(taints=of.taints if key.known else of.all_taints(), fixed=fixed)
    if (
        of.known
        and isinstance(of.const, str)
        and isinstance(const, int)
        and -len(of.const) <= const < len(of.const)
    ):
        return Value(const=of.const[const])
    return Value(taints=of.taints, fixed=of.is_fixed and key.is_fixed)


_TEXT: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("upper", "toUpperCase", "ToUpper"), str.upper),
    **dict.fromkeys(("lower", "toLowerCase", "ToLower"), str.lower),
    **dict.fromkeys(("strip", "trim", "Trim"), str.strip),
    **dict.fromkeys(("startsWith", "startswith", "StartsWith"), str.startswith),
    **dict.fromkeys(("endsWith", "endswith", "EndsWith"), str.endswith),
    **dict.fromkeys(("contains", "includes", "Contains", "include?"), operator.contains),
    **dict.fromkeys(("equals", "Equals"), operator.eq),
    **dict.fromkeys(("charAt", "elementAt"), operator.getitem),
    **dict.fromkeys(("indexOf", "find", "IndexOf"), str.find),
    "replace": str.replace,
    "isEmpty": operator.not_,
    "toString": str,
    "length": len,
}


def _of_constant(name: str, of: Value, args: Sequence[Value]) -> Value | None:
    if name == "toString" and isinstance(of.const, int | float):
        return Value(const=str(of.const))
    if (
        name == "substring"
        and isinstance(of.const, str)
        and args
        and all(isinstance(arg.const, int) for arg in args)
    ):
        ends = [cast("int", arg.const) for arg in args]
        return Value(const=of.const[slice(*ends)] if len(ends) > 1 else of.const[ends[0] :])
    known = _TEXT.get(name)
    if (
        known is None
        or not isinstance(of.const, str)
        or not all(arg.known for arg in args)
        or len(of.const) > 5_000
    ):
        return None
    try:
        return Value(const=known(of.const, *(arg.const for arg in args)))
    except (TypeError, IndexError, ValueError):
        return None


def operate(op: str, values: Sequence[Value]) -> Value:
    """The result of an operator: of constants a constant, of numbers and tests nothing from outside."""
    taints: Taints = together(values)
    if op in _TESTS:
        return Value(const=_computed(op, values))
    fixed = all(value.is_fixed for value in values)
    if op in ("-", "*", "/", "//", "**", "<<", ">>", "&", "|", "^", "neg", "number"):
        # The result is a number, which carries no syntax; of a random one it is as bad as before.
        taints = numeric(taints)
        fixed = fixed or (op in ("-", "//", "**", "neg", "number") and not taints)
    return Value(const=_computed(op, values), taints=taints, fixed=fixed)


_TESTS = frozenset(
    {"==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not", "not", "instanceof", "typeof"}
)


def _computed(op: str, values: Sequence[Value]) -> Constant:
    consts = [value.const for value in values]
    if op in ("in", "not in") and len(values) == 2 and values[0].known and values[1].items is not None:
        if all(one.known for one in values[1].items):
            return (consts[0] in [one.const for one in values[1].items]) == (op == "in")
    if not all(value.known for value in values):
        return cast("Constant", UNKNOWN)
    function = _FUNCTIONS.get(op)
    if function is None or len(consts) > 2:
        return cast("Constant", UNKNOWN)
    if any(isinstance(const, str) and len(const) > 5_000 for const in consts):
        return cast("Constant", UNKNOWN)
    if op == "+" and isinstance(consts[0], str) != isinstance(consts[-1], str) and len(consts) == 2:
        consts = [str(const) for const in consts]
    try:
        return function(*consts)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError, MemoryError):
        return cast("Constant", UNKNOWN)


def _times(first: object, second: object) -> Constant:
    if isinstance(first, int | float) and isinstance(second, int | float):
        return first * second
    return cast("Constant", UNKNOWN)


def _divided(first: object, second: object) -> Constant:
    if isinstance(first, int) and isinstance(second, int):
        return first // second
    if isinstance(first, int | float) and isinstance(second, int | float):
        return first / second
    return cast("Constant", UNKNOWN)


def _within(first: Any, second: Any) -> bool:
    return first in second


def _not_within(first: Any, second: Any) -> bool:
    return first not in second


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": _times,
    "/": _divided,
    "//": _divided,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": _within,
    "not in": _not_within,
    "is": operator.is_,
    "is not": operator.is_not,
    "not": operator.not_,
    "neg": operator.neg,
}
