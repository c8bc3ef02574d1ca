"""Regular expressions in source -> those that can take time without bounds on a short text (Go's cannot)."""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from agents.builtin.scanning.rule import Rule
from agents.builtin.scanning.source_files import JAVASCRIPT, PYTHON, SourceFile
from agents.builtin.scanning.vulnerability import Vulnerability

_SUSPECT = re.compile(r"[+*}]\??\)[+*{]|\|[^()]*\)[+*]|\)\*|\)\+")
"""What such an expression has in it: a repeated group."""
_IN_CALL = {
    **dict.fromkeys(PYTHON, re.compile(r"""\bre\.\w+\(\s*[rRbBuU]{0,2}(["'])((?:\\.|(?!\1)[^\\\n])+)\1""")),
    ".java": re.compile(
        r"""(?:Pattern\.compile|Pattern\.matches|\.matches|\.replaceAll|\.split|regexp\s*=)\s*\(?\s*(")((?:\\.|[^"\\\n])+)\1"""
    ),
    ".cs": re.compile(r"""(?:new Regex|Regex\.\w+|RegularExpression)\([^"\n]{0,80}@?(")((?:\\.|[^"\\\n])+)\1"""),
    ".php": re.compile(r"""\bpreg_\w+\(\s*(["'])/((?:\\.|(?!\1)[^\\\n])+)/[a-z]*\1"""),
}
_SLASHES = re.compile(
    r"(?:(?<=[=(,:;!&|?{\[])|(?<=\breturn)|(?<=\bcase)|^)\s*(/)(?![/*])((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+)/[a-z]*"
)
_CONSTRUCTED = re.compile(r"""\bRegExp\(\s*(["'`])((?:\\.|(?!\1)[^\\\n])+)\1""")
_TWICE_ESCAPED = frozenset({".java", ".cs"})
_ALIKE = re.compile(r"\((?:\?:)?(?:\\w\|\\d|\\d\|\\w|([^()|\\\[\]]+)\|\1[^()|]{0,3})\)[+*]")
"""Choices that read the same text, which the parser puts together."""
_LONGEST_LINE, _LONGEST = 2000, 1000


def scan(file: SourceFile) -> list[Vulnerability]:
    """Findings of one file, one for each line."""
    rule = _rule(file.suffix)
    if rule is None:
        return []
    return [
        rule.at(file.name, number).model_copy(update={"confidence": "medium"})
        for number, line in enumerate(file.text.split("\n"), 1)
        if len(line) <= _LONGEST_LINE
        and _SUSPECT.search(line)
        and any(_is_slow(one) for one in _written(file, line))
    ]


def _rule(suffix: str) -> Rule | None:
    prefix = "py" if suffix in PYTHON else "js" if suffix in JAVASCRIPT else suffix.removeprefix(".")
    if prefix not in ("py", "js", "java", "cs", "php", "rb"):
        return None
    return Rule(
        id=f"{prefix}/slow-regex",
        cwe="CWE-1333",
        severity="MEDIUM",
        description="A regular expression repeats what can be read in many ways: a short text can stop the program.",
        recommendation="Let each part of the text match in one way only, or bound the text's length first.",
    )


def _written(file: SourceFile, line: str) -> Iterator[str]:
    if file.suffix in JAVASCRIPT or file.suffix == ".rb":
        for pattern in (_SLASHES, _CONSTRUCTED):
            for match in pattern.finditer(line):
                yield match[2] if pattern is _SLASHES else match[2].replace("\\\\", "\\")
        return
    pattern = _IN_CALL.get(file.suffix)
    for match in () if pattern is None else pattern.finditer(line):
        yield match[2].replace("\\\\", "\\") if file.suffix in _TWICE_ESCAPED and "@" not in match[0] else match[2]


@cache
def _is_slow(written: str) -> bool:
    """Whether a repeated group can match the same text in more than one way."""
    # The parser is the standard library's; other dialects that it does not read are left.
    parser: Any = import_module("re._parser")

    if len(written) > _LONGEST:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree: Any = parser.parse(
                written.replace("(?<", "(?P<")
                if "(?<" in written and "(?<=" not in written and "(?<!" not in written
                else written
            )
    except (re.error, RecursionError, OverflowError, ValueError):
        return False
    return _repeats_twice(list(tree)) or _ALIKE.search(written) is not None


def _repeats_twice(items: list[Any]) -> bool:
    for name, value in items:
        if str(name) in ("MAX_REPEAT", "MIN_REPEAT"):
            _, most, body = value
            if _unbounded(most) and _ambiguous(list(body)):
                return True
            if _repeats_twice(list(body)):
                return True
        elif str(name) == "SUBPATTERN":
            if _repeats_twice(list(value[-1])):
                return True
        elif str(name) == "BRANCH":
            if any(_repeats_twice(list(one)) for one in value[1]):
                return True
    return False


def _unbounded(most: Any) -> bool:
    return str(most) == "MAXREPEAT" or int(most) > 50


def _ambiguous(items: list[Any]) -> bool:
    """Whether a sequence, repeated, reads one text in several ways."""
    while len(items) == 1 and str(items[0][0]) == "SUBPATTERN":
        items = list(items[0][1][-1])
    if len(items) == 1 and str(items[0][0]) == "BRANCH":
        choices = [list(one) for one in items[0][1][1]]
        if any(_ambiguous(one) for one in choices):
            return True
        firsts = [_characters(one[0]) for one in choices if len(one) == 1]
        return any(not one.isdisjoint(other) for place, one in enumerate(firsts) for other in firsts[place + 1 :])
    needed = [one for one in items if not _optional(one) and str(one[0]) != "AT"]
    if not needed:
        return any(_is_loop(one) for one in items)
    if not all(_is_loop(one) for one in needed):
        # What must come once between repetitions tells them apart only where no repetition could read it too.
        loops = [_characters(one) for one in items if _is_loop(one)]
        single = [_characters(one) for one in needed if not _is_loop(one)]
        return all(one and any(not one.isdisjoint(loop) for loop in loops) for one in single) and bool(loops)
    # One loop, and beside it only what may be missing; or loops side by side over the same characters.
    pairs = itertools.pairwise([_characters(one) for one in needed])
    return len(needed) == 1 or any(not one.isdisjoint(other) for one, other in pairs)


def _optional(item: Any) -> bool:
    return str(item[0]) in ("MAX_REPEAT", "MIN_REPEAT") and item[1][0] == 0


def _is_loop(item: Any) -> bool:
    if str(item[0]) == "SUBPATTERN":
        inner = list(item[1][-1])
        return len(inner) == 1 and _is_loop(inner[0])
    return str(item[0]) in ("MAX_REPEAT", "MIN_REPEAT") and _unbounded(item[1][1])


_KINDS = {
    "CATEGORY_DIGIT": "0123456789",
    "CATEGORY_WORD": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_",
    "CATEGORY_SPACE": " \t\n\r",
}
_SOME = frozenset(map(chr, range(32, 127)))


def _characters(item: Any) -> frozenset[str]:
    """Printable characters that one part can match; none where that is not known."""
    name, value = str(item[0]), item[1]
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        body = list(value[2])
        return _characters(body[0]) if len(body) == 1 else frozenset()
    if name == "SUBPATTERN":
        body = list(value[-1])
        return _characters(body[0]) if len(body) == 1 else frozenset()
    if name == "LITERAL":
        return frozenset({chr(value)})
    if name == "ANY":
        return _SOME
    if name != "IN":
        return frozenset()
    found: set[str] = set()
    for kind, what in value:
        if str(kind) == "NEGATE":
            return frozenset()
        if str(kind) == "LITERAL":
            found.add(chr(what))
        elif str(kind) == "RANGE":
            found |= {chr(code) for code in range(what[0], min(what[1], what[0] + 200) + 1)}
        elif str(kind) == "CATEGORY":
            found |= set(_KINDS.get(str(what), ""))
    return frozenset(found)
