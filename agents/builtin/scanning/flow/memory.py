"""What is remembered while the files of one project are run, and what patterns ask of it.

The interpreter is built of layers, each a class in a file of its own that knows those below it: memory, harmless,
sinks, definitions, assignments, calls, outside_calls, expressions, statements, interpreter. What a lower layer needs
of a higher one is declared here.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from agents.builtin.scanning.flow.catalogue import FlowCatalogue, FlowRule
from agents.builtin.scanning.flow.patterns import Scope
from agents.builtin.scanning.flow.project import Project
from agents.builtin.scanning.flow.tree import Attr, Class, Expr, Function, Module, Name, Stmt
from agents.builtin.scanning.flow.values import Env, Value

HARDENED = "parser without external entities"
"""The type of a parser of XML, or of what makes one, that was told to follow none."""
DEEPEST, STEPS_PER_FUNCTION, STEPS_PER_FILE = 6, 12_000, 100_000
SELF = {"java": "this", "javascript": "this", "csharp": "this", "php": "$this", "ruby": "self"}
IMPLICIT = frozenset({"java", "csharp", "ruby"})
"""Languages in which fields and methods of the object are called by their name alone."""


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


class Memory(ABC):
    """State of one run, and what patterns ask of it."""

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
        self._steps: int = 0
        self._file_steps: int = 0
        self.work: int = 0
        """Expressions looked at so far."""
        self._frame: Frame = Frame(file="", function=None)
        self._scope = Scope(path=self._path, text=self._text, type=self._type, items=self._held)
        self._tainted_sink = replace(self._scope, sink=self._is_tainted)
        self._names = {rule.name: rule for rule in catalogue.rules.values()}
        self._kinds: dict[str, frozenset[str]] = {}
        for rule in catalogue.rules.values():
            kind = rule.rule.id.split("/")[-1]
            self._kinds[kind] = self._kinds.get(kind, frozenset()) | {rule.name}

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

    # Of the layers above

    @abstractmethod
    def _eval(self, expr: Expr, env: Env) -> Value:
        """The value of an expression."""

    @abstractmethod
    def _block(self, body: Iterable[Stmt], env: Env) -> bool:
        """Run statements: whether what follows is reached."""

    @abstractmethod
    def _defined(self, what: Function | Class, env: Env) -> Value:
        """The value of a function or class."""

    @abstractmethod
    def _top(self, module: Module) -> Env:
        """The names of a file, which is run where that was not done yet."""
