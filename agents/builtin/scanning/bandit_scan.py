"""Python files -> what bandit finds in them, under this platform's rule names and severities."""

from __future__ import annotations

import ast
import logging
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agents.builtin.scanning import python_rules
from agents.builtin.scanning.flow.formatted import plain
from agents.builtin.scanning.python_scan import parse
from agents.builtin.scanning.rule import Rule
from agents.builtin.scanning.vulnerability import Confidence, Severity, Vulnerability

_CONFIDENCE: dict[str, Confidence] = {"HIGH": "high", "MEDIUM": "medium", "LOW": "low"}
_FORMATTED = "{"
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
    rule = python_rules.BANDIT.get(test) or _unnamed(issue, test)
    if rule is python_rules.SHELL and _is_fixed_command(issue):
        rule = rule.rated("MEDIUM")
    found = rule.at(files[issue.fname], max(1, int(issue.lineno)), tool="bandit")
    return found.model_copy(update={"confidence": _CONFIDENCE.get(str(issue.confidence), "low")})


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


def _is_fixed_command(issue: Any) -> bool:
    """Whether the command line is a literal: still better without a shell, but nothing can get into it."""
    try:
        tree = ast.parse(Path(issue.fname).read_text("utf-8", "replace"))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.lineno <= issue.lineno <= (node.end_lineno or node.lineno):
            if node.lineno == issue.lineno and node.args:
                return isinstance(node.args[0], ast.Constant)
    return False
