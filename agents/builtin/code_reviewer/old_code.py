"""A line of a file -> the function it is in, in any language with functions; and whether that function lives on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FUNCTION = re.compile(
    r"^(\s*)(?:"
    r"(?:async\s+)?def\s+(?:self\.)?(?P<def>\w+[!?]?)"
    r"|(?:export\s+)?(?:default\s+)?(?:async\s+)?function\s*\*?\s*(?P<function>\w+)"
    r"|func\s+(?:\([^)]*\)\s*)?(?P<func>\w+)\s*\("
    r"|(?:pub\s+)?fn\s+(?P<fn>\w+)"
    r"|(?:export\s+)?(?:const|let|var|exports\.|module\.exports\.)\s*(?P<const>\w+)\s*=\s*"
    r"(?:async\s*)?(?:function\b|\([^)]*\)\s*=>|\w+\s*=>)"
    r"|(?:\w+\.)+(?P<route>(?:get|post|put|patch|delete|all|use(?=.*(?:=>|\bfunction\b|[^;)\s]\s*$)))\s*\(\s*['\"`][^'\"`]*['\"`])"
    r"|(?:(?:public|private|protected|static|final|async|override|virtual|internal)\s+)+"
    r"(?:[\w<>\[\], ?]+\s+)?(?P<method>\w+)\s*\("
    r"|(?P<plain>(?!if|for|while|switch|catch|return|else)\w+)\s*\([^;]*\)\s*(?::\s*[\w<>\[\]|. ]+)?\{\s*$"
    r")"
)
_LONGEST = 300
_COMMENT = re.compile(r"^\s*(?:#(?!\[)|//|/\*|\*(?!\w)|--\s|\"\"\")")
_DECORATOR = re.compile(r"^\s*(?:@\w|\[[A-Z]\w*)")


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function's lines, first and last; the whole file where there is none."""

    name: str
    start: int
    end: int
    text: str = ""


def is_comment(line: str) -> bool:
    """Whether the line says something to people only."""
    return _COMMENT.match(line) is not None


def function_at(text: str, number: int) -> Function:
    """The innermost function around a line, counted from 1; for a decorator, the one it stands above."""
    lines = text.split("\n")
    number = min(max(number, 1), len(lines))
    at = number - 1
    while at < len(lines) and (_DECORATOR.match(lines[at]) or (at > number - 1 and not lines[at].strip())):
        at += 1
    if at >= len(lines) or (at != number - 1 and not _match(lines[at])):
        at = number - 1
    depth = indent(lines[at]) + 1 if _match(lines[at]) else indent(lines[at])
    for start in range(at, -1, -1):
        found = _match(lines[start])
        if found and indent(lines[start]) < depth:
            return _function(lines, start, found)
        if (
            lines[start].strip()
            and not is_comment(lines[start])
            and not lines[start].strip().startswith((")", "]", "}"))
        ):
            depth = min(depth, max(indent(lines[start]), 1))
    return Function(name="", start=1, end=len(lines), text=text)


def survivor(function: Function, after: str) -> Function | None:
    """The function in the new text: by its name, and by most of its lines; None where it is gone."""
    lines = after.split("\n")
    if not function.name:
        return Function(name="", start=1, end=len(lines), text=after) if after.strip() else None
    of_that_name = [
        _function(lines, start, found)
        for start, line in enumerate(lines)
        if (found := _match(line)) and _name(found) == function.name
    ]
    if not of_that_name:
        return _renamed(function, lines)
    if len(of_that_name) == 1:
        return of_that_name[0]
    # Overloads, and methods of several classes: the one with most of its lines, then the nearest.
    own = {line.strip() for line in function.text.split("\n")}
    return max(
        of_that_name,
        key=lambda one: (
            sum(line.strip() in own for line in one.text.split("\n") if line.strip()) / (one.text.count("\n") + 1),
            -abs(one.start - function.start),
        ),
    )


def _renamed(function: Function, lines: list[str]) -> Function | None:
    kept = {line.strip() for line in lines if line.strip()}
    body = [line.strip() for line in function.text.split("\n")[1:] if len(line.strip()) > 3]
    if not body or sum(line in kept for line in body) * 2 < len(body):
        return None
    at = next((index for index, line in enumerate(lines) if line.strip() in body), 0)
    return function_at("\n".join(lines), at + 1)


def _function(lines: list[str], start: int, found: re.Match[str]) -> Function:
    depth, end = indent(lines[start]), start
    for at in range(start + 1, len(lines)):
        line = lines[at]
        if line.strip() and indent(line) <= depth and not _closes(line):
            break
        if line.strip():
            end = at
    first = start
    while first > 0 and _DECORATOR.match(lines[first - 1]):
        first -= 1
    return Function(name=_name(found), start=first + 1, end=end + 1, text="\n".join(lines[start : end + 1]))


def _closes(line: str) -> bool:
    """Whether the line only ends what an earlier one began."""
    return line.strip().startswith((")", "]", "}"))


def _match(line: str) -> re.Match[str] | None:
    # A line that long is data, and would take the pattern its time.
    return _FUNCTION.match(line) if len(line) <= _LONGEST else None


def _name(found: re.Match[str]) -> str:
    return next((value for value in found.groupdict().values() if value), "")


def functions(text: str) -> Iterator[Function]:
    """All functions of a text that have a name."""
    lines = text.split("\n")
    for start, line in enumerate(lines):
        if found := _match(line):
            yield _function(lines, start, found)


def indent(line: str) -> int:
    """How far the line is set in; a tab counts as four."""
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())
