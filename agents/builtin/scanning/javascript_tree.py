"""JavaScript and TypeScript text -> syntax tree, and the few questions the rules ask of its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from agents.builtin.scanning.source_files import SourceFile

Node = Any
"""A `tree_sitter.Node`; its package has no complete types."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """One parsed file."""

    root: Node
    source: bytes
    dialect: str

    def matches(self, query: str) -> Iterator[dict[str, Node]]:
        """The captures of each match, by name (the first node of each)."""
        from tree_sitter import QueryCursor

        for _, captures in QueryCursor(_query(self.dialect, query)).matches(self.root):
            yield {name: nodes[0] for name, nodes in captures.items()}

    @property
    def faults(self) -> int:
        """How many places could not be parsed."""
        count, pending = 0, [self.root]
        while pending:
            node = pending.pop()
            if node.is_error or node.is_missing:
                count += 1
            elif node.has_error:
                pending.extend(node.children)
        return count


def parse(file: SourceFile) -> Tree:
    """The file's tree. Faulty places are nodes of their own; it never fails."""
    from tree_sitter import Parser

    dialect = _dialect(file.suffix)
    source = file.text.encode("utf-8", "surrogatepass")
    return Tree(root=Parser(_language(dialect)).parse(source).root_node, source=source, dialect=dialect)


def text(node: Node) -> str:
    """The node's source."""
    return node.text.decode("utf-8", "replace")


def line(node: Node) -> int:
    """The node's first line, counted from 1."""
    return node.start_point[0] + 1


def literal(node: Node | None) -> str | None:
    """The value of a string without placeholders; None for anything else."""
    if node is None or node.type not in ("string", "template_string"):
        return None
    if any(child.type == "template_substitution" for child in node.named_children):
        return None
    return text(node)[1:-1]


def is_composed(node: Node | None) -> bool:
    """Whether text is put together at run time: a template with placeholders, or a sum with a part that varies."""
    if node is None:
        return False
    if node.type == "template_string":
        return literal(node) is None
    if node.type == "parenthesized_expression":
        return any(is_composed(child) for child in node.named_children)
    if node.type == "binary_expression":
        return not is_fixed(node)
    return False


def is_fixed(node: Node | None) -> bool:
    """Whether the value is the same on every run, as far as one can see here."""
    if node is None:
        return True
    if node.type in ("number", "true", "false", "null", "undefined", "regex"):
        return True
    if node.type in ("string", "template_string"):
        return literal(node) is not None
    if node.type in ("binary_expression", "parenthesized_expression", "arguments", "array"):
        return all(is_fixed(child) for child in node.named_children if child.type != "comment")
    return False


def arguments(call: Node) -> list[Node]:
    """The arguments of a call or `new`."""
    given = call.child_by_field_name("arguments")
    return [] if given is None else [child for child in given.named_children if child.type != "comment"]


@cache
def _language(dialect: str) -> Any:
    from tree_sitter import Language

    if dialect == "javascript":
        import tree_sitter_javascript

        return Language(tree_sitter_javascript.language())
    import tree_sitter_typescript

    tsx = dialect == "tsx"
    return Language(tree_sitter_typescript.language_tsx() if tsx else tree_sitter_typescript.language_typescript())


@cache
def _query(dialect: str, query: str) -> Any:
    from tree_sitter import Query

    return Query(_language(dialect), query)


def _dialect(suffix: str) -> str:
    if suffix == ".tsx":
        return "tsx"
    return "typescript" if suffix in (".ts", ".mts", ".cts") else "javascript"
