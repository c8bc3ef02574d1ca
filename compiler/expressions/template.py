"""Text with `{{ expressions }}` + scope -> values.

A value that is one template keeps the type of what it gives; a template inside text becomes text. What comes out
is never read as a template again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from pydantic import JsonValue

from compiler.expressions.evaluation import MAX_TEXT, Scope, evaluate
from compiler.expressions.filters import kind_of, to_text
from compiler.expressions.parser import parse
from compiler.expressions.tree import (
    Expression,
    ExpressionError,
    TemplateError,
)
from compiler.language.document import Path
from compiler.language.other_tools import expression_hint, statement_hint

MAX_RESULT = 8_000_000
"""Most characters and values that one rendered input may hold in all."""


@dataclass(frozen=True, slots=True)
class Piece:
    """An expression of a template and its text, without the braces."""

    text: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Template:
    """A text in parts."""

    parts: tuple[str | Piece, ...]

    @property
    def whole(self) -> Piece | None:
        """The only part, where the text is one template and nothing else: its type is kept."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Piece) else None

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """The expressions in order."""
        return tuple(part for part in self.parts if isinstance(part, Piece))


class TemplateFault(ExpressionError):
    """A text whose templates cannot be read; `part` is the piece of it that is wrong, `hint` how to say it."""

    def __init__(self, message: str, part: str, hint: str = "") -> None:
        super().__init__(message)
        self.part = part
        self.hint = hint


def is_template(text: str) -> bool:
    """Whether the text holds something that is meant as a template."""
    return "{{" in text or "{%" in text or "{#" in text


@lru_cache(maxsize=8192)
def read_template(text: str) -> Template:
    """The text in parts. Raises TemplateFault."""
    parts: list[str | Piece] = []
    for is_expression, part in _split(text):
        if not is_expression:
            parts.append(part)
            continue
        try:
            parts.append(Piece(part.strip(), parse(part)))
        except ExpressionError as exc:
            raise TemplateFault(str(exc), part.strip() or "{{", expression_hint(part)) from exc
    if len(parts) > 1 and any(isinstance(part, Piece) for part in parts):
        # White space around a single template is the author's line break, not text.
        solid = [part for part in parts if isinstance(part, Piece) or part.strip()]
        parts = solid if len(solid) == 1 else parts
    return Template(tuple(parts))


def _split(text: str) -> Iterator[tuple[bool, str]]:
    """`(is expression, text)` in order."""
    at = 0
    while (start := text.find("{{", at)) >= 0:
        _refuse_statements(text[at:start])
        if start > at:
            yield False, text[at:start]
        stop = _closing(text, start + 2)
        yield True, text[start + 2 : stop]
        at = stop + 2
    _refuse_statements(text[at:])
    if at < len(text):
        yield False, text[at:]


def _refuse_statements(text: str) -> None:
    for mark, what in (("{%", "statements"), ("{#", "comments")):
        if mark in text:
            message = f"`{mark}` starts one of Jinja's {what}, which are not part of the language"
            raise TemplateFault(message, mark, statement_hint(text, mark))


def _closing(text: str, at: int) -> int:
    """Where the `}}` stands that ends the expression begun before `at`: not inside a text or an object literal."""
    depth, quote = 0, ""
    start = at
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}" and depth:
            depth -= 1
        elif char == "}" and text.startswith("}}", at):
            return at
        at += 1
    raise TemplateFault(
        "a template is opened with `{{` and never closed with `}}`", text[start - 2 :][:60].split("\n")[0]
    )


def templates(value: JsonValue, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """All texts in the value that hold templates, each with its path."""
    if isinstance(value, str):
        if is_template(value):
            yield path, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from templates(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from templates(item, (*path, key))


def render(value: JsonValue, scope: Scope) -> JsonValue:
    """The value with its templates resolved. Raises TemplateError."""
    rendered = _render(value, scope)
    _measure(rendered, MAX_RESULT)
    return rendered


def _render(value: JsonValue, scope: Scope) -> JsonValue:
    if isinstance(value, str):
        return _render_text(value, scope) if is_template(value) else value
    if isinstance(value, list):
        return [_render(item, scope) for item in value]
    if isinstance(value, dict):
        return {key: _render(item, scope) for key, item in value.items()}
    return value


def _render_text(text: str, scope: Scope) -> JsonValue:
    template = read_template(text)
    if template.whole is not None:
        return cast("JsonValue", _value(template.whole, scope))
    pieces: list[str] = []
    length = 0
    for part in template.parts:
        piece = part if isinstance(part, str) else to_text(_value(part, scope))
        length += len(piece)
        if length > MAX_TEXT:
            raise TemplateError(f"the text of {text[:60]!r} would be longer than {MAX_TEXT:,} characters")
        pieces.append(piece)
    return "".join(pieces)


def _value(piece: Piece, scope: Scope) -> Any:
    try:
        return evaluate(piece.expression, scope)
    except TemplateError as exc:
        raise TemplateError(f"{{{{ {piece.text} }}}}: {exc}") from exc


def _measure(value: Any, budget: int) -> int:
    """What is left of the budget after the value; parts used twice count twice, as they will when written out."""
    budget -= 1 + (len(value) if isinstance(value, str) else 0)
    if budget < 0:
        raise TemplateError(f"the value would hold more than {MAX_RESULT:,} characters and values")
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            budget = _measure(item, budget)
    elif isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            budget = _measure(item, budget - len(key))
    return budget


def condition_expression(text: str) -> Piece:
    """The expression of a condition, written bare or as one template. Raises TemplateFault."""
    if not is_template(text):
        try:
            return Piece(text.strip(), parse(text))
        except ExpressionError as exc:
            raise TemplateFault(str(exc), text.strip(), expression_hint(text)) from exc
    whole = read_template(text).whole
    if whole is None:
        raise TemplateFault("a condition is one expression, without text around it", text)
    return whole


def condition(value: str | bool | None, scope: Scope) -> bool:
    """Whether the condition holds: none always does, null does not. Raises TemplateError."""
    if value is None or isinstance(value, bool):
        return value is not False
    piece = condition_expression(value)
    result = _value(piece, scope)
    if result is None or isinstance(result, bool):
        return result is True
    raise TemplateError(f"{{{{ {piece.text} }}}}: a condition must give true or false, found {kind_of(result)}")
