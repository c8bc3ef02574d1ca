"""What the interpreter knows of a value: a constant, what it holds, and what of it came from outside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from agents.builtin.scanning.flow.tree import Class, Constant, Function


class _Unknown:
    __slots__ = ()


UNKNOWN: Final = _Unknown()
"""No constant is known."""
_MOST_TAINTS, _MOST_OF_A_SOURCE = 24, 3
_MOST_STEPS = 10
_NUMBERS = frozenset(
    {"int", "long", "float", "double", "bool", "boolean", "short", "Integer", "Long", "Double", "number"}
)
Key = tuple[Constant, ...] | Constant


@dataclass(frozen=True, slots=True)
class Taint:
    """Something from outside: of which group of sources, on which way, and for which rules it is harmless by now."""

    source: str
    steps: tuple[tuple[str, int], ...]
    clean: frozenset[str] = frozenset()

    def through(self, file: str, line: int) -> Taint:
        """The same, one step further."""
        if self.steps[-1] == (file, line) or len(self.steps) >= _MOST_STEPS:
            return self
        return replace(self, steps=(*self.steps, (file, line)))


TESTED = "\0"
"""Before the words of an expression, as a name: what a test said about it."""
OF_NUMBERS = frozenset({"insecure-random", "resource-exhaustion"})
"""Groups of sources of which a number is as bad as a text."""
Taints = dict[tuple[str, frozenset[str]], Taint]


@dataclass(slots=True, eq=False)
class Value:
    """One value. Containers and objects are shared by those who hold them, as in the languages themselves."""

    const: Constant | _Unknown = UNKNOWN
    taints: Taints = field(default_factory=dict[tuple[str, frozenset[str]], Taint])
    items: list[Value] | None = None
    """The elements, where all are known in order."""
    pairs: dict[Key, Value] | None = None
    """The entries, or the fields of an object, as far as known."""
    path: str = ""
    """The dotted name of what it stands for outside of the file: a module, class or function."""
    function: Function | None = None
    env: Env | None = None
    """Where a function was made."""
    of: Value | None = None
    """The object a method is bound to."""
    cls: Class | None = None
    """The class, where it is one, or the class of the object."""
    is_class: bool = False
    type: str = ""
    """The declared type."""
    guessed: bool = False
    """Whether a function is taken for the one that is meant because no other has its name."""
    fixed: bool = False
    """Whether it is made of constants only, though it is not known of which."""

    @property
    def known(self) -> bool:
        """Whether it is a constant."""
        return not isinstance(self.const, _Unknown)

    @property
    def is_fixed(self) -> bool:
        """Whether nothing but constants is in it."""
        if self.known or self.fixed:
            return True
        return bool(self.items) and not self.taints and all(one.is_fixed for one in self.items or ())

    def all_taints(self, depth: int = 3) -> Taints:
        """Those of the value and of all that it holds."""
        if not depth or (self.items is None and self.pairs is None):
            return self.taints
        found = dict(self.taints)
        for one in (*(self.items or ()), *(self.pairs or {}).values()):
            add(found, one.all_taints(depth - 1))
        return found

    def is_tainted(self) -> bool:
        """Whether anything of it came from outside."""
        return bool(self.all_taints())


@dataclass(slots=True, eq=False)
class Env:
    """Variables by name, and those around."""

    names: dict[str, Value] = field(default_factory=dict[str, Value])
    outer: Env | None = None

    def get(self, name: str) -> Value | None:
        """The value, by this name here or further out."""
        env: Env | None = self
        while env is not None:
            value = env.names.get(name)
            if value is not None:
                return value
            env = env.outer
        return None

    def put(self, name: str, value: Value) -> None:
        """Set it here, or where it was set before in a function around."""
        env: Env | None = self
        while env is not None and name not in env.names:
            env = env.outer
        (env if env is not None and env.outer is not None else self).names[name] = value

    def copy(self) -> Env:
        """The same, to be changed apart: of its own names with their containers."""
        return Env(names={name: copied(value) for name, value in self.names.items()}, outer=self.outer)


def copied(value: Value) -> Value:
    """A value whose direct elements can be changed apart from the first's."""
    if value.items is None and value.pairs is None:
        return value
    return replace(
        value,
        items=None if value.items is None else list(value.items),
        pairs=None if value.pairs is None else dict(value.pairs),
    )


def numeric(taints: Taints) -> Taints:
    """What is left of them in a number or a test, which carries no syntax."""
    return {key: taint for key, taint in taints.items() if taint.source in OF_NUMBERS}


def add(to: Taints, more: Taints) -> None:
    """Put them together, the first way of each kept, and a bound on how many."""
    for key, taint in more.items():
        if key in to:
            continue
        if key[1] and (len(to) >= _MOST_TAINTS or sum(source == key[0] for source, _ in to) >= _MOST_OF_A_SOURCE):
            continue
        to[key] = taint


def together(values: Iterable[Value]) -> Taints:
    """What of any of them, and what they hold, came from outside."""
    found: Taints = {}
    for value in values:
        add(found, value.all_taints())
    return found


def joined(first: Value | None, second: Value | None) -> Value:
    """What holds of a value that is one or the other."""
    if first is None or second is None:
        one = first or second or Value()
        return replace(one, const=UNKNOWN) if one.known else one
    if first is second:
        return first
    taints = dict(first.taints)
    add(taints, second.taints)
    made = Value(taints=taints, fixed=first.is_fixed and second.is_fixed)
    if type(first.const) is type(second.const) and first.const == second.const:
        made.const = first.const
    if first.items is not None and second.items is not None and len(first.items) == len(second.items):
        made.items = [joined(*both) for both in zip(first.items, second.items, strict=True)]
    elif first.items is not None or second.items is not None:
        add(taints, together((*(first.items or ()), *(second.items or ()))))
    if first.pairs is not None and second.pairs is not None:
        keys = [*first.pairs, *(key for key in second.pairs if key not in first.pairs)]
        made.pairs = {key: joined(first.pairs.get(key), second.pairs.get(key)) for key in keys}
    elif first.pairs is not None or second.pairs is not None:
        made.pairs = dict(first.pairs or second.pairs or {})
    made.path = first.path if first.path == second.path else first.path or second.path
    made.function, made.env = first.function or second.function, first.env or second.env
    made.of, made.cls = first.of or second.of, first.cls or second.cls
    made.is_class, made.type = first.is_class or second.is_class, first.type or second.type
    return made


def merge(into: Env, other: Env) -> None:
    """Make the first what holds after either."""
    for name in {**into.names, **other.names}:
        first, second = into.names.get(name), other.names.get(name)
        if first is second:
            continue
        if name.startswith(TESTED):
            # It holds only where both ways were tested alike.
            if first is None or second is None or first.const != second.const:
                into.names.pop(name, None)
            continue
        into.names[name] = joined(first, second)


def last_name(kind: str) -> str:
    """The last name of a type, without what it holds."""
    return kind.split("<")[0].rsplit(".", 1)[-1].strip("[]*? ")


def element_of(over: Value) -> Value:
    """Any one element of what is looped over."""
    if not over.items:
        return Value(taints=over.all_taints())
    made = over.items[0]
    for one in over.items[1:]:
        made = joined(made, one)
    return replace(made, const=Value().const)


def as_number(value: Value) -> Value:
    """The value as a number, which carries no syntax; a random one is as bad as before."""
    kept = numeric(value.taints)
    return replace(value, taints=kept, fixed=not kept)


def holds_numbers(kind: str) -> bool:
    """Whether a declared type holds numbers only."""
    return kind in _NUMBERS
