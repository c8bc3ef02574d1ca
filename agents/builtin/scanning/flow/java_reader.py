"""Java -> the small language."""

from __future__ import annotations

from agents.builtin.scanning.flow.tree import (
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
    Param,
    Put,
    Return,
    Stmt,
    Switch,
    Try,
)
from agents.builtin.scanning.flow.tree_reader import Node, TreeReader

_FUNCTIONS = frozenset({"method_declaration", "constructor_declaration"})


class JavaReader(TreeReader):
    """Reads one file."""

    language = "java"
    e_string_literal = TreeReader.quoted
    e_character_literal = TreeReader.quoted
    e_decimal_integer_literal = TreeReader.number
    e_hex_integer_literal = TreeReader.number
    e_decimal_floating_point_literal = TreeReader.number
    e_null_literal = TreeReader.constant
    e_this = TreeReader.e_identifier
    e_super = TreeReader.e_identifier
    e_type_identifier = TreeReader.e_identifier

    def s_package_declaration(self, node: Node) -> list[Stmt]:
        """Where the file belongs; names are looked up without it."""
        return []

    def s_import_declaration(self, node: Node) -> list[Stmt]:
        """A class from elsewhere."""
        path = self.text(self.children(node)[0])
        return [Import(self.line(node), path.rsplit(".", 1)[-1], path)]

    def s_class_declaration(self, node: Node) -> list[Stmt]:
        """A class."""
        above, declared = self.field(node, "superclass"), self.field(node, "interfaces")
        bases = [] if above is None else [self.text(above).split()[-1]]
        for listed in [] if declared is None else self.children(declared):
            bases += [self.text(one) for one in self.children(listed)]
        name = self.text(self.field(node, "name"))
        return self.define(self.class_of(node, name, tuple(bases), self.field(node, "body"), self._marks(node)))

    s_record_declaration = s_class_declaration
    s_enum_declaration = s_class_declaration
    s_interface_declaration = s_class_declaration

    def s_method_declaration(self, node: Node) -> list[Stmt]:
        """A method."""
        params = self._params(self.field(node, "parameters"))
        body = self.apart(lambda: self.body(self.field(node, "body")))
        made = self.function(node, self.text(self.field(node, "name")), params, body, self._marks(node))
        made.is_static = any(
            one.type == "modifiers" and "static" in self.text(one).split() for one in node.children
        )
        return self.define(made)

    def s_constructor_declaration(self, node: Node) -> list[Stmt]:
        """A constructor, by one name in all languages."""
        params = self._params(self.field(node, "parameters"))
        body = self.apart(lambda: self.body(self.field(node, "body")))
        return self.define(self.function(node, "__init__", params, body, self._marks(node)))

    def _marks(self, node: Node) -> tuple[Expr, ...]:
        made: list[Expr] = []
        for modifiers in node.children:
            if modifiers.type == "modifiers":
                made += [self.expr(one) for one in modifiers.children if one.type.endswith("annotation")]
        return tuple(made)

    def e_marker_annotation(self, node: Node) -> Expr:
        """An annotation without values."""
        return Name(self.line(node), name=self.text(self.field(node, "name")))

    def e_annotation(self, node: Node) -> Expr:
        """An annotation with values, as a call."""
        func = Name(self.line(node), name=self.text(self.field(node, "name")))
        args: list[Expr] = []
        named: list[tuple[str, Expr]] = []
        for one in self.children(self.field(node, "arguments")):
            if one.type == "element_value_pair":
                named.append((self.text(self.field(one, "key")), self.expr(self.field(one, "value"))))
            else:
                args.append(self.expr(one))
        return Call(self.line(node), func=func, args=tuple(args), named=tuple(named))

    def _params(self, node: Node) -> list[Param]:
        made: list[Param] = []
        for one in [] if node is None else self.children(node):
            if one.type == "formal_parameter":
                kind = self.text(self.field(one, "type"))
                made.append(Param(self.text(self.field(one, "name")), type=kind, marks=self._marks(one)))
            elif one.type == "spread_parameter":
                made.append(Param(self.text(self.children(one)[-1]), many=True))
            elif one.type in ("identifier", "inferred_parameters"):
                names = [one] if one.type == "identifier" else self.children(one)
                made += [Param(self.text(name)) for name in names]
        return made

    def s_local_variable_declaration(self, node: Node) -> list[Stmt]:
        """Variables with a type."""
        kind = self.text(self.field(node, "type"))
        made: list[Stmt] = []
        for one in node.children_by_field_name("declarator"):
            target = Name(self.line(one), name=self.text(self.field(one, "name")))
            value = self.field(one, "value")
            read = Const(self.line(one), value=None) if value is None else self.expr(value)
            made.append(Do(self.line(one), Put(self.line(one), target=target, value=read, type=kind)))
        return made

    s_field_declaration = s_local_variable_declaration

    def s_enhanced_for_statement(self, node: Node) -> list[Stmt]:
        """A loop over a collection."""
        target = Name(
            self.line(node), name=self.text(self.field(node, "name")), type=self.text(self.field(node, "type"))
        )
        over = self.expr(self.field(node, "value"))
        return [Loop(self.line(node), target, over, None, self.body(self.field(node, "body")), [])]

    def s_try_with_resources_statement(self, node: Node) -> list[Stmt]:
        """A block with what is closed after it."""
        made: list[Stmt] = []
        for one in self.children(self.field(node, "resources")):
            name, value = self.field(one, "name"), self.field(one, "value")
            if name is not None and value is not None:
                put = Put(
                    self.line(one),
                    target=Name(self.line(one), name=self.text(name)),
                    value=self.expr(value),
                    type=self.text(self.field(one, "type")),
                )
                made.append(Do(self.line(one), put))
        [block] = self.s_try_statement(node)
        if isinstance(block, Try):
            block.body[:0] = made
        return [block]

    def s_switch_expression(self, node: Node) -> list[Stmt]:
        """Cases by value."""
        cases: list[tuple[list[Expr] | None, list[Stmt]]] = []
        falls = True
        for group in self.children(self.field(node, "body")):
            parts = self.children(group)
            labels = [one for one in parts if one.type == "switch_label"]
            values = [self.expr(value) for label in labels for value in self.children(label)]
            default = any(self.text(label).startswith("default") for label in labels)
            falls = falls and group.type != "switch_rule"
            cases.append(
                (None if default else values, self.block(one for one in parts if one.type != "switch_label"))
            )
        return [Switch(self.line(node), self.expr(self.field(node, "condition")), cases, falls)]

    def e_method_invocation(self, node: Node) -> Expr:
        """A call of a method."""
        of, name = self.field(node, "object"), self.field(node, "name")
        func: Expr = Name(self.line(name), name=self.text(name))
        if of is not None:
            func = self.member(node, "object", "name")
        return Call(self.line(node), func=func, args=self.exprs(self.field(node, "arguments")))

    def e_object_creation_expression(self, node: Node) -> Expr:
        """A new object; the methods of a class without name are read as functions beside it."""
        kind = self.field(node, "type")
        func = self._type(kind)
        args = list(self.exprs(self.field(node, "arguments")))
        for one in self.children(node):
            if one.type == "class_body":
                made = self.class_of(one, "", (self.text(kind),), one, ())
                args += [Lambda(method.line, function=method) for method in made.methods.values()]
        return Call(self.line(node), func=func, args=tuple(args), new=True)

    def _type(self, node: Node) -> Expr:
        if node.type == "generic_type":
            node = self.children(node)[0]
        parts = self.text(node).split(".")
        from agents.builtin.scanning.flow.tree import Attr

        made: Expr = Name(self.line(node), name=parts[0])
        for part in parts[1:]:
            made = Attr(self.line(node), of=made, name=part)
        return made

    e_scoped_type_identifier = _type
    e_generic_type = _type

    def e_field_access(self, node: Node) -> Expr:
        """A field."""
        return self.member(node, "object", "field")

    def e_array_access(self, node: Node) -> Expr:
        """An element."""
        of, key = self.expr(self.field(node, "array")), self.expr(self.field(node, "index"))
        return Index(self.line(node), of=of, key=key)

    def e_ternary_expression(self, node: Node) -> Expr:
        """One of two."""
        return self.choice(node, "condition", "consequence", "alternative")

    def e_cast_expression(self, node: Node) -> Expr:
        """A cast: to a number, what came from outside is harmless."""
        inside = self.expr(self.field(node, "value"))
        return inside

    def e_instanceof_expression(self, node: Node) -> Expr:
        """A question about a type."""
        return Op(self.line(node), (self.expr(self.field(node, "left")),), op="instanceof")

    def e_update_expression(self, node: Node) -> Expr:
        """`i++`."""
        target = self.inner(node)
        return Put(self.line(node), target=target, value=Const(self.line(node), value=1), op="+")

    def e_array_initializer(self, node: Node) -> Expr:
        """The elements of an array."""
        return Items(self.line(node), self.exprs(node))

    def e_array_creation_expression(self, node: Node) -> Expr:
        """A new array."""
        value = self.field(node, "value")
        return Expr(self.line(node)) if value is None else self.expr(value)

    def e_lambda_expression(self, node: Node) -> Expr:
        """A function as a value."""
        given = self.field(node, "parameters")
        params = [Param(self.text(given))] if given.type == "identifier" else self._params(given)
        body = self.field(node, "body")
        if body.type == "block":
            made: list[Stmt] = self.apart(lambda: self.body(body))
        else:
            made = [Return(self.line(body), self.expr(body))]
        return Lambda(self.line(node), function=Function("", self.line(node), params, made, file=self.file))

    def e_class_literal(self, node: Node) -> Expr:
        """`A.class`."""
        return Const(self.line(node), value=self.text(node))

    def e_switch_expression(self, node: Node) -> Expr:
        """The results of all cases."""
        return Expr(self.line(node), tuple(self.expr(one) for one in self.children(self.field(node, "body"))))
