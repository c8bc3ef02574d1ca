"""JavaScript and TypeScript text -> syntax tree, and the few questions the rules ask of its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from agents.builtin.scanning.source_files import SourceFile

Node = Any
"""A `tree_sitter.Node`; its package has no complete types."""

_CONSTANTS = frozenset({"number", "true", "false", "null", "undefined", "regex"})
_MADE_OF_PARTS = frozenset({"binary_expression", "parenthesized_expression", "arguments", "array"})
_LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class Tree:
    """One parsed file, its nodes by kind.

    A single walk instead of queries: their cursor takes quadratic time on deeply nested source, which may be hostile.
    """

    root: Node
    dialect: str

    def nodes(self, *kinds: str) -> list[Node]:
        """All nodes of these kinds, kind by kind in the order of the text."""
        return [node for kind in kinds for node in self._by_kind.get(kind, ())]

    @cached_property
    def _by_kind(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        cursor = self.root.walk()
        while True:
            node = cursor.node
            if node.is_named:
                found.setdefault(node.type, []).append(node)
            if cursor.goto_first_child() or cursor.goto_next_sibling():
                continue
            while cursor.goto_parent():
                if cursor.goto_next_sibling():
                    break
            else:
                return found

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
    return Tree(root=Parser(_language(dialect)).parse(source).root_node, dialect=dialect)


def text(node: Node) -> str:
    """The node's source."""
    return node.text.decode("utf-8", "replace")


def name(node: Node) -> str:
    """The source of what is called; empty where it is too long for a name, as with a call on a call on a call."""
    return text(node) if node.end_byte - node.start_byte <= _LONGEST_NAME else ""


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
    while node is not None and node.type == "parenthesized_expression" and node.named_children:
        node = node.named_children[0]
    if node is None or node.type not in ("template_string", "binary_expression"):
        return False
    return not is_fixed(node)


def is_fixed(node: Node | None) -> bool:
    """Whether the value is the same on every run, as far as one can see here."""
    pending = [] if node is None else [node]
    while pending:  # no recursion: sums can have thousands of parts, each a level deeper
        part = pending.pop()
        if part.type in _MADE_OF_PARTS:
            pending.extend(child for child in part.named_children if child.type != "comment")
        elif part.type not in _CONSTANTS and literal(part) is None:
            return False
    return True


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


def _dialect(suffix: str) -> str:
    if suffix == ".tsx":
        return "tsx"
    return "typescript" if suffix in (".ts", ".mts", ".cts", ".vue", ".svelte") else "javascript"
