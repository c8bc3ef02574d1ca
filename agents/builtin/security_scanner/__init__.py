"""security-scanner: a repository's source -> its weaknesses. Reads only; no network."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from agents.builtin.scanning import Severity, Summary, Vulnerability, summarise
from agents.builtin.scanning.not_scanned import NotScanned
from agents.sdk import Agent, AgentError, Context, RepositoryPath, Schema, ShortText

if TYPE_CHECKING:
    from agents.builtin.security_scanner.choice import Choice

agent = Agent(
    name="security-scanner",
    type="SCRIPT",
    version="1.0.0",
    risk="AUTO",
    description="Finds weaknesses in Python, JavaScript/TypeScript, Java, Go, Ruby, PHP and C#, and in dependencies",
    settings=("OSV_API_URL",),
)

MAX_NAMED = 200
"""How many files that were not scanned are named."""
MAX_TOLD_BYTES = 2_500_000
"""How much of the findings is told, as JSON: a result may be 4 MB, and other agents are given it."""
ScanType = Literal["FULL", "INCREMENTAL"]


SarifFile = Annotated[str, Field(json_schema_extra={"x-kind": "artifact"})]


class RepositoryInput(Schema):
    """What to scan."""

    repository_path: RepositoryPath
    scan_type: ScanType = "FULL"
    """INCREMENTAL: only what the change since `baseCommit` brought: findings that were there before are left out."""
    base_commit: ShortText | None = None
    """A commit, branch, tag, or the like of `HEAD~1`; the change begins where HEAD left it."""
    baseline: list[ShortText] = Field(default_factory=list[ShortText])
    """Fingerprints of findings that are known: they are counted and not told."""
    exclude: list[ShortText] = Field(default_factory=list[ShortText])
    """Paths that are left out, as in `docs/*`; `*` also crosses folders."""
    min_severity: Severity = "LOW"
    """Findings below are counted and not told."""
    sarif: bool = False
    """Whether to save the findings as a SARIF file too."""
    advisories_path: RepositoryPath | None = None
    """A folder with advisories in OSV's form (`*.json`), which dependencies are compared with; else OSV's API is asked,
    where the node's `network` names it."""


class FileInput(Schema):
    """One file of a repository."""

    repository_path: RepositoryPath
    file: ShortText


class Accepted(Schema):
    """A finding that somebody accepted in the source itself."""

    rule: str
    file: str
    line: int = Field(ge=1)
    reason: str


class ScanOutput(Schema):
    """What was found."""

    scan_id: str
    """Fit for a branch name: twelve hex digits."""
    vulnerabilities: list[Vulnerability]
    """Worst first; where there are too many for a result, the rest is only counted."""
    not_told: int = Field(default=0, ge=0)
    """How many more were found than `vulnerabilities` has room for; `summary` and the SARIF file have them."""
    summary: Summary
    """Of all that was found."""
    scan_type: ScanType
    """What was done: FULL also where INCREMENTAL was asked for and could not be."""
    files_scanned: int = Field(ge=0)
    files_skipped: int = Field(ge=0)
    """How many were not scanned; `notScanned` names the first of them."""
    not_scanned: list[NotScanned] = Field(default_factory=list[NotScanned], max_length=MAX_NAMED)
    complete: bool = True
    """Whether all was done in all files that were read; false where time, work or a failure ended it before, in the
    files that `notScanned` names. Such a result is no proof that there is nothing else."""
    base_commit: str | None = None
    commit: str | None = None
    """What the repository was at, where that is known."""
    scan_duration_ms: int = Field(ge=0)
    engine: str = ""
    """The engine that followed data from source to sink; empty: not installed, own patterns only."""
    text_files_scanned: int = Field(default=0, ge=0)
    """Other text files, which are searched for secrets and weaknesses of infrastructure."""
    dependencies: int = Field(default=0, ge=0)
    """Packages of lock files that were looked up."""
    advisories: str = ""
    """Where the advisories came from; empty: no package was looked up."""
    known: int = Field(default=0, ge=0)
    """Findings that were there before the change, or are in the baseline."""
    below_min_severity: int = Field(default=0, ge=0)
    of_no_weight: int = Field(default=0, ge=0)
    """Findings in tests and examples of kinds that say nothing there, as a cookie without Secure: counted, not told."""
    sarif: SarifFile | None = None
    """The findings as SARIF 2.1.0, where that was asked for."""
    suppressed: list[Accepted] = Field(default_factory=list[Accepted], max_length=MAX_NAMED)
    """Findings that a line of the source accepts, with the reason given there."""


@agent.action("scanRepository", description="Run security scan on repository")
def scan_repository(inputs: RepositoryInput, context: Context) -> ScanOutput:
    """Scan all source files, or those that changed."""
    from agents.builtin.security_scanner.choice import choose

    folder = _folder(inputs.repository_path)
    choice = choose(folder, inputs.scan_type, inputs.base_commit, inputs.exclude, context.log)
    return _scan(folder, choice, context, inputs)


@agent.action("scanFile", description="Run security scan on one file")
def scan_file(inputs: FileInput, context: Context) -> ScanOutput:
    """Scan one source file."""
    from agents.builtin.scanning.source_files import SCANNED, read_source
    from agents.builtin.security_scanner.choice import Choice

    folder = _folder(inputs.repository_path)
    if Path(inputs.file).suffix.lower() not in SCANNED:
        raise AgentError(f"file {inputs.file!r} cannot be scanned; only {', '.join(sorted(SCANNED))} can")
    refusal = read_source(folder, inputs.file)
    if isinstance(refusal, str):
        raise AgentError(f"file {inputs.file!r} cannot be scanned: {refusal}")
    choice = Choice(names=[inputs.file], scan_type="FULL")
    return _scan(folder, choice, context, RepositoryInput(repository_path=inputs.repository_path))


def _folder(path: str) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        raise AgentError(f"repository {path!r} is not a folder")
    if not (folder / ".git").exists() and (folder / "objects").is_dir() and (folder / "HEAD").is_file():
        raise AgentError(f"repository {path!r} is a bare repository; give a working copy of it")
    return folder


def _scan(folder: Path, choice: Choice, context: Context, asked: RepositoryInput) -> ScanOutput:
    from agents.builtin.scanning.scan import scan
    from agents.builtin.scanning.vulnerability import worst_first
    from agents.builtin.security_scanner import sarif
    from agents.builtin.security_scanner.packages import look_up
    from agents.builtin.security_scanner.selection import select

    started = time.monotonic()
    context.log.info("%s scan of %d file(s)", choice.scan_type, len(choice.names))
    done = scan(folder, choice.names, context.log, around=choice.around)
    selected = select(done, choice, folder, asked.baseline, asked.min_severity, context)
    packages = look_up(folder, choice, asked, context)
    found = worst_first([*selected.told, *packages.told])
    summary = summarise(found)
    told = _with_room(found)
    if len(told) < len(found):
        context.log.warning(
            "%d finding(s) are too many for a result: the %d worst are told; ask for sarif, exclude paths, or set "
            "minSeverity to see others",
            len(found),
            len(told),
        )
    if not done.complete:
        context.log.warning(
            "this scan is not complete: `notScanned` names the files; scan fewer at a time, or again"
        )
    if not done.engine:
        context.log.warning("the data-flow engine is not installed: own patterns only; `make setup` installs it")
    context.log.info("found %d weakness(es), %d critical", summary.total, summary.critical)
    return ScanOutput(
        scan_id=_scan_id(context, found, choice.commit),
        vulnerabilities=told,
        not_told=len(found) - len(told),
        summary=summary,
        scan_type=choice.scan_type,
        files_scanned=done.files_scanned,
        files_skipped=done.files_skipped + len(packages.not_scanned),
        not_scanned=[*packages.not_scanned, *done.not_scanned][:MAX_NAMED],
        complete=done.complete,
        base_commit=choice.base,
        commit=choice.commit,
        scan_duration_ms=round((time.monotonic() - started) * 1000),
        engine=done.engine,
        text_files_scanned=done.texts_scanned,
        dependencies=packages.dependencies,
        advisories=packages.advisories,
        known=selected.known + packages.known,
        below_min_severity=selected.below + packages.below,
        of_no_weight=done.of_no_weight,
        sarif=sarif.save(found, context) if asked.sarif else None,
        suppressed=[
            Accepted(rule=one.rule, file=one.file, line=one.line, reason=reason)
            for one, reason in done.suppressed[:MAX_NAMED]
        ],
    )


def _with_room(found: Sequence[Vulnerability]) -> list[Vulnerability]:
    """The first of them, as many as a result has room for."""
    told: list[Vulnerability] = []
    room = MAX_TOLD_BYTES
    for one in found:
        # As it is written out at the end: every character beyond ASCII as an escape.
        room -= len(json.dumps(one.model_dump(mode="json", by_alias=True))) + 2
        if room < 0:
            break
        told.append(one)
    return told


def _scan_id(context: Context, found: Sequence[Vulnerability], commit: str | None) -> str:
    """The same for every attempt at the same scan, so that a branch named after it is the same too."""
    known = context.idempotency_key or f"{commit} {[one.model_dump() for one in found]}"
    return hashlib.sha256(known.encode()).hexdigest()[:12]
