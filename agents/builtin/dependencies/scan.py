"""Lock files of a repository -> findings, each with the version that fixes it; and what was left out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from agents.builtin.dependencies.advisory import Advisory, one_of_each
from agents.builtin.dependencies.dependency import Dependency, LockFile, NotALockFile
from agents.builtin.dependencies.lock_files import MAX_BYTES, parser_of, read_lock_file
from agents.builtin.dependencies.sources import AdvisorySource, NoAdvisories
from agents.builtin.scanning.not_scanned import NotScanned
from agents.builtin.scanning.places import place_of, placed
from agents.builtin.scanning.vulnerability import Upgrade, Vulnerability, worst_first

MAX_DEPENDENCIES = 20_000
TOOL = "osv"
RULE = "dependency/"
"""Every rule of a finding begins so; the advisory's id follows."""


@dataclass(kw_only=True)
class DependencyScan:
    """What was found, and in how much."""

    found: list[Vulnerability] = field(default_factory=list[Vulnerability])
    not_scanned: list[NotScanned] = field(default_factory=list[NotScanned])
    dependencies: int = 0
    """Packages that were looked up, each version once."""
    advisories: str = ""
    """Where the advisories came from; empty where nothing was looked up."""
    known: int = 0
    """Findings that were there before the change."""


def lock_files(names: Iterable[str]) -> list[str]:
    """Those of the names that are lock files; `go.sum` only where no `go.mod` says what is used of it."""
    known = [name for name in names if parser_of(name) is not None]
    modules = {PurePosixPath(name).parent for name in known if PurePosixPath(name).name == "go.mod"}
    return [
        name for name in known if PurePosixPath(name).name != "go.sum" or PurePosixPath(name).parent not in modules
    ]


def scan_dependencies(
    folder: Path,
    names: Iterable[str],
    *,
    source: Callable[[], AdvisorySource],
    before: Callable[[str], bytes | None],
) -> DependencyScan:
    """Look up the packages of the lock files among `names`.

    `source` is called where there is one. `before`: what a file held before the change, None where it was not there or
    there is no change; what was vulnerable then is not told again.
    """
    done = DependencyScan()
    files: dict[str, LockFile] = {}
    for name in lock_files(names):
        read = _read(folder, name)
        if isinstance(read, LockFile):
            files[name] = read
        else:
            done.not_scanned.append(NotScanned(file=name[:1000], reason=read[:500]))
    wanted = list(dict.fromkeys(_plain(each) for file in files.values() for each in file.dependencies))
    if len(wanted) > MAX_DEPENDENCIES:
        done.not_scanned += _for_all(files, f"together they name more than {MAX_DEPENDENCIES:,} packages")
        return done
    old = {name: _old(name, before(name)) for name in files}
    wanted = list(dict.fromkeys([*wanted, *(each for found in old.values() for each in found)]))
    try:
        advisories = _look_up(wanted, source, done)
    except NoAdvisories as exc:
        done.not_scanned += _for_all(files, str(exc))
        return done
    for name, file in files.items():
        for reason in _unknown(file):
            done.not_scanned.append(NotScanned(file=name[:1000], reason=reason))
        hidden = {_fingerprint(name, each, one) for each in old[name] for one in advisories[each]}
        found = list(_findings(name, file, advisories))
        done.found += (one for one in found if one.fingerprint not in hidden)
        done.known += sum(one.fingerprint in hidden for one in found)
    done.dependencies = len({each for file in files.values() for each in map(_plain, file.dependencies)})
    done.found = worst_first(done.found)
    return done


def _look_up(
    wanted: Sequence[Dependency], source: Callable[[], AdvisorySource], done: DependencyScan
) -> dict[Dependency, list[Advisory]]:
    if not wanted:
        return {}
    asked = source()
    found = asked.find(wanted)
    done.advisories = asked.name
    return {each: one_of_each(advisories) for each, advisories in found.items()}


def _findings(name: str, file: LockFile, advisories: dict[Dependency, list[Advisory]]) -> Iterable[Vulnerability]:
    place = place_of(name, "")
    told: set[tuple[str, str]] = set()
    for each in file.dependencies:
        for advisory in advisories[_plain(each)]:
            fingerprint = _fingerprint(name, each, advisory)
            if (fingerprint, each.version) in told:
                continue
            told.add((fingerprint, each.version))
            yield placed(_finding(name, each, advisory, fingerprint), place)


def _finding(name: str, each: Dependency, advisory: Advisory, fingerprint: str) -> Vulnerability:
    fixed = advisory.fixed_in(each)
    score = "" if advisory.score is None else f", CVSS {advisory.score}"
    named = ", ".join(sorted({advisory.id, advisory.shown}))
    fix = (
        f"Upgrade {each.name} to {fixed} or later."
        if fixed
        else f"No version without it is known: replace {each.name}, or see whether it is used in that way."
    )
    return Vulnerability(
        severity=advisory.severity,
        cve=advisory.shown[:40],
        cwe=advisory.cwe,
        rule=f"{RULE}{advisory.id}"[:100],
        tool=TOOL,
        file=name,
        line=each.line,
        description=f"{each.name[:200]} {each.version[:100]} ({each.ecosystem}): {advisory.summary} ({named}{score})",
        recommendation=fix[:2000],
        fingerprint=fingerprint,
        cvss=advisory.score,
        upgrade=Upgrade(
            ecosystem=each.ecosystem, package=each.name[:300], installed=each.version[:200], fixed_in=fixed
        ),
    )


def _fingerprint(name: str, each: Dependency, advisory: Advisory) -> str:
    """Without version and line: a vulnerable version that another one takes the place of is no news."""
    known = "\0".join((name, each.ecosystem, each.name, advisory.shown))
    return hashlib.sha256(known.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _plain(each: Dependency) -> Dependency:
    """The package without its place."""
    return Dependency(ecosystem=each.ecosystem, name=each.name, version=each.version, line=1)


def _read(folder: Path, name: str) -> LockFile | str:
    path = folder / name
    if any(part.is_symlink() for part in (path, *path.parents) if part != folder and folder in part.parents):
        return f"{name!r} is or lies behind a symbolic link"
    try:
        if path.stat().st_size > MAX_BYTES:
            return f"{name!r} is larger than {MAX_BYTES:,} bytes"
        return read_lock_file(name, path.read_text("utf-8", errors="replace"))
    except OSError as exc:
        return f"{name!r} cannot be opened: {exc.strerror}"
    except NotALockFile as exc:
        return f"its packages are not known: {exc}"


def _old(name: str, content: bytes | None) -> list[Dependency]:
    if content is None:
        return []
    try:
        file = read_lock_file(name, content.decode("utf-8", "replace"))
    except NotALockFile:
        return []
    return list(dict.fromkeys(_plain(each) for each in file.dependencies))


def _unknown(file: LockFile) -> list[str]:
    if not file.unknown:
        return []
    more = f" (and {len(file.unknown) - 5} more)" if len(file.unknown) > 5 else ""
    return [f"not all of its packages could be looked up: {'; '.join(file.unknown[:5])}{more}"[:500]]


def _for_all(files: Iterable[str], reason: str) -> list[NotScanned]:
    return [
        NotScanned(file=name[:1000], reason=f"its packages were not looked up: {reason}"[:500]) for name in files
    ]
