"""The text between `{{` and `}}` -> a small tree of known node types.

Jinja2's parser reads the text; of its syntax tree a closed list of nodes is admitted and turned into ours, the
rest is refused: no call, no attribute of a Python object, no loop, no test, no power. Jinja renders nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.parser import Parser

from compiler.expressions.filters import FILTERS
from compiler.expressions.tree import (
    Arithmetic,
    Choice,
    Compare,
    Comparison,
    Constant,
    Expression,
    ExpressionError,
    Filtered,
    Index,
    ListOf,
    Logic,
    Negation,
    Not,
    ObjectOf,
    Operator,
    Reference,
    TemplateError,
)
from compiler.language.plain_scalars import MAX_SAFE_INTEGER

MAX_LENGTH = 2_000
MAX_DEPTH = 40
ROOTS = ("context", "nodes", "run", "item")
NODE_ID = r"[A-Za-z](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"

_JINJA = Environment()
_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_PLAIN_PATH = re.compile(
    rf"(?:context|run|item|nodes\.(?P<id>{NODE_ID}))(?P<rest>(?:\.{_WORD}|\[[0-9]{{1,9}}\])*)"
)
_STEP = re.compile(rf"\.({_WORD})|\[([0-9]+)\]")
_HYPHENS = re.compile(
    rf"""(?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(?P<lead>(?<![\w.\])])nodes\s*\.\s*)(?P<id>{NODE_ID})""",
    re.S,
)

_COMPARISONS: dict[str, Comparison] = {
    "eq": "==",
    "ne": "!=",
    "gt": ">",
    "gteq": ">=",
    "lt": "<",
    "lteq": "<=",
    "in": "in",
    "notin": "not in",
}


@lru_cache(maxsize=8192)
def parse(text: str) -> Expression:
    """The tree of one expression. Raises ExpressionError."""
    stripped = text.strip()
    return _plain_path(stripped) or parse_with_jinja(stripped)


def parse_with_jinja(text: str) -> Expression:
    """As `parse`, without the short way for plain paths."""
    if not text:
        raise ExpressionError("the expression is empty")
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression is longer than {MAX_LENGTH} characters")
    try:
        parser = Parser(_JINJA, _HYPHENS.sub(_bracketed, text), state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise ExpressionError(f"{str(parser.stream.current)!r} is not expected here")
        return _convert(tree, 0)
    except TemplateSyntaxError as exc:
        raise ExpressionError(f"the expression cannot be read: {_jinja_says(exc)}") from exc
    except RecursionError as exc:
        raise ExpressionError("the expression is nested too deeply") from exc
    except (ValueError, OverflowError) as exc:
        if isinstance(exc, TemplateError):
            raise
        raise ExpressionError("the expression holds a number that cannot be read") from exc


def _plain_path(text: str) -> Reference | None:
    match = _PLAIN_PATH.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        return None
    rest = tuple(name or int(index) for name, index in _STEP.findall(match["rest"]))
    if match["id"]:
        return Reference("nodes", (match["id"], *rest))
    root = text[: match.start("rest")]
    return Reference(root, rest)


def _bracketed(match: re.Match[str]) -> str:
    """`nodes.scan-compliance` -> `nodes["scan-compliance"]`: a hyphen in a node's id is no minus."""
    return match[0] if match["text"] is not None else f'nodes["{match["id"]}"]'


def _jinja_says(exc: TemplateSyntaxError) -> str:
    message = exc.message or "syntax error"
    return message.replace("end of print statement", "the end")


def _convert(node: nodes.Node, depth: int) -> Expression:
    if depth > MAX_DEPTH:
        raise ExpressionError("the expression is nested too deeply")
    below = depth + 1
    match node:
        case nodes.Const():
            return _constant(node.value)
        case nodes.Name():
            return _root(node.name)
        case nodes.Getattr():
            return _step(_convert(node.node, below), Constant(node.attr))
        case nodes.Getitem():
            return _step(_convert(node.node, below), _convert(node.arg, below))
        case nodes.And() | nodes.Or():
            word = "and" if isinstance(node, nodes.And) else "or"
            return Logic(word, _convert(node.left, below), _convert(node.right, below))
        case nodes.Not():
            return Not(_convert(node.node, below))
        case nodes.Neg():
            return Negation(_convert(node.node, below))
        case nodes.Pos():
            return _convert(node.node, below)
        case nodes.Compare():
            return _comparison(node, below)
        case nodes.CondExpr():
            otherwise = Constant(None) if node.expr2 is None else _convert(node.expr2, below)
            return Choice(_convert(node.test, below), _convert(node.expr1, below), otherwise)
        case nodes.Filter():
            return _filtered(node, below)
        case nodes.List():
            return ListOf(tuple(_convert(item, below) for item in node.items))
        case nodes.Dict():
            return ObjectOf(tuple(_pair(pair, below) for pair in node.items))
        case nodes.Concat():
            return _concatenation(node, below)
        case _:
            return _arithmetic(node, below)


def _constant(value: object) -> Constant:
    if value is None or isinstance(value, str | bool):
        return Constant(value)
    if isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER:
        return Constant(value)
    if isinstance(value, float) and abs(value) < float("inf"):
        return Constant(value)
    raise ExpressionError("the expression holds a number that is too large")


def _root(name: str) -> Expression:
    if name in ROOTS:
        return Reference(name, ())
    if name == "null":
        return Constant(None)
    raise ExpressionError(f"{name!r} is not known; an expression starts with {', '.join(ROOTS)} or a literal")


def _step(base: Expression, key: Expression) -> Expression:
    if isinstance(key, Constant):
        if not isinstance(key.value, str | int) or isinstance(key.value, bool):
            raise ExpressionError("a subscript must be text or a whole number")
        if isinstance(base, Reference):
            return Reference(base.root, (*base.steps, key.value))
    return Index(base, key)


def _comparison(node: nodes.Compare, depth: int) -> Expression:
    left = _convert(node.expr, depth)
    result: Expression | None = None
    for operand in node.ops:
        right = _convert(operand.expr, depth)
        link = Compare(_COMPARISONS[operand.op], left, right)
        result = link if result is None else Logic("and", result, link)
        left = right
    assert result is not None
    return result


def _filtered(node: nodes.Filter, depth: int) -> Expression:
    if node.name not in FILTERS:
        raise ExpressionError(f"there is no filter {node.name!r}; known are {', '.join(sorted(FILTERS))}")
    if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise ExpressionError(f"the filter {node.name!r} takes its arguments by position")
    lowest, highest = FILTERS[node.name].arguments
    if not lowest <= len(node.args) <= highest:
        wanted = str(lowest) if lowest == highest else f"{lowest} to {highest}"
        raise ExpressionError(f"the filter {node.name!r} takes {wanted} argument(s), not {len(node.args)}")
    arguments = tuple(_convert(argument, depth) for argument in node.args)
    return Filtered(_convert(node.node, depth), node.name, arguments)


def _pair(pair: nodes.Pair, depth: int) -> tuple[str, Expression]:
    key = _convert(pair.key, depth)
    if not isinstance(key, Constant) or not isinstance(key.value, str):
        raise ExpressionError("the keys of an object must be text in quotes")
    return key.value, _convert(pair.value, depth)


def _concatenation(node: nodes.Concat, depth: int) -> Expression:
    first, *rest = [_convert(part, depth) for part in node.nodes]
    for part in rest:
        first = Arithmetic("~", first, part)
    return first


def _arithmetic(node: nodes.Node, depth: int) -> Expression:
    operators: dict[type[nodes.Node], Operator] = {
        nodes.Add: "+",
        nodes.Sub: "-",
        nodes.Mul: "*",
        nodes.Div: "/",
        nodes.FloorDiv: "//",
        nodes.Mod: "%",
    }
    operator = operators.get(type(node))
    if operator is None or not isinstance(node, nodes.BinExpr):
        raise ExpressionError(_refused(node))
    return Arithmetic(operator, _convert(node.left, depth), _convert(node.right, depth))


def _refused(node: nodes.Node) -> str:
    named = {
        "Call": "calls are not part of the language; use a filter: `value | length`",
        "Test": "`is` tests are not part of the language; use a comparison or `| default(…)`",
        "Pow": "`**` is not part of the language",
        "Slice": "slices are not part of the language; use `| first`, `| last` or a position",
        "Tuple": "a list is written in square brackets",
    }
    return named.get(type(node).__name__, f"{type(node).__name__} is not part of the language")
