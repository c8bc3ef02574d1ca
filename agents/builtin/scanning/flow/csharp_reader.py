"""C# -> the small language."""

from __future__ import annotations

from agents.builtin.scanning.flow.tree import (
    Attr,
    Call,
    Const,
    Do,
    Expr,
    Function,
    Import,
    Index,
    Items,
    Lambda,
    Loop,
    Name,
    Op,
    Pairs,
    Param,
    Put,
    Return,
    Stmt,
    Switch,
)
from agents.builtin.scanning.flow.tree_reader import Node, TreeReader

_NUMBERS = frozenset({"int", "long", "float", "double", "decimal", "bool", "short", "byte", "uint"})


class CSharpReader(TreeReader):
    """Reads one file."""

    language = "csharp"
    e_integer_literal = TreeReader.number
    e_real_literal = TreeReader.number
    e_null_literal = TreeReader.constant
    e_string_literal = TreeReader.quoted
    e_character_literal = TreeReader.quoted
    e_this = TreeReader.e_identifier
    e_this_expression = TreeReader.e_identifier
    e_base_expression = TreeReader.e_identifier
    e_predefined_type = TreeReader.e_identifier
    e_argument = TreeReader.inner
    e_await_expression = TreeReader.inner
    e_ref_expression = TreeReader.inner
    e_throw_expression = TreeReader.inner
    e_arrow_expression_clause = TreeReader.inner

    def s_using_directive(self, node: Node) -> list[Stmt]:
        """Namespaces say nothing about data."""
        return []

    s_interface_declaration = s_using_directive
    s_enum_declaration = s_using_directive

    def s_class_declaration(self, node: Node) -> list[Stmt]:
        """A class."""
        bases = tuple(
            self.text(each)
            for one in self.children(node)
            if one.type == "base_list"
            for each in self.children(one)
        )
        name = self.text(self.field(node, "name"))
        made = self.class_of(node, name, bases, self.field(node, "body"), self._marks(node))
        made.body[:0] = self._primary(node)
        return self.define(made)

    def _primary(self, node: Node) -> list[Stmt]:
        """What a class takes beside its name, as fields: `class Store(Db db)`."""
        made: list[Stmt] = []
        for given in self.children(node):
            for one in self.children(given) if given.type == "parameter_list" else []:
                line, kind = self.line(one), self.text(self.field(one, "type"))
                name = Name(line, name=self.text(self.field(one, "name")))
                made.append(Do(line, Put(line, target=name, value=Const(line, value=None), type=kind)))
        return made

    s_record_declaration = s_class_declaration
    s_struct_declaration = s_class_declaration

    def _marks(self, node: Node) -> tuple[Expr, ...]:
        made: list[Expr] = []
        for one in self.children(node):
            if one.type == "attribute_list":
                made += [self._mark(each) for each in self.children(one)]
        return tuple(made)

    def _mark(self, node: Node) -> Expr:
        name = self.field(node, "name")
        return Name(self.line(node), name="" if name is None else self.text(name).rsplit(".", 1)[-1])

    def s_method_declaration(self, node: Node) -> list[Stmt]:
        """A method."""
        made = self._function(node, self.text(self.field(node, "name")))
        made.owner, made.marks = self.owner, self._marks(node)
        made.is_static = any(one.type == "modifier" and self.text(one) == "static" for one in node.children)
        return self.define(made)

    s_local_function_statement = s_method_declaration

    def s_constructor_declaration(self, node: Node) -> list[Stmt]:
        """A constructor."""
        made = self._function(node, "__init__")
        made.owner = self.owner
        return self.define(made)

    def s_property_declaration(self, node: Node) -> list[Stmt]:
        """A property with a value, as a field."""
        value = self.field(node, "value")
        if value is None:
            return []
        line = self.line(node)
        target = Name(line, name=self.text(self.field(node, "name")))
        return [Do(line, Put(line, target=target, value=self.expr(value)))]

    def _function(self, node: Node, name: str) -> Function:
        given = self.field(node, "parameters")
        params: list[Param] = []
        if given is not None and given.type == "identifier":
            params.append(Param(self.text(given)))
        elif given is not None and given.type == "implicit_parameter":
            params.append(Param(self.text(given)))
        else:
            for one in [] if given is None else self.children(given):
                if one.type == "parameter":
                    kind = self.text(self.field(one, "type"))
                    params.append(Param(self.text(self.field(one, "name")), type=kind, marks=self._marks(one)))
        body = self.field(node, "body")
        if body is None:
            made: list[Stmt] = []
        elif body.type == "block":
            made = self.apart(lambda: self.body(body))
        else:
            made = [Return(self.line(body), self.expr(body))]
        return Function(name, self.line(node), params, made, (), None, self.file)

    def _lambda(self, node: Node) -> Expr:
        return Lambda(self.line(node), function=self._function(node, ""))

    e_lambda_expression = _lambda
    e_anonymous_method_expression = _lambda

    def s_variable_declaration(self, node: Node) -> list[Stmt]:
        """Variables with a type."""
        kind = self.text(self.field(node, "type"))
        made: list[Stmt] = []
        for one in self.children(node):
            if one.type != "variable_declarator":
                continue
            parts = self.children(one)
            line = self.line(one)
            value = parts[-1] if len(parts) > 1 else None
            if value is not None and value.type == "equals_value_clause":
                value = self.children(value)[-1]
            read = Const(line, value=None) if value is None else self.expr(value)
            target = Name(line, name=self.text(self.field(one, "name") or parts[0]))
            made.append(Do(line, Put(line, target=target, value=read, type="" if kind == "var" else kind)))
        return made

    def s_foreach_statement(self, node: Node) -> list[Stmt]:
        """A loop over a collection."""
        target, over = self.expr(self.field(node, "left")), self.expr(self.field(node, "right"))
        return [Loop(self.line(node), target, over, None, self.body(self.field(node, "body")), [])]

    def s_switch_statement(self, node: Node) -> list[Stmt]:
        """Cases by value."""
        cases: list[tuple[list[Expr] | None, list[Stmt]]] = []
        for section in self.children(self.field(node, "body")):
            values: list[Expr] = []
            default = any(one.type == "default" for one in section.children)
            body: list[Node] = []
            for one in self.children(section):
                if one.type in ("case_switch_label", "constant_pattern", "case_pattern_switch_label"):
                    values += self.exprs(one)
                elif one.type == "default_switch_label":
                    default = True
                else:
                    body.append(one)
            cases.append((None if default else values, self.block(body)))
        return [Switch(self.line(node), self.maybe(self.field(node, "value")), cases, falls=False)]

    def e_boolean_literal(self, node: Node) -> Expr:
        """True or false."""
        return Const(self.line(node), value=self.text(node) == "true")

    def e_verbatim_string_literal(self, node: Node) -> Expr:
        """A text without escapes."""
        return Const(self.line(node), value=self.text(node)[2:-1])

    def e_raw_string_literal(self, node: Node) -> Expr:
        """A text without escapes."""
        return Const(self.line(node), value=self.text(node).strip('"'))

    def e_interpolated_string_expression(self, node: Node) -> Expr:
        """A text with values in it."""
        fixed = frozenset({"string_content", "escape_sequence", "interpolated_string_text"})
        return self.filled(node, frozenset({"interpolation"}), fixed)

    def e_interpolation_start(self, node: Node) -> Expr:
        """Nothing but its sign."""
        return Const(self.line(node), value="")

    e_interpolation_brace = e_interpolation_start

    def e_invocation_expression(self, node: Node) -> Expr:
        """A call."""
        func = self.expr(self.field(node, "function"))
        return Call(self.line(node), func=func, args=self.exprs(self.field(node, "arguments")))

    def e_generic_name(self, node: Node) -> Expr:
        """A name without what it holds."""
        return Name(self.line(node), name=self.text(self.children(node)[0]))

    def e_qualified_name(self, node: Node) -> Expr:
        """A name with its namespace."""
        made: Expr | None = None
        for part in self.text(node).split("<")[0].split("."):
            made = Name(self.line(node), name=part) if made is None else Attr(self.line(node), of=made, name=part)
        return made or Expr(self.line(node))

    def e_object_creation_expression(self, node: Node) -> Expr:
        """A new object; what its fields are set to are arguments by name."""
        func = self.maybe(self.field(node, "type"))
        args, filled = self.exprs(self.field(node, "arguments")), self.field(node, "initializer")
        named: list[tuple[str, Expr]] = []
        for one in [] if filled is None else self.children(filled):
            left = self.field(one, "left") if one.type == "assignment_expression" else None
            if left is not None:
                named.append((self.text(left), self.expr(self.field(one, "right"))))
            else:
                args = (*args, self.expr(one))
        return Call(self.line(node), func=func, args=args, named=tuple(named), new=True)

    def e_member_access_expression(self, node: Node) -> Expr:
        """A member."""
        name = self.field(node, "name")
        of = self.maybe(self.field(node, "expression"))
        named = self.children(name)[0] if name.type == "generic_name" else name
        return Attr(self.line(name), of=of, name=self.text(named))

    def e_conditional_access_expression(self, node: Node) -> Expr:
        """A member of what may be nothing."""
        parts = self.children(node)
        of = self.expr(parts[0])
        after = self.expr(parts[-1])
        inner = after
        while isinstance(inner, Call | Attr | Index):
            below = inner.func if isinstance(inner, Call) else inner.of
            if type(below) is Expr and not below.parts:
                if isinstance(inner, Attr | Index):
                    inner.of = of
                return after
            inner = below
        return Expr(self.line(node), (of, after))

    def e_member_binding_expression(self, node: Node) -> Expr:
        """The member after the question mark."""
        return Attr(self.line(node), of=Expr(0), name=self.text(self.field(node, "name")))

    def e_element_access_expression(self, node: Node) -> Expr:
        """An element."""
        keys = self.exprs(self.field(node, "subscript"))
        of = self.expr(self.field(node, "expression"))
        return Index(self.line(node), of=of, key=keys[0] if keys else Expr(self.line(node)))

    def e_conditional_expression(self, node: Node) -> Expr:
        """One of two."""
        return self.choice(node, "condition", "consequence", "alternative")

    def e_cast_expression(self, node: Node) -> Expr:
        """A cast: what becomes a number carries no syntax."""
        kind, value = self.text(self.field(node, "type")), self.expr(self.field(node, "value"))
        return Op(self.line(node), (value,), op="number") if kind in _NUMBERS else value

    def e_as_expression(self, node: Node) -> Expr:
        """The same value, of a type."""
        return self.expr(self.field(node, "left"))

    def e_is_pattern_expression(self, node: Node) -> Expr:
        """A question about a value."""
        return Op(
            self.line(node),
            (self.maybe(self.field(node, "expression") or self.field(node, "left")),),
            op="instanceof",
        )

    e_is_expression = e_is_pattern_expression

    def e_postfix_unary_expression(self, node: Node) -> Expr:
        """`i++`, `x!`."""
        return self.expr(self.children(node)[0])

    e_prefix_unary_expression = TreeReader.e_unary_expression

    def e_initializer_expression(self, node: Node) -> Expr:
        """The elements of an array."""
        return Items(self.line(node), self.exprs(node))

    def e_array_creation_expression(self, node: Node) -> Expr:
        """A new array."""
        parts = [one for one in self.children(node) if one.type == "initializer_expression"]
        return self.expr(parts[0]) if parts else Expr(self.line(node))

    e_implicit_array_creation_expression = e_array_creation_expression


__all__ = ["CSharpReader", "Import", "Pairs"]
