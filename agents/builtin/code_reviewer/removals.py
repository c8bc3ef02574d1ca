"""Changes -> what they took away: checks, escapes, rights, limits and tests whose code lives on without them.

Precision comes before volume. A line that came back elsewhere was moved; a protection that the same function got
another of was replaced; one that went with the whole function or file has nothing left to protect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.builtin.code_reviewer.changes import Changes, Difference, Hunk
from agents.builtin.code_reviewer.guards import CHECK, GUARDS, REFUSES, Guard
from agents.builtin.code_reviewer.history import added_by
from agents.builtin.code_reviewer.old_code import Function, function_at, is_comment, survivor

TEST_FILE = re.compile(
    r"(?:^|/)(?:tests?|__tests__|spec)/|(?:^|/)test_[^/]*$|[._-](?:test|spec)\.[^/]*$|_test\.go$|Tests?\.java$"
)
_TEST = re.compile(
    r"^\s*(?:async\s+)?def\s+(test_\w+)|^\s*(?:it|test)\s*\(\s*['\"`]([^'\"`]+)|^func\s+(Test\w+)"
    r"|\bvoid\s+(test\w+)\s*\("
)
_SKIPPED = re.compile(
    r"@(?:pytest\.mark\.(?:skip|xfail)|unittest\.skip|Ignore|Disabled)\b|\b(?:it|test|describe)\.(?:skip|only)\s*\("
    r"|^\s*(?:xit|xdescribe|xtest|fit|fdescribe)\s*\(|\bt\.Skip\s*\(|\bpytest\.skip\s*\("
)
_MOST = 100
_LONGEST = 500


@dataclass(frozen=True, kw_only=True)
class Removal:
    """Something that is gone."""

    file: str
    line: int
    """In the new file, where it was."""
    rule: str
    message: str


@dataclass(frozen=True, kw_only=True)
class _Loss:
    """A protection that a function lost."""

    guard: Guard
    text: str
    old_line: int
    new_line: int
    function: Function


def removals(changes: Changes) -> Iterator[Removal]:
    """All of them: of protections, one for each kind and function, and a hundred at most."""
    added = {_plain(line) for one in changes.differences for hunk in one.hunks for line in hunk.added}
    told = 0
    for one in changes.differences:
        if one.after is None or TEST_FILE.search(one.old_name):
            continue
        first: dict[tuple[str, str], _Loss] = {}
        for loss in _losses(one, one.after, added):
            first.setdefault((loss.guard.rule, loss.function.name), loss)
        for loss in [*first.values()][: _MOST - told]:
            told += 1
            yield _removal(one, loss, changes)
    yield from _tests(changes)


def _removal(one: Difference, loss: _Loss, changes: Changes) -> Removal:
    reversed_fix = added_by(changes, one.old_name, loss.old_line)
    message = f"{_what(loss.text)}{_where(loss.function)}: {loss.guard.what}.{reversed_fix}"
    return Removal(file=one.name, line=loss.new_line, rule=loss.guard.rule, message=message)


def _losses(one: Difference, after: str, added: set[str]) -> Iterator[_Loss]:
    """Every line of one file that protected something that lives on."""
    last = max(after.count("\n"), 1)
    for hunk in one.hunks:
        for offset, line in enumerate(hunk.removed):
            if not _may_protect(line) or _plain(line) in added:
                continue
            function = function_at(one.before, hunk.old_start + offset)
            lives = survivor(function, after)
            if lives is None:
                continue
            for guard in _lost(line, hunk, offset, one, lives):
                yield _Loss(
                    guard=guard,
                    text=line,
                    old_line=hunk.old_start + offset,
                    new_line=min(max(hunk.new_start + (0 if hunk.added else 1), 1), last),
                    function=function,
                )


def _may_protect(line: str) -> bool:
    if len(line) > _LONGEST or not line.strip() or is_comment(line):
        return False
    return CHECK.match(line) is not None or any(guard.pattern.search(line) for guard in GUARDS)


_CHECK_ADDED = re.compile(CHECK.pattern, re.MULTILINE)
_PLAIN_CHECK = Guard(rule="removed-check", pattern=CHECK, what="what it refused is let through now")


def _lost(line: str, hunk: Hunk, offset: int, one: Difference, lives: Function) -> Iterator[Guard]:
    """The kinds of protection that the line gave and that the function did not get again."""
    gained = "\n".join(
        text
        for other in one.hunks
        for at, text in enumerate(other.added, other.new_start)
        if lives.start <= at <= lives.end
    )
    kinds = [guard for guard in GUARDS if guard.pattern.search(line)]
    if kinds:
        yield from (guard for guard in kinds if not guard.replaced_in(gained))
        return
    refuses = "\n".join((line, *hunk.removed[offset + 1 : offset + 3]))
    if (
        CHECK.match(line)
        and REFUSES.search(refuses)
        and not (_CHECK_ADDED.search(gained) or REFUSES.search(gained))
    ):
        yield _PLAIN_CHECK


def _what(line: str) -> str:
    shown = " ".join("".join(char if char.isprintable() else " " for char in line).split())
    return f"`{shown[:120].replace('`', chr(39))}` was removed"


def _where(function: Function) -> str:
    return f" from {function.name}" if function.name else ""


def _tests(changes: Changes) -> Iterator[Removal]:
    """Tests that are gone or switched off, while the change leaves no test of that name."""
    kept = {name for one in changes.differences for name in _named(one.after or "")}
    code_changed = any(one.after is not None and not TEST_FILE.search(one.name) for one in changes.differences)
    for one in changes.differences:
        if not TEST_FILE.search(one.old_name):
            continue
        gone = [name for hunk in one.hunks for line in hunk.removed for name in _named(line) if name not in kept]
        if gone and (one.after is not None or code_changed):
            shown = ", ".join(repr(name)[:80] for name in gone[:5])
            at = 1 if one.after is None else max(one.hunks[0].new_start, 1)
            message = f"{len(gone)} test(s) were removed: {shown}."
            yield Removal(file=one.name, line=at, rule="removed-test", message=message)
        for hunk in one.hunks:
            if not one.before:
                continue
            for at, line in enumerate(hunk.added, hunk.new_start):
                if _SKIPPED.search(line) and not any(_SKIPPED.search(old) for old in hunk.removed):
                    yield Removal(file=one.name, line=at, rule="disabled-test", message="A test was switched off.")


def _named(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if found := _TEST.search(line):
            yield next(group for group in found.groups() if group)


def _plain(line: str) -> str:
    """Two lines that differ in white space only are one."""
    return "".join(line.split())
