"""More than two hundred changes in nine languages that take a protection away, and a hundred that do not.

`reviewer_cases/` holds them. What git does for the reviewer (renames, history) is in `test_code_reviewer_removals.py`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.builtin.code_reviewer.changes import Changes, Difference, Hunk
from agents.builtin.code_reviewer.condition import condition_of, lets_more_through
from agents.builtin.code_reviewer.plain_code import plain_code
from agents.builtin.code_reviewer.removals import removals

CASES = Path(__file__).with_name("reviewer_cases")
_GONE = "(gone)\n"


def difference(name: str, before: str, after: str | None) -> Difference:
    old, new = before.splitlines(), (after or "").splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    # As git counts: an empty side is named by the line before it.
    hunks = tuple(
        Hunk(
            old_start=a + (b > a),
            removed=tuple(old[a:b]),
            new_start=c + (d > c),
            added=tuple(new[c:d]),
        )
        for kind, a, b, c, d in matcher.get_opcodes()
        if kind != "equal"
    )
    return Difference(name=name, old_name=name, before=before, after=after, hunks=hunks)


def rules(*differences: Difference) -> set[str]:
    changes = Changes(files=(), names=(), added=0, removed=0, diff="", differences=differences)
    return {one.rule for one in removals(changes)}


def cases(file: str) -> Iterator[tuple[str, list[tuple[str, str, str | None]]]]:
    """Heading, and each file's name with its text before and after."""
    for case in (CASES / file).read_text().split("\n=== ")[1:]:
        heading, _, rest = case.partition("\n")
        files = re.findall(r"^~~~ ?([^\n]*)\n(.*?)^~~~\n(.*?)^~~~$", rest, re.DOTALL | re.MULTILINE)
        yield (
            heading,
            [(name, "" if old == _GONE else old, None if new == _GONE else new) for name, old, new in files],
        )


LOST = [
    pytest.param(*heading.split(" | "), files, id=heading.split(" | ")[0]) for heading, files in cases("lost.md")
]
KEPT = [pytest.param(files, id=heading) for heading, files in cases("kept.md")]


def test_there_are_as_many_cases_as_there_should_be():
    assert (len(LOST), len(KEPT)) > (200, 100)


@pytest.mark.parametrize(("name", "file", "expected", "files"), LOST)
def test_a_protection_that_is_gone_weaker_or_off_is_named(name, file, expected, files):
    [(_, before, after)] = files

    assert rules(difference(file, before, after)) == set(expected.split(", "))


@pytest.mark.parametrize("files", KEPT)
def test_what_was_moved_renamed_reformatted_or_replaced_is_no_finding(files):
    assert rules(*(difference(name, before, after) for name, before, after in files)) == set()


@pytest.mark.parametrize("file", ["lost.md", "kept.md"])
def test_a_text_beside_itself_is_no_finding(file):
    for _, files in cases(file):
        for name, before, _ in files:
            assert rules(difference(name or "a.py", before, before)) == set()


@pytest.mark.parametrize(
    ("old", "new", "refuses", "expected"),
    [
        ("not a", "a", True, "was turned around"),
        ("not (a or b)", "not a and not b", True, None),  # De Morgan
        ("a != b", "not a == b", True, None),
        ("a != b", "b !== a", True, None),
        ("x > 3", "3 < x", True, None),
        ("x < 3", "x <= 3", True, None),  # where the border lies is another question
        ("a or b", "a", True, "lets more through"),
        ("a", "a or b", True, None),  # stricter
        ("a", "a and b", True, "lets more through"),
        ("a and b", "a or b", False, "lets more through"),
        ("a and b", "a", False, "lets more through"),
        ("a", "False", True, "lets more through"),
        ("a", "b", True, None),  # nothing in common: it cannot be told
        ("f(a, (b or c))", "f(a, (b or c))", True, None),
        ("a ? b : c", "a", True, None),  # none that is read
        ("(" * 300 + ")" * 300, "a", True, None),
    ],
)
def test_conditions_are_compared_by_what_they_let_through(old, new, refuses, expected):
    assert lets_more_through(old, new, refuses=refuses) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("if (!user.isAdmin) {", ("(!user.isAdmin)", False)),
        ("  } else if (a) return b;", ("(a)", False)),
        ("raise Forbidden unless ok?", ("not (ok?)", False)),
        ("assert a, 'said'", ("not (a)", False)),
        ("return a && b;", ("a && b", True)),
        ("x = 1", None),
    ],
)
def test_a_condition_is_read_from_its_line(line, expected):
    assert condition_of(line) == expected


def test_comments_protect_nothing_and_lines_keep_their_numbers():
    python = 'def f():\n    """\n    if x: raise\n    """\n    return "# no comment"  # if x: raise\n'
    script = "// if (a) throw\nconst u = 'http://a'; /* throw\n throw */ f(u);\n"

    assert plain_code("a.py", python) == ("def f():", "", "", "", '    return "# no comment"  ', "")
    assert plain_code("a.js", script) == ("", "const u = 'http://a'; ", " f(u);", "")


def test_what_went_with_the_same_line_in_many_files_is_told_once():
    before = "package a\nfunc f(c Client) {\n\tctx, stop := context.WithTimeout(c.ctx, limit)\n\tc.Get(ctx)\n}\n"
    after = "package a\nfunc f(c Client) {\n\tc.Get(c.ctx)\n}\n"
    differences = tuple(difference(f"a{number}.go", before, after) for number in range(6))
    changes = Changes(files=(), names=(), added=0, removed=0, diff="", differences=differences)

    [one] = removals(changes)
    few = [*removals(Changes(files=(), names=(), added=0, removed=0, diff="", differences=differences[:2]))]

    assert (one.file, one.rule) == ("a0.go", "removed-limit")
    assert "in 5 other places" in one.message
    assert [each.file for each in few] == ["a0.go", "a1.go"]
