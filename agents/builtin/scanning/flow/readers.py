"""A file, or a pattern, of any language -> the small language."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from agents.builtin.scanning.flow import python_reader
from agents.builtin.scanning.flow.csharp_reader import CSharpReader
from agents.builtin.scanning.flow.go_reader import GoReader
from agents.builtin.scanning.flow.java_reader import JavaReader
from agents.builtin.scanning.flow.javascript_reader import JavaScriptReader
from agents.builtin.scanning.flow.php_reader import PhpReader
from agents.builtin.scanning.flow.ruby_reader import RubyReader
from agents.builtin.scanning.flow.tree import Class, Define, Do, Function, Module, Put, Stmt
from agents.builtin.scanning.flow.tree_reader import TreeReader

_READERS: dict[str, Callable[[str], TreeReader]] = {
    "javascript": JavaScriptReader,
    "java": JavaReader,
    "go": GoReader,
    "php": PhpReader,
    "csharp": CSharpReader,
    "ruby": RubyReader,
}
_LONGEST = 400_000
"""Characters of a file; longer ones are generated as a rule, and are left to the engine."""


def languages() -> frozenset[str]:
    """Languages that can be read."""
    return frozenset({"python", *_READERS})


def read(language: str, text: str, file: str) -> Module | None:
    """The file; None where it cannot be read."""
    if len(text) > _LONGEST:
        return None
    if language == "python":
        return python_reader.read(text, file)
    grammar = {"javascript": "tsx" if file.endswith("x") else "typescript"}.get(language, language)
    if language == "javascript" and not file.endswith((".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte")):
        grammar = "javascript"
    try:
        root = _parser(grammar).parse(text.encode("utf-8", "surrogatepass")).root_node
        return _READERS[language](file).module(root)
    except (RecursionError, AttributeError, TypeError, ValueError, LookupError):
        # Where the source is broken, or newer than the grammar, parts are missing that a reader counts on: one such
        # file must not end the scan of all. It is told as one in which data was not followed.
        return None


@cache
def _parser(grammar: str) -> Any:
    from importlib import import_module

    from tree_sitter import Language, Parser

    name = {"csharp": "c_sharp", "tsx": "typescript"}.get(grammar, grammar)
    made = import_module(f"tree_sitter_{name}")
    own = grammar if grammar in ("typescript", "tsx", "php") else ""
    language: object = getattr(made, f"language_{own}" if own else "language")()
    return Parser(Language(language))


_AROUND = {
    "java": ("class A { void a() {\n", ";\n} }"),
    "csharp": ("class A { void a() {\n", ";\n} }"),
    "go": ("package a\nfunc a() {\n", "\n}"),
    "php": ("<?php\n", ";"),
}


def read_pattern(language: str, text: str) -> list[Stmt] | None:
    """The statements of a pattern; None where it is none of this language."""
    before, after = _AROUND.get(language, ("", ""))
    if after.startswith(";") and text.rstrip().endswith((";", "}")):
        after = after[1:]
    whole = f"{before}{text}{after}"
    if language == "python":
        module = python_reader.read(whole, "")
        return None if module is None else module.body
    root = _parser(language).parse(whole.encode()).root_node
    if language == "csharp" and not re.search(r"[^=!<>]=[^=>]|^return\b", text):
        # Not every expression is a statement there.
        root = _parser(language).parse(f"{before}_ = {text}{after}".encode()).root_node
        if not root.has_error:
            body = _unwrapped(_READERS[language]("").module(root).body)
            return [
                Do(one.line, one.expr.value) for one in body if isinstance(one, Do) and isinstance(one.expr, Put)
            ]
    if root.has_error:
        return None
    return _unwrapped(_READERS[language]("").module(root).body)


def _unwrapped(body: list[Stmt]) -> list[Stmt]:
    while len(body) == 1 and isinstance(body[0], Define):
        what: Function | Class = body[0].what
        body = what.body
    return body
