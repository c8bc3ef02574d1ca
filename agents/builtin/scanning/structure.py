"""Infrastructure as text -> where in its structure each line stands: keys around it in YAML, blocks in HCL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_KEY = re.compile(r"""^["']?([\w.$/-]+)["']?\s*:(?:\s|$)""")
_HEADER = re.compile(r'([\w-]+)?\s*((?:"[^"]*"\s*)*)[=:]?\s*$')
_LONGEST_BLOCK = 400
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class Line:
    """One line."""

    path: str
    """Keys or blocks around it and its own, from the outside in, joined by dots."""
    first: int
    """Of the block or item that it stands in: the first line."""
    last: int
    """The last line of it, exclusive."""


def of_yaml(lines: Sequence[str]) -> list[Line]:
    """Where the lines of YAML stand; flow style is not looked into."""
    paths: list[str] = []
    stack: list[tuple[int, str, int]] = []
    starts: list[int] = []
    for number, line in enumerate(lines):
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        if not text.strip() or text.startswith("#"):
            paths.append(".".join(key for _, key, _ in stack))
            starts.append(stack[-1][2] if stack else 0)
            continue
        if text.startswith("---"):
            stack.clear()
        while text.startswith("- "):
            while stack and (stack[-1][0] > indent or (stack[-1][0] == indent and stack[-1][1] == "[]")):
                stack.pop()
            stack.append((indent, "[]", number))
            rest = text[2:].lstrip(" ")
            indent += len(text) - len(rest)
            text = rest
        while stack and stack[-1][0] >= indent and not (stack[-1][1] == "[]" and stack[-1][2] == number):
            stack.pop()
        around = stack[-1][2] if stack else 0
        key = _KEY.match(text)
        if key is not None:
            stack.append((indent, key[1], number))
        paths.append(".".join(one for _, one, _ in stack))
        starts.append(around)
    return _placed(paths, starts, lines)


def of_hcl(lines: Sequence[str]) -> list[Line]:
    """Where the lines of HCL stand."""
    paths: list[str] = []
    starts: list[int] = []
    stack: list[tuple[str, int]] = []
    blocks: list[int] = []
    """For each of the stack: the line of the block around it, or its own; a list is part of the block it stands in."""
    indents: list[int] = []
    for number, line in enumerate(lines):
        plain, hidden = _code(line)
        paths.append(".".join(name for name, _ in stack))
        starts.append(blocks[-1] if blocks else 0)
        inside = bool(stack) and blocks[-1] != stack[-1][1]
        indents.append(_indent(lines[stack[-1][1]]) if inside else _indent(line))
        begin = 0
        for place, char in enumerate(hidden):
            if char in "{[(":
                header = _HEADER.search(plain[begin:place])
                words = [] if header is None else [header[1] or "", *re.findall(r'"([^"]*)"', header[2])]
                stack.append((".".join(word for word in words[:2] if word), number))
                blocks.append(number if char == "{" or not blocks else blocks[-1])
                begin = place + 1
            elif char in "}])":
                if stack:
                    stack.pop()
                    blocks.pop()
                begin = place + 1
            elif char == ",":
                begin = place + 1
    return _placed(paths, starts, lines, indents)


def _code(line: str) -> tuple[str, str]:
    """A line of HCL without its comment, and the same with its strings blanked."""
    plain = line.split("#", 1)[0] if not line.lstrip().startswith("//") else ""
    return plain, _STRING.sub(lambda found: "_" * len(found[0]), plain)


def opened(lines: Sequence[str], number: int) -> str | None:
    """The block of HCL that a line opens, without comments; None where it opens none or has no end."""
    depth, told = 0, list[str]()
    for line in lines[number : number + _LONGEST_BLOCK]:
        plain, hidden = _code(line)
        told.append(plain)
        depth += hidden.count("{") - hidden.count("}")
        if depth <= 0:
            return "\n".join(told) if "{" in hidden or len(told) > 1 else None
    return None


def _placed(
    paths: Sequence[str], starts: Sequence[int], lines: Sequence[str], indents: Sequence[int] = ()
) -> list[Line]:
    """Each with its block: from where that begins to the first line that is further out."""
    placed: list[Line] = []
    for number, (path, first) in enumerate(zip(paths, starts, strict=True)):
        indent = indents[number] if indents else _indent(lines[number])
        last = number + 1
        while last < min(len(lines), number + 60) and (not lines[last].strip() or _indent(lines[last]) >= indent):
            if lines[last].lstrip(" ").startswith("- ") and _indent(lines[last]) < indent:
                break
            last += 1
        placed.append(Line(path, max(first, number - 60), last))
    return placed


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
