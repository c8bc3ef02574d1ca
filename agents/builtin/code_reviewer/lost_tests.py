"""Changed test files -> tests that are gone, switched off, or no longer test anything.

A test under another name, in another file, or as a row of a table of cases is no loss: it is known again by what it
calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.builtin.code_reviewer.changes import Difference
from agents.builtin.code_reviewer.old_code import functions, indent
from agents.builtin.code_reviewer.plain_code import plain_code

TEST_FILE = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|\w+[._-]?[Tt]ests)/|(?:^|/)test_[^/]*$|[._-](?:test|spec)s?\.[^/]*$|_test\.go$"
    r"|[a-z0-9](?:Tests?|Spec|TestCase)\.(?:java|kt|kts|cs|php|scala|swift|groovy)$|(?:^|/)(?:conftest\.py|tests\.py)$"
)
_NAMED = re.compile(
    r"^\s*(?:async\s+)?def\s+(test_?\w*)"  # Python, minitest
    r"|^\s*[xf]?(?:it|test|specify|scenario|example)\s*(?:\.\w+\s*(?:\([^\n]*\)\s*)?)*\(?\s*"
    r"['\"`]([^'\"`]+)"  # JavaScript, RSpec, Pest
    r"|^func\s+((?:Test|Fuzz)\w*)"  # Go
    r"|^\s*func\s+(test\w+)"  # Swift
    r"|\bfunction\s+(test\w+)\s*\("  # PHPUnit
    r"|\bvoid\s+(test\w*)\s*\("
)
_MARK = re.compile(
    r"^\s*(?:@(?:Test|ParameterizedTest|RepeatedTest|test)\b|\[(?:Fact|Theory|Test|TestMethod|TestCase|DataTestMethod)\b|#\[(?:\w+::)?test\b"
    r"|\*\s*@test\b)"
)
_AFTER_MARK = re.compile(
    r"\b(?:fn|fun|void|Task|function)\s+(?:<[^>]*>\s*)?(`[^`]+`|\w+)\s*\(|\b(\w+)\s*\([^)]*\)\s*\{?\s*$"
)
_SKIPPED = re.compile(
    r"@(?:pytest\.mark\.(?:skip|xfail)|unittest\.(?:skip|expectedFailure)|Ignore|Disabled)\b|#\[ignore\b|\b(?:it|test|describe|context)\.(?:skip|todo|failing)\b"
    r"|^\s*(?:xit|xdescribe|xtest|xcontext|xspecify|pending)\b\s*\(?|\bt\.Skip(?:Now|f)?\s*\(|\bpytest\.skip\s*\(|\bself\.skipTest\s*\(|\bSkipTest\b"
    r"|\[(?:Fact|Theory)\s*\(.*\bSkip\s*=|^\s*\[Ignore\b|\bAssert\.(?:Ignore|Inconclusive)\s*\(|\bmarkTest(?:Skipped|Incomplete)\s*\("
    r"|^\s*skip\s+['\"]|,\s*skip:\s*(?:true|['\"])|\bthis\.skip\s*\(|^\s*__test__\s*=\s*False"
)
_ONLY = re.compile(r"\b(?:it|test|describe)\.only\s*\(|^\s*(?:fit|fdescribe)\s*\(")
_ASSERTS = re.compile(
    r"^\s*assert\b(?!\s+(?:True|1)\s*(?:#|$))|\bassert\w*!?\s*\(|\b(?:self|t|a|this|\$this|Assert|assert)(?:\.|->|::)\w+|\bexpect\w*\s*[({]|\b(?:pytest\.)?raises\b|\bshould\b"
    r"|\bt\.(?:Error|Fatal|Fail)\w*\(|\brequire\.\w+\(|\bverify\s*\(|\bmust_\w+|\bthrow\w*\s*\("
)
_TRIVIAL = re.compile(
    r"\bassert\w*\s*\(?\s*(?:True|true|1)\s*\)?\s*;?\s*$|\bexpect\(\s*true\s*\)\.toBe(?:Truthy)?\(\s*(?:true)?\s*\)|assertTrue\(\s*[Tt]rue\s*\)|Assert\.True\(\s*true\s*\)"
)
_EXPECTS = re.compile(r"assert|expect|should|must_|require\.|\bstatus|\bcode\b", re.IGNORECASE)
_STATUS = re.compile(r"(?<![\w.])[2-5]\d\d(?![\w.])")
_REFUSED = re.compile(r"40[0-9]|41[0-9]|42[0-9]")
_OF_REFUSAL = re.compile(
    r"refus|reject|den(?:y|ied|ies)|forbid|unauthori[sz]|not_?allowed|cannot|invalid|wrong|expired|tamper|forged|bad_|outside"
    r"|admin|permission|verif|token|signature|passw|traversal|escape|injection|csrf|login",
    re.IGNORECASE,
)
_YES = {
    "assertFalse": "assertTrue",
    "assert_false": "assert_true",
    "refute": "assert",
    "toBeFalsy": "toBeTruthy",
    "toThrow": "not.toThrow",
    "False": "True",
    "false": "true",
    "be_falsey": "be_truthy",
    "IsFalse": "IsTrue",
    "assert not ": "assert ",
}
_NO = re.compile("|".join(re.escape(each) for each in sorted(_YES, key=len, reverse=True)))
_WORD = re.compile(r"[A-Za-z_]\w*")
_COMMON = frozenset(
    "self this def async await return assert with as for in if else not and or true false True False None null nil it "
    "test expect do end function const let var public void new func testing toBe toEqual pytest fixture is import from "
    "parametrize mark".split()
)


@dataclass(frozen=True, kw_only=True)
class LostTest:
    """Something that is no longer tested."""

    file: str
    line: int
    rule: str
    message: str


@dataclass(frozen=True, kw_only=True)
class _Test:
    name: str
    line: int
    end: int
    text: str

    def words(self) -> frozenset[str]:
        """What it calls and uses, without its name."""
        body = self.text.partition("\n")[2] or self.text
        return frozenset(_kind(word) for word in _WORD.findall(body)) - _COMMON

    def asserts(self, helpers: dict[str, str]) -> int:
        """How many assertions it makes, by itself or in a helper that it calls."""
        called = [text for name, text in helpers.items() if re.search(rf"\b{re.escape(name)}\s*\(", self.text)]
        lines = "\n".join((_reached(self.text), *called)).split("\n")
        return sum(bool(_ASSERTS.search(line)) and not _TRIVIAL.search(line) for line in lines)


def _reached(text: str) -> str:
    """Up to a `return` that nothing stands before."""
    head, *body = text.split("\n")
    depth = min((indent(line) for line in body if line.strip()), default=0)
    for at, line in enumerate(body):
        if indent(line) == depth and re.match(r"\s*return\s*;?\s*$", line):
            return "\n".join((head, *body[:at]))
    return text


def _kind(word: str) -> str:
    """Words of different libraries for the same are one."""
    if re.search(r"throw|raise|reject", word, re.IGNORECASE):
        return "raises"
    return "expect" if re.match(r"assert|expect|should|to[A-Z]|is[A-Z]|Assert", word) else word


def lost_tests(differences: tuple[Difference, ...]) -> Iterator[LostTest]:
    """What is no longer tested, where the code it was for is still there."""
    after = {one.name: _tests(one.name, one.after or "") for one in differences}
    before = {one.name: _tests(one.old_name, one.before) for one in differences}
    known = {name for tests in before.values() for name in tests}
    made = [each for tests in after.values() for name, each in tests.items() if name not in known]
    kept = {name for tests in after.values() for name in tests}
    code_changed = any(one.after is not None and not TEST_FILE.search(one.name) for one in differences)
    feature_gone = any(one.after is None and not TEST_FILE.search(one.name) for one in differences)
    for one in differences:
        old, new = before[one.name], after[one.name]
        if not old or not (TEST_FILE.search(one.old_name) or _is_inline(one)):
            continue
        gone = [each for name, each in old.items() if name not in kept and not _lives_on(each, made)]
        if gone and (one.after is not None or code_changed or not feature_gone):
            shown = ", ".join(repr(each.name)[:80] for each in gone[:5])
            at = 1 if one.after is None else max(one.hunks[0].new_start, 1)
            message = f"{len(gone)} test(s) were removed: {shown}."
            yield LostTest(file=one.name, line=at, rule="removed-test", message=message)
        yield from _switched_off(one, old, new)
        yield from _emptied(one, old, new)
        yield from _turned(one, old, new)


def _is_inline(one: Difference) -> bool:
    """Rust keeps tests beside the code."""
    return one.name.endswith(".rs")


def _tests(name: str, text: str) -> dict[str, _Test]:
    if not text:
        return {}
    lines = plain_code(name, text)
    raw = text.split("\n")
    found: dict[str, _Test] = {}
    marked: int | None = None
    for at, line in enumerate(lines):
        if len(line) > 400:
            continue
        # `@test` of PHPUnit stands in a comment.
        if _MARK.search(line) or (name.endswith(".php") and _MARK.search(raw[at])):
            marked = at if marked is None else marked
        called = (
            next((group for group in match.groups() if group), None) if (match := _NAMED.search(line)) else None
        )
        if (
            called is None
            and marked is not None
            and (after := _AFTER_MARK.search(line))
            and not re.match(r"\s*[@\[#]", line)
        ):
            called = after[1] or after[2]
        if called is None:
            continue
        start = _first(lines, at) if marked is None else marked
        end = _end(lines, at)
        found.setdefault(
            called, _Test(name=called, line=start + 1, end=end + 1, text="\n".join(lines[at : end + 1]))
        )
        marked = None
    return found


def _first(lines: tuple[str, ...], at: int) -> int:
    while at > 0 and re.match(r"\s*[@\[#]", lines[at - 1]):
        at -= 1
    return at


def _end(lines: tuple[str, ...], at: int) -> int:
    depth, end = indent(lines[at]), at
    for number in range(at + 1, len(lines)):
        text = lines[number].strip()
        if not text or (indent(lines[number]) <= depth and text in ("{", "):")):
            continue
        if indent(lines[number]) <= depth and not text.startswith((")", "]")):
            if text.startswith(("}", "end")):
                end = number
            break
        end = number
    return end


def _lives_on(gone: _Test, made: list[_Test]) -> bool:
    """Whether a new test calls what the old one did."""
    wanted = gone.words()
    return any(len(wanted & each.words()) >= 0.75 * len(wanted) and wanted for each in made)


def _switched_off(one: Difference, old: dict[str, _Test], new: dict[str, _Test]) -> Iterator[LostTest]:
    """Tests that were there and are skipped now. A new test may begin its life with a condition."""
    lines = plain_code(one.name, one.after or "")
    for hunk in one.hunks if one.before else ():
        for at in range(hunk.new_start, hunk.new_start + len(hunk.added)):
            line = lines[at - 1] if 0 < at <= len(lines) else ""
            skips = _SKIPPED.search(line) or _ONLY.search(line)
            if not skips or any(_SKIPPED.search(each) or _ONLY.search(each) for each in hunk.removed):
                continue
            around = [each for each in new.values() if each.line <= at <= each.end]
            # A mark may stand some lines above the test's own.
            below = [each for each in new.values() if at < each.line <= at + 3]
            if all(each.name not in old for each in around or below) and (around or below):
                continue
            yield LostTest(file=one.name, line=at, rule="disabled-test", message="A test was switched off.")


def _emptied(one: Difference, old: dict[str, _Test], new: dict[str, _Test]) -> Iterator[LostTest]:
    helpers = {each.name: each.text for each in functions("\n".join(plain_code(one.name, one.after or "")))}
    helpers = {name: text for name, text in helpers.items() if name not in new and len(name) > 2}
    older = {each.name: each.text for each in functions("\n".join(plain_code(one.old_name, one.before)))}
    older = {name: text for name, text in older.items() if name not in old and len(name) > 2}
    for name, was in old.items():
        now = new.get(name)
        if now is None or now.text == was.text or _SKIPPED.search(now.text):
            continue
        if was.asserts(older) > 0 and now.asserts(helpers) == 0:
            message = f"The test {name!r:.80} no longer asserts anything."
            yield LostTest(file=one.name, line=now.line, rule="weakened-test", message=message)


def _turned(one: Difference, old: dict[str, _Test], new: dict[str, _Test]) -> Iterator[LostTest]:
    """Tests that expected a refusal and expect success now. Only the same test's same line tells: others are new."""
    for name, was in old.items():
        now = new.get(name)
        if now is None or now.text == was.text:
            continue
        before, after = was.text.split("\n"), now.text.split("\n")
        if len(before) != len(after):
            continue
        for offset, (left, right) in enumerate(zip(before, after, strict=True)):
            if left != right and _refusal_became_success(left, right, f"{name}\n{was.text}"):
                message = f"The test {name!r:.80} expected a refusal and expects success now."
                yield LostTest(file=one.name, line=now.line + offset, rule="weakened-test", message=message)
                break


def _refusal_became_success(left: str, right: str, about: str) -> bool:
    if not (_EXPECTS.search(left) and _EXPECTS.search(right)):
        return False
    if _STATUS.sub("0", left) == _STATUS.sub("0", right):
        pairs = zip(_STATUS.findall(left), _STATUS.findall(right), strict=False)
        return any(_REFUSED.fullmatch(a) is not None and b[0] in "23" for a, b in pairs)
    return (
        _OF_REFUSAL.search(about) is not None
        and _no_to_yes(left) == right.strip()
        and left.strip() != right.strip()
    )


def _no_to_yes(line: str) -> str:
    return _NO.sub(lambda found: _YES[found[0]], line.strip())
