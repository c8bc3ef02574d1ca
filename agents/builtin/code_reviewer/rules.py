"""A changed source file -> remarks by rule, each with the line it is about."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.builtin.code_reviewer.changes import ChangedFile, Changes, Difference
from agents.builtin.code_reviewer.lost_tests import TEST_FILE
from agents.builtin.code_reviewer.removals import removals
from agents.builtin.scanning.javascript_tree import line as line_of
from agents.builtin.scanning.javascript_tree import parse as parse_javascript
from agents.builtin.scanning.python_scan import dotted, parse
from agents.builtin.scanning.source_files import PYTHON

_MOST_BRANCHES = 10
_MOST_LINES = 60
_MOST_PARAMETERS = 7
_MOST_CHANGED = 400
_LONGEST_LINE = 160
_OBVIOUS_LINES = 8
"""A function this short may speak for itself."""
_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.BoolOp, ast.IfExp, ast.comprehension)
_CONFLICT = re.compile(r"(?:<<<<<<< |>>>>>>> |=======$)")
_UP_TO_LENGTH = re.compile(
    r"\bfor\b\s*\(?[^;\n]*?(?:=|:=)\s*0\s*;\s*(\$?\w+)\s*<=\s*"
    r"(?:[\w.$>-]+(?:\.|->)(?:length|size\(\)|length\(\)|Length|Count)|(?:len|count|sizeof)\(\s*[\w.$>-]+\s*\))\s*;"
)
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(?:\[[\w,.-]+\])?")
_LATER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
_GENERATED = re.compile(
    r"(?:^|/)(?:vendor|third_party|generated|migrations|dist)/|\.min\.js$|_pb2(?:_grpc)?\.pyi?$|\.generated\."
)
_STYLE_ONLY_IN_PRODUCTION = frozenset({"complexity", "style"})


_RULES = {
    # rule: category, severity, suggestion
    "invalid-syntax": ("correctness", "ERROR", None),
    "merge-conflict": ("correctness", "ERROR", "Decide for one side and take the marks out."),
    "left-over-debugging": ("correctness", "ERROR", "Take it out."),
    "bare-except": ("correctness", "WARNING", "Name the exceptions that are expected."),
    "swallowed-exception": ("correctness", "WARNING", "Handle it, or say why it does not matter."),
    "mutable-default": ("correctness", "WARNING", "Use None as default and make the value inside."),
    "loose-equality": ("correctness", "INFO", "Use === or !==."),
    "removed-path-check": ("security", "ERROR", "Bring the check back, or show by a test that it is not needed."),
    "removed-auth-check": ("security", "ERROR", "Bring the check back, or say who checks it now."),
    "removed-escape": ("security", "ERROR", "Bring the escaping back, or use what escapes by itself."),
    "removed-parameters": ("security", "ERROR", "Give the value as a parameter of the query."),
    "removed-limit": ("security", "WARNING", "Bring the limit back, or say what limits it now."),
    "removed-validation": (
        "security",
        "WARNING",
        "Bring the validation back, or say what refuses bad values now.",
    ),
    "slower-pattern": (
        "security",
        "WARNING",
        "Bound the text's length first, or split and trim it by plain calls.",
    ),
    "removed-header": ("security", "WARNING", "Bring it back, or say what sets it now."),
    "leaked-handle": ("correctness", "WARNING", "Close it on every way out, or say what closes it now."),
    "moved-border": ("correctness", "WARNING", "Say by a test on which side the border lies."),
    "turned-around": ("correctness", "WARNING", "Show by a test that the other way is right."),
    "opened-default": ("security", "WARNING", "Say who may do now what was refused, and why."),
    "past-the-end": ("correctness", "WARNING", "Stop before the length: the last index is one less."),
    "unpinned-dependency": ("security", "WARNING", "Name its version, as for the others."),
    "removed-lock": ("correctness", "WARNING", "Bring the lock back, or say what keeps two apart now."),
    "weakened-crypto": ("security", "ERROR", "Keep what was there, or something at least as strong."),
    "inverted-check": ("security", "ERROR", "Refuse what was refused before, or show by a test that it is right."),
    "loosened-check": ("security", "ERROR", "Refuse what was refused before, or show by a test that it is right."),
    "switched-off": ("security", "ERROR", "Leave the protection on, or say what protects it now."),
    "removed-check": ("correctness", "WARNING", "Bring the check back, or say who checks it now."),
    "removed-test": ("tests", "WARNING", "Keep the test, or say what it is replaced by."),
    "disabled-test": ("tests", "WARNING", "Fix what it tests, or remove it with a reason."),
    "weakened-test": ("tests", "WARNING", "Assert what the test is named after."),
    "many-branches": ("complexity", "WARNING", "Split it by what it decides."),
    "long-function": ("complexity", "WARNING", "Split it by what it does."),
    "many-parameters": ("complexity", "INFO", "Put those that belong together into one."),
    "no-tests": ("tests", "WARNING", "Add a test that fails without the change."),
    "star-import": ("style", "WARNING", "Import the names that are used."),
    "none-by-equality": ("style", "INFO", "Use `is`."),
    "no-docstring": ("style", "INFO", "Say in one sentence what it does."),
    "work-left": ("style", "INFO", "Do it, or write it down where work is planned."),
    "long-line": ("style", "INFO", "Break it."),
    "var": ("style", "INFO", "Use const or let."),
    "large-change": ("size", "INFO", "Split it into changes that stand alone."),
}


@dataclass(frozen=True, kw_only=True)
class Remark:
    """What a rule has to say."""

    rule: str
    line: int
    message: str

    @property
    def category(self) -> str:
        """What it is about."""
        return _RULES[self.rule][0]

    @property
    def severity(self) -> str:
        """How much it matters."""
        return _RULES[self.rule][1]

    @property
    def suggestion(self) -> str | None:
        """How to fix it."""
        return _RULES[self.rule][2]


def remarks(file: ChangedFile) -> Iterator[Remark]:
    """Everything about the file's new lines."""
    found = [*_text(file), *(_python(file) if file.source.suffix in PYTHON else _javascript(file))]
    name = file.source.name
    if _GENERATED.search(name):
        return
    kept = (one for one in found if not (TEST_FILE.search(name) and one.category in _STYLE_ONLY_IN_PRODUCTION))
    yield from (remark for remark in kept if remark.line in file.new_lines)


def whole(changes: Changes) -> Iterator[tuple[str, Remark]]:
    """What is to be said about the change as a whole, with the file to say it at."""
    sources = [file for file in changes.files if file.new_lines and not TEST_FILE.search(file.source.name)]
    if sources and not any(TEST_FILE.search(name) for name in changes.names):
        message = f"{len(sources)} source file(s) changed and no test did."
        yield sources[0].source.name, _at(_first(sources[0]), "no-tests", message)
    for change in changes.differences:
        if not (_GENERATED.search(change.name) or TEST_FILE.search(change.name)):
            yield from ((change.name, _at(*each)) for each in _past_the_end(change))
    for change in changes.texts:
        yield from ((change.name, _at(*each)) for each in _unpinned(change))
    for lost in removals(changes):
        yield lost.file, _at(lost.line, lost.rule, lost.message)
    size = changes.added + changes.removed
    if size > _MOST_CHANGED and sources:
        first = sources[0]
        message = f"{size} changed lines are hard to review at once."
        yield first.source.name, _at(_first(first), "large-change", message)


def _past_the_end(change: Difference) -> Iterator[tuple[int, str, str]]:
    """New loops that count up to the length itself, in the languages that count by hand."""
    for hunk in change.hunks:
        for number, line in enumerate(hunk.added, hunk.new_start):
            if len(line) < _LONGEST_LINE and (found := _UP_TO_LENGTH.search(line)):
                yield (
                    number,
                    "past-the-end",
                    f"The loop goes on for `{found[1]}` equal to the length, which is past the end.",
                )


def _unpinned(change: Difference) -> Iterator[tuple[int, str, str]]:
    """A requirement without a version, new in a file in which all others have one."""
    if not re.search(r"(?:^|/)[\w.-]*requirements[\w.-]*\.txt$", change.name):
        return
    before = [line.strip() for line in change.before.split("\n")]
    named = [line for line in before if _REQUIREMENT.match(line)]
    if not named or any("==" not in line for line in named):
        return
    for number, line in enumerate((change.after or "").split("\n"), 1):
        found = _REQUIREMENT.match(line.strip())
        if found is not None and "==" not in line and " @ " not in line and line.strip() not in before:
            yield (
                number,
                "unpinned-dependency",
                f"{found[0]} has no version, while all other requirements have one.",
            )


def _at(line: int, rule: str, message: str) -> Remark:
    return Remark(rule=rule, line=line, message=message)


def _first(file: ChangedFile) -> int:
    return min(file.new_lines, default=1)


def _text(file: ChangedFile) -> Iterator[Remark]:
    for number, line in enumerate(file.source.text.split("\n"), 1):
        if _CONFLICT.match(line):
            yield _at(number, "merge-conflict", "A merge conflict is left over.")
        if _LATER.search(line):
            yield _at(number, "work-left", "A note says that work is left to do.")
        if len(line) > _LONGEST_LINE:
            yield _at(number, "long-line", f"The line has {len(line)} characters.")


def _python(file: ChangedFile) -> Iterator[Remark]:
    tree = parse(file.source.text)
    if tree is None:
        yield _at(_first(file), "invalid-syntax", "The file is not valid Python.")
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function(node)
        elif isinstance(node, ast.ExceptHandler):
            yield from _handler(node, file.new_lines)
        elif isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield _at(node.lineno, "star-import", "Everything is imported by `*`.")
        elif isinstance(node, ast.Call) and dotted(node.func) in ("breakpoint", "pdb.set_trace"):
            yield _at(node.lineno, "left-over-debugging", "A debugger call is left over.")
        elif isinstance(node, ast.Compare) and _compares_none(node):
            yield _at(node.lineno, "none-by-equality", "None is compared by equality.")


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Remark]:
    name, line = node.name, node.lineno
    branches = 1 + sum(isinstance(each, _BRANCHES) for each in ast.walk(node))
    length = (node.end_lineno or line) - line + 1
    parameters = len(node.args.posonlyargs) + len(node.args.args) + len(node.args.kwonlyargs)
    if branches > _MOST_BRANCHES:
        yield _at(line, "many-branches", f"{name} has {branches} branches.")
    if length > _MOST_LINES:
        yield _at(line, "long-function", f"{name} has {length} lines.")
    if parameters > _MOST_PARAMETERS:
        yield _at(line, "many-parameters", f"{name} has {parameters} parameters.")
    for default in [*node.args.defaults, *node.args.kw_defaults]:
        if isinstance(default, ast.List | ast.Dict | ast.Set):
            yield _at(default.lineno, "mutable-default", f"A default of {name} is shared by all calls.")
    if not name.startswith("_") and ast.get_docstring(node) is None and length > _OBVIOUS_LINES:
        yield _at(line, "no-docstring", f"{name} is public and does not say what it does.")


def _handler(node: ast.ExceptHandler, new_lines: frozenset[int]) -> Iterator[Remark]:
    if node.type is None:
        yield _at(node.lineno, "bare-except", "Every exception is caught.")
    if len(node.body) == 1 and isinstance(node.body[0], ast.Pass):
        line = node.lineno if node.lineno in new_lines else node.body[0].lineno
        yield _at(line, "swallowed-exception", "An exception is swallowed.")


def _compares_none(node: ast.Compare) -> bool:
    return any(
        isinstance(how, ast.Eq | ast.NotEq) and isinstance(value, ast.Constant) and value.value is None
        for how, value in zip(node.ops, node.comparators, strict=True)
    )


def _javascript(file: ChangedFile) -> Iterator[Remark]:
    tree = parse_javascript(file.source)
    if tree.root.has_error:
        yield _at(_first(file), "invalid-syntax", "The file is not valid.")
    for node in tree.nodes("debugger_statement"):
        yield _at(line_of(node), "left-over-debugging", "`debugger` is left over.")
    for node in tree.nodes("variable_declaration"):
        yield _at(line_of(node), "var", "`var` is visible in the whole function.")
    for node in tree.nodes("binary_expression"):
        if node.child_by_field_name("operator").type in ("==", "!="):
            yield _at(line_of(node), "loose-equality", "The values are converted before they are compared.")
    for node in tree.nodes("catch_clause"):
        if not node.child_by_field_name("body").named_children:
            yield _at(line_of(node), "swallowed-exception", "An exception is swallowed.")
