"""One Python file's syntax tree -> weaknesses bandit does not look for, or not closely enough."""

from __future__ import annotations

import ast
import logging
import re
import sys
import warnings
from collections.abc import Iterator

from agents.builtin.scanning import python_rules as rules
from agents.builtin.scanning.flow.formatted import plain
from agents.builtin.scanning.secret_names import holds_credentials, is_token, looks_secret, names_a_secret
from agents.builtin.scanning.source_files import SourceFile
from agents.builtin.scanning.vulnerability import Vulnerability

_RANDOM = frozenset({"random", "randint", "randrange", "choice", "choices", "getrandbits", "sample", "uniform"})


class NotParsed(Exception):
    """The file is not Python that this interpreter can read; the message says where and why."""


def scan(file: SourceFile, log: logging.Logger) -> list[Vulnerability]:
    """Findings of one file. Raises NotParsed where it cannot be read: it must not count as scanned."""
    tree = parse(file.text) or parse(plain(file.text))
    if tree is None:
        raise NotParsed(
            f"{file.name!r} is not valid Python {sys.version_info[0]}.{sys.version_info[1]}{_place(file)}"
        )
    found = [rule.at(file.name, line) for rule, line in _findings(tree)]
    return list(dict.fromkeys(found))


def _place(file: SourceFile) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(file.text)
    except SyntaxError as exc:
        return f" (line {exc.lineno}: {exc.msg})"
    except (ValueError, RecursionError, MemoryError):
        return ""
    return ""


def parse(text: str) -> ast.Module | None:
    """The tree; None where the text is not valid Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the scanned code's own, as for invalid escapes
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def named_values(tree: ast.Module) -> Iterator[tuple[str, ast.expr, int]]:
    """Every value that is given to, compared with or stored under a name: the name, the value, the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.keyword):
            if node.value is not None:
                line = getattr(node, "lineno", node.value.lineno)
                yield from ((name, node.value, line) for name in _target_names(node))
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value, value.lineno
        elif isinstance(node, ast.Compare) and isinstance(node.left, ast.Name | ast.Attribute):
            name, other = dotted(node.left).rpartition(".")[2], node.comparators[0]
            if not (_is_word(other) and "token" in name.lower()):  # what a text is made of, as a parser reads it
                yield name, other, other.lineno
        elif isinstance(node, ast.arguments):
            positional = [*node.posonlyargs, *node.args]
            named = [*zip(reversed(positional), reversed(node.defaults), strict=False)]
            named += [(one, value) for one, value in zip(node.kwonlyargs, node.kw_defaults, strict=True) if value]
            yield from ((one.arg, value, value.lineno) for one, value in named)


def _is_word(value: ast.expr) -> bool:
    return (
        isinstance(value, ast.Constant)
        and isinstance(value.value, str)
        and re.fullmatch("[a-z_-]+", value.value) is not None
    )


def _findings(tree: ast.Module) -> Iterator[tuple[rules.Rule, int]]:
    for name, value, line in named_values(tree):
        if names_a_secret(name):
            yield from _secret_value(value, line)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_credential(node.value):
            yield rules.HARD_CODED, node.lineno
        if isinstance(node, ast.Call):
            yield from _called(node)


def _is_credential(value: str) -> bool:
    return is_token(value) or holds_credentials(value)


def _secret_value(value: ast.expr, line: int) -> Iterator[tuple[rules.Rule, int]]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        if looks_secret(value.value):
            yield rules.HARD_CODED, line
    elif any(_is_random(call) for call in ast.walk(value)):
        yield rules.RANDOM, line


def _called(node: ast.Call) -> Iterator[tuple[rules.Rule, int]]:
    name = dotted(node.func)
    last = name.rpartition(".")[2]
    options = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    first = node.args[0] if node.args else None
    if name == "jwt.decode" and _verifies_nothing(options):
        yield rules.JWT, node.lineno
    if last == "render_template_string" and first is not None and not isinstance(first, ast.Constant):
        yield rules.TEMPLATE, node.lineno
    if name in ("open", "io.open", "send_file", "flask.send_file") and first is not None and _from_request(first):
        yield rules.TRAVERSAL, node.lineno
    if last == "redirect" and first is not None and _from_request(first):
        yield rules.REDIRECT, node.lineno
    if last in ("execute", "executemany", "executescript") and first is not None and _is_composed(first):
        yield rules.SQL, node.lineno


def dotted(node: ast.expr) -> str:
    """`a.b.c` of a chain of names; empty where it is something else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def _target_names(node: ast.Assign | ast.AnnAssign | ast.keyword) -> list[str]:
    if isinstance(node, ast.keyword):
        return [node.arg] if node.arg else []
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names: list[str] = []
    for target in targets:
        if isinstance(target, ast.Name):
            names.append(target.id)
        elif isinstance(target, ast.Attribute):
            names.append(target.attr)
        elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
            names.append(str(target.slice.value))
    return names


def _is_random(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    module, _, name = dotted(node.func).rpartition(".")
    return module == "random" and name in _RANDOM


def _verifies_nothing(options: dict[str, ast.expr]) -> bool:
    verify = options.get("verify")
    if isinstance(verify, ast.Constant) and verify.value is False:
        return True
    choices = options.get("options")
    if not isinstance(choices, ast.Dict):
        return False
    return any(
        isinstance(key, ast.Constant)
        and key.value == "verify_signature"
        and isinstance(value, ast.Constant)
        and value.value is False
        for key, value in zip(choices.keys, choices.values, strict=True)
    )


def _from_request(node: ast.expr) -> bool:
    """Whether a value of the current web request goes into the expression as it is."""
    return any(
        isinstance(part, ast.Attribute)
        and isinstance(part.value, ast.Name)
        and part.value.id == "request"
        and part.attr
        in ("args", "form", "values", "json", "GET", "POST", "query_params", "path_params", "cookies")
        for part in ast.walk(node)
    )


def _is_composed(node: ast.expr) -> bool:
    """Whether text is put together from parts that are not all literals."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        sides = (node.left, node.right)
        literal = any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in ast.walk(node))
        return literal and not all(isinstance(side, ast.Constant) for side in sides)
    is_format = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"
    return is_format and isinstance(node.func.value, ast.Constant)  # type: ignore[union-attr]
