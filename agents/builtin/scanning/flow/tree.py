"""The small language that source of every language is read into: expressions, statements, functions, classes.

It keeps what data flow needs and drops the rest. Every node has the line that it stands on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

Constant = str | int | float | bool | None


@dataclass(slots=True, eq=False)
class Expr:
    """Any expression; as itself one that is not understood, with the expressions in it."""

    line: int
    parts: tuple[Expr, ...] = ()

    def within(self) -> Iterator[Expr]:
        """The expressions directly in this one."""
        yield from self.parts


@dataclass(slots=True, eq=False)
class Const(Expr):
    """A literal."""

    value: Constant = None


@dataclass(slots=True, eq=False)
class Name(Expr):
    """A variable, or whatever else is called by one name."""

    name: str = ""
    type: str = ""
    """Of a pattern: the type that is asked for."""


@dataclass(slots=True, eq=False)
class Attr(Expr):
    """`object.name`."""

    of: Expr = field(default_factory=lambda: Expr(0))
    name: str = ""

    def within(self) -> Iterator[Expr]:
        """The object."""
        yield self.of


@dataclass(slots=True, eq=False)
class Index(Expr):
    """`object[key]`."""

    of: Expr = field(default_factory=lambda: Expr(0))
    key: Expr = field(default_factory=lambda: Expr(0))

    def within(self) -> Iterator[Expr]:
        """The object and the key."""
        yield self.of
        yield self.key


@dataclass(slots=True, eq=False)
class Slice(Expr):
    """`object[first:last]`."""

    of: Expr = field(default_factory=lambda: Expr(0))
    first: Expr | None = None
    last: Expr | None = None

    def within(self) -> Iterator[Expr]:
        """The object and the ends."""
        yield self.of
        yield from (end for end in (self.first, self.last) if end is not None)


@dataclass(slots=True, eq=False)
class Call(Expr):
    """A call; `new` where it makes an object."""

    func: Expr = field(default_factory=lambda: Expr(0))
    args: tuple[Expr, ...] = ()
    named: tuple[tuple[str, Expr], ...] = ()
    """Arguments by name; the empty name for a mapping of them."""
    new: bool = False

    def within(self) -> Iterator[Expr]:
        """What is called, and the arguments."""
        yield self.func
        yield from self.args
        yield from (value for _, value in self.named)


@dataclass(slots=True, eq=False)
class Op(Expr):
    """An operator on its operands, in the spelling of Python (`and`, `==`, `in`, `not`, …)."""

    op: str = ""

    def within(self) -> Iterator[Expr]:
        """The operands."""
        yield from self.parts


@dataclass(slots=True, eq=False)
class Choice(Expr):
    """`test ? first : second`."""

    test: Expr = field(default_factory=lambda: Expr(0))
    first: Expr = field(default_factory=lambda: Expr(0))
    second: Expr = field(default_factory=lambda: Expr(0))

    def within(self) -> Iterator[Expr]:
        """The test and both results."""
        yield from (self.test, self.first, self.second)


@dataclass(slots=True, eq=False)
class Text(Expr):
    """Text put together of parts."""


@dataclass(slots=True, eq=False)
class Items(Expr):
    """A list, tuple, array or set."""


@dataclass(slots=True, eq=False)
class Pairs(Expr):
    """A dictionary or object literal; a key of None spreads the value."""

    pairs: tuple[tuple[Expr | None, Expr], ...] = ()

    def within(self) -> Iterator[Expr]:
        """The values."""
        yield from (value for _, value in self.pairs)


@dataclass(slots=True, eq=False)
class Lambda(Expr):
    """A function as a value."""

    function: Function = field(default_factory=lambda: Function(name="", line=0))


@dataclass(slots=True, eq=False)
class Put(Expr):
    """An assignment; `op` where it also reads the target."""

    target: Expr = field(default_factory=lambda: Expr(0))
    value: Expr = field(default_factory=lambda: Expr(0))
    op: str = ""
    type: str = ""
    """The declared type, where there is one."""

    def within(self) -> Iterator[Expr]:
        """The target and the value."""
        yield self.target
        yield self.value


@dataclass(slots=True, eq=False)
class Stmt:
    """Any statement."""

    line: int


@dataclass(slots=True, eq=False)
class Do(Stmt):
    """An expression for its effect."""

    expr: Expr


@dataclass(slots=True, eq=False)
class If(Stmt):
    """A branch."""

    test: Expr
    body: list[Stmt]
    orelse: list[Stmt]


@dataclass(slots=True, eq=False)
class Loop(Stmt):
    """A loop: over `over`, each into `target`; or while `test` holds."""

    target: Expr | None
    over: Expr | None
    test: Expr | None
    body: list[Stmt]
    orelse: list[Stmt]


@dataclass(slots=True, eq=False)
class Return(Stmt):
    """The end of a function."""

    value: Expr | None


@dataclass(slots=True, eq=False)
class Leave(Stmt):
    """The end of a block in another way: `raise`, `break`, `continue`."""

    kind: str
    value: Expr | None = None


@dataclass(slots=True, eq=False)
class Try(Stmt):
    """A block whose errors are caught."""

    body: list[Stmt]
    handlers: list[list[Stmt]]
    last: list[Stmt]


@dataclass(slots=True, eq=False)
class Switch(Stmt):
    """Cases by value; each with its values (None: any), and whether the next follows where it does not break."""

    subject: Expr
    cases: list[tuple[list[Expr] | None, list[Stmt]]]
    falls: bool


@dataclass(slots=True, eq=False)
class Define(Stmt):
    """A function or class."""

    what: Function | Class


@dataclass(slots=True, eq=False)
class Import(Stmt):
    """A name for something elsewhere: `module`, or `module.member`."""

    name: str
    path: str


@dataclass(slots=True, eq=False)
class Param:
    """One parameter."""

    name: str
    type: str = ""
    marks: tuple[Expr, ...] = ()
    """Annotations and attributes."""
    default: Expr | None = None
    many: bool = False
    """Takes all arguments that are left."""


@dataclass(slots=True, eq=False)
class Function:
    """A function, method or lambda."""

    name: str
    line: int
    params: list[Param] = field(default_factory=list[Param])
    body: list[Stmt] = field(default_factory=list[Stmt])
    marks: tuple[Expr, ...] = ()
    """Decorators and annotations."""
    owner: Class | None = None
    file: str = ""
    is_static: bool = False
    receiver: Param | None = None
    """Of a method in Go: the name and type of its object."""


@dataclass(slots=True, eq=False)
class Class:
    """A class."""

    name: str
    line: int
    bases: tuple[str, ...] = ()
    body: list[Stmt] = field(default_factory=list[Stmt])
    methods: dict[str, Function] = field(default_factory=dict[str, Function])
    marks: tuple[Expr, ...] = ()
    file: str = ""


@dataclass(slots=True, eq=False)
class Module:
    """One file."""

    file: str
    language: str
    body: list[Stmt]
    faults: int = 0
    """How many places could not be read."""


def dotted(expr: Expr) -> str:
    """`a.b.c` of names; empty where it is something else."""
    parts: list[str] = []
    while isinstance(expr, Attr):
        parts.append(expr.name)
        expr = expr.of
    if not isinstance(expr, Name):
        return ""
    return ".".join([expr.name, *reversed(parts)])


def every(expr: Expr) -> Iterator[Expr]:
    """The expression and all in it."""
    pending = [expr]
    while pending:
        one = pending.pop()
        yield one
        pending.extend(one.within())


def called_name(call: Call) -> str:
    """The last name of what is called; empty where it has none."""
    func = call.func
    return func.name if isinstance(func, Name | Attr) else ""


def variables(expr: Expr) -> frozenset[str]:
    """Variables that an expression reads."""
    return frozenset(one.name for one in every(expr) if isinstance(one, Name))
