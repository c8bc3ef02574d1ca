"""Ruby -> the small language."""

from __future__ import annotations

from agents.builtin.scanning.flow.tree import (
    Attr,
    Call,
    Choice,
    Const,
    Do,
    Expr,
    Function,
    If,
    Index,
    Items,
    Lambda,
    Leave,
    Loop,
    Name,
    Op,
    Pairs,
    Param,
    Put,
    Return,
    Stmt,
    Switch,
    Text,
    Try,
)
from agents.builtin.scanning.flow.tree_reader import Node, TreeReader

_VERBS = frozenset({"get", "post", "put", "delete", "patch", "options", "link", "unlink"})
_FIXED = frozenset({"string_content", "escape_sequence"})


class RubyReader(TreeReader):
    """Reads one file. The last expression of a method is what it returns."""

    language = "ruby"
    e_constant = TreeReader.e_identifier
    e_self = TreeReader.e_identifier
    e_global_variable = TreeReader.e_identifier
    e_integer = TreeReader.number
    e_float = TreeReader.number
    e_nil = TreeReader.constant
    e_block_argument = TreeReader.inner
    e_splat_argument = TreeReader.inner
    e_hash_splat_argument = TreeReader.inner

    def e_instance_variable(self, node: Node) -> Expr:
        """A field of the object."""
        line = self.line(node)
        return Attr(line, of=Name(line, name="self"), name=self.text(node).lstrip("@"))

    e_class_variable = e_instance_variable

    def s_method(self, node: Node) -> list[Stmt]:
        """A method."""
        made = self._function(node, self.text(self.field(node, "name")))
        made.owner = self.owner
        return self.define(made)

    def s_singleton_method(self, node: Node) -> list[Stmt]:
        """A method of the class."""
        made = self._function(node, self.text(self.field(node, "name")))
        made.owner, made.is_static = self.owner, True
        return self.define(made)

    def s_class(self, node: Node) -> list[Stmt]:
        """A class."""
        bases = tuple(self.text(one).lstrip("< ") for one in self.children(node) if one.type == "superclass")
        return self.define(
            self.class_of(node, self.text(self.field(node, "name")), bases, self.field(node, "body"), ())
        )

    s_module = s_class

    def s_call(self, node: Node) -> list[Stmt]:
        """A call; `scope :name, ->(x) { … }` in a class is a method of it."""
        call = self.e_call(node)
        if (
            self.owner is not None
            and isinstance(call, Call)
            and isinstance(call.func, Name)
            and call.func.name == "scope"
        ):
            name, made = call.args[0] if call.args else None, call.args[-1] if call.args else None
            if isinstance(name, Const) and isinstance(made, Lambda):
                function = made.function
                function.name, function.owner, function.is_static = str(name.value).lstrip(":"), self.owner, True
                return self.define(function)
        return [Do(self.line(node), call)]

    def _function(self, node: Node, name: str) -> Function:
        params: list[Param] = []
        given = self.field(node, "parameters")
        for one in [] if given is None else self.children(given):
            named = self.field(one, "name")
            default = self.field(one, "value")
            read = None if default is None else self.expr(default)
            params.append(
                Param(self.text(one if named is None else named), default=read, many=one.type == "splat_parameter")
            )
        body = self.field(node, "body")
        made = [] if body is None else self.apart(lambda: self.body(body))
        return Function(name, self.line(node), params, _returning(made), (), None, self.file)

    def s_if(self, node: Node) -> list[Stmt]:
        """A branch."""
        test, body = self.expr(self.field(node, "condition")), self.body(self.field(node, "consequence"))
        return [If(self.line(node), test, body, self.body(self.field(node, "alternative")))]

    s_elsif = s_if

    def s_unless(self, node: Node) -> list[Stmt]:
        """A branch where the test fails."""
        test, body = self.expr(self.field(node, "condition")), self.body(self.field(node, "consequence"))
        return [If(self.line(node), test, self.body(self.field(node, "alternative")), body)]

    def s_if_modifier(self, node: Node) -> list[Stmt]:
        """A branch with its test after it."""
        return [
            If(self.line(node), self.expr(self.field(node, "condition")), self.body(self.field(node, "body")), [])
        ]

    def s_unless_modifier(self, node: Node) -> list[Stmt]:
        """A branch with its test after it, where that fails."""
        return [
            If(self.line(node), self.expr(self.field(node, "condition")), [], self.body(self.field(node, "body")))
        ]

    def s_while(self, node: Node) -> list[Stmt]:
        """A loop."""
        test = self.expr(self.field(node, "condition"))
        return [Loop(self.line(node), None, None, test, self.body(self.field(node, "body")), [])]

    def s_for(self, node: Node) -> list[Stmt]:
        """A loop over a collection."""
        target, over = self.expr(self.field(node, "pattern")), self.inner(self.field(node, "value"))
        return [Loop(self.line(node), target, over, None, self.body(self.field(node, "body")), [])]

    def s_case(self, node: Node) -> list[Stmt]:
        """Cases by value."""
        cases: list[tuple[list[Expr] | None, list[Stmt]]] = []
        for one in self.children(node):
            if one.type == "when":
                values = [self.inner(each) for each in one.children_by_field_name("pattern")]
                cases.append((values, self.body(self.field(one, "body"))))
            elif one.type == "else":
                cases.append((None, self.block(self.children(one))))
        return [Switch(self.line(node), self.maybe(self.field(node, "value")), cases, falls=False)]

    def s_return(self, node: Node) -> list[Stmt]:
        """The end of a method."""
        parts = [each for one in self.children(node) for each in self.exprs(one)]
        return [Return(self.line(node), parts[0] if parts else None)]

    def s_next(self, node: Node) -> list[Stmt]:
        """The next round."""
        return [Leave(self.line(node), "continue")]

    def s_break(self, node: Node) -> list[Stmt]:
        """The end of a loop."""
        return [Leave(self.line(node), "break")]

    def s_begin(self, node: Node) -> list[Stmt]:
        """A block whose errors are caught."""
        body: list[Stmt] = []
        handlers: list[list[Stmt]] = []
        last: list[Stmt] = []
        for one in self.children(node):
            if one.type == "rescue":
                handlers.append(self.body(self.field(one, "body")))
            elif one.type == "ensure":
                last += self.block(self.children(one))
            else:
                body += self.statement(one)
        return [Try(self.line(node), body, handlers, last)] if handlers or last else body

    s_body_statement = s_begin

    def e_assignment(self, node: Node) -> Expr:
        """An assignment."""
        return Put(
            self.line(node), target=self.expr(self.field(node, "left")), value=self.expr(self.field(node, "right"))
        )

    def e_operator_assignment(self, node: Node) -> Expr:
        """An assignment that reads its target."""
        return self.assignment(node)

    def e_left_assignment_list(self, node: Node) -> Expr:
        """Several targets."""
        return Items(self.line(node), self.exprs(node))

    e_right_assignment_list = e_left_assignment_list

    def e_if(self, node: Node) -> Expr:
        """A branch as a value."""
        first, second = self.field(node, "consequence"), self.field(node, "alternative")
        one, other = self._last(first), self._last(second)
        return Choice(self.line(node), test=self.expr(self.field(node, "condition")), first=one, second=other)

    def _last(self, node: Node) -> Expr:
        parts = [] if node is None else self.children(node)
        return self.expr(parts[-1]) if parts else Expr(0)

    def e_begin(self, node: Node) -> Expr:
        """A block as a value."""
        return self._last(node)

    def e_call(self, node: Node) -> Expr:
        """A call, with its block as the last argument."""
        line = self.line(node)
        of, name = self.field(node, "receiver"), self.field(node, "method")
        written = "call" if name is None else self.text(name)
        func: Expr = Name(line, name=written)
        if of is not None:
            func = Attr(line if name is None else self.line(name), of=self.expr(of), name=written)
        args: list[Expr] = []
        named: list[tuple[str, Expr]] = []
        given = self.field(node, "arguments")
        for one in [] if given is None else self.children(given):
            key = self.field(one, "key") if one.type == "pair" else None
            if key is not None and key.type == "hash_key_symbol":
                value = self.field(one, "value")
                named.append(
                    (self.text(key), Name(line, name=self.text(key)) if value is None else self.expr(value))
                )
            elif key is not None:
                args.append(Pairs(line, pairs=((self.expr(key), self.expr(self.field(one, "value"))),)))
            else:
                args.append(self.expr(one))
        block = self.field(node, "block")
        if block is not None:
            function = self._function(block, "")
            if of is None and written in _VERBS and args and _is_route(args[0]):
                _serve(function)
            args.append(Lambda(self.line(block), function=function))
        return Call(line, func=func, args=tuple(args), named=tuple(named), new=False)

    def e_lambda(self, node: Node) -> Expr:
        """A function as a value."""
        return Lambda(self.line(node), function=self._function(node, ""))

    def e_element_reference(self, node: Node) -> Expr:
        """An element."""
        parts = self.children(node)
        key = self.expr(parts[1]) if len(parts) > 1 else Expr(self.line(node))
        return Index(self.line(node), of=self.expr(parts[0]), key=key)

    def e_binary(self, node: Node) -> Expr:
        """An operator between two."""
        made = self.operation(node)
        if isinstance(made, Op) and made.op == "<<":
            return Call(made.line, func=Attr(made.line, of=made.parts[0], name="<<"), args=made.parts[1:])
        return made

    def e_unary(self, node: Node) -> Expr:
        """An operator before one."""
        return Op(self.line(node), (self.expr(self.field(node, "operand")),), op="not")

    def e_conditional(self, node: Node) -> Expr:
        """One of two."""
        return self.choice(node, "condition", "consequence", "alternative")

    def e_string(self, node: Node) -> Expr:
        """A text with values in it."""
        return self.filled(node, frozenset({"interpolation"}), _FIXED)

    e_delimited_symbol = e_string

    def e_subshell(self, node: Node) -> Expr:
        """A command in backquotes."""
        line = self.line(node)
        parts = Text(line, tuple(self.filled(node, frozenset({"interpolation"}), _FIXED).within()))
        return Call(line, func=Name(line, name="`"), args=(parts,))

    def e_regex(self, node: Node) -> Expr:
        """A regular expression, as a text."""
        read = self.filled(node, frozenset({"interpolation"}), _FIXED)
        return Const(read.line, value=f"/{read.value}/") if isinstance(read, Const) else read

    def e_simple_symbol(self, node: Node) -> Expr:
        """A symbol, as the text it is."""
        return Const(self.line(node), value=self.text(node).lstrip(":"))

    def e_hash_key_symbol(self, node: Node) -> Expr:
        """A key."""
        return Const(self.line(node), value=self.text(node))

    def e_array(self, node: Node) -> Expr:
        """The elements."""
        return Items(self.line(node), self.exprs(node))

    def e_string_array(self, node: Node) -> Expr:
        """Words."""
        return Items(
            self.line(node), tuple(Const(self.line(node), value=self.text(one)) for one in self.children(node))
        )

    e_symbol_array = e_string_array

    def e_hash(self, node: Node) -> Expr:
        """The entries."""
        pairs: list[tuple[Expr | None, Expr]] = []
        for one in self.children(node):
            if one.type == "pair":
                key, value = self.field(one, "key"), self.field(one, "value")
                pairs.append((self.expr(key), Expr(0) if value is None else self.expr(value)))
            else:
                pairs.append((None, self.expr(one)))
        return Pairs(self.line(node), pairs=tuple(pairs))

    def e_scope_resolution(self, node: Node) -> Expr:
        """A constant of a module."""
        of, name = self.field(node, "scope"), self.text(self.field(node, "name"))
        if of is None:
            return Name(self.line(node), name=name)
        return Attr(self.line(node), of=self.expr(of), name=name)

    def e_parenthesized_statements(self, node: Node) -> Expr:
        """Brackets."""
        return self.inner(node)


def _is_route(given: Expr) -> bool:
    return isinstance(given, Const) and isinstance(given.value, str) and given.value.startswith("/")


def _serve(function: Function) -> None:
    """Make of a block that answers a route, as in Sinatra, what it does: it gets parts of the path, and sends text."""
    line = function.line
    given: list[Stmt] = [
        Do(line, Put(line, target=Name(line, name=one.name), value=Index(line, of=Name(line, name="params"))))
        for one in function.params
    ]
    is_page = not any(_says_type(one) for one in function.body)
    function.params = []
    function.body = [*given, *(_sending(function.body) if is_page else function.body)]


def _says_type(one: Stmt) -> bool:
    """`content_type :json`, or another that is no page."""
    said = one.expr if isinstance(one, Do) else None
    return (
        isinstance(said, Call)
        and isinstance(said.func, Name)
        and said.func.name == "content_type"
        and not any(isinstance(each, Const) and "html" in str(each.value) for each in said.args)
    )


def _sending(body: list[Stmt]) -> list[Stmt]:
    last = body[-1] if body else None
    if isinstance(last, Return) and isinstance(last.value, Text | Op | Index):
        sent = Call(last.line, func=Name(last.line, name="body"), args=(last.value,))
        return [*body[:-1], Return(last.line, sent)]
    if isinstance(last, If):
        return [*body[:-1], If(last.line, last.test, _sending(last.body), _sending(last.orelse))]
    return body


def _returning(body: list[Stmt]) -> list[Stmt]:
    """The body with what its last statement gives as its result."""
    if not body:
        return body
    last = body[-1]
    if isinstance(last, Do):
        return [*body[:-1], Return(last.line, last.expr)]
    if isinstance(last, If):
        return [*body[:-1], If(last.line, last.test, _returning(last.body), _returning(last.orelse))]
    if isinstance(last, Try):
        return [
            *body[:-1],
            Try(last.line, _returning(last.body), [_returning(one) for one in last.handlers], last.last),
        ]
    if isinstance(last, Switch):
        cases = [(values, _returning(inner)) for values, inner in last.cases]
        return [*body[:-1], Switch(last.line, last.subject, cases, last.falls)]
    return body
