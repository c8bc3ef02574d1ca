"""Weaknesses and the files they are in -> fixed files, each checked by parsing and scanning it again."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agents.builtin.patcher import javascript_fixes, python_fixes, word_fixes
from agents.builtin.patcher.edit import CannotFixError, Edit
from agents.builtin.patcher.patch import Change
from agents.builtin.patcher.upgrades import NOTE, upgrade_all
from agents.builtin.scanning.javascript_tree import parse as parse_javascript
from agents.builtin.scanning.python_scan import parse as parse_python
from agents.builtin.scanning.scan import scan
from agents.builtin.scanning.source_files import JAVASCRIPT, PYTHON, SourceFile
from agents.builtin.scanning.vulnerability import Vulnerability

_MOST_ALONE = 20
_MARK = "\ufeff"
"""A byte-order mark."""


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A weakness that is gone."""

    vulnerability: Vulnerability
    what: str
    note: str = ""
    by_model: bool = False


@dataclass(frozen=True, kw_only=True)
class Left:
    """A weakness that is still there."""

    vulnerability: Vulnerability
    reason: str


@dataclass(kw_only=True)
class Repair:
    """What was changed and what was not."""

    changes: dict[str, Change] = field(default_factory=dict[str, Change])
    fixed: list[Fixed] = field(default_factory=list[Fixed])
    left: list[Left] = field(default_factory=list[Left])
    variables: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """Environment variables that secrets are read from now -> the secret, over all files; empty: the project's own."""


def repair(
    vulnerabilities: Iterable[Vulnerability],
    read: Callable[[str], str],
    log: logging.Logger,
    taken: Iterable[str] = (),
) -> Repair:
    """Fix by rules what can be. `read` gives a file's text or raises CannotFixError.

    `taken`: environment variables that the project reads already, which must not get another meaning.
    """
    done = Repair(variables=dict.fromkeys(taken, ""))
    for name, found in _by_file(vulnerabilities).items():
        try:
            old = read(name)
            found = _upgrade(name, old, _patchable(found, done), done)
            if not found:
                continue
            # A byte-order mark stays, and no fixer has to know of it.
            mark = _MARK if old.startswith(_MARK) else ""
            _repair_file(SourceFile(name=name, text=old.removeprefix(_MARK)), found, done, log)
            if mark and name in done.changes:
                change = done.changes[name]
                done.changes[name] = Change(old=mark + change.old, new=mark + change.new)
        except CannotFixError as exc:
            done.left += [Left(vulnerability=one, reason=str(exc)) for one in found]
    return done


_NOT_PATCHED = {
    "test": "it is in test code, which says what the project is to do and judges the other fixes: change it by hand",
    "documentation": "it is documentation, which nobody runs: change it by hand",
    "generated": "the file is generated: change what it is made from",
    "vendored": "the file is a copy of another project's: take a version without the weakness",
}
"""Place -> why it is left alone."""
_TOGETHER = ("weak-hash",)
"""Kinds of which one left as it is speaks against changing others of the file: what they give may be compared."""


def _patchable(found: list[Vulnerability], done: Repair) -> list[Vulnerability]:
    """Without those in places that no patch is for."""
    for one in found:
        if one.upgrade is None and (reason := _NOT_PATCHED.get(one.place or "")):
            done.left.append(Left(vulnerability=one, reason=reason))
    return [one for one in found if one.upgrade is not None or (one.place or "") not in _NOT_PATCHED]


def _upgrade(name: str, old: str, found: list[Vulnerability], done: Repair) -> list[Vulnerability]:
    """Upgrade vulnerable packages where that is safe; returns the findings of the code itself."""
    packages = [one for one in found if one.upgrade is not None]
    if packages:
        result = upgrade_all(name, old, packages)
        if result.text != old:
            done.changes[name] = Change(old=old, new=result.text)
        done.fixed += [Fixed(vulnerability=one, what=what, note=NOTE) for one, what in result.fixed]
        done.left += [Left(vulnerability=one, reason=reason) for one, reason in result.left]
    return [one for one in found if one.upgrade is None]


def worsened(name: str, old: str, new: str, log: logging.Logger) -> str | None:
    """Why a changed file must not be kept: it does not parse any more, or has weaknesses it did not have."""
    if not still_parses(SourceFile(name=name, text=old), new):
        return "the changed file is not valid any more"
    before, after = rules_in({name: old}, log)[name], rules_in({name: new}, log)[name]
    more = sorted((after - before).keys())
    return f"the change brings new weaknesses ({', '.join(more)})" if more else None


def still_parses(file: SourceFile, new: str) -> bool:
    """Whether the new text is valid, or at least no worse than the old one."""
    if file.suffix in PYTHON:
        return parse_python(new) is not None
    if file.suffix in JAVASCRIPT:
        return parse_javascript(SourceFile(name=file.name, text=new)).faults <= parse_javascript(file).faults
    return True


def rules_in(files: Mapping[str, str], log: logging.Logger) -> dict[str, Counter[str]]:
    """How often each rule finds something, by file."""
    with tempfile.TemporaryDirectory(prefix="rescan-") as folder:
        for name, content in files.items():
            place = Path(folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode("utf-8"))
        counts = {name: Counter[str]() for name in files}
        for one in scan(Path(folder), files, log).vulnerabilities:
            counts[one.file][one.rule] += 1
    return counts


def _by_file(vulnerabilities: Iterable[Vulnerability]) -> dict[str, list[Vulnerability]]:
    files: dict[str, list[Vulnerability]] = {}
    for one in dict.fromkeys(vulnerabilities):
        files.setdefault(one.file, []).append(one)
    return files


def _repair_file(file: SourceFile, found: list[Vulnerability], done: Repair, log: logging.Logger) -> None:
    """Fix and scan again; what does not hold is left out of the next try."""
    refused: dict[tuple[str, int], str] = {}
    while True:
        text, fixed, left, variables = _apply(file, found, refused, done.variables)
        if not fixed:
            break
        if apart := _apart(fixed, left):
            refused |= apart
            continue
        bad = _not_held(file, text, fixed, log)
        if not bad:
            done.changes[file.name] = Change(old=file.text, new=text)
            done.variables |= variables
            break
        refused |= _alone(file, fixed, bad, refused, done, log)
    done.fixed += fixed
    done.left += left


def _place_of(one: Vulnerability) -> tuple[str, int]:
    return one.rule, one.line


def _alone(
    file: SourceFile,
    fixed: list[Fixed],
    bad: Mapping[str, str],
    refused: Mapping[tuple[str, int], str],
    done: Repair,
    log: logging.Logger,
) -> dict[tuple[str, int], str]:
    """Which of the fixes that do not hold together do not by themselves; all of them where each does."""
    tried = [one.vulnerability for one in fixed if one.vulnerability.rule in bad]
    found: dict[tuple[str, int], str] = {}
    for one in tried if 1 < len(tried) <= _MOST_ALONE else ():
        text, alone, _, _ = _apply(file, [one], refused, done.variables)
        if alone and (reasons := _not_held(file, text, alone, log)):
            found[_place_of(one)] = reasons[one.rule]
    return found or {_place_of(one): bad[one.rule] for one in tried}


def _apart(fixed: list[Fixed], left: list[Left]) -> dict[tuple[str, int], str]:
    """Places that would be changed while others of their kind would not, though they may have to agree."""
    stay = {one.vulnerability.rule for one in left if one.vulnerability.rule.endswith(_TOGETHER)}
    reason = "another digest of this file stays as it is, and the two may be compared: change them together"
    return {_place_of(one.vulnerability): reason for one in fixed if one.vulnerability.rule in stay}


def _apply(
    file: SourceFile,
    found: list[Vulnerability],
    refused: Mapping[tuple[str, int], str],
    taken: Mapping[str, str],
) -> tuple[str, list[Fixed], list[Left], dict[str, str]]:
    """From the last line up, so that the places of those above stay what the scan said."""
    text, imports = file.text, set[str]()
    fixed: list[Fixed] = []
    left: list[Left] = []
    variables: dict[str, str] = {}
    for one in sorted(found, key=lambda each: (-each.line, each.rule)):
        try:
            if _place_of(one) in refused:
                raise CannotFixError(refused[_place_of(one)])
            text, edit = _changed(SourceFile(name=file.name, text=text), one, {**taken, **variables})
        except (CannotFixError, RecursionError) as exc:
            reason = str(exc) if isinstance(exc, CannotFixError) else "the expression is nested too deeply"
            left.append(Left(vulnerability=one, reason=reason))
            continue
        imports |= set(edit.imports)
        variables |= dict([edit.variable]) if edit.variable else {}
        fixed.append(Fixed(vulnerability=one, what=edit.what, note=edit.note))
    return _finish(SourceFile(name=file.name, text=text), imports), fixed[::-1], left[::-1], variables


def _changed(file: SourceFile, one: Vulnerability, taken: Mapping[str, str]) -> tuple[str, Edit]:
    """The text with this fix. Raises CannotFixError."""
    edit = _edit(file, one)
    if edit.variable is not None:
        name, secret = edit.variable
        if taken.get(name, secret) != secret:
            raise CannotFixError(
                f"{name} is the variable of another value in this project already: give this secret a name of its own"
            )
    changed = edit.apply(file.text)
    if not still_parses(file, changed):
        raise CannotFixError("the fix does not fit here: the file would not be valid any more")
    return changed, edit


def _edit(file: SourceFile, one: Vulnerability) -> Edit:
    if file.suffix in PYTHON:
        return python_fixes.fix(file.text, one.rule, one.line)
    if file.suffix in JAVASCRIPT:
        return javascript_fixes.fix(file, one.rule, one.line)
    if file.suffix in word_fixes.LANGUAGES:
        return word_fixes.fix(file, one.rule, one.line)
    raise CannotFixError(f"files of kind {file.suffix!r} cannot be fixed by rules; a person has to")


def _finish(file: SourceFile, imports: set[str]) -> str:
    if file.suffix in PYTHON:
        return python_fixes.add_imports(file.text, imports) if imports else file.text
    return javascript_fixes.tidy(file)


def _not_held(file: SourceFile, text: str, fixed: list[Fixed], log: logging.Logger) -> dict[str, str]:
    """Rules whose finding is still there after their fix, or which find something new."""
    if not still_parses(file, text):
        return {one.vulnerability.rule: "the file would not be valid any more" for one in fixed}
    before = rules_in({file.name: file.text}, log)[file.name]
    after = rules_in({file.name: text}, log)[file.name]
    claimed = Counter(one.vulnerability.rule for one in fixed)
    bad = {
        rule: "the scanner still finds it after the fix"
        for rule, times in claimed.items()
        if after[rule] > max(0, before[rule] - times)
    }
    if not bad and after - before:
        new = ", ".join(sorted((after - before).keys()))
        return dict.fromkeys(claimed, f"the fixes of this file would bring new weaknesses ({new})")
    return bad
