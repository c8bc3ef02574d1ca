"""JavaScript and TypeScript -> the small language."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

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
    Try,
)
from agents.builtin.scanning.flow.tree_reader import Node, TreeReader

_BLOCKS = frozenset({"statement_block"})


class JavaScriptReader(TreeReader):
    """Reads one file."""

    language = "javascript"
    e_number = TreeReader.number
    e_null = TreeReader.constant
    e_undefined = TreeReader.constant
    e_this = TreeReader.e_identifier
    e_super = TreeReader.e_identifier
    e_property_identifier = TreeReader.e_identifier
    e_private_property_identifier = TreeReader.e_identifier
    e_shorthand_property_identifier = TreeReader.e_identifier
    e_shorthand_property_identifier_pattern = TreeReader.e_identifier
    e_await_expression = TreeReader.inner
    e_spread_element = TreeReader.inner
    e_rest_pattern = TreeReader.inner

    def _first(self, node: Node) -> Expr:
        return self.expr(self.children(node)[0])

    e_as_expression = _first
    e_satisfies_expression = _first
    e_non_null_expression = _first
    e_type_assertion = TreeReader.inner

    def s_type_alias_declaration(self, node: Node) -> list[Stmt]:
        """Types say nothing about data."""
        return []

    s_interface_declaration = s_type_alias_declaration
    s_ambient_declaration = s_type_alias_declaration

    def s_lexical_declaration(self, node: Node) -> list[Stmt]:
        """Variables; a variable that holds a function is a function of that name."""
        made: list[Stmt] = []
        for one in self.children(node):
            value = self.field(one, "value")
            if value is None:
                continue
            target = self.expr(self.field(one, "name"))
            read = self.expr(value)
            if isinstance(target, Name) and isinstance(read, Lambda):
                read.function.name = read.function.name or target.name
            made.append(Do(self.line(one), Put(self.line(one), target=target, value=read)))
        return made

    s_variable_declaration = s_lexical_declaration

    def s_function_declaration(self, node: Node) -> list[Stmt]:
        """A function."""
        return self.define(self._function(node, self.text(self.field(node, "name"))))

    s_generator_function_declaration = s_function_declaration

    def s_class_declaration(self, node: Node) -> list[Stmt]:
        """A class."""
        bases = tuple(
            base
            for one in self.children(node)
            if one.type == "class_heritage"
            for each in re.split(r"\b(?:extends|implements)\b|,", self.text(one).split("{")[0])
            if (base := each.split("<")[0].strip())
        )
        name = self.text(self.field(node, "name"))
        marks = tuple(self.expr(one) for one in node.children_by_field_name("decorator"))
        return self.define(self.class_of(node, name, bases, self.field(node, "body"), marks))

    def s_method_definition(self, node: Node) -> list[Stmt]:
        """A method."""
        name = self.text(self.field(node, "name"))
        made = self._function(node, "__init__" if name == "constructor" else name)
        made.owner = self.owner
        return [*self._promoted(node, made), *self.define(made)]

    def _promoted(self, node: Node, made: Function) -> list[Stmt]:
        """Parameters of TypeScript's constructors that are fields as well: the fields, and what sets them."""
        declared: list[Stmt] = []
        for one in self.children(self.field(node, "parameters")) if made.name == "__init__" else []:
            pattern = self.field(one, "pattern")
            if pattern is None or not any(
                each.type in ("accessibility_modifier", "readonly") for each in one.children
            ):
                continue
            line, name = self.line(one), self.text(pattern)
            kind = self.text(self.field(one, "type")).lstrip(": ")
            declared.append(
                Do(line, Put(line, target=Name(line, name=name), value=Const(line, value=None), type=kind))
            )
            target = Attr(line, of=Name(line, name="this"), name=name)
            made.body.insert(0, Do(line, Put(line, target=target, value=Name(line, name=name))))
        return declared

    def s_field_definition(self, node: Node) -> list[Stmt]:
        """A field, or a method that is written as one."""
        value = self.field(node, "value")
        if value is None:
            return self._typed_field(node)
        read, name = self.expr(value), self.text(self.field(node, "property") or self.field(node, "name"))
        if isinstance(read, Lambda):
            read.function.name, read.function.owner = name, self.owner
            return self.define(read.function)
        return [Do(self.line(node), Put(self.line(node), target=Name(self.line(node), name=name), value=read))]

    def _typed_field(self, node: Node) -> list[Stmt]:
        line, kind = self.line(node), self.text(self.field(node, "type")).lstrip(": ")
        name = self.text(self.field(node, "property") or self.field(node, "name"))
        put = Put(line, target=Name(line, name=name), value=Const(line, value=None), type=kind)
        return [Do(line, put)] if kind else []

    s_public_field_definition = s_field_definition

    def s_export_statement(self, node: Node) -> list[Stmt]:
        """What is exported; a default is exported by that name."""
        made = self.body(self.field(node, "declaration"))
        value = self.field(node, "value")
        if value is not None:
            target = Attr(self.line(node), of=Name(self.line(node), name="exports"), name="default")
            made.append(Do(self.line(node), Put(self.line(node), target=target, value=self.expr(value))))
        return made

    def s_import_statement(self, node: Node) -> list[Stmt]:
        """Names from another file."""
        source = self.field(node, "source")
        if source is None:
            return []
        path = module_path(self.file, self.text(source).strip("'\"`"))
        made: list[Stmt] = []
        pending = self.children(node)
        while pending:
            one = pending.pop()
            if one.type == "identifier":
                made.append(Import(self.line(one), self.text(one), path))
            elif one.type == "namespace_import":
                made.append(Import(self.line(one), self.text(self.children(one)[0]), path))
            elif one.type == "import_specifier":
                name = self.text(self.field(one, "name"))
                made.append(Import(self.line(one), self.text(self.field(one, "alias")) or name, f"{path}.{name}"))
            elif one.type in ("import_clause", "named_imports"):
                pending += self.children(one)
        return made

    def s_for_in_statement(self, node: Node) -> list[Stmt]:
        """A loop over elements or keys."""
        target, over = self.expr(self.field(node, "left")), self.expr(self.field(node, "right"))
        return [Loop(self.line(node), target, over, None, self.body(self.field(node, "body")), [])]

    def s_try_statement(self, node: Node) -> list[Stmt]:
        """A block whose errors are caught."""
        handler, last = self.field(node, "handler"), self.field(node, "finalizer")
        handlers = [] if handler is None else [self.body(self.field(handler, "body"))]
        after = [] if last is None else self.block(self.children(last))
        return [Try(self.line(node), self.body(self.field(node, "body")), handlers, after)]

    def s_switch_statement(self, node: Node) -> list[Stmt]:
        """Cases by value."""
        cases: list[tuple[list[Expr] | None, list[Stmt]]] = []
        for case in self.children(self.field(node, "body")):
            value = self.field(case, "value")
            body = self.block(case.children_by_field_name("body"))
            cases.append((None if value is None else [self.expr(value)], body))
        return [Switch(self.line(node), self.expr(self.field(node, "value")), cases, falls=True)]

    def _function(self, node: Node, name: str) -> Function:
        given = self.field(node, "parameters") or self.field(node, "parameter")
        params: list[Param] = []
        unpacked: list[Stmt] = []
        for one in [] if given is None else [given] if given.type == "identifier" else self.children(given):
            self._param(one, params, unpacked)
        body = self.field(node, "body")
        if body is None:
            made: list[Stmt] = []
        elif body.type in _BLOCKS:
            made = self.apart(lambda: self.block(self.children(body)))
        else:
            made = [Return(self.line(body), self.expr(body))]
        return Function(name, self.line(node), params, [*unpacked, *made], (), None, self.file)

    def _param(self, node: Node, params: list[Param], unpacked: list[Stmt]) -> None:
        many = False
        default: Expr | None = None
        kind = ""
        marks = tuple(self.expr(one) for one in node.children if one.type == "decorator")
        if node.type in ("required_parameter", "optional_parameter"):
            kind = self.text(self.field(node, "type")).lstrip(": ")
            default = None if self.field(node, "value") is None else self.expr(self.field(node, "value"))
            node = self.field(node, "pattern") or self.children(node)[0]
        if node.type == "assignment_pattern":
            default = self.expr(self.field(node, "right"))
            node = self.field(node, "left")
        if node.type == "rest_pattern":
            many, node = True, self.children(node)[0]
        line = self.line(node)
        name = self.text(node) if node.type in ("identifier", "this") else f" {len(params)}"
        params.append(Param(name, type=kind, marks=marks, default=default, many=many))
        if name.startswith(" "):
            unpacked += self._taken_apart(node, Name(line, name=name))

    def _taken_apart(self, node: Node, given: Expr) -> list[Stmt]:
        """What a parameter's pattern names, each read from what is given, as `request.query` is."""
        line, made = self.line(node), list[Stmt]()
        parts = self.children(node) if node.type == "object_pattern" else []
        for one in parts:
            key, value = self.field(one, "key"), self.field(one, "value")
            if one.type == "object_assignment_pattern":
                key = value = self.field(one, "left")
            elif one.type == "shorthand_property_identifier_pattern":
                key = value = one
            if key is None or value is None or key.type == "computed_property_name":
                break
            read = Attr(line, of=given, name=self.text(key).strip("\"'"))
            if value.type == "object_pattern":
                made += self._taken_apart(value, read)
            else:
                made.append(Do(line, Put(line, target=self.expr(value), value=read)))
        else:
            if parts:
                return made
        return [Do(line, Put(line, target=self.expr(node), value=given))]

    def _lambda(self, node: Node) -> Expr:
        return Lambda(self.line(node), function=self._function(node, self.text(self.field(node, "name"))))

    e_arrow_function = _lambda
    e_function_expression = _lambda
    e_function = _lambda
    e_generator_function = _lambda

    def e_decorator(self, node: Node) -> Expr:
        """What stands after the sign."""
        return self.inner(node)

    def e_string(self, node: Node) -> Expr:
        """A text."""
        return self.quoted(node)

    def e_template_string(self, node: Node) -> Expr:
        """A text with values in it."""
        return self.filled(
            node, frozenset({"template_substitution"}), frozenset({"string_fragment", "escape_sequence"})
        )

    def e_regex(self, node: Node) -> Expr:
        """A regular expression, as a text."""
        return Const(self.line(node), value=self.text(node))

    def e_call_expression(self, node: Node) -> Expr:
        """A call; `require` of a file is an import."""
        func, args = self.expr(self.field(node, "function")), self.field(node, "arguments")
        given = (self.expr(args),) if args is not None and args.type == "template_string" else self.exprs(args)
        if isinstance(func, Name) and func.name in ("require", "import") and len(given) == 1:
            if isinstance(given[0], Const) and isinstance(given[0].value, str):
                path = module_path(self.file, given[0].value)
                return Call(self.line(node), func=func, args=(Const(self.line(node), value=path),))
        return Call(self.line(node), func=func, args=given)

    def e_new_expression(self, node: Node) -> Expr:
        """A new object."""
        func = self.expr(self.field(node, "constructor"))
        return Call(self.line(node), func=func, args=self.exprs(self.field(node, "arguments")), new=True)

    def e_member_expression(self, node: Node) -> Expr:
        """A property."""
        return self.member(node, "object", "property")

    def e_subscript_expression(self, node: Node) -> Expr:
        """An element."""
        return Index(
            self.line(node), of=self.expr(self.field(node, "object")), key=self.expr(self.field(node, "index"))
        )

    def e_ternary_expression(self, node: Node) -> Expr:
        """One of two."""
        return self.choice(node, "condition", "consequence", "alternative")

    def e_update_expression(self, node: Node) -> Expr:
        """`i++`."""
        one = Const(self.line(node), value=1)
        return Put(self.line(node), target=self.expr(self.field(node, "argument")), value=one, op="+")

    def e_unary_expression(self, node: Node) -> Expr:
        """An operator before one."""
        op = self.text(self.field(node, "operator"))
        names = {"-": "neg", "!": "not", "+": "number"}
        return Op(self.line(node), (self.expr(self.field(node, "argument")),), op=names.get(op, op))

    def e_array(self, node: Node) -> Expr:
        """The elements."""
        return Items(self.line(node), self.exprs(node))

    e_array_pattern = e_array

    def e_object(self, node: Node) -> Expr:
        """The entries."""
        pairs: list[tuple[Expr | None, Expr]] = []
        for one in self.children(node):
            line = self.line(one)
            if one.type in ("pair", "pair_pattern"):
                key = self.field(one, "key")
                named = key.type in ("property_identifier", "number")
                read = Const(line, value=self.text(key)) if named else self.inner_key(key)
                pairs.append((read, self.expr(self.field(one, "value"))))
            elif one.type.startswith("shorthand_property"):
                pairs.append((Const(line, value=self.text(one)), Name(line, name=self.text(one))))
            elif one.type == "method_definition":
                name = self.text(self.field(one, "name"))
                pairs.append((Const(line, value=name), Lambda(line, function=self._function(one, name))))
            elif one.type == "object_assignment_pattern":
                left = self.field(one, "left")
                pairs.append((Const(line, value=self.text(left)), Name(line, name=self.text(left))))
            else:
                pairs.append((None, self.expr(one)))
        return Pairs(self.line(node), pairs=tuple(pairs))

    def e_jsx_attribute(self, node: Node) -> Expr:
        """`href={value}`: as rules name it, `__jsx({href: value})`."""
        parts, line = self.children(node), self.line(node)
        value = self.inner(parts[1]) if len(parts) > 1 and parts[1].type == "jsx_expression" else Expr(line)
        if len(parts) > 1 and parts[1].type != "jsx_expression":
            value = self.expr(parts[1])
        name = Const(line, value=self.text(parts[0]))
        return Call(line, func=Name(line, name="__jsx"), args=(Pairs(line, pairs=((name, value),)),))

    e_object_pattern = e_object

    def inner_key(self, node: Node) -> Expr:
        """A key in quotes or brackets."""
        return self.expr(node) if node.type == "string" else self.inner(node)

    def e_assignment_pattern(self, node: Node) -> Expr:
        """A target with a default."""
        return self.expr(self.field(node, "left"))

    def e_sequence_expression(self, node: Node) -> Expr:
        """The last of several counts."""
        return Expr(self.line(node), self.exprs(node))

    def e_class(self, node: Node) -> Expr:
        """A class as a value; its methods are read as functions."""
        made = self.class_of(node, self.text(self.field(node, "name")), (), self.field(node, "body"), ())
        methods = tuple(Lambda(one.line, function=one) for one in made.methods.values())
        return Expr(self.line(node), methods)


def module_path(file: str, named: str) -> str:
    """What is imported: for a file of the project its path without ending, with dots; else the package."""
    if not named.startswith("."):
        return named.removeprefix("node:").replace(".", "_")
    parts = list(PurePosixPath(file).parts[:-1])
    for part in named.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in (".", ""):
            parts.append(part)
    last = (
        PurePosixPath(parts[-1]).stem
        if parts and parts[-1].endswith((".js", ".ts", ".mjs", ".cjs", ".tsx", ".jsx"))
        else ""
    )
    return ".".join([*parts[:-1], last or parts[-1]]) if parts else ""
