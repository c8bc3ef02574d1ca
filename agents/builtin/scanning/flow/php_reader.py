"""PHP -> the small language."""

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
    Import,
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
)
from agents.builtin.scanning.flow.tree_reader import Node, TreeReader, operator

_VERBS = frozenset({"get", "post", "put", "patch", "delete", "any", "options", "match"})
_NUMBERS = frozenset({"int", "integer", "float", "double", "bool", "boolean"})


class PhpReader(TreeReader):
    """Reads one file. Variables keep their sign, so that none is taken for a function."""

    language = "php"
    e_variable_name = TreeReader.e_identifier
    e_name = TreeReader.e_identifier
    e_qualified_name = TreeReader.e_identifier
    e_relative_scope = TreeReader.e_identifier
    e_integer = TreeReader.number
    e_float = TreeReader.number
    e_null = TreeReader.constant
    e_string = TreeReader.quoted
    e_nowdoc = TreeReader.quoted
    e_argument = TreeReader.inner
    e_by_ref = TreeReader.inner
    e_variadic_unpacking = TreeReader.inner

    def s_php_tag(self, node: Node) -> list[Stmt]:
        """Where code begins."""
        return []

    s_text = s_php_tag
    s_text_interpolation = s_php_tag

    def s_namespace_use_clause(self, node: Node) -> list[Stmt]:
        """A class from elsewhere."""
        path = self.text(self.children(node)[0]).replace("\\", ".")
        return [Import(self.line(node), path.rsplit(".", 1)[-1], path.rsplit(".", 1)[-1])]

    def s_function_definition(self, node: Node) -> list[Stmt]:
        """A function."""
        return self.define(self._function(node, self.text(self.field(node, "name"))))

    def s_method_declaration(self, node: Node) -> list[Stmt]:
        """A method."""
        made = self._function(node, self.text(self.field(node, "name")))
        made.owner = self.owner
        made.is_static = any(one.type == "static_modifier" for one in node.children)
        return [*self._promoted(node, made), *self.define(made)]

    def _promoted(self, node: Node, made: Function) -> list[Stmt]:
        """Parameters of a constructor that are fields as well: the fields, and what sets them."""
        declared: list[Stmt] = []
        for one in self.children(self.field(node, "parameters")):
            if one.type != "property_promotion_parameter":
                continue
            line, name, kind = (
                self.line(one),
                self.text(self.field(one, "name")),
                self.text(self.field(one, "type")),
            )
            field = Put(line, target=Name(line, name=name), value=Const(line, value=None), type=kind)
            declared.append(Do(line, field))
            target = Attr(line, of=Name(line, name="$this"), name=name.lstrip("$"))
            made.body.insert(0, Do(line, Put(line, target=target, value=Name(line, name=name))))
        return declared

    def s_class_declaration(self, node: Node) -> list[Stmt]:
        """A class."""
        bases = tuple(
            self.text(each).rsplit("\\", 1)[-1]
            for one in self.children(node)
            if one.type in ("base_clause", "class_interface_clause")
            for each in self.children(one)
        )
        return self.define(
            self.class_of(node, self.text(self.field(node, "name")), bases, self.field(node, "body"), ())
        )

    s_trait_declaration = s_class_declaration

    def s_interface_declaration(self, node: Node) -> list[Stmt]:
        """Nothing runs in it."""
        return []

    def s_property_element(self, node: Node) -> list[Stmt]:
        """A field with a value, or with a type."""
        parts = self.children(node)
        kind = self.text(self.field(node.parent, "type"))
        if len(parts) < 2 and not kind:
            return []
        line = self.line(node)
        value = self.expr(parts[-1]) if len(parts) > 1 else Const(line, value=None)
        return [Do(line, Put(line, target=Name(line, name=self.text(parts[0])), value=value, type=kind))]

    def _function(self, node: Node, name: str) -> Function:
        params: list[Param] = []
        given = self.field(node, "parameters")
        for one in [] if given is None else self.children(given):
            default = self.field(one, "default_value")
            params.append(
                Param(
                    self.text(self.field(one, "name")),
                    type=self.text(self.field(one, "type")),
                    default=None if default is None else self.expr(default),
                    many=one.type == "variadic_parameter",
                )
            )
        body = self.field(node, "body")
        if body is None:
            made: list[Stmt] = []
        elif body.type == "compound_statement":
            made = self.apart(lambda: self.body(body))
        else:
            made = [Return(self.line(body), self.expr(body))]
        return Function(name, self.line(node), params, made, (), None, self.file)

    def _lambda(self, node: Node) -> Expr:
        return Lambda(self.line(node), function=self._function(node, ""))

    e_anonymous_function = _lambda
    e_anonymous_function_creation_expression = _lambda
    e_arrow_function = _lambda

    def s_echo_statement(self, node: Node) -> list[Stmt]:
        """What is written into the page: a call for each."""
        line = self.line(node)
        values: list[Expr] = []
        for one in self.children(node):
            values += self.exprs(one) if one.type == "sequence_expression" else [self.expr(one)]
        return [
            Do(value.line or line, Call(line, func=Name(line, name="echo"), args=(value,))) for value in values
        ]

    def _statement_call(self, node: Node, name: str) -> Expr:
        line = self.line(node)
        return Call(line, func=Name(line, name=name), args=self.exprs(node))

    def e_print_intrinsic(self, node: Node) -> Expr:
        """`print`."""
        return self._statement_call(node, "print")

    def e_include_expression(self, node: Node) -> Expr:
        """Code of another file."""
        return self._statement_call(node, "include")

    e_include_once_expression = e_include_expression
    e_require_expression = e_include_expression
    e_require_once_expression = e_include_expression

    def e_shell_command_expression(self, node: Node) -> Expr:
        """A command in backquotes."""
        line = self.line(node)
        parts = Text(line, tuple(self.expr(one) for one in self.children(node)))
        return Call(line, func=Name(line, name="shell_exec"), args=(parts,))

    def s_exit_statement(self, node: Node) -> list[Stmt]:
        """The end of the program."""
        return [Do(self.line(node), self._statement_call(node, "exit"))]

    def s_if_statement(self, node: Node) -> list[Stmt]:
        """A branch, with those that follow it."""
        orelse: list[Stmt] = []
        for one in reversed(node.children_by_field_name("alternative")):
            body = self.body(self.field(one, "body"))
            if one.type == "else_if_clause":
                orelse = [If(self.line(one), self.expr(self.field(one, "condition")), body, orelse)]
            else:
                orelse = body
        test = self.expr(self.field(node, "condition"))
        return [If(self.line(node), test, self.body(self.field(node, "body")), orelse)]

    def s_foreach_statement(self, node: Node) -> list[Stmt]:
        """A loop over an array."""
        body = self.field(node, "body")
        parts = [one for one in self.children(node) if one != body]
        target: Expr | None = None
        if len(parts) > 1:
            value = self.children(parts[1])[-1] if parts[1].type == "pair" else parts[1]
            target = self.expr(value)
        return [Loop(self.line(node), target, self.expr(parts[0]), None, self.body(body), [])]

    def s_switch_statement(self, node: Node) -> list[Stmt]:
        """Cases by value."""
        cases: list[tuple[list[Expr] | None, list[Stmt]]] = []
        for one in self.children(self.field(node, "body")):
            value = self.field(one, "value")
            body = [each for each in self.children(one) if each != value]
            cases.append((None if value is None else [self.expr(value)], self.block(body)))
        return [Switch(self.line(node), self.expr(self.field(node, "condition")), cases, falls=True)]

    def e_throw_expression(self, node: Node) -> Expr:
        """An error."""
        return Expr(self.line(node), self.exprs(node))

    def s_expression_statement(self, node: Node) -> list[Stmt]:
        """An expression; an error ends what it stands in."""
        inner = self.children(node)
        if inner and inner[0].type == "throw_expression":
            return [Leave(self.line(node), "raise", self.expr(inner[0]))]
        return self.block(inner)

    def e_function_call_expression(self, node: Node) -> Expr:
        """A call."""
        func = self.expr(self.field(node, "function"))
        return Call(self.line(node), func=func, args=self.exprs(self.field(node, "arguments")))

    def e_member_call_expression(self, node: Node) -> Expr:
        """A call of a method."""
        func = self.member(node, "object", "name")
        return Call(self.line(node), func=func, args=self.exprs(self.field(node, "arguments")))

    e_nullsafe_member_call_expression = e_member_call_expression

    def e_scoped_call_expression(self, node: Node) -> Expr:
        """A call of a static method."""
        func = self.member(node, "scope", "name")
        args = self.exprs(self.field(node, "arguments"))
        if self.text(self.field(node, "scope")) == "Route" and self.text(self.field(node, "name")) in _VERBS:
            for one in args:
                if isinstance(one, Lambda):
                    _serve(one.function)
        return Call(self.line(node), func=func, args=args)

    def e_object_creation_expression(self, node: Node) -> Expr:
        """A new object."""
        parts = self.children(node)
        args: tuple[Expr, ...] = ()
        func: Expr = Expr(self.line(node))
        for one in parts:
            if one.type == "arguments":
                args = self.exprs(one)
            elif one.type in ("name", "qualified_name", "variable_name"):
                func = self.expr(one)
        if isinstance(func, Name):
            func.name = func.name.rsplit("\\", 1)[-1]
        return Call(self.line(node), func=func, args=args, new=True)

    def e_member_access_expression(self, node: Node) -> Expr:
        """A field."""
        return self.member(node, "object", "name")

    def e_scoped_property_access_expression(self, node: Node) -> Expr:
        """A static field."""
        return self.member(node, "scope", "name")

    e_class_constant_access_expression = TreeReader.e_identifier
    e_nullsafe_member_access_expression = e_member_access_expression

    def e_subscript_expression(self, node: Node) -> Expr:
        """An element."""
        parts = self.children(node)
        key = self.expr(parts[1]) if len(parts) > 1 else Expr(self.line(node))
        return Index(self.line(node), of=self.expr(parts[0]), key=key)

    def e_conditional_expression(self, node: Node) -> Expr:
        """One of two."""
        return self.choice(node, "condition", "body", "alternative")

    def e_binary_expression(self, node: Node) -> Expr:
        """An operator between two; a dot puts texts together."""
        made = self.operation(node)
        if isinstance(made, Op) and made.op == ".":
            return Text(made.line, made.parts)
        return made

    def e_unary_op_expression(self, node: Node) -> Expr:
        """An operator before one."""
        parts = self.children(node)
        written = self.text(node)[:1]
        if not parts:
            return Expr(self.line(node))
        inside = self.expr(parts[-1])
        return Op(self.line(node), (inside,), op=operator(written)) if written in "!-" else inside

    def e_error_suppression_expression(self, node: Node) -> Expr:
        """`@`."""
        return self.inner(node)

    def e_cast_expression(self, node: Node) -> Expr:
        """A cast: what becomes a number carries no syntax."""
        kind, value = self.text(self.field(node, "type")), self.expr(self.field(node, "value"))
        if kind in _NUMBERS:
            return Op(self.line(node), (value,), op="number")
        # Text is what it was, but no longer a list: some rules look at that.
        return Call(self.line(node), func=Name(self.line(node), name="strval"), args=(value,))

    def e_boolean(self, node: Node) -> Expr:
        """True or false."""
        return Const(self.line(node), value=self.text(node).lower() == "true")

    def e_encapsed_string(self, node: Node) -> Expr:
        """A text with values in it."""
        return self.filled(node, frozenset(), frozenset({"string_content", "escape_sequence"}))

    def e_heredoc(self, node: Node) -> Expr:
        """A long text with values in it."""
        body = self.field(node, "value")
        if body is None:
            return Const(self.line(node), value="")
        return self.filled(body, frozenset(), frozenset({"string_content", "escape_sequence"}))

    def e_array_creation_expression(self, node: Node) -> Expr:
        """An array, by place or by key."""
        pairs: list[tuple[Expr | None, Expr]] = []
        items: list[Expr] = []
        for one in self.children(node):
            parts = [one] if one.type != "array_element_initializer" else self.children(one)
            if len(parts) == 2:
                pairs.append((self.expr(parts[0]), self.expr(parts[1])))
            else:
                items += [self.expr(each) for each in parts]
        if pairs:
            return Pairs(self.line(node), pairs=(*((None, one) for one in items), *pairs))
        return Items(self.line(node), tuple(items))

    def e_match_expression(self, node: Node) -> Expr:
        """One of several values."""
        made: Expr = Expr(self.line(node))
        for one in self.children(self.field(node, "body")):
            value = self.field(one, "return_expression")
            if value is not None:
                read = self.expr(value)
                made = (
                    read if type(made) is Expr and not made.parts else Choice(read.line, first=read, second=made)
                )
        return made


def _serve(function: Function) -> None:
    """Make of a closure that answers a route what it does: it gets parts of the path, and sends the text it returns."""
    line = function.line
    given: list[Stmt] = [
        Do(line, Put(line, target=Name(line, name=one.name), value=Index(line, of=Name(line, name="$_GET"))))
        for one in function.params
        if one.type in ("", "string", "?string")
    ]
    function.params = [one for one in function.params if one.type not in ("", "string", "?string")]
    function.body = [*given, *(_sent(one) for one in function.body)]


def _sent(one: Stmt) -> Stmt:
    """What a returned text is: the page."""
    if isinstance(one, Return) and isinstance(one.value, Text):
        return Return(one.line, Call(one.line, func=Name(one.line, name="response"), args=(one.value,)))
    if isinstance(one, If):
        return If(one.line, one.test, [_sent(each) for each in one.body], [_sent(each) for each in one.orelse])
    return one


__all__ = ["Attr", "PhpReader"]
