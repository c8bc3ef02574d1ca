"""A patch -> copies of the commit with and without it, compared: syntax, compiler, scanner, tests."""

from __future__ import annotations

import io
import logging
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from agents.builtin.patcher.repair import rules_in, still_parses
from agents.builtin.scanning.source_files import JAVASCRIPT, PYTHON, SourceFile
from agents.builtin.verification import BreakingPart, PatchToVerify, Verification
from agents.builtin.verification.project_tests import Outcomes, ProjectTests, detect
from agents.repository.git import Git, GitError
from agents.repository.patch_parts import FilePatch, files_of
from agents.sdk.context import Context
from agents.sdk.errors import AgentError

MAX_TREE_BYTES = 30_000_000
"""Of the commit; there are two copies of it, in memory."""
_MOST_FILES_ALONE = 12
_MOST_PLACES = 24
_TOTAL_SECONDS = 240
_IMPORT = re.compile(r"import (\w+)\r?")


@dataclass(frozen=True)
class _Harm:
    """What a change breaks."""

    reason: str
    lost: int = sys.maxsize
    """Tests that passed before and do not now; more than there can be where it comes to no test."""


@dataclass(kw_only=True)
class _Bench:
    """One verification."""

    git: Git
    commit: str
    folder: Path
    log: logging.Logger
    limit: float
    ends: float
    tests: ProjectTests | None
    before: Outcomes | None
    """What the tests give without the patch; None where there are none that pass."""

    def broken(self, parts: Mapping[str, str], *, again: bool = True) -> str | None:
        """What these changes break; None: nothing that is found. `again`: tests that fail are run once more."""
        harm = self.harm(parts, again=again)
        return None if harm is None else harm.reason

    def harm(self, parts: Mapping[str, str], *, again: bool = True) -> _Harm | None:
        """The same, with how many tests it costs."""
        after = self.checkout("after")
        try:
            for part in parts.values():
                Git(folder=after).run("apply", "--whitespace=nowarn", "-", stdin=part.encode())
        except GitError as exc:
            return _Harm(f"the patch does not fit: {exc.said}")
        if reason := self._syntax(after, parts) or self._findings(after, parts):
            return _Harm(reason)
        if self.tests is None or self.before is None:
            return None
        found = self.tests.run(after, self.limit)
        lost = self.before.lost_in(found)
        if lost and again:  # a test that fails now and then must not condemn a fix
            lost &= self.before.lost_in(self.tests.run(after, self.limit))
        if not lost:
            return None
        reason = f"{len(lost)} test(s) that passed before do not: {', '.join(sorted(lost)[:3])}"
        return _Harm(reason, len(lost))

    def checkout(self, name: str) -> Path:
        """A fresh copy of the commit, without history."""
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        content = self.git.run("archive", "--format=tar", self.commit)
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            # Debian 12's Python has no filters yet. Git makes no path that leads out, and this is in the jail.
            if hasattr(tarfile, "data_filter"):
                archive.extractall(place, filter="data")
            else:
                archive.extractall(place)
        return place

    def old(self, name: str) -> str:
        """A file of the commit; empty where it is new."""
        try:
            return self.git.run("cat-file", "blob", f"{self.commit}:{name}").decode("utf-8", "replace")
        except GitError:
            return ""

    def _syntax(self, after: Path, parts: Mapping[str, str]) -> str | None:
        for name in parts:
            old, new = self.old(name), (after / name).read_text(encoding="utf-8", errors="replace")
            if not still_parses(SourceFile(name=name, text=old), new):
                return f"{name} is not valid any more"
            if Path(name).suffix in PYTHON and _compiles(old, name) and not _compiles(new, name):
                return f"{name} does not compile any more"
            if _checked_by_node(name) and not _node_checks(after / name):
                return f"{name} is refused by node"
        return None

    def _findings(self, after: Path, parts: Mapping[str, str]) -> str | None:
        names = [name for name in parts if Path(name).suffix in PYTHON | JAVASCRIPT]
        if not names:
            return None
        before = rules_in({name: self.old(name) for name in names}, self.log)
        now = rules_in({name: (after / name).read_text("utf-8", "replace") for name in names}, self.log)
        new = sorted({f"{rule} in {name}" for name in names for rule in now[name] - before[name]})
        return f"the scanner finds something new: {', '.join(new[:3])}" if new else None


def verify_patch(inputs: PatchToVerify, context: Context) -> Verification:
    """How far the patch was verified. Raises AgentError where the repository cannot be read."""
    git = Git(folder=Path(inputs.repository_path))
    commit = git.commit("HEAD")
    if commit is None:
        raise AgentError(f"repository {inputs.repository_path!r} has no commit that a patch could be for")
    parts = parts_of(inputs.patch)
    size = sum(
        int(line.split()[3])
        for line in git.text("ls-tree", "-r", "-l", commit).splitlines()
        if line.split()[3] != "-"
    )
    if size > MAX_TREE_BYTES:
        reason = f"the repository has {size:,} bytes; at most {MAX_TREE_BYTES:,} are copied to verify a patch"
        return Verification(verified="parse", reason=reason, breaking=[])
    bench = _Bench(
        git=git,
        commit=commit,
        folder=context.tmp / "verification",
        log=context.log,
        limit=inputs.limit_seconds,
        ends=time.monotonic() + _TOTAL_SECONDS,
        tests=None,
        before=None,
    )
    before = bench.checkout("before")
    bench.tests = detect(before, inputs.environment_path)
    why_not = "no tests were found"
    if bench.tests is not None:
        found = bench.tests.run(before, bench.limit)
        why_not = found.why_unusable
        bench.before = found if found.passed else None
    shutil.rmtree(before, ignore_errors=True)
    return _verification(bench, parts, why_not)


def _verification(bench: _Bench, parts: Mapping[str, str], why_not: str) -> Verification:
    reason = bench.broken(parts)
    breaking: list[str] = []
    places: list[BreakingPart] = []
    if reason is not None:
        bench.log.warning("the patch breaks something: %s", reason)
        breaking = _culprits(bench, parts)
        rest = {name: part for name, part in parts.items() if name not in breaking}
        if not breaking or (rest and bench.broken(rest) is not None):
            return Verification(verified="broken", reason=reason, breaking=list(parts))
        for name in [*breaking]:
            kept, lost = _places(bench, name, parts[name], rest)
            if kept:
                rest[name] = kept
                breaking.remove(name)
                places += lost
        if not rest:
            return Verification(verified="broken", reason=reason, breaking=breaking)
        parts = rest
    told = f" (left out: {reason})" if reason is not None else ""
    if bench.tests is not None and bench.before is not None:
        passed = f"{len(bench.before.passed)} test(s) of {bench.tests.name} pass as before"
        if bench.before.others:
            passed += f"; {bench.before.others} that did not pass before either say nothing"
        return Verification(verified="tests", reason=passed + told, breaking=breaking, breaking_parts=places)
    level = "build" if all(_is_built(name) for name in parts) else "parse"
    return Verification(verified=level, reason=f"{why_not}{told}", breaking=breaking, breaking_parts=places)


def _culprits(bench: _Bench, parts: Mapping[str, str]) -> list[str]:
    if len(parts) == 1:
        return list(parts)
    if len(parts) > _MOST_FILES_ALONE:
        return []
    found: list[str] = []
    for name, part in parts.items():
        if time.monotonic() > bench.ends:
            return []
        if bench.broken({name: part}) is not None:
            found.append(name)
    return found


def _places(bench: _Bench, name: str, part: str, rest: Mapping[str, str]) -> tuple[str, list[BreakingPart]]:
    """As much of a file's patch as breaks nothing beside `rest`, and the places that do; empty: nothing is left."""
    file = files_of(part)[name]
    count = len(file.hunks)
    if not 1 < count <= _MOST_PLACES:
        return "", []

    def harm_without(left_out: Collection[int]) -> _Harm | None:
        if time.monotonic() > bench.ends:
            return _Harm("there was no time left to try the fix by itself")
        return bench.harm({**rest, name: file.without(left_out)}, again=False)

    # Mostly it is one place or two, and the others need what is imported at the top. The one without which most tests
    # pass again is left out first, as long as each brings some back.
    lost: dict[int, str] = {}
    fewest = sys.maxsize
    while len(lost) < count - 1:
        harms: dict[int, _Harm] = {}
        for at in sorted(set(range(count)) - set(lost)):
            harm = harm_without({*lost, at})
            if harm is None:
                return _tidied(bench, file, rest, {**lost, at: _alone(harm_without(set(range(count)) - {at}))})
            harms[at] = harm
        worst = min(harms, key=lambda at: harms[at].lost)
        if harms[worst].lost >= fewest:
            break
        fewest = harms[worst].lost
        lost[worst] = _alone(harm_without(set(range(count)) - {worst}))
    lost = {}
    for at in range(count):
        if (harm := harm_without({*lost, *range(at + 1, count)})) is not None:
            lost[at] = harm.reason
    return _tidied(bench, file, rest, lost)


def _alone(harm: _Harm | None) -> str:
    return "with the other changes of its file a test fails" if harm is None else harm.reason


def _tidied(
    bench: _Bench, file: FilePatch, rest: Mapping[str, str], lost: dict[int, str]
) -> tuple[str, list[BreakingPart]]:
    """Without imports that only the places needed which are left out."""
    for at, hunk in enumerate(file.hunks):
        names = [match[1] if (match := _IMPORT.fullmatch(line)) else "" for line in hunk.added]
        if at in lost or hunk.removed or not all(names):
            continue
        kept = "\n".join(line for other, each in enumerate(file.hunks) if other not in lost for line in each.added)
        if any(re.search(rf"\b{name}\.", kept) for name in names):
            continue
        if bench.broken({**rest, file.name: file.without({*lost, at})}) is None:
            lost[at] = "what it imports is not used by the rest"
    text = file.without(lost)
    if not text or _is_only_imports(file, lost):
        return "", []
    places = [BreakingPart(file=file.name, hunk=at, reason=reason[:500]) for at, reason in sorted(lost.items())]
    return text, places


def _is_only_imports(file: FilePatch, lost: Collection[int]) -> bool:
    kept = [hunk for at, hunk in enumerate(file.hunks) if at not in lost]
    return all(not hunk.removed and all(_IMPORT.fullmatch(line) for line in hunk.added) for hunk in kept)


def parts_of(patch: str) -> dict[str, str]:
    """The patch of each file."""
    return {name: file.without(()) for name, file in files_of(patch).items()}


def _compiles(text: str, name: str) -> bool:
    try:
        compile(text.removeprefix("\ufeff"), name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _checked_by_node(name: str) -> bool:
    return Path(name).suffix in (".js", ".mjs", ".cjs") and shutil.which("node") is not None


def _node_checks(file: Path) -> bool:
    """Node takes JSX for an error: then what it says counts for nothing."""
    try:
        done = subprocess.run(["node", "--check", str(file)], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return True
    return done.returncode == 0 or b"SyntaxError" not in done.stderr or "</" in file.read_text("utf-8", "replace")


def _is_built(name: str) -> bool:
    return Path(name).suffix in PYTHON or _checked_by_node(name)
