"""Python files -> what bandit finds in them, under this platform's rule names and severities."""

from __future__ import annotations

import ast
import logging
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from agents.builtin.scanning import python_rules
from agents.builtin.scanning.flow.formatted import plain
from agents.builtin.scanning.own_text import is_own
from agents.builtin.scanning.python_scan import parse
from agents.builtin.scanning.rule import Rule
from agents.builtin.scanning.vulnerability import Confidence, Severity, Vulnerability

_CONFIDENCE: dict[str, Confidence] = {"HIGH": "high", "MEDIUM": "medium", "LOW": "low"}
_FORMATTED = "{"
_MISSING = frozenset({"B113", "B202", "B506", "B701", "B702"})
"""Tests for an option that is missing; `**options` may hold it."""
_EVALUATING = frozenset({"B102", "B307"})
_LISTED = (ast.List, ast.Tuple, ast.Set)
_MOST_EVALUATED = 20
_SEVERITY: dict[str, Severity] = {"LOW": "LOW", "MEDIUM": "MEDIUM", "HIGH": "HIGH"}


def scan(folder: Path, names: Iterable[str], log: logging.Logger) -> list[Vulnerability]:
    """Findings of all files, each named relative to the folder. A file that does not parse is logged."""
    folder = folder.absolute()  # bandit calls files by another path where theirs is relative
    with tempfile.TemporaryDirectory(prefix="bandit-") as place:
        manager = _manager()
        files = {
            str(_readable(folder / name, Path(place, f"{number}.py"))): name for number, name in enumerate(names)
        }
        manager.discover_files(list(files), recursive=False)
        manager.run_tests()
        for file, reason in manager.skipped:
            log.warning("%s: bandit could not read it: %s", files.get(file, "?"), reason)
        found = [_translate(issue, files) for issue in manager.get_issue_list()]
        _read.cache_clear()
    return [one for one in found if one is not None]


def _readable(file: Path, instead: Path) -> Path:
    """The file; where its syntax is newer than this interpreter, the same with formatted strings as sums."""
    try:
        text = file.read_text("utf-8")
        if _FORMATTED not in text or parse(text) is not None:
            return file
        instead.write_text(plain(text), "utf-8")
    except (OSError, ValueError):
        return file
    return instead


def _manager() -> Any:
    for name in ("bandit", "stevedore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # bandit's own use of its plug-in loader
        # Imported here because it takes 200 ms; the package has no types.
        from bandit.core.config import BanditConfig  # pyright: ignore[reportMissingTypeStubs]
        from bandit.core.manager import BanditManager  # pyright: ignore[reportMissingTypeStubs]
    # Suppressions are ours to judge: they count with a reason only, and are reported.
    manager: Any = BanditManager(BanditConfig(), "file", quiet=True, ignore_nosec=True)
    return manager


def _translate(issue: Any, files: dict[str, str]) -> Vulnerability | None:
    test = str(issue.test_id)
    if test in python_rules.BANDIT_IGNORED or issue.fname not in files:
        return None
    read = _read(str(issue.fname))
    calls = read.calls.get(int(issue.lineno), [])
    if test in _MISSING and any(one.arg is None for call in calls for one in call.keywords):
        return None
    if test in _EVALUATING and read.evaluates_own(calls):
        return None
    if test == "B104" and int(issue.lineno) in read.compared:
        return None  # the address is only asked for
    rule = python_rules.BANDIT.get(test) or _unnamed(issue, test)
    if rule is python_rules.SHELL and _is_fixed_command(calls):
        rule = rule.rated("MEDIUM")
    found = rule.at(files[issue.fname], max(1, int(issue.lineno)), tool="bandit")
    return found.model_copy(update={"confidence": _CONFIDENCE.get(str(issue.confidence), "low")})


@dataclass(kw_only=True)
class _Read:
    """One file, as far as its findings ask for it."""

    tree: ast.Module | None
    calls: dict[int, list[ast.Call]]
    """By the line on which they begin."""
    compared: frozenset[int]
    """Lines with a text that something is compared with."""
    looked_at: int = 0

    def evaluates_own(self, calls: list[ast.Call]) -> bool:
        """Whether all that a line evaluates is the program's own; of many such lines the first are looked at."""
        given = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in ("eval", "exec")]
        self.looked_at += len(given)
        tree = self.tree
        if tree is None or not given or self.looked_at > _MOST_EVALUATED:
            return False
        return all(is_own(call, tree) for call in given)


@lru_cache(maxsize=8)
def _read(file: str) -> _Read:
    """The file, which several findings are in one after the other."""
    try:
        tree = parse(Path(file).read_text("utf-8", "replace"))
    except OSError:
        tree = None
    calls: dict[int, list[ast.Call]] = {}
    compared: set[int] = set()
    for one in () if tree is None else ast.walk(tree):
        if isinstance(one, ast.Call):
            calls.setdefault(one.lineno, []).append(one)
        elif isinstance(one, ast.Compare):
            sides = (one.left, *one.comparators)
            held = (part for side in sides for part in (side.elts if isinstance(side, _LISTED) else (side,)))
            compared.update(part.lineno for part in held if isinstance(part, ast.Constant))
    return _Read(tree=tree, calls=calls, compared=frozenset(compared))


def _unnamed(issue: Any, test: str) -> Rule:
    """A rule for a test without a name here, with the first line of bandit's own text."""
    cwe = getattr(issue.cwe, "id", 0)
    return Rule(
        id=f"py/bandit-{test.lower()}",
        cwe=f"CWE-{cwe}" if cwe else "",
        severity=_SEVERITY.get(str(issue.severity), "LOW"),
        description=str(issue.text).splitlines()[0][:500],
        recommendation=f"See bandit's documentation of {test} ({issue.test}).",
    )


def _is_fixed_command(calls: list[ast.Call]) -> bool:
    """Whether the command line is a literal: still better without a shell, but nothing can get into it."""
    given = [call.args[0] for call in calls if call.args]
    return bool(given) and isinstance(given[0], ast.Constant)
