"""What the readers of all grammars have in common: a syntax tree of tree-sitter -> the small language.

A reader has a method for each kind of node that means something: `s_` and the kind for statements, `e_` for
expressions. What has none is read through: its children count. So unknown syntax loses no data flow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

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
    Index,
    Items,
    Leave,
    Loop,
    Module,
    Name,
    Op,
    Param,
    Put,
    Return,
    Stmt,
    Text,
    Try,
)

Node = Any
"""A `tree_sitter.Node`; its package has no complete types."""
_OPERATORS = {
    "&&": "and",
    "||": "or",
    "??": "or",
    "===": "==",
    "!==": "!=",
    "!": "not",
    "<>": "!=",
    "and": "and",
    "or": "or",
    "not": "not",
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", '"': '"', "'": "'", "`": "`", "/": "/"}


class TreeReader:
    """Reads one file."""

    language = ""
    comments = frozenset({"comment", "line_comment", "block_comment"})

    def __init__(self, file: str) -> None:
        self.file = file
        self.owner: Class | None = None

    def module(self, root: Node) -> Module:
        """The whole file."""
        return Module(file=self.file, language=self.language, body=self.block(self.children(root)))

    # Nodes

    def children(self, node: Node) -> list[Node]:
        """Named children without comments."""
        return [one for one in node.named_children if one.type not in self.comments]

    def field(self, node: Node, name: str) -> Node:
        """The child by its role; None where there is none."""
        return node.child_by_field_name(name)

    def text(self, node: Node) -> str:
        """The node's source."""
        return "" if node is None else node.text.decode("utf-8", "replace")

    def line(self, node: Node) -> int:
        """Where it begins, from 1."""
        return int(node.start_point[0]) + 1

    # Statements

    def block(self, nodes: Iterable[Node]) -> list[Stmt]:
        """Statements one after the other."""
        made: list[Stmt] = []
        for node in nodes:
            made += self.statement(node)
        return made

    def body(self, node: Node) -> list[Stmt]:
        """What stands in a block, or the one statement instead of it."""
        return [] if node is None else self.statement(node)

    def statement(self, node: Node) -> list[Stmt]:
        """Any statement."""
        read = cast("Callable[[Node], list[Stmt]] | None", getattr(self, f"s_{node.type}", None))
        if read is not None:
            return read(node)
        if getattr(self, f"e_{node.type}", None) is not None:
            return [Do(self.line(node), self.expr(node))]
        return self.block(self.children(node))

    def s_if_statement(self, node: Node) -> list[Stmt]:
        """A branch, with what is set up before its test."""
        made: list[Stmt] = []
        if (first := self.field(node, "initializer")) is not None:
            made += self.statement(first)
        test = self.maybe(self.field(node, "condition"))
        body = self.body(self.field(node, "consequence") or self.field(node, "body"))
        return [*made, If(self.line(node), test, body, self.body(self.field(node, "alternative")))]

    def s_while_statement(self, node: Node) -> list[Stmt]:
        """A loop by a test."""
        test = self.maybe(self.field(node, "condition"))
        return [Loop(self.line(node), None, None, test, self.body(self.field(node, "body")), [])]

    def s_do_statement(self, node: Node) -> list[Stmt]:
        """A loop that runs once at least."""
        body = self.body(self.field(node, "body"))
        return [*body, Loop(self.line(node), None, None, self.maybe(self.field(node, "condition")), body, [])]

    def s_for_statement(self, node: Node) -> list[Stmt]:
        """A loop with a counter."""
        made: list[Stmt] = []
        for one in node.children_by_field_name("init") or node.children_by_field_name("initializer"):
            made += self.statement(one)
        body = self.body(self.field(node, "body"))
        for role in ("update", "increment"):
            for one in node.children_by_field_name(role):
                body += self.statement(one)
        test = self.field(node, "condition")
        return [*made, Loop(self.line(node), None, None, None if test is None else self.expr(test), body, [])]

    def s_return_statement(self, node: Node) -> list[Stmt]:
        """The end of a function."""
        parts = [self.expr(one) for one in self.children(node)]
        value = parts[0] if len(parts) == 1 else Items(self.line(node), tuple(parts)) if parts else None
        return [Return(self.line(node), value)]

    def s_throw_statement(self, node: Node) -> list[Stmt]:
        """An error."""
        parts = self.children(node)
        return [Leave(self.line(node), "raise", self.expr(parts[0]) if parts else None)]

    def s_break_statement(self, node: Node) -> list[Stmt]:
        """The end of a loop or case."""
        return [Leave(self.line(node), "break")]

    def s_continue_statement(self, node: Node) -> list[Stmt]:
        """The next round."""
        return [Leave(self.line(node), "continue")]

    def s_try_statement(self, node: Node) -> list[Stmt]:
        """A block whose errors are caught."""
        handlers: list[list[Stmt]] = []
        last: list[Stmt] = []
        for one in self.children(node):
            if one.type == "catch_clause":
                handlers.append(self.body(self.field(one, "body")))
            elif one.type == "finally_clause":
                last = self.block(self.children(one))
        return [Try(self.line(node), self.body(self.field(node, "body")), handlers, last)]

    # Expressions

    def maybe(self, node: Node) -> Expr:
        """The expression; one that says nothing where there is none."""
        return Expr(0) if node is None else self.expr(node)

    def expr(self, node: Node) -> Expr:
        """Any expression."""
        read = cast("Callable[[Node], Expr] | None", getattr(self, f"e_{node.type}", None))
        if read is not None:
            return read(node)
        parts = tuple(self.expr(one) for one in self.children(node))
        return Expr(self.line(node), parts)

    def exprs(self, node: Node) -> tuple[Expr, ...]:
        """All in a list of arguments or elements."""
        return () if node is None else tuple(self.expr(one) for one in self.children(node))

    def inner(self, node: Node) -> Expr:
        """What stands in something that changes nothing, as brackets do."""
        parts = self.children(node)
        return self.expr(parts[-1]) if parts else Expr(self.line(node))

    def e_parenthesized_expression(self, node: Node) -> Expr:
        """Brackets."""
        return self.inner(node)

    def e_identifier(self, node: Node) -> Expr:
        """A name."""
        return Name(self.line(node), name=self.text(node))

    def e_true(self, node: Node) -> Expr:
        """True."""
        return Const(self.line(node), value=True)

    def e_false(self, node: Node) -> Expr:
        """False."""
        return Const(self.line(node), value=False)

    def constant(self, node: Node) -> Expr:
        """Nothing that is there."""
        return Const(self.line(node), value=None)

    def number(self, node: Node) -> Expr:
        """A number; one that is not understood has no value."""
        written = self.text(node).replace("_", "").rstrip("lLfFdDmMn")
        try:
            return Const(self.line(node), value=int(written, 0))
        except ValueError:
            try:
                return Const(self.line(node), value=float(written))
            except ValueError:
                return Expr(self.line(node))

    def quoted(self, node: Node) -> Expr:
        """A text in quotes, without what is put into it."""
        return Const(self.line(node), value=unescaped(self.text(node)[1:-1]))

    def filled(self, node: Node, holes: frozenset[str], fixed: frozenset[str]) -> Expr:
        """A text with values put into it."""
        parts: list[Expr] = []
        for one in self.children(node):
            if one.type in fixed:
                parts.append(Const(self.line(one), value=unescaped(self.text(one))))
            elif one.type in holes:
                parts += [self.expr(inner) for inner in self.children(one)]
            else:
                parts.append(self.expr(one))
        if not parts:
            return Const(self.line(node), value="")
        return parts[0] if len(parts) == 1 and isinstance(parts[0], Const) else Text(self.line(node), tuple(parts))

    def operation(self, node: Node) -> Expr:
        """An operator between two."""
        left, right = self.expr(self.field(node, "left")), self.expr(self.field(node, "right"))
        return Op(self.line(node), (left, right), op=operator(self.text(self.field(node, "operator"))))

    def e_binary_expression(self, node: Node) -> Expr:
        """An operator between two."""
        return self.operation(node)

    def e_unary_expression(self, node: Node) -> Expr:
        """An operator before one."""
        op = self.text(self.field(node, "operator")) or self.text(node)[:1]
        parts = self.children(node)
        inside = self.expr(parts[-1]) if parts else Expr(self.line(node))
        if op in ("&", "*", "+"):
            return inside
        return Op(self.line(node), (inside,), op={"-": "neg", "!": "not"}.get(op, op))

    def choice(self, node: Node, test: str, first: str, second: str) -> Expr:
        """One of two, by the roles of the grammar."""
        chosen = self.expr(self.field(node, test))
        then = self.field(node, first)
        one = chosen if then is None else self.expr(then)
        return Choice(self.line(node), test=chosen, first=one, second=self.maybe(self.field(node, second)))

    def assignment(self, node: Node) -> Expr:
        """A target, an operator, a value."""
        op = self.text(self.field(node, "operator")).removesuffix("=")
        target, value = self.expr(self.field(node, "left")), self.expr(self.field(node, "right"))
        return Put(self.line(node), target=target, value=value, op={"??": "or", ".": "+"}.get(op, op).strip(":"))

    def e_assignment_expression(self, node: Node) -> Expr:
        """An assignment."""
        return self.assignment(node)

    def e_augmented_assignment_expression(self, node: Node) -> Expr:
        """An assignment that reads its target."""
        return self.assignment(node)

    def member(self, node: Node, of: str, name: str) -> Expr:
        """A member of an object."""
        return Attr(self.line(node), of=self.maybe(self.field(node, of)), name=self.text(self.field(node, name)))

    def define(self, what: Function | Class) -> list[Stmt]:
        """A definition."""
        return [Define(what.line, what)]

    def function(
        self, node: Node, name: str, params: list[Param], body: list[Stmt], marks: tuple[Expr, ...] = ()
    ) -> Function:
        """A function of the class that is being read."""
        return Function(name, self.line(node), params, body, marks, self.owner, self.file)

    def apart(self, read: Callable[[], list[Stmt]]) -> list[Stmt]:
        """Read the body of a function: what is in it belongs to no class."""
        owner, self.owner = self.owner, None
        made = read()
        self.owner = owner
        return made

    def class_of(
        self, node: Node, name: str, bases: tuple[str, ...], body: Node, marks: tuple[Expr, ...]
    ) -> Class:
        """A class with all that stands in it."""
        made = Class(name, self.line(node), bases=bases, marks=marks, file=self.file)
        owner, self.owner = self.owner, made
        made.body = [] if body is None else self.block(self.children(body))
        self.owner = owner
        for one in made.body:
            if isinstance(one, Define) and isinstance(one.what, Function):
                made.methods.setdefault(one.what.name, one.what)
        return made


def operator(written: str) -> str:
    """In the spelling of the small language."""
    return _OPERATORS.get(written, written)


def unescaped(written: str) -> str:
    """The text of a literal, with the common escapes read."""
    if "\\" not in written:
        return written
    made: list[str] = []
    escaped = False
    for char in written:
        if escaped:
            made.append(_ESCAPES.get(char, "\\" + char))
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            made.append(char)
    return "".join(made)


__all__ = ["Call", "Index", "Node", "TreeReader", "operator", "unescaped"]
