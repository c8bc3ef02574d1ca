"""Go -> the small language."""

from __future__ import annotations

from agents.builtin.scanning.flow.tree import (
    Call,
    Class,
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
    Pairs,
    Param,
    Put,
    Slice,
    Stmt,
    Switch,
)
from agents.builtin.scanning.flow.tree_reader import Node, TreeReader


class GoReader(TreeReader):
    """Reads one file."""

    language = "go"
    e_int_literal = TreeReader.number
    e_float_literal = TreeReader.number
    e_interpreted_string_literal = TreeReader.quoted
    e_raw_string_literal = TreeReader.quoted
    e_rune_literal = TreeReader.quoted
    e_nil = TreeReader.constant
    e_field_identifier = TreeReader.e_identifier
    e_package_identifier = TreeReader.e_identifier
    e_type_identifier = TreeReader.e_identifier
    e_literal_element = TreeReader.inner

    def s_package_clause(self, node: Node) -> list[Stmt]:
        """The package's name."""
        return []

    def s_type_declaration(self, node: Node) -> list[Stmt]:
        """A struct is a class whose fields have types; other types say nothing about data."""
        made: list[Stmt] = []
        for one in self.children(node):
            kind = self.field(one, "type")
            if kind is None or kind.type != "struct_type":
                continue
            what = Class(self.text(self.field(one, "name")), self.line(one), file=self.file)
            for each in (field for listed in self.children(kind) for field in self.children(listed)):
                line, of = self.line(each), self.text(self.field(each, "type"))
                for name in each.children_by_field_name("name"):
                    put = Put(
                        line, target=Name(line, name=self.text(name)), value=Const(line, value=None), type=of
                    )
                    what.body.append(Do(line, put))
            made += self.define(what)
        return made

    def s_import_spec(self, node: Node) -> list[Stmt]:
        """A package."""
        path = self.text(self.field(node, "path")).strip('"`')
        name = self.text(self.field(node, "name")) or path.rsplit("/", 1)[-1]
        return [Import(self.line(node), name, name if "/" not in path else path.rsplit("/", 1)[-1])]

    def s_function_declaration(self, node: Node) -> list[Stmt]:
        """A function."""
        return self.define(self._function(node, self.text(self.field(node, "name"))))

    def s_method_declaration(self, node: Node) -> list[Stmt]:
        """A method, with the name of its object."""
        made = self._function(node, self.text(self.field(node, "name")))
        for one in self.children(self.field(node, "receiver")):
            name = self.field(one, "name")
            made.receiver = Param(
                "_" if name is None else self.text(name), type=self.text(self.field(one, "type"))
            )
        return self.define(made)

    def _function(self, node: Node, name: str) -> Function:
        params: list[Param] = []
        given = self.field(node, "parameters")
        for one in [] if given is None else self.children(given):
            kind = self.text(self.field(one, "type"))
            names = one.children_by_field_name("name")
            many = one.type == "variadic_parameter_declaration"
            params += [Param(self.text(each), type=kind, many=many) for each in names] or [Param("_", type=kind)]
        body = self.apart(lambda: self.body(self.field(node, "body")))
        return Function(name, self.line(node), params, body, (), None, self.file)

    def e_func_literal(self, node: Node) -> Expr:
        """A function as a value."""
        return Lambda(self.line(node), function=self._function(node, ""))

    def s_var_spec(self, node: Node) -> list[Stmt]:
        """Variables."""
        value = self.field(node, "value")
        if value is None:
            return []
        names = node.children_by_field_name("name")
        return self._assigned(node, [self.expr(one) for one in names], list(self.exprs(value)), "")

    s_const_spec = s_var_spec

    def s_short_var_declaration(self, node: Node) -> list[Stmt]:
        """New variables."""
        return self._set(node, "")

    def s_assignment_statement(self, node: Node) -> list[Stmt]:
        """An assignment."""
        return self._set(node, self.text(self.field(node, "operator")).removesuffix("="))

    def _set(self, node: Node, op: str) -> list[Stmt]:
        left, right = self.field(node, "left"), self.field(node, "right")
        return self._assigned(node, list(self.exprs(left)), list(self.exprs(right)), op)

    def _assigned(self, node: Node, targets: list[Expr], values: list[Expr], op: str) -> list[Stmt]:
        line = self.line(node)
        if len(targets) == len(values):
            pairs = zip(targets, values, strict=True)
            return [Do(line, Put(line, target=target, value=value, op=op)) for target, value in pairs]
        # Several results of one call: the first is what is meant, the others are errors and flags.
        return [Do(line, Put(line, target=targets[0], value=values[0], op=op))] if targets and values else []

    def s_for_statement(self, node: Node) -> list[Stmt]:
        """Any loop."""
        body = self.body(self.field(node, "body"))
        for one in self.children(node):
            if one.type == "range_clause":
                left, right = self.field(one, "left"), self.expr(self.field(one, "right"))
                names = [] if left is None else list(self.exprs(left))
                return [Loop(self.line(node), names[-1] if names else None, right, None, body, [])]
            if one.type == "for_clause":
                before = self.body(self.field(one, "initializer"))
                after = self.body(self.field(one, "update"))
                test = self.field(one, "condition")
                read = None if test is None else self.expr(test)
                return [*before, Loop(self.line(node), None, None, read, [*body, *after], [])]
        return [Loop(self.line(node), None, None, None, body, [])]

    def s_inc_statement(self, node: Node) -> list[Stmt]:
        """`i++`."""
        line = self.line(node)
        return [Do(line, Put(line, target=self.inner(node), value=Const(line, value=1), op="+"))]

    s_dec_statement = s_inc_statement

    def s_return_statement(self, node: Node) -> list[Stmt]:
        """The end of a function; of several results the first is what is meant."""
        from agents.builtin.scanning.flow.tree import Return

        parts = self.children(node)
        values = self.exprs(parts[0]) if parts else ()
        return [Return(self.line(node), values[0] if values else None)]

    def s_expression_switch_statement(self, node: Node) -> list[Stmt]:
        """Cases by value."""
        made: list[Stmt] = []
        if (first := self.field(node, "initializer")) is not None:
            made += self.statement(first)
        value = self.field(node, "value")
        cases: list[tuple[list[Expr] | None, list[Stmt]]] = []
        for one in self.children(node):
            if one.type == "expression_case":
                listed = self.field(one, "value")
                body = [each for each in self.children(one) if each != listed]
                cases.append((list(self.exprs(listed)), self.block(body)))
            elif one.type == "default_case":
                cases.append((None, self.block(self.children(one))))
        return [*made, Switch(self.line(node), self.maybe(value), cases, falls=False)]

    def e_call_expression(self, node: Node) -> Expr:
        """A call."""
        func = self.expr(self.field(node, "function"))
        return Call(self.line(node), func=func, args=self.exprs(self.field(node, "arguments")))

    def e_selector_expression(self, node: Node) -> Expr:
        """A member."""
        return self.member(node, "operand", "field")

    def e_index_expression(self, node: Node) -> Expr:
        """An element."""
        of, key = self.expr(self.field(node, "operand")), self.expr(self.field(node, "index"))
        return Index(self.line(node), of=of, key=key)

    def e_slice_expression(self, node: Node) -> Expr:
        """A part."""
        start, end = self.field(node, "start"), self.field(node, "end")
        first, last = (None if one is None else self.expr(one) for one in (start, end))
        return Slice(self.line(node), of=self.expr(self.field(node, "operand")), first=first, last=last)

    def e_composite_literal(self, node: Node) -> Expr:
        """A list, a map or a struct; with its type as a call that makes one."""
        body, kind = self.field(node, "body"), self.field(node, "type")
        pairs: list[tuple[Expr | None, Expr]] = []
        items: list[Expr] = []
        for one in self.children(body):
            if one.type == "keyed_element":
                parts = self.children(one)
                key = self.expr(parts[0])
                named = Const(self.line(one), value=key.name) if isinstance(key, Name) else key
                pairs.append((named, self.expr(parts[-1])))
            else:
                items.append(self.expr(one))
        line = self.line(node)
        if pairs:
            return Pairs(line, pairs=tuple(pairs))
        if kind is not None and kind.type in ("slice_type", "array_type", "implicit_length_array_type"):
            return Items(line, tuple(items))
        return Items(line, tuple(items)) if items else Pairs(line)

    def e_literal_value(self, node: Node) -> Expr:
        """Elements within elements."""
        return Expr(self.line(node), self.exprs(node))

    def e_type_conversion_expression(self, node: Node) -> Expr:
        """A conversion, as to bytes."""
        return self.expr(self.field(node, "operand"))

    def e_type_assertion_expression(self, node: Node) -> Expr:
        """The same value, of a type."""
        return self.expr(self.field(node, "operand"))
